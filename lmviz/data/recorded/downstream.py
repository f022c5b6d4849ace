"""What every model of the ladder, every checkpoint of nano and every nano of the loss series makes of the pairs and the cloze passages.

`python -m lmviz.data.recorded.downstream` reads what is missing or has changed (other weights, other texts) and leaves the rest; it may be
stopped at any time. About 5 s for a small model, two minutes for SmolLM2.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lmviz.data import downstream, examples

FILE = Path(__file__).with_suffix(".npz")
UNREAD = ("code",)  # registers that are left out of the common text


@dataclass(frozen=True)
class Item:
    """A text and the byte from which on its tokens count: a sentence whole, of a cloze passage the ending."""

    text: str
    counted_from: int = 0


@dataclass(frozen=True)
class Member:
    """One model of the record; `kind` is "ladder", "step", "loss" or "student"."""

    name: str
    title: str
    kind: str
    revision: str
    tokenizer: str
    step: int | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """What one model makes of everything; nats."""

    pairs: np.ndarray  # [N, 2] log P of the good and of the bad sentence
    tokens: np.ndarray  # [N, 2] how many tokens they have
    cloze: np.ndarray  # [C, 4] log P of the endings given the context, the right one first
    passages: np.ndarray  # [P] −log P of each passage


@dataclass(frozen=True, eq=False)
class Record:
    """All that is recorded; M models, in order: the ladder from the bottom up, then checkpoints, then losses."""

    members: tuple[Member, ...]
    readings: dict[str, Reading]
    n_bytes: np.ndarray  # [P] of the passages
    digest: str  # of the texts that were read

    @property
    def nats(self) -> np.ndarray:
        return np.array([self.readings[m.name].passages for m in self.members], dtype=float)

    @property
    def differences(self) -> np.ndarray:
        """[M, N] log P(good) − log P(bad), nats."""
        return np.array([self.readings[m.name].pairs[:, 0] - self.readings[m.name].pairs[:, 1] for m in self.members], dtype=float)

    @property
    def cloze(self) -> np.ndarray:
        """[M, C, 4]"""
        return np.array([self.readings[m.name].cloze for m in self.members], dtype=float)

    def index(self, name: str) -> int | None:
        return next((i for i, member in enumerate(self.members) if member.name == name), None)


@lru_cache(1)
def passages() -> tuple[str, ...]:
    """The common text: every bundled English passage that is not code."""
    return tuple(p.text for p in examples.passages() if p.language.startswith("en") and p.register not in UNREAD)


@lru_cache(1)
def items() -> tuple[Item, ...]:
    """Every text a model reads: good and bad sentence of each pair in turn, four endings of each cloze passage, the passages."""
    sentences = [Item(text) for pair in downstream.pairs() for text in (pair.good, pair.bad)]
    endings = [Item(c.text(k), len(c.context.encode())) for c in downstream.cloze() for k in range(4)]
    return (*sentences, *endings, *map(Item, passages()))


def texts_digest() -> str:
    """Names what is read: a reading of other texts is out of date."""
    return hashlib.sha256("\0".join([downstream.digest(), *passages()]).encode()).hexdigest()[:16]


def read(model, some: Sequence[Item]) -> np.ndarray:
    """[n, 2]: log P (nats) and number of the tokens that count, for each item."""
    from lmviz.models import scoring

    rows = []
    for item, scored in zip(some, scoring.score_many(model, [item.text for item in some], top_k=1), strict=True):
        counts = np.array([token.start >= item.counted_from for token in scored.tokens])
        rows.append((float(scored.log_probs[counts].sum()), int(counts.sum())))
    return np.array(rows)


def assemble(values: np.ndarray) -> Reading:
    """The rows of `read` over all `items()`, in their order, as a reading."""
    n, c = 2 * len(downstream.pairs()), 4 * len(downstream.cloze())
    log_probs = values[:, 0]
    return Reading(
        log_probs[:n].reshape(-1, 2), values[:n, 1].astype(np.uint8).reshape(-1, 2), log_probs[n : n + c].reshape(-1, 4), -log_probs[n + c :]
    )  # fmt: skip


@lru_cache(1)
def load() -> Record:
    """What is recorded, as far as its texts are those of today."""
    return _load(FILE)


def _load(file: Path) -> Record:
    with np.load(file) as stored:
        meta = json.loads(str(stored["meta"]))
        readings = {m["name"]: Reading(*(stored[f"{m['name']}/{part}"] for part in Reading.__annotations__)) for m in meta["members"]}
        return Record(tuple(Member(**m) for m in meta["members"]), readings, stored["n_bytes"], meta["digest"])


def save(record: Record, file: Path) -> None:
    """Written whole, then put in place."""
    members = sorted(record.members, key=_order)
    arrays = {f"{name}/{part}": getattr(reading, part) for name, reading in record.readings.items() for part in Reading.__annotations__}
    arrays = {key: array.astype(np.float32) if array.dtype == np.float64 else array for key, array in arrays.items()}
    meta = json.dumps({"digest": record.digest, "members": [asdict(m) for m in members]})
    draft = file.with_suffix(".part.npz")
    np.savez_compressed(draft, meta=np.array(meta), n_bytes=record.n_bytes, **arrays)
    draft.replace(file)


def _order(member: Member) -> tuple:
    from lmviz.models import registry, series

    place = [row.name for row in registry.ROWS][::-1]
    kinds = ("ladder", "step", "loss", "student")
    rank = place.index(member.name) if member.name in place else list(series.LOSSES).index(member.name[5:]) if member.kind == "loss" else 0
    return (kinds.index(member.kind), rank, member.step or 0)


def available() -> list[tuple[str, str, int | None]]:
    """(name, kind, step) of every model that can be read here and now; nano's last checkpoint is nano itself."""
    from lmviz import models
    from lmviz.models import series

    ladder = [(name, "ladder", None) for name in models.names()[::-1] if any(row.name == name for row in models.registry.ROWS)]
    steps = [(f"nano@{step}", "step", step) for step in series.steps() if step != series.last_step()]
    losses = [(f"nano-{loss}", "loss", None) for loss in series.losses()]
    return [*ladder, *steps, *losses, *([(series.STUDENT, "student", None)] if series.row(series.STUDENT) else [])]


def member(name: str, kind: str, step: int | None, model) -> Member:
    from lmviz.models import registry, series

    row = series.row(name) or registry.row(name)
    return Member(name, row.title, kind, model.revision, model.tokenizer_name, step)


def main() -> None:
    from lmviz import models
    from lmviz.models import registry, series

    digest, n_bytes = texts_digest(), np.array([len(text.encode()) for text in passages()])
    known = _load(FILE) if FILE.exists() else Record((), {}, n_bytes, digest)
    if known.digest != digest:
        known = Record((), {}, n_bytes, digest)
    wanted = available()
    names = {name for name, _, _ in wanted} | {row.name for row in registry.ROWS}  # what this machine lacks may have been read on another
    kept = [m for m in known.members if m.name in names]
    for name, kind, step in wanted:
        started = time.monotonic()
        row = series.row(name) or registry.row(name)
        model = row.load() if kind != "ladder" else models.load(name)  # a checkpoint is read once and let go
        entry = member(name, kind, step, model)
        if entry not in kept:
            todo = items()
            values = np.concatenate([read(model, todo[i : i + 160]) for i in range(0, len(todo), 160)])
            kept = [m for m in kept if m.name != name] + [entry]
            known = Record(tuple(kept), known.readings | {name: assemble(values)}, n_bytes, digest)
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        known = Record(tuple(kept), {m.name: known.readings[m.name] for m in kept}, n_bytes, digest)
        save(known, FILE)


if __name__ == "__main__":
    main()
