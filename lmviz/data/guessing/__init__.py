"""The passages of the guessing game, and the game that Shannon printed. No torch, no Streamlit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Passage:
    """A sentence in Shannon's 27 symbols; `id` is what a result's code names it by."""

    id: str
    title: str
    text: str


@lru_cache(1)
def passages() -> tuple[Passage, ...]:
    """The passages to guess, in the order of the file; the first is the one whose game is shown."""
    return tuple(Passage(**row) for row in json.loads((HERE / "passages.json").read_text(encoding="utf-8")))


def passage(id: str) -> Passage | None:
    """The passage of that id, or None."""
    return next((p for p in passages() if p.id == id), None)


@lru_cache(1)
def shannon_1951() -> tuple[str, tuple[int, ...]]:
    """Shannon's printed game: the text, and at which guess his subject found each of its symbols."""
    row = json.loads((HERE / "shannon1951.json").read_text(encoding="utf-8"))
    return row["text"], tuple(row["guesses"])
