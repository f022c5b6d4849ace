"""The ladder: one text under models that know more and more. Plain arithmetic on totals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from lmviz import units
from lmviz.models.scored import ScoredText


@dataclass(frozen=True)
class Rung:
    """One model's cost of a text: its total in nats, shared among `n_tokens` tokens of its own cutting, or `n_bytes` bytes."""

    model: str
    tokenizer: str
    total_nats: float
    n_tokens: int
    n_bytes: int
    vocab_size: int

    @property
    def bits_per_byte(self) -> float:
        """Comparable on every rung: all models share the bytes."""
        return units.bits_per_byte(self.total_nats, self.n_bytes)

    @property
    def perplexity(self) -> float:
        """Per token: comparable only between rungs of one tokenizer."""
        return units.perplexity(self.total_nats / self.n_tokens)

    @property
    def is_uniform(self) -> bool:
        """Whether every token cost what one of V equals does."""
        return math.isclose(self.total_nats, self.n_tokens * math.log(self.vocab_size), rel_tol=1e-6)


def rung(scored: ScoredText, tokenizer: str) -> Rung:
    """The rung of a scored text. Raises ValueError if nothing was scored."""
    if not scored.n_scored:
        raise ValueError("scored must hold at least one scored token, got none")
    return Rung(scored.model, tokenizer, scored.total_nats, scored.n_scored, scored.n_bytes, scored.vocab_size)


def uniform(n_tokens: int, n_bytes: int, vocab_size: int, *, model: str = "uniform", tokenizer: str = "") -> Rung:
    """The rung of knowing nothing: each of n_tokens costs ln V nats, whatever it is.

    Raises ValueError for a vocabulary below 1 or no tokens.

    >>> spelled = uniform(22, 22, 256)      # "The cat sat on the mat", byte by byte
    >>> round(spelled.perplexity, 9), round(spelled.bits_per_byte, 9)
    (256.0, 8.0)
    """
    if vocab_size < 1 or n_tokens < 1:
        raise ValueError(f"vocab_size and n_tokens must be at least 1, got {vocab_size} and {n_tokens}")
    return Rung(model, tokenizer, n_tokens * math.log(vocab_size), n_tokens, n_bytes, vocab_size)


def ladder(rungs: Iterable[Rung]) -> list[Rung]:
    """Rungs of one text from the top down: dearest first. Raises ValueError if they are not of as many bytes.

    >>> [r.vocab_size for r in ladder([uniform(1, 4, 50), uniform(1, 4, 900)])]
    [900, 50]
    """
    rungs = list(rungs)
    if len({r.n_bytes for r in rungs}) > 1:
        raise ValueError(f"rungs must be of one text, got texts of {sorted({r.n_bytes for r in rungs})} bytes")
    return sorted(rungs, key=lambda r: -r.total_nats)
