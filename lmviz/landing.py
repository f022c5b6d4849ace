"""Where the loss of a text lands: which tokens carry it, at which rank, in which part of a word. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmviz import words

RANK_BUCKETS = ((1, 1), (2, 10), (11, 100), (101, 1000), (1001, None))  # first and last rank; the last bucket has no end


def costliest(losses: Sequence[float], n: int) -> list[int]:
    """The indices of the `n` largest losses, dearest first, the earlier of two equals first; NaN (not scored) never.

    >>> costliest([1.0, math.nan, 3.0, 3.0], 2)
    [2, 3]
    """
    losses = np.asarray(losses, dtype=np.float64)
    order = np.argsort(-losses, kind="stable")  # subtle: NaN sorts last
    return [int(i) for i in order[:n] if not math.isnan(losses[i])]


def costliest_words(tokens: Sequence[str], losses: Sequence[float], n: int) -> list[tuple[int, int, float]]:
    """The `n` costliest words as (first token, one past the last, loss in nats): −log P(word) = Σ −log P(token).

    >>> costliest_words(["The", " c", "at", " sat"], [5.0, 4.0, 4.0, 3.0], 1)
    [(1, 3, 8.0)]
    """
    starts = words.word_groups(tokens)
    sums = words.word_sums(losses, starts)
    ends = [*starts[1:], len(tokens)]
    return [(starts[i], ends[i], sums[i]) for i in costliest(sums, n)]


def concentration(losses: Sequence[float]) -> np.ndarray:
    """Shares of the total loss carried by the 0, 1, …, T costliest tokens: [T + 1], from 0 to 1; NaN for a total of 0 or ∞.

    share_k = Σ of the k largest / Σ of all. Tokens that were not scored are left out. This is a Lorenz curve, dearest first.

    >>> concentration([1.0, 3.0, 0.0]).tolist()
    [0.0, 0.75, 1.0, 1.0]
    """
    losses = np.asarray(losses, dtype=np.float64)
    running = np.concatenate([[0.0], np.cumsum(-np.sort(-losses[~np.isnan(losses)]))])
    total = running[-1]
    return running / total if 0 < total < math.inf else np.full(len(running), math.nan)


def n_costliest(n_tokens: int, fraction: float = 0.1) -> int:
    """How many tokens the costliest `fraction` of a text is: rounded up, so that there is always one.

    >>> n_costliest(6), n_costliest(50), n_costliest(0)
    (1, 5, 0)
    """
    return math.ceil(round(fraction * n_tokens, 9))  # subtle: 0.1 × 30 is a little more than 3 in floating point


def share_of_costliest(losses: Sequence[float], fraction: float = 0.1) -> float:
    """The share of the total loss carried by the costliest `fraction` of the tokens, 0 to 1; NaN if there is no total.

    >>> share_of_costliest([1.0] * 10)
    0.1
    """
    curve = concentration(losses)
    return float(curve[n_costliest(len(curve) - 1, fraction)])


@dataclass(frozen=True)
class Bucket:
    """The tokens whose rank lies between `first` and `last` (None: no end), and what they cost together."""

    first: int
    last: int | None
    n_tokens: int
    total_nats: float


def rank_buckets(ranks: Sequence[float], losses: Sequence[float]) -> list[Bucket]:
    """How many tokens came at rank 1, 2–10, 11–100, 101–1000 and beyond, and their summed loss in nats.

    Rank 1 is the model's favourite. The buckets hold every scored token once. The bounds are GLTR's (Gehrmann et al. 2019).

    >>> [(b.n_tokens, b.total_nats) for b in rank_buckets([1, 1, 12, math.nan], [0.5, 0.25, 4.0, math.nan])]
    [(2, 0.75), (0, 0.0), (1, 4.0), (0, 0.0), (0, 0.0)]
    """
    ranks, losses = np.asarray(ranks, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    inside = [(ranks >= first) & (ranks <= (last or math.inf)) for first, last in RANK_BUCKETS]
    return [Bucket(first, last, int(here.sum()), math.fsum(losses[here])) for (first, last), here in zip(RANK_BUCKETS, inside, strict=True)]


@dataclass(frozen=True)
class PieceCosts:
    """What the first piece of a word costs and what a later one does, in words that were cut; means in nats, NaN if there are none."""

    n_first: int
    first_nats: float
    n_later: int
    later_nats: float


def piece_costs(tokens: Sequence[str], losses: Sequence[float]) -> PieceCosts:
    """Mean loss of first pieces and of later pieces, over the words that the tokenizer cut into several pieces with letters.

    Punctuation and digits are no pieces; a word with a token that was not scored is left out.

    >>> piece_costs(["The", " un", "believ", "able", "."], [1.0, 6.0, 3.0, 1.0, 2.0])
    PieceCosts(n_first=1, first_nats=6.0, n_later=2, later_nats=2.0)
    """
    starts = words.word_groups(tokens)
    first, later = [], []
    for begin, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        pieces = [float(losses[i]) for i in range(begin, end) if any(c.isalpha() for c in tokens[i])]
        if len(pieces) > 1 and not any(map(math.isnan, pieces)):
            first.append(pieces[0])
            later.extend(pieces[1:])
    return PieceCosts(len(first), _mean(first), len(later), _mean(later))


def running_mean(values: Sequence[float], window: int) -> np.ndarray:
    """The mean of the `window` values around each place [T]; at the ends of those there are; NaN is left out.

    >>> running_mean([0.0, 3.0, 6.0, 9.0], 3).tolist()
    [1.5, 3.0, 6.0, 7.5]
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    values = np.asarray(values, dtype=np.float64)
    counts = ~np.isnan(values)
    sums, numbers = (np.concatenate([[0.0], np.cumsum(x)]) for x in (np.where(counts, values, 0.0), counts))
    begin = np.maximum(np.arange(len(values)) - (window - 1) // 2, 0)
    end = np.minimum(np.arange(len(values)) + window // 2 + 1, len(values))
    with np.errstate(invalid="ignore"):
        return (sums[end] - sums[begin]) / (numbers[end] - numbers[begin])


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
