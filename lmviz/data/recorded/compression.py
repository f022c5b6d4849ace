"""Chapter 4, recorded: the opening sentence coded by each model, Huffman's code of it, and sizes of ever longer text.

Made by `python -m lmviz.data.recorded.compression [MODEL …]`: the named models (all, if none is named) and what needs no model.
SmolLM2 reads four thousand tokens for it, half a minute. Loading what is recorded needs no torch; a test compares with a fresh run.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lmviz import units
from lmviz.coding.coder import Coded
from lmviz.data import examples

FILE = Path(__file__).with_suffix(".json")
LENGTHS = [125, 250, 500, 1000, 2000, 4000, 8000, 16000]  # bytes


@dataclass(frozen=True)
class HuffmanView:
    """Huffman's code of the unigram model, as far as one text needs it."""

    revision: str
    tokens: tuple[str, ...]
    words: tuple[str, ...]  # [T] code words
    costs: tuple[float, ...]  # [T] −log₂ P under the unigram model, bits
    entropy: float  # of the unigram distribution, bits a token
    mean_length: float  # of the code, bits a token, expected under the same distribution

    @property
    def n_bits(self) -> int:
        return sum(map(len, self.words))


@dataclass(frozen=True, eq=False)
class Growth:
    """How well each does on the first n bytes of one text, n = LENGTHS; bits a byte."""

    others: dict[str, np.ndarray]
    models: dict[str, np.ndarray]  # Σ −log₂ P
    revisions: dict[str, str]


def long_text() -> str:
    """The bundled English passages that are not code, one after the other."""
    return "\n\n".join(p.text for p in examples.passages() if p.language.startswith("en") and p.register != "code")


def coded(model) -> dict:
    """The opening sentence as `model` codes it, as plain values."""
    from lmviz.coding import coder

    made = coder.run(coder.encoding(model, examples.OPENING), 0)
    return {"revision": model.revision, "blob": made.blob.hex(), "bits": "".join(map(str, made.bits)), "settled": list(made.settled),
            "costs": [round(cost, 9) for cost in made.costs]}  # fmt: skip


def grown(model) -> dict:
    """Σ −log₂ P of the first n bytes of `long_text`, in whole tokens that end by there, for n of LENGTHS; bits."""
    from lmviz.models import scoring

    text = long_text().encode()[: LENGTHS[-1] + 100].decode("utf-8", errors="ignore")
    scored = scoring.score(model, text, top_k=1)
    ends = np.array([token.end for token in scored.tokens])
    total = np.concatenate([[0.0], np.cumsum(units.to_bits(scored.losses))])
    reached = np.searchsorted(ends, LENGTHS, side="right")
    bytes_read = np.concatenate([[0], ends])[reached]
    return {"revision": model.revision, "bits_per_byte": [round(float(t / n), 5) for t, n in zip(total[reached], bytes_read)]}


def huffman(model, text: str) -> HuffmanView:
    """Huffman's code of the unigram `model`, and a text in it."""
    from lmviz.coding import huffman

    (states,), _ = model.states([[model.start_id]])
    probs = np.exp(model.logits(states)[0].double().numpy())
    probs /= probs.sum()
    lengths = huffman.lengths(probs)
    code, encoded = huffman.words(lengths), model.encode(text)
    tokens = tuple(encoded.text_bytes[a:b].decode("utf-8", errors="replace") for a, b in zip(encoded.starts, encoded.ends))
    return HuffmanView(model.revision, tokens, tuple(code[i] for i in encoded.ids), tuple(float(-np.log2(probs[i])) for i in encoded.ids),
                       float(-(probs * np.log2(probs)).sum()), float(probs @ lengths))  # fmt: skip


def main(names: list[str]) -> None:
    """Record; models that are not named keep what they have."""
    from dataclasses import asdict

    from lmviz import models
    from lmviz.coding import compressors

    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {"opening": {}, "growth": {}}
    for name in names or models.names():
        model = models.load(name)
        kept["opening"][name], kept["growth"][name] = coded(model), grown(model)
        print(name, len(kept["opening"][name]["bits"]), kept["growth"][name]["bits_per_byte"][-1], flush=True)
    sizes = compressors.prefix_sizes(long_text(), LENGTHS)
    kept["others"] = {name: [round(8 * size / n, 5) for size, n in zip(row, LENGTHS)] for name, row in sizes.items()}
    kept["huffman"] = asdict(huffman(models.load("unigram"), examples.OPENING))
    FILE.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")


@lru_cache(1)
def _raw() -> dict:
    return json.loads(FILE.read_text(encoding="utf-8"))


def opening(name: str, revision: str) -> Coded | None:
    """The opening sentence as the model of that name and revision coded it, or None."""
    raw = _raw()["opening"].get(name)
    if raw is None or raw["revision"] != revision:
        return None
    return Coded(bytes.fromhex(raw["blob"]), tuple(map(int, raw["bits"])), tuple(raw["settled"]), tuple(raw["costs"]))


def opening_huffman() -> HuffmanView:
    return HuffmanView(**{key: tuple(value) if isinstance(value, list) else value for key, value in _raw()["huffman"].items()})


@lru_cache(1)
def growth() -> Growth:
    raw = _raw()
    return Growth(
        {name: np.array(row) for name, row in raw["others"].items()},
        {name: np.array(row["bits_per_byte"]) for name, row in raw["growth"].items()},
        {name: row["revision"] for name, row in raw["growth"].items()},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
