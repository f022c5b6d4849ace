"""The minimal pairs and cloze passages of chapter 18, as they stand beside this file. No torch, no NumPy."""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
LICENCE = "CC BY 4.0"


@dataclass(frozen=True)
class Pair:
    """Two sentences that differ in one place, `before` and `after` it alike; the first choice is right."""

    phenomenon: str
    before: str
    right: str
    wrong: str
    after: str

    @property
    def good(self) -> str:
        return self.before + self.right + self.after

    @property
    def bad(self) -> str:
        return self.before + self.wrong + self.after


@dataclass(frozen=True)
class Phenomenon:
    """Forty pairs that ask the same thing."""

    name: str
    title: str
    about: str
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Cloze:
    """A context and four endings, of which the first is right."""

    context: str
    endings: tuple[str, ...]

    def text(self, ending: int) -> str:
        return f"{self.context} {self.endings[ending]}."


def pair(phenomenon: str, line: str) -> Pair:
    """A line of `pairs.json` as a pair; ValueError if it has not exactly one {right|wrong}.

    >>> found = pair("agreement", "The keys {are|is} here.")
    >>> found.good, found.bad
    ('The keys are here.', 'The keys is here.')
    """
    before, opened, rest = line.partition("{")
    choices, closed, after = rest.partition("}")
    right, bar, wrong = choices.partition("|")
    if not (opened and closed and bar) or any(mark in before + after + wrong for mark in "{}|"):
        raise ValueError(f"line must hold exactly one {{right|wrong}}, got {line!r}")
    return Pair(phenomenon, before, right, wrong, after)


@lru_cache(1)
def phenomena() -> tuple[Phenomenon, ...]:
    """All phenomena, in the order of the file."""
    raw = json.loads((FOLDER / "pairs.json").read_text(encoding="utf-8"))
    return tuple(Phenomenon(p["name"], p["title"], p["about"], tuple(pair(p["name"], line) for line in p["pairs"])) for p in raw)


@lru_cache(1)
def pairs() -> tuple[Pair, ...]:
    """Every pair, phenomenon by phenomenon."""
    return tuple(pair for phenomenon in phenomena() for pair in phenomenon.pairs)


@lru_cache(1)
def cloze() -> tuple[Cloze, ...]:
    """Every cloze passage; the right ending first."""
    raw = json.loads((FOLDER / "cloze.json").read_text(encoding="utf-8"))
    return tuple(Cloze(c["context"], (c["right"], *c["wrong"])) for c in raw)


def digest() -> str:
    """Names the exact texts: a record made of others is out of date."""
    return hashlib.sha256((FOLDER / "pairs.json").read_bytes() + (FOLDER / "cloze.json").read_bytes()).hexdigest()[:16]
