"""What a reader may choose for a run, checked, and the sizes a run may have. No torch: a page needs this before anything is trained.

A size fixes the number of steps, not the seconds, so that the same choices give the same curve. Bytes are the tokens: any text can be
learned from, a source's symbols are tokens as they are, a curve starts at 8 bits a byte and has many steps. Measured in 8 s of one core on
the bundled passages: 343 steps and 2.88 bits a byte with bytes; 136 steps and 2.71 with the 4,096 tokens of the bundled models, which
bring along what was learned from novels when that vocabulary was made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lmviz import pulls
from lmviz.errors import ReaderError

LOSSES = pulls.LOSSES
OPTIMISERS = ("muon", "adamw", "adam", "sgd")
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.02, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # what a page offers
USUAL_RATE = {"muon": 0.02, "adamw": 0.003, "adam": 0.003, "sgd": 0.1}
SOURCES = ("letters", "weather", "Onegin")
KINDS = ("passages", "text", "source")
FEWEST_BYTES, MOST_BYTES = 2_000, 1_000_000
MOST_RUNS = 4


@dataclass(frozen=True)
class Size:
    """Sizes of the model, windows of a step, and how many steps: about so long on one of two cores."""

    name: str
    hidden: int
    layers: int
    heads: int
    intermediate: int
    context: int
    batch: int
    steps: int


SIZES = {
    size.name: size
    for size in (
        Size("10 s", 48, 2, 3, 128, 64, 16, 500),
        Size("30 s", 96, 2, 4, 256, 64, 16, 750),
        Size("2 min", 128, 3, 4, 352, 128, 16, 750),
    )
}


@dataclass(frozen=True)
class Data:
    """What is read: the bundled passages, a text of the reader's own, or a Markov source of known entropy."""

    kind: str = "passages"
    text: str = ""
    source: str = "letters"

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.kind == "source" and self.source not in SOURCES:
            raise ValueError(f"source must be one of {', '.join(SOURCES)}, got {self.source!r}")

    @property
    def unit(self) -> str:
        """What a token of this data is called."""
        return "symbol" if self.kind == "source" else "byte"


@dataclass(frozen=True)
class Settings:
    """One run: what is made small, by which optimiser, at which peak learning rate, from which seed. `clip` is the longest gradient allowed.

    >>> Settings(loss="hinge").label
    'hinge'
    >>> Settings(loss="label_smoothing", optimiser="sgd", learning_rate=1.0, smoothing=0.2).label
    'label smoothing ε 0.2, SGD 1.0'
    """

    loss: str = "cross_entropy"
    optimiser: str = "muon"
    learning_rate: float = USUAL_RATE["muon"]
    size: str = "10 s"
    smoothing: float = 0.1
    clip: float = 1.0
    temperature: float = 0.8  # of the sampled text only
    seed: int = 1

    def __post_init__(self):
        for name, known in (("loss", LOSSES), ("optimiser", OPTIMISERS), ("size", tuple(SIZES))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name, low, high in (("learning_rate", 0, 1e6), ("smoothing", -1e-12, 1), ("clip", 0, math.inf), ("temperature", 0, 100)):
            if not low < getattr(self, name) <= high:
                raise ValueError(f"{name} must be above {max(low, 0):g} and at most {high:g}, got {getattr(self, name)!r}")

    @property
    def label(self) -> str:
        """The run's name: its loss, and whatever is not as usual."""
        parts = [pulls.spelled(self.loss)]
        if self.loss == "label_smoothing" and self.smoothing != 0.1:
            parts[0] += f" ε {self.smoothing:g}"
        if (self.optimiser, self.learning_rate) != ("muon", USUAL_RATE["muon"]):
            parts.append(f"{OPTIMISER_NAMES[self.optimiser]} {self.learning_rate}")
        if math.isinf(self.clip):
            parts.append("not clipped")
        if self.seed != 1:
            parts.append(f"seed {self.seed}")
        return ", ".join(parts)


OPTIMISER_NAMES = {"muon": "Muon", "adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}


def own_text(text: str) -> Data:
    """A reader's text as data; ReaderError, in a sentence, if it is too short to learn from or too long.

    >>> own_text("too short")
    Traceback (most recent call last):
    lmviz.errors.ReaderError: That text has 9 bytes. A model needs at least 2000 to learn from, about a page.
    """
    n = len(text.encode("utf-8", "replace"))
    if n < FEWEST_BYTES:
        raise ReaderError(f"That text has {n} bytes. A model needs at least {FEWEST_BYTES} to learn from, about a page.")
    if n > MOST_BYTES:
        raise ReaderError(f"That text has {n / 1e6:.1f} MB; up to {MOST_BYTES / 1e6:.0f} MB can be learned from. Take a part of it.")
    return Data("text", text)
