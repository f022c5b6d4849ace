"""The bundled example texts. No torch, no Streamlit."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

OPENING = "The cat sat on the mat"
FOLDER = Path(__file__).parent / "passages"
FIRST_VIEWS = Path(__file__).parent / "first_views"


@dataclass(frozen=True)
class Passage:
    """One passage written for this project; `language` is a BCP-47 code."""

    id: str
    title: str
    register: str
    language: str
    text: str


@lru_cache(1)
def passages() -> tuple[Passage, ...]:
    """All bundled passages, in the order of the file."""
    return tuple(Passage(**row) for row in json.loads((FOLDER / "passages.json").read_text(encoding="utf-8")))


SENTENCES = {  # one-line openers; each shows something about where a loss lands
    "The cat sat on the mat": OPENING,
    "A fact": "The capital of France is Paris, and the capital of Japan is Tokyo.",
    "A surprise": "She opened the letter, read it twice, and ate the piano.",
    "A garden path": "The young ferry the parcels across the lake before breakfast.",
    "Counting": "one two three four five six seven eight nine ten eleven",
    "A refrain": "Pull and rest, pull and rest, pull and rest, pull and rest.",
    "A spelling slip": "The weather was beutiful, so we walked to the market.",
    "Code": "for i in range(10):\n    print(i * i)\n",
    "Emoji": "I baked a cake 🎂 and everybody was happy 😀",
    "French": "Le chat est assis sur le tapis devant la porte.",
}


@lru_cache(1)
def by_title() -> dict[str, str]:
    """Every example a reader can start from, one-liners first: title → text."""
    return SENTENCES | {passage.title: passage.text for passage in passages()}


def long_text() -> str:
    """A passage of a few hundred words: long enough for a running product in float32 to reach exactly 0."""
    return max((p for p in passages() if p.language.startswith("en") and p.register != "code"), key=lambda passage: len(passage.text)).text
