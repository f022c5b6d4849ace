"""Chips on what comes next, paid by four scores: which of them make it pay to bet what one believes? NumPy only.

A bet q spreads the stake over K outcomes. With the belief p, a score pays Σ_y p_y · pay(q, y) in expectation. A score is
*proper* if no bet beats q = p, and strictly proper if every other bet is worse. Source: Gneiting & Raftery (2007),
*Strictly Proper Scoring Rules, Prediction, and Estimation*, JASA 102, sec. 2 and 4.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

SCORES = ("log", "brier", "accuracy", "linear")
CHIPS = 100


def pay(score: str, bet, outcome: int) -> float:
    """What the bet is paid when `outcome` comes. `bet` is [K], shares that sum to 1.

    log: log q_y, nats, −∞ for a share of 0. brier: 1 − Σ_k (q_k − 1[k=y])². accuracy: 1 if the most was on y, shared
    evenly by favourites that tie. linear: q_y. Raises ValueError for another score, or a bet that is no distribution.

    >>> pay("brier", [1.0, 0.0], 0), pay("linear", [0.25, 0.75], 1), pay("accuracy", [0.5, 0.5], 0), pay("log", [1.0, 0.0], 1)
    (1.0, 0.75, 0.5, -inf)
    """
    return float(pays(score, bet)[outcome])


def pays(score: str, bet) -> np.ndarray:
    """What the bet is paid for each outcome that can come, [K]; see `pay`."""
    q = distribution(bet, "bet")
    if score == "log":
        with np.errstate(divide="ignore"):
            return np.log(q)
    if score == "brier":
        return 2 * q - np.sum(q**2)  # 1 − Σ_k (q_k − 1[k=y])², multiplied out
    if score == "accuracy":
        favourites = q == q.max()
        return favourites / favourites.sum()
    if score == "linear":
        return q.copy()
    raise ValueError(f"score must be one of {', '.join(SCORES)}, got {score!r}")


def expected(score: str, bet, belief) -> float:
    """Σ_y p_y · pay(q, y) with belief p, [K]: nats for the log score, no unit for the others; 0 · (−∞) counts as 0.

    >>> round(expected("linear", [0.6, 0.4], [0.6, 0.4]), 12), expected("linear", [1.0, 0.0], [0.6, 0.4])
    (0.52, 0.6)
    """
    p = distribution(belief, "belief")
    paid = pays(score, bet)
    if len(p) != len(paid):
        raise ValueError(f"bet and belief must have the same outcomes, got {len(paid)} and {len(p)}")
    return float(np.sum(np.where(p > 0, p * np.where(p > 0, paid, 0.0), 0.0)))


def best_bet(score: str, belief) -> np.ndarray:
    """A bet with the highest expected pay, [K]: the belief itself for log and brier, all on the favourite for accuracy and linear.

    log: Σ p log q = −H(p) − KL(p‖q), least lost at q = p. brier: Σ p² − Σ (q − p)², the same. linear: Σ p q is greatest with
    all on the largest p. accuracy: any bet whose favourite is p's; this is the boldest of them.

    >>> best_bet("linear", [0.2, 0.5, 0.3]).tolist(), best_bet("log", [0.2, 0.8]).tolist()
    ([0.0, 1.0, 0.0], [0.2, 0.8])
    """
    p = distribution(belief, "belief")
    if score in ("log", "brier"):
        return p
    if score in ("accuracy", "linear"):
        return np.eye(len(p))[int(p.argmax())]
    raise ValueError(f"score must be one of {', '.join(SCORES)}, got {score!r}")


def best_expected(score: str, belief) -> float:
    """The highest expected pay under a belief: −H(p) (nats), Σ p², max p, max p."""
    return expected(score, best_bet(score, belief), belief)


def best_chips(score: str, belief, chips: int = CHIPS) -> np.ndarray:
    """The best bet in whole chips, int64 [K], found by search and not by formula: place each chip where it adds most.

    Exact for log, brier and linear, whose expected pay is a sum of concave functions of one pile each. For accuracy, where
    most bets are equally good, all chips go on the favourite.
    """
    p = distribution(belief, "belief")
    if score == "accuracy":
        return (best_bet(score, p) * chips).astype(np.int64)
    if score not in SCORES:
        raise ValueError(f"score must be one of {', '.join(SCORES)}, got {score!r}")
    piles = np.zeros(len(p), dtype=np.int64)

    def gain(k: int) -> float:  # what one chip more on k adds, up to a factor that is the same for all
        n = piles[k]
        if score == "log":
            return p[k] * (np.inf if n == 0 else np.log((n + 1) / n)) if p[k] > 0 else 0.0
        return 2 * p[k] - (2 * n + 1) / chips if score == "brier" else p[k]

    queue = [(-gain(k), -p[k], k) for k in range(len(p))]
    heapq.heapify(queue)
    for _ in range(chips):
        _, _, k = heapq.heappop(queue)
        piles[k] += 1
        heapq.heappush(queue, (-gain(k), -p[k], k))
    return piles


def honest_chips(belief, chips: int = CHIPS) -> np.ndarray:
    """The belief in whole chips, int64 [K]: rounded down, the chips left over go where most was cut off.

    >>> honest_chips([0.335, 0.665], 100).tolist(), honest_chips([1 / 3, 1 / 3, 1 / 3], 100).sum()
    ([33, 67], np.int64(100))
    """
    exact = distribution(belief, "belief") * chips
    piles = np.floor(exact).astype(np.int64)
    for k in sorted(range(len(piles)), key=lambda k: (piles[k] - exact[k], -exact[k]))[: chips - int(piles.sum())]:
        piles[k] += 1
    return piles


def bolder(belief, power: float) -> np.ndarray:
    """q_k ∝ p_k^power, [K]: 0 spreads the stake evenly over what is possible, 1 is honest, a large power puts it all on the favourite.

    >>> bolder([0.8, 0.2], 0.0).tolist(), bolder([0.8, 0.2], 1.0).round(12).tolist()
    ([0.5, 0.5], [0.8, 0.2])
    """
    p = distribution(belief, "belief")
    with np.errstate(divide="ignore"):
        z = np.where(p > 0, power * np.log(np.where(p > 0, p, 1.0)), -np.inf)
    q = np.exp(z - z.max())
    return q / q.sum()


def distribution(values: Sequence[float], name: str) -> np.ndarray:
    """`values` as a float64 distribution [K]. Raises ValueError naming the argument if they are negative or do not sum to 1."""
    q = np.asarray(values, dtype=np.float64)
    if q.ndim != 1 or not len(q) or not np.all(q >= 0) or abs(q.sum() - 1) > 1e-6:
        raise ValueError(f"{name} must be a distribution (shares ≥ 0 that sum to 1), got {values!r}")
    return q
