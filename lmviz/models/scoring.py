"""A text in, every token's probability out: log P, entropy, rank, the best alternatives and all the rest.

The whole [T, V] matrix of logits is never held: rows of it are made a few hundred at a time, read once, and thrown away.
Texts are sorted by length and packed together; what an earlier, nearly equal text already computed is taken over.

    >>> from lmviz import models
    >>> scored = score(models.load("uniform"), "The cat")     # doctest: +SKIP
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from lmviz.models.port import CausalLM, Encoded
from lmviz.models.scored import ScoredText, Token, frozen, token_texts
from lmviz.models.windows import windows

HEAD_ROWS = 128  # rows of logits held at once: 25 MB at V = 49 152, which the allocator hands out again and again
STRIP_LOGITS = 1 << 20  # logits that are read together, small enough for a processor's own cache
PACK_TOKENS = 512  # tokens that go through the layers together

Tick = Callable[[float], None]  # told the fraction done, between layers; may raise to stop, or serve somebody else


@dataclass(frozen=True)
class Rows:
    """What is kept of N next-token distributions once the true tokens are known. Float64, nats."""

    log_probs: np.ndarray  # [N]
    entropies: np.ndarray  # [N]
    ranks: np.ndarray  # [N]
    tail_log_prob: np.ndarray  # [N]
    top_ids: np.ndarray  # [N, K]
    top_log_probs: np.ndarray  # [N, K]

    def part(self, rows: slice) -> Rows:
        return Rows(*(getattr(self, name)[rows] for name in Rows.__dataclass_fields__))

    @staticmethod
    def join(parts: Sequence[Rows]) -> Rows:
        return Rows(*(np.concatenate([getattr(p, name) for p in parts]) for name in Rows.__dataclass_fields__))


def read_rows(model: CausalLM, states: Tensor, targets: Tensor, top_k: int, tick: Tick | None = None) -> Rows:
    """From states [N, D] and true ids [N] to `Rows`: logits are made HEAD_ROWS at a time and read a cacheful at a time."""
    parts = []
    V = model.vocab_size
    strip = max(1, STRIP_LOGITS // V)
    with torch.inference_mode():
        room = torch.empty(min(HEAD_ROWS, len(states)), V)
        spare = torch.empty(min(strip, len(room)), V)
        for start in range(0, len(states), HEAD_ROWS):
            stop = min(start + HEAD_ROWS, len(states))
            logits = model.logits(states[start:stop], out=room[: stop - start])
            parts += [read_strip(z, y, spare[: len(z)], top_k) for z, y in zip(logits.split(strip), targets[start:stop, None].split(strip))]
            if tick:
                tick(stop / len(states))
    return Rows.join(parts)


def read_strip(z: Tensor, y: Tensor, spare: Tensor, top_k: int) -> Rows:
    """A few rows of logits z [n, V] with true ids y [n, 1], read in as few passes as can be; z and spare are overwritten.

    With d = z − max z: log Z = log Σ exp d; log P(y) = d_y − log Z; H = log Z − Σ p·d; rank = 1 + #{k: z_k > z_y}.
    subtle: d_y − log Z, not `log_softmax`, whose float32 result is off by 1e-5 nats at V = 49 152. The tail is summed
    over its own entries, and Z is the tail plus the top: 1 − Σ top would lose the tail to rounding just where it is small.
    """
    z_y = z.gather(1, y)
    above = torch.gt(z, z_y, out=spare).sum(1)  # counted in float32: exact up to 2²⁴
    top_z, top_ids = best(z, top_k)
    peak = top_z[:, :1]
    d = z.sub_(peak)
    e = torch.exp(d, out=spare)
    products = torch.mul(e, d, out=d).sum(1)
    if not torch.isfinite(products).all():  # a logit of −inf has p = 0, and 0·(−inf) counts as 0
        products = d.nan_to_num_(nan=0.0).sum(1)
    top_d, d_y = (top_z - peak).double(), (z_y - peak).double()[:, 0]
    rest = e.scatter_(1, top_ids, 0.0).sum(1).double()
    total = rest + top_d.exp().sum(1)
    log_total = total.log()
    return Rows(
        log_probs=(d_y - log_total).numpy(),
        entropies=(log_total - products.double() / total).numpy(),
        ranks=(1 + above).double().numpy(),
        tail_log_prob=(rest.log() - log_total).numpy(),
        top_ids=top_ids.numpy(),
        top_log_probs=(top_d - log_total[:, None]).numpy(),
    )


def best(z: Tensor, k: int, width: int = 64) -> tuple[Tensor, Tensor]:
    """The k largest of each row and where they are, best first: `topk`, but ten times faster over a large vocabulary.

    The k largest lie in the k blocks with the largest maxima, so only those blocks are sorted.
    """
    n, V = z.shape
    if V % width or V < 32 * width or k > V // width // 8:
        return z.topk(k, dim=1)
    blocks = z.view(n, -1, width)
    chosen = blocks.amax(2).topk(k, dim=1).indices
    values, places = blocks.gather(1, chosen[:, :, None].expand(-1, -1, width)).view(n, -1).topk(k, dim=1)
    return values, chosen.gather(1, places // width) * width + places % width


@dataclass(frozen=True, eq=False)
class Remembered:
    """What one text left behind: its ids, and of every position the model's past, its state (from which its row of logits is one product away) and its figures."""

    ids: tuple[int, ...]
    past: object
    states: Tensor  # [T, D]
    rows: Rows

    @property
    def n_bytes(self) -> int:
        return self.past.n_bytes + self.states.nbytes


class PrefixMemory:
    """What recent texts left in the model, so that a text that starts alike costs only its own end.

    Holds at most `max_bytes`, the oldest go first; safe to share between threads; entries are never changed.
    """

    def __init__(self, max_bytes: int = 128 << 20):
        self.max_bytes = max_bytes
        self._entries: OrderedDict[tuple, Remembered] = OrderedDict()
        self._lock = Lock()

    def longest(self, key: tuple, ids: tuple[int, ...]) -> tuple[int, Remembered] | None:
        """(n, entry) of the entry that shares the longest beginning, of n ≥ 1 tokens, with these ids."""
        with self._lock:
            shared = [(common_prefix(entry.ids, ids), slot) for slot, entry in self._entries.items() if slot[0] == key]
            n, slot = max(shared, default=(0, None), key=lambda pair: pair[0])
            if not n:
                return None
            self._entries.move_to_end(slot)
            return n, self._entries[slot]

    def keep(self, key: tuple, entry: Remembered) -> None:
        if entry.past is None or entry.n_bytes > self.max_bytes:
            return
        with self._lock:
            self._entries[key, entry.ids] = entry
            self._entries.move_to_end((key, entry.ids))
            while sum(entry.n_bytes for entry in self._entries.values()) > self.max_bytes:
                self._entries.popitem(last=False)


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many leading entries two sequences share.

    >>> common_prefix((1, 2, 3), (1, 2, 4, 5))
    2
    """
    limit = min(len(a), len(b))
    return next((i for i in range(limit) if a[i] != b[i]), limit)


def score(model: CausalLM, text: str, *, top_k: int = 10, first_token: bool = True, context: int | None = None, stride: int | None = None,
          memory: PrefixMemory | None = None, tick: Tick | None = None) -> ScoredText:  # fmt: skip
    """Score one text: see `score_many`. `memory` makes a text cheap that begins like a recent one."""
    (scored,) = score_many(model, [text], top_k=top_k, first_token=first_token, context=context, stride=stride, memory=memory, tick=tick)
    return scored


def score_many(model: CausalLM, texts: Sequence[str], *, top_k: int = 10, first_token: bool = True, context: int | None = None, stride: int | None = None,
               memory: PrefixMemory | None = None, tick: Tick | None = None) -> list[ScoredText]:  # fmt: skip
    """Score texts of any number and length; the numbers are those of scoring them one by one. All in nats.

    Every token is conditioned on the start-of-text token and all that precedes it in its window: the whole text, unless
    it is longer than `context` (default: the model's). `first_token=False` leaves the first token out of every figure.
    Raises ReaderError for text that cannot be encoded, ValueError for a top_k, context or stride out of range.
    """
    if not 1 <= top_k <= model.vocab_size:
        raise ValueError(f"top_k must be between 1 and the vocabulary of {model.vocab_size}, got {top_k}")
    context = model.context if context is None else context
    if not 1 <= context <= model.context:
        raise ValueError(f"context must be between 1 and the model's {model.context} tokens, got {context}")
    stride = max(1, context // 2) if stride is None else stride
    encoded = [model.encode(text) for text in texts]
    jobs = [(i, window) for i, e in enumerate(encoded) for window in windows(len(e), context, stride)]
    rows_of: dict[tuple, Rows] = {}
    work = sum(w.end - w.begin for _, w in jobs) or 1
    done = 0
    for pack in packs(jobs, lambda job: job[1].end - job[1].begin):
        size = sum(w.end - w.begin for _, w in pack)
        inner = None if tick is None else (lambda fraction, done=done, size=size: tick((done + fraction * size) / work))
        sequences = [encoded[i].ids[w.begin : w.end] for i, w in pack]
        counted_from = [w.counted - w.begin for _, w in pack]
        for job, rows in zip(pack, _score_pack(model, sequences, counted_from, top_k, memory, inner)):
            rows_of[job] = rows
        done += size
    collected: list[list[Rows]] = [[] for _ in texts]
    for job in jobs:  # in the order of the text
        collected[job[0]].append(rows_of[job])
    return [assemble(model, text, e, parts, first_token, context, stride, top_k) for text, e, parts in zip(texts, encoded, collected)]


def _score_pack(
    model: CausalLM, sequences: list[tuple[int, ...]], counted_from: list[int], top_k: int, memory: PrefixMemory | None, tick: Tick | None
) -> list[Rows]:
    """One trip through the layers for a few windows; only the rows from `counted_from` on are read out."""
    key = (model.name, model.revision, top_k)
    hits = [memory.longest(key, ids) if memory is not None and start == 0 else None for ids, start in zip(sequences, counted_from)]
    # subtle: the first changed token is predicted at the last unchanged position, whose state is known although its figures are not
    kept = [min(hit[0] + 1, len(hit[1].states), len(ids)) if hit else 0 for hit, ids in zip(hits, sequences)]
    inputs = [(model.start_id, *ids[:-1])[n:] for ids, n in zip(sequences, kept)]
    pasts = [hit[1].past.prefix(n) if hit else None for hit, n in zip(hits, kept)]
    remember = memory is not None and not any(counted_from)
    layers, head = (None, None) if tick is None else ((lambda f: tick(0.7 * f)), (lambda f: tick(0.7 + 0.3 * f)))  # their share of the time
    states = [hit[1].states[:n] if hit else None for hit, n in zip(hits, kept)]
    if todo := [i for i, ids in enumerate(inputs) if ids]:
        fresh, grown = model.states(
            [inputs[i] for i in todo], [pasts[i] for i in todo] if any(pasts[i] for i in todo) else None, remember=remember, tick=layers
        )
        for place, i in enumerate(todo):
            # copies, where they are remembered: a view would keep the whole pack alive
            states[i] = torch.cat([states[i], fresh[place]]) if hits[i] else fresh[place].clone() if remember else fresh[place]
            pasts[i] = grown[place] if remember else None
    read_from = [hit[0] if hit else start for hit, start in zip(hits, counted_from)]
    targets = torch.tensor([i for ids, start in zip(sequences, read_from) for i in ids[start:]])
    read = read_rows(model, torch.cat([s[start:] for s, start in zip(states, read_from)]), targets, top_k, head) if len(targets) else None
    results, place = [], 0
    for ids, hit, start, found, past, n in zip(sequences, hits, read_from, states, pasts, kept):
        new = len(ids) - start
        parts = [hit[1].rows.part(slice(0, start))] if hit else []
        parts += [read.part(slice(place, place + new))] if new else []
        place += new
        rows = parts[0] if len(parts) == 1 else Rows.join(parts)
        if remember and (n < len(ids) or n == len(hit[1].states)):  # else a piece of a longer text, which goes on serving its beginnings
            memory.keep(key, Remembered(ids, past, found, rows))
        results.append(rows)
    return results


def packs(jobs: list, size: Callable[[object], int], limit: int = PACK_TOKENS) -> Iterator[list]:
    """Jobs sorted by size, cut into packs of at most `limit` tokens (a larger job goes alone)."""
    pack, total = [], 0
    for job in sorted(jobs, key=size):
        if pack and total + size(job) > limit:
            yield pack
            pack, total = [], 0
        pack.append(job)
        total += size(job)
    if pack:
        yield pack


def assemble(model: CausalLM, text: str, e: Encoded, parts: list[Rows], first_token: bool, context: int, stride: int, top_k: int) -> ScoredText:
    if not parts:  # the empty text: nothing to score, and nothing wrong
        none = np.empty(0)
        rows = Rows(none, none, none, none, np.empty((0, top_k), dtype=np.int64), np.empty((0, top_k)))
    else:
        rows = Rows.join(parts)
    columns = {name: np.array(getattr(rows, name)) for name in Rows.__dataclass_fields__}
    if not first_token and len(e):
        for name in ("log_probs", "entropies", "ranks", "tail_log_prob", "top_log_probs"):
            columns[name][0] = np.nan
    texts = token_texts(e.text_bytes, e.starts, e.ends)
    tokens = tuple(Token(*facts) for facts in zip(e.ids, texts, e.starts, e.ends))
    names = {i: model.token_bytes(i).decode("utf-8", errors="replace") for i in set(rows.top_ids.flat)}
    top_texts = tuple(tuple(names[i] for i in row) for row in rows.top_ids.tolist())
    return ScoredText(
        model.name,
        model.revision,
        model.dtype,
        text,
        tokens,
        **frozen(columns),
        top_texts=top_texts,
        unreadable=e.unreadable,
        context=context,
        stride=stride,
        vocab_size=model.vocab_size,
    )


def distribution(model: CausalLM, text: str, position: int) -> Tensor:
    """The whole next-token distribution at a position: float64 log-probabilities [V], nats; position T is what comes after the text."""
    ids = model.encode(text).ids
    if not 0 <= position <= len(ids):
        raise ValueError(f"position must be between 0 and the {len(ids)} tokens of the text, got {position}")
    before = (model.start_id, *ids[:position])
    if len(before) > model.context:
        before = (model.start_id, *before[-(model.context - 1) :])
    (states,), _ = model.states([before])
    z = model.logits(states[-1:]).double()[0]
    return z - torch.logsumexp(z, 0)
