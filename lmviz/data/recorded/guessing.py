"""Every model plays Shannon's game on the bundled passages: `python -m lmviz.data.recorded.guessing` (two minutes of one core with SmolLM2).

With names after it, only those models are played anew. Also what the models hold for likely at the places of the betting table.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lmviz import guessing
from lmviz.data.guessing import passages

FILE = Path(__file__).parent / "guessing.json"
PLACES = (  # what stands before a place, and what really came there
    ("The capital of France is Paris, and the capital of Japan is", " Tokyo"),
    ("The cat sat on the", " mat"),
    ("She opened the letter, read it twice, and", " ate"),
    ("Please close the door when you", " leave"),
)
CANDIDATES = 5


@dataclass(frozen=True)
class Game:
    """A game that a model played: before each symbol its wrong guesses, in order (letters only); at which guess it was right; what the symbol cost, nats."""

    symbols: tuple[str, ...]
    wrong: tuple[str, ...]
    ranks: tuple[int, ...]
    nats: tuple[float, ...]  # told the rules: only the game's symbols can come
    raw_nats: tuple[float, ...]  # not told
    n_symbols: int


@dataclass(frozen=True)
class Place:
    """The best candidates at one place, their probabilities, last the rest together; and which of them came."""

    before: str
    names: tuple[str, ...]
    probs: tuple[float, ...]
    came: int


def letters_game(model, text: str) -> dict:
    """One model, one passage, letter by letter."""
    from lmviz import letters

    reading = letters.read(model, text)
    y = reading.targets
    rows = np.arange(len(y))
    wrong = []
    for log_probs, target in zip(reading.log_probs, y):
        order = sorted(range(len(log_probs)), key=lambda a: (-log_probs[a], a))
        wrong.append("".join(reading.alphabet[a] for a in order[: order.index(target)]))
    return {"wrong": wrong, "nats": _short(-reading.among[rows, y]), "raw_nats": _short(-reading.log_probs[rows, y])}


def tokens_game(model, text: str) -> dict:
    """One model, one passage, token by token, on the embedded tokenizer."""
    from lmviz import tokens_guessed

    reading = tokens_guessed.read(model, text)
    return {"symbols": list(reading.pieces), "ranks": list(reading.ranks), "nats": _short(reading.nats), "n_symbols": reading.n_classes}


def place(model, before: str, came: str) -> dict:
    """The candidates at one place of the betting table."""
    from lmviz.models import scoring

    log_probs = scoring.distribution(model, before, len(model.encode(before).ids))
    best = log_probs.topk(CANDIDATES)
    names = [model.token_bytes(i).decode("utf-8", "replace") for i in best.indices.tolist()]
    probs = [float(f"{p:.6g}") for p in best.values.exp().tolist()]
    return {"before": before, "names": names, "probs": probs, "came": names.index(came) if came in names else CANDIDATES}


def record_of(model) -> dict:
    texts = {p.id: p.text for p in passages()}
    record = {"revision": model.revision, "tokenizer": model.tokenizer_name, "letters": {id: letters_game(model, text) for id, text in texts.items()}}
    if model.vocab_size <= 8192:  # a reader can hope to guess from thousands, not from tens of thousands
        record["tokens"] = {id: tokens_game(model, text) for id, text in texts.items()}
    if hasattr(model, "network"):  # a model that counts spreads its chance over thousands of candidates: no bet worth looking at
        record["places"] = [place(model, before, came) for before, came in PLACES]
    return record


def main(names: list[str]) -> None:
    import torch

    from lmviz import models

    torch.set_num_threads(1)
    for name in names or models.names():
        record = (json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}) | {name: record_of(models.load(name))}
        FILE.write_text(json.dumps(record, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        print(name, np.mean([x for game in record[name]["letters"].values() for x in game["nats"]]) / np.log(2), "bits a letter", flush=True)
    load.cache_clear()


@lru_cache(1)
def load() -> dict:
    """All that was recorded, by model."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def best_recorded(model: str, form: str = "letters") -> str:
    """This model if it has played, else the first that has."""
    played = [name for name, record in load().items() if form in record]
    return model if model in played else played[0]


@lru_cache(256)
def game(model: str, passage: str, form: str = "letters") -> Game:
    """What a model did with a passage; KeyError if it has not played it."""
    row = load()[model][form][passage]
    if form == "tokens":
        ranks, nats = tuple(row["ranks"]), tuple(row["nats"])
        return Game(tuple(row["symbols"]), ("",) * len(ranks), ranks, nats, nats, row["n_symbols"])
    text = next(p.text for p in passages() if p.id == passage)
    ranks = tuple(len(before) + 1 for before in row["wrong"])
    return Game(tuple(text), tuple(row["wrong"]), ranks, tuple(row["nats"]), tuple(row["raw_nats"]), len(guessing.ALPHABET))


def places(model: str) -> tuple[Place, ...]:
    """The places of the betting table under a model."""
    rows = load()[model]["places"]
    return tuple(Place(r["before"], tuple(r["names"]), (*r["probs"], 1 - sum(r["probs"])), r["came"]) for r in rows)


def _short(values) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


if __name__ == "__main__":
    main(sys.argv[1:])
