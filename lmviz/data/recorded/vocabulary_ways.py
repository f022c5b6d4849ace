"""The ways down two trees to every token of the opening text, as recorded: `python -m lmviz.data.recorded.vocabulary_ways [MODEL …]` (seconds).

Loading what is recorded needs no torch; `ways` computes the same for any text.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmviz.coding import huffman
from lmviz.data import examples
from lmviz.data.recorded import vocabulary_counts
from lmviz.vocabulary import ways as numeric

if TYPE_CHECKING:
    from lmviz.vocabulary.hierarchical import Tree

FILE = Path(__file__).with_suffix(".json")
KINDS = ("balanced", "huffman")


@dataclass(frozen=True)
class Step:
    """One choice on the way, as `lmviz.vocabulary.ways.Turn`; the likeliest tokens of the other side are texts."""

    turn: int
    log_prob: float
    other_log_mass: float
    other_count: int
    others: tuple[str, ...]


@lru_cache(1)
def load() -> dict:
    """model → revision, and for each kind of tree the way to every token of the opening text."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def recorded(model: str, revision: str, kind: str, text: str, position: int) -> tuple[Step, ...] | None:
    """The way to one token, if it is recorded for these very weights."""
    row = load().get(model)
    if row is None or row["revision"] != revision or text != examples.OPENING or kind not in row:
        return None
    return tuple(Step(**step | {"others": tuple(step["others"])}) for step in row[kind][position])


@lru_cache(6)
def tree(kind: str, tokenizer: str, vocab_size: int) -> Tree:
    """The balanced tree in the order of the ids, or Huffman's of the counts of that tokenizer."""
    from lmviz.vocabulary import hierarchical

    if kind == "balanced":
        return hierarchical.balanced(vocab_size)
    return hierarchical.of_counts(vocabulary_counts.smoothed(tokenizer, vocab_size))


def computed(model, kind: str, log_probs, leaf: int) -> tuple[Step, ...]:
    """The way to a token id under a row of log-probabilities [V]."""
    shape = tree(kind, model.tokenizer_name, model.vocab_size)
    turns = numeric.way(log_probs, shape.nodes.numpy(), shape.turns.numpy(), leaf)
    return tuple(Step(t.turn, t.log_prob, t.other_log_mass, t.other_count, tuple(model.token_bytes(i).decode("utf-8", "replace") for i in t.other_ids))
                 for t in turns)  # fmt: skip


def depths(kind: str, tokenizer: str, vocab_size: int) -> np.ndarray:
    """How many choices lead to each token, int64 [V]. Huffman's tree needs counts of that tokenizer. No torch."""
    if kind == "balanced":
        short = vocab_size.bit_length() - 1
        return np.where(np.arange(vocab_size) < (2 << short) - vocab_size, short, short + 1)
    return _huffman_depths(tokenizer, vocab_size)


@lru_cache(4)
def _huffman_depths(tokenizer: str, vocab_size: int) -> np.ndarray:
    return huffman.lengths(vocabulary_counts.smoothed(tokenizer, vocab_size).astype(np.float64))


def main(names: list[str]) -> None:
    from lmviz import models

    found = dict(load())
    for name in names or models.names():
        model = models.load(name)
        ids = model.encode(examples.OPENING).ids
        (states,), _ = model.states([[model.start_id, *ids[:-1]]])
        rows = model.logits(states).double().log_softmax(-1).numpy()
        found[name] = {"revision": model.revision} | {
            kind: [[rounded(step) for step in computed(model, kind, row, leaf)] for row, leaf in zip(rows, ids, strict=True)] for kind in KINDS
        }
        print(name, [len(way) for way in found[name]["huffman"]], flush=True)
    FILE.write_text(json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def rounded(step: Step) -> dict:
    return asdict(step) | {"log_prob": round(step.log_prob, 6), "other_log_mass": round(step.other_log_mass, 4)}


if __name__ == "__main__":
    main(sys.argv[1:])
