"""`ScoredText`: all that a page needs to know of a text under a model. NumPy only, so that a first page needs no torch."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from lmviz import units


@dataclass(frozen=True)
class Token:
    """One token of a text: `start` and `end` are byte offsets in its UTF-8 form.

    `text` is what the token adds to the text: a character spread over several tokens belongs to the first of them,
    and the others have the empty text, so that the texts laid end to end are the text.
    """

    id: int
    text: str
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class ScoredText:
    """A text read by a model, token by token. T tokens, K top alternatives; everything in nats.

    A token that was not scored (the first, with `first_token=False`) has NaN in every column and counts nowhere.
    """

    model: str
    revision: str
    dtype: str
    text: str
    tokens: tuple[Token, ...]
    log_probs: np.ndarray  # [T] log P(token | all before it)
    entropies: np.ndarray  # [T] of the whole next-token distribution
    ranks: np.ndarray  # [T] 1 = the model's favourite; NaN where not scored
    top_ids: np.ndarray  # [T, K]
    top_log_probs: np.ndarray  # [T, K] best first
    tail_log_prob: np.ndarray  # [T] log of all the probability outside the top K
    top_texts: tuple[tuple[str, ...], ...] = field(repr=False)  # [T][K] the alternatives as text ("\N{REPLACEMENT CHARACTER}" for part of a character)
    unreadable: tuple[str, ...] = ()  # characters the vocabulary lacks, read as U+FFFD
    context: int = 0  # the window: at most so many tokens (start included) were before any token
    stride: int = 0  # how far windows advance
    vocab_size: int = 0  # V: what the tail is the rest of

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def scored(self) -> np.ndarray:
        """[T] bool: which tokens count."""
        return ~np.isnan(self.log_probs)

    @property
    def n_scored(self) -> int:
        return int(self.scored.sum())

    @property
    def losses(self) -> np.ndarray:
        """[T] −log P in nats: the cross-entropy of each token."""
        return -self.log_probs

    @property
    def n_bytes(self) -> int:
        """UTF-8 bytes of the scored tokens."""
        return sum(token.end - token.start for token, counts in zip(self.tokens, self.scored) if counts)

    @property
    def total_nats(self) -> float:
        return float(math.fsum(self.losses[self.scored]))

    @property
    def mean_nats(self) -> float:
        """Mean loss per scored token; NaN if nothing was scored."""
        return self.total_nats / self.n_scored if self.n_scored else math.nan

    @property
    def perplexity(self) -> float:
        return units.perplexity(self.mean_nats)

    @property
    def bits_per_byte(self) -> float:
        return units.bits_per_byte(self.total_nats, self.n_bytes) if self.n_bytes else math.nan

    def as_dict(self) -> dict:
        """Plain values for JSON: the public names; NaN becomes None, infinities "inf" and "-inf"."""
        columns = {name: _plain(getattr(self, name)) for name in _ARRAYS}
        summary = {name: _plain(getattr(self, name)) for name in ("n_bytes", "total_nats", "mean_nats", "perplexity", "bits_per_byte")}
        facts = {name: getattr(self, name) for name in ("model", "revision", "dtype", "text", "context", "stride", "vocab_size")}
        return {**facts, "tokens": [dataclasses.asdict(t) for t in self.tokens], **columns, "top_texts": [list(row) for row in self.top_texts],
                "unreadable": list(self.unreadable), **summary}  # fmt: skip

    @classmethod
    def from_dict(cls, raw: dict) -> ScoredText:
        """The inverse of `as_dict`, to float64 precision."""
        arrays = {name: np.array([_number(row) for row in raw[name]], dtype=np.int64 if name == "top_ids" else np.float64) for name in _ARRAYS}
        facts = {name: raw[name] for name in ("model", "revision", "dtype", "text", "context", "stride", "vocab_size")}
        tokens = tuple(Token(**t) for t in raw["tokens"])
        return cls(**facts, tokens=tokens, **frozen(arrays), top_texts=tuple(map(tuple, raw["top_texts"])), unreadable=tuple(raw["unreadable"]))


_ARRAYS = ("log_probs", "entropies", "ranks", "top_ids", "top_log_probs", "tail_log_prob")


def frozen(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Make arrays read-only: results are shared between readers."""
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def _plain(value):
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def _number(value):
    if isinstance(value, list):
        return [_number(v) for v in value]
    return math.nan if value is None else float(value) if isinstance(value, str) else value


def token_texts(raw: bytes, starts: tuple[int, ...], ends: tuple[int, ...]) -> list[str]:
    """What each token adds to the text: whole characters, each given to the token that holds its first byte.

    >>> token_texts("a😀b".encode(), (0, 1, 3, 5), (1, 3, 5, 6))
    ['a', '😀', '', 'b']
    """

    def boundary(place: int) -> int:  # the first character that starts at or after this byte
        while place < len(raw) and raw[place] & 0xC0 == 0x80:
            place += 1
        return place

    return [raw[boundary(start) : boundary(end)].decode("utf-8") for start, end in zip(starts, ends)]
