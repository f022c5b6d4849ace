"""Models that count: uniform, unigram, bigram and trigram, with interpolated Kneser–Ney smoothing.

    P(w | u v) = max(c(u v w) − D, 0) / c(u v ·) + λ(u v) · P(w | v)

What the discounts D take from the seen triples, λ gives to the shorter context; there a word counts by the number of
different words it was seen after, not by how often it was seen ("Francisco" is frequent, but only after "San").
λ is one minus the mass that is kept, so every row sums to one, also where rare triples were left out of the file.
Source: Kneser & Ney 1995; Chen & Goodman 1999 (three discounts: for counts of 1, 2, and 3 or more).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lmviz.errors import ReaderError
from lmviz.models import files
from lmviz.models.port import Encoded
from lmviz.models.tokenizer import ByteBPE

DATA = Path(__file__).parent.parent / "data" / "models"
REMEDY = files.RESTORE
ORDERS = {"uniform": 0, "unigram": 1, "bigram": 2, "trigram": 3}


@dataclass(frozen=True, eq=False)
class Table:
    """What was seen after each context: for context i the words `words[offsets[i]:offsets[i+1]]` with their kept `probs`.

    `contexts` are sorted; `probs` are the discounted shares (c − D)/c(context ·); a context's λ is 1 − Σ probs.
    """

    contexts: np.ndarray  # [C] int64: an id, or u·V + v
    offsets: np.ndarray  # [C + 1]
    words: np.ndarray  # [M]
    probs: np.ndarray  # [M] float64

    @classmethod
    def of_counts(cls, contexts: np.ndarray, sizes: np.ndarray, totals: np.ndarray, words: np.ndarray, counts: np.ndarray, discounts: np.ndarray) -> Table:
        """From counts: `sizes[i]` words are kept for context i, of `totals[i]` occurrences in all, kept or not."""
        offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        probs = (counts - discounts[np.minimum(counts, 3)]) / np.repeat(totals, sizes)
        return cls(contexts.astype(np.int64), offsets, words.astype(np.int64), probs)

    def interpolate(self, lower: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """[N, V] probabilities of the shorter contexts → those of the contexts `keys` [N]; λ = 1 where a context is unknown."""
        place = np.searchsorted(self.contexts, keys).clip(max=len(self.contexts) - 1)
        for row, i, known in zip(lower, place, self.contexts[place] == keys):
            if known:
                seen = slice(self.offsets[i], self.offsets[i + 1])
                row *= 1.0 - self.probs[seen].sum()
                row[self.words[seen]] += self.probs[seen]
        return lower


class NgramLM:
    """An n-gram model behind the `CausalLM` port. A state is the last two ids: all that such a model knows."""

    dtype = "float32"
    context = 1 << 20  # it forgets by itself

    def __init__(self, tokenizer: ByteBPE, *, name: str, revision: str, start_id: int, line_id: int, unigram: np.ndarray, tables: Sequence[Table] = ()):
        self.tokenizer, self.name, self.revision, self.start_id = tokenizer, name, revision, start_id
        self.line_id = line_id  # the start of a text is read as the start of a line
        self.vocab_size = len(unigram)
        self.tokenizer_name = tokenizer.name
        self.n_parameters = sum(len(t.words) for t in tables) + len(unigram)
        self._unigram, self._tables = unigram, tuple(tables)

    def encode(self, text: str) -> Encoded:
        return self.tokenizer.encode(text)

    def token_bytes(self, token_id: int) -> bytes:
        return self.tokenizer.token_bytes(token_id)

    def states(
        self, batch: Sequence[Sequence[int]], pasts: Sequence[object] | None = None, *, remember: bool = False, tick: Callable[[float], None] | None = None
    ) -> tuple[list[Tensor], list[object]]:
        """[T_i, 2] int64: the id before and the id itself. There is no memory to go on from: two ids cost nothing."""
        if pasts is not None and any(past is not None for past in pasts):
            raise ValueError("pasts must be None: an n-gram model keeps none")
        rows = []
        for ids in batch:
            current = torch.tensor(ids, dtype=torch.long)
            current = torch.where(current == self.start_id, self.line_id, current)
            rows.append(torch.stack([torch.cat([torch.tensor([self.line_id]), current[:-1]]), current], 1))
        if tick is not None:
            tick(1.0)
        return rows, [None] * len(rows)

    def logits(self, states: Tensor, out: Tensor | None = None) -> Tensor:
        """Float32 [N, V]: natural logarithms of the probabilities, so their softmax is the distribution itself."""
        ids = states.numpy().astype(np.int64)
        probs = np.tile(self._unigram, (len(ids), 1))
        keys = (ids[:, 1], ids[:, 0] * self.vocab_size + ids[:, 1])
        for table, key in zip(self._tables, keys):
            probs = table.interpolate(probs, key)
        log_probs = torch.from_numpy(np.log(probs)).float()
        return log_probs if out is None else out.copy_(log_probs)


def smoothed_unigram(counts: np.ndarray, discount: float) -> np.ndarray:
    """[V] probabilities: each seen token gives `discount` of its count to all V alike, so that none is impossible.

    >>> smoothed_unigram(np.array([3, 0, 1, 0]), 0.5).tolist()
    [0.6875, 0.0625, 0.1875, 0.0625]
    """
    counts = np.asarray(counts, dtype=np.float64)
    given = np.minimum(counts, discount)
    return (counts - given + given.sum() / len(counts)) / counts.sum()


def load(name: str, data: Path = DATA) -> NgramLM:
    """One of `uniform`, `unigram`, `bigram`, `trigram`; a damaged file is a ReaderError that names it."""
    if name not in ORDERS:
        raise ReaderError(f"There is no n-gram model called “{name[:60]}”. They are: {', '.join(ORDERS)}.")
    folder, order = data / "ngrams", ORDERS[name]
    files.verify(folder, remedy=REMEDY, needs=("counts.npz",))
    control = files.embedded_control(data)
    tokenizer = ByteBPE.from_file(data / "tokenizer" / "tokenizer.json", "lmviz", control)
    V = tokenizer.vocab_size
    counts, start = read_counts(folder), control["<|start|>"]
    if order == 0:
        unigram = np.full(V, 1.0 / V)
    else:
        unigram = smoothed_unigram(counts["unigram" if order == 1 else "unigram_kinds"], 0.75)
    tables = []
    if order >= 2:
        tables.append(table(counts, "bigram" if order == 2 else "bigram_kinds", "bigram"))
    if order == 3:
        tables.append(table(counts, "trigram", "trigram"))
    revision = files.sha256(folder / "manifest.json")[:12]
    return NgramLM(tokenizer, name=name, revision=revision, start_id=start, line_id=tokenizer.encode("\n").ids[0], unigram=unigram, tables=tables)


@lru_cache(2)
def read_counts(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of counts.npz; no pickled objects are ever read."""
    try:
        with np.load(folder / "counts.npz", allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, KeyError) as broken:
        raise ReaderError(f"The file counts.npz in {folder} cannot be read ({type(broken).__name__}).", remedy=REMEDY) from broken


def table(counts: dict[str, np.ndarray], which: str, layout: str) -> Table:
    """The `Table` of the counts called `which`, laid out as the contexts, sizes and words called `layout`."""
    sizes = counts[f"{layout}_sizes"].astype(np.int64)
    contexts = np.cumsum(counts[f"{layout}_context_gaps"], dtype=np.int64)
    number = counts[f"{which}_counts"].astype(np.int64)
    number[counts[f"{which}_large_at"]] = counts[f"{which}_large"]
    return Table.of_counts(contexts, sizes, counts[f"{which}_totals"], counts[f"{layout}_words"], number, counts[f"{which}_discounts"])
