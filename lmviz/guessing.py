"""Shannon's guessing game: how many guesses each letter took, and what that says about the entropy of the text. NumPy only.

A reader guesses the next symbol until it is found; the guesses stand for the text, for whoever guesses alike could read
it back from them. So their entropy is a bound on the text's. Source: Shannon (1951), *Prediction and Entropy of Printed
English*, Bell System Technical Journal 30, eq. 17. Everything in nats per symbol.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

ALPHABET = "abcdefghijklmnopqrstuvwxyz "  # Shannon's 27 symbols: no capitals, no punctuation


@dataclass(frozen=True)
class Bounds:
    """Shannon's two bounds on the entropy, nats per symbol, from `n` guessed symbols."""

    lower: float
    upper: float
    n: int


def counts(ranks: Iterable[int], n_symbols: int = len(ALPHABET)) -> np.ndarray:
    """How many symbols were found at the first guess, the second …: int64 [n_symbols].

    Raises ValueError for a guess number that is not from 1 to `n_symbols`.

    >>> counts([1, 1, 2], 3).tolist()
    [2, 1, 0]
    """
    found = np.zeros(n_symbols, dtype=np.int64)
    for rank in ranks:
        if rank != int(rank) or not 1 <= rank <= n_symbols:
            raise ValueError(f"ranks must be whole numbers from 1 to {n_symbols}, got {rank}")
        found[int(rank) - 1] += 1
    return found


def upper_bound(shares) -> float:
    """−Σ_i q_i log q_i, nats: the entropy of the guess numbers; q_i is the share of symbols found at guess i.

    Raises ValueError for shares that are negative or do not sum to 1.

    >>> round(upper_bound([0.5, 0.5]) / math.log(2), 12)          # first or second guess, evenly: 1 bit
    1.0
    """
    q = _shares(shares)
    return math.fsum(-share * math.log(share) for share in q if share > 0)


def lower_bound(shares) -> float:
    """Σ_i i (q_i − q_{i+1}) log i, nats: the least entropy that an ideal reader with these shares can have met.

    It is what is left if the symbols that share a guess number were as evenly likely as they can be: with probability
    i (q_i − q_{i+1}) the next symbol is one of i equally likely ones. Raises as `upper_bound`.

    >>> round(lower_bound([0.5, 0.5]) / math.log(2), 12), lower_bound([1.0])
    (1.0, 0.0)
    """
    q = _shares(shares)
    i = np.arange(1, len(q) + 1)
    return math.fsum(i * (q - np.append(q[1:], 0.0)) * np.log(i))


def bounds(ranks: Sequence[int], n_symbols: int = len(ALPHABET), *, cap: int | None = None) -> Bounds:
    """Shannon's bounds from the guess numbers of one game, or of many laid end to end.

    With a `cap`, numbers above it say only that the symbol was not among the first `cap` guesses: the upper bound then counts
    such a symbol as any of the n_symbols − cap others, the lower bound as if the next guess had found it.
    Raises ValueError if there is no number, or one that no game can have.

    >>> found = bounds([1, 1, 2, 2], 27)
    >>> round(found.lower / math.log(2), 12), round(found.upper / math.log(2), 12), found.n
    (1.0, 1.0, 4)
    """
    if cap is not None:
        ranks = [min(rank, cap + 1) for rank in ranks]
    found = counts(ranks, n_symbols)
    n = int(found.sum())
    if not n:
        raise ValueError("ranks must hold at least one guess number, got none: a share of nothing is undefined")
    q = found / n
    unknown = q[cap] * math.log(n_symbols - cap) if cap is not None and cap < n_symbols else 0.0
    return Bounds(lower_bound(q), upper_bound(q) + unknown, n)


def spread(ranks: Sequence[int], rng: np.random.Generator, n_symbols: int = len(ALPHABET), *, times: int = 1000, level: float = 0.95) -> tuple[float, float]:
    """How far chance alone moves the bounds: the lowest lower and the highest upper bound, nats, of `level` of `times` redrawn games.

    Symbols are redrawn with replacement (the bootstrap). It does not mend that few symbols make the upper bound too small.
    """
    ranks = np.asarray(ranks)
    again = [bounds(rng.choice(ranks, len(ranks)), n_symbols) for _ in range(times)]
    outside = (1 - level) / 2
    return float(np.quantile([b.lower for b in again], outside)), float(np.quantile([b.upper for b in again], 1 - outside))


def rank_of(log_probs, index: int) -> int:
    """At which guess a reader finds symbol `index` who guesses in the order of `log_probs` [n]; equal ones in the order of the alphabet.

    >>> rank_of([0.0, -1.0, -1.0], 2)
    3
    """
    log_probs = np.asarray(log_probs, dtype=np.float64)
    here = log_probs[index]
    return int(1 + np.sum(log_probs > here) + np.sum(log_probs[:index] == here))


def _shares(shares) -> np.ndarray:
    q = np.asarray(shares, dtype=np.float64)
    if q.ndim != 1 or not len(q) or not np.all(q >= 0) or abs(q.sum() - 1) > 1e-6:
        raise ValueError(f"shares must be a list of shares ≥ 0 that sum to 1, got {shares!r}")
    return q
