"""Exposure bias measured: what a model loses when it reads its own words instead of a human's. NumPy only.

o is the oracle that stands in for the truth, p the model, L the longest continuation; rows are passages, columns positions. A passage
that is over before L has NaN there, and each position is averaged over the passages that reach it.
Source: Arora, El Asri, Bahuleyan & Cheung 2022, whose names these are; the same computation is in their published code.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def regret(kl) -> np.ndarray:
    """R_{≤l} = Σ_{t ≤ l} E KL(o(·|context_t) ‖ p(·|context_t)), nats, for l = 1 … L; kl [N, L] in the contexts that the model wrote.

    >>> regret([[1.0, 2.0], [3.0, 2.0]]).tolist()
    [2.0, 4.0]
    """
    return np.nanmean(_nats(kl, "kl"), 0).cumsum()


def error_rate(kl) -> np.ndarray:
    """ε_{≤l} = 1/l Σ_{t ≤ l} E KL, nats a step, for l = 1 … L; kl [N, L] in the contexts of the oracle, which here are human text.

    >>> error_rate([[1.0, 2.0]]).tolist()
    [1.0, 1.5]
    """
    kl = _nats(kl, "kl")
    return np.nanmean(kl, 0).cumsum() / np.arange(1, kl.shape[1] + 1)


def accumulated_error(own_kl, human_kl) -> np.ndarray:
    """AccErr_{≤l} = R_{≤l} / ε_{≤l}, in steps' worth of error, for l = 1 … L: l itself if reading own words does no harm.

    >>> accumulated_error([[1.0, 2.0]], [[1.0, 1.0]]).tolist()
    [1.0, 3.0]
    """
    own, rate = _both(own_kl, human_kl)
    return own / rate


def excess_error(own_kl, human_kl) -> np.ndarray:
    """%ExErrAcc_{≤l} = 100 · (R_{≤l} − l ε_{≤l}) / (l ε_{≤l}), percent, for l = 1 … L: 0 if reading own words does no harm.

    >>> excess_error([[1.0, 2.0]], [[1.0, 1.0]]).tolist()
    [0.0, 50.0]
    """
    own, rate = _both(own_kl, human_kl)
    expected = rate * np.arange(1, len(rate) + 1)
    return 100 * (own - expected) / expected


def _both(own_kl, human_kl) -> tuple[np.ndarray, np.ndarray]:
    own, rate = regret(own_kl), error_rate(human_kl)
    if own.shape != rate.shape:
        raise ValueError(f"own_kl and human_kl must have equally many positions, got {len(own)} and {len(rate)}")
    if not rate[0] > 0:
        raise ValueError("human_kl must be above 0 at the first position: a model that is its own oracle has no error to compare with")
    return own, rate


def repetition_rate(ids, *, n: int = 4) -> np.ndarray:
    """1 − distinct n-grams / n-grams of each row, 0 to 1: ids [N, L] → [N] ("seq-rep-n"). Source: Welleck et al. 2020.

    >>> repetition_rate([[1, 2, 1, 2], [1, 2, 3, 4]], n=2).round(3).tolist()
    [0.333, 0.0]
    """
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.shape[1] < n:
        raise ValueError(f"ids must be rows of at least {n} tokens, got shape {ids.shape}")
    grams = [[tuple(row[i : i + n]) for i in range(len(row) - n + 1)] for row in ids.tolist()]
    return np.array([1 - len(set(row)) / len(row) for row in grams])


def bootstrap(
    statistic: Callable[..., np.ndarray], *samples, rng: np.random.Generator, draws: int = 1000, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends of the percentile interval of statistic(*samples), passages (rows) drawn anew, the same ones in every sample.

    Source: Efron 1979. Raises ValueError if the samples have different numbers of rows.

    >>> low, high = bootstrap(lambda x: x.mean(0), [[1.0], [1.0]], rng=np.random.default_rng(0), draws=20)
    >>> low.tolist(), high.tolist()
    ([1.0], [1.0])
    """
    samples = [np.asarray(sample) for sample in samples]
    if len({len(sample) for sample in samples}) != 1:
        raise ValueError(f"samples must have equally many rows, got {[len(sample) for sample in samples]}")
    rows = (rng.integers(len(samples[0]), size=len(samples[0])) for _ in range(draws))
    drawn = np.stack([statistic(*(sample[chosen] for sample in samples)) for chosen in rows])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def parting(human, own) -> int | None:
    """The first position where two continuations differ; None if they never do as far as both go.

    >>> parting([5, 6, 7], [5, 6, 8]), parting([5, 6], [5, 6, 8])
    (2, None)
    """
    return next((t for t, (ours, theirs) in enumerate(zip(human, own)) if ours != theirs), None)


def _nats(kl, name: str) -> np.ndarray:
    kl = np.asarray(kl, dtype=np.float64)
    if kl.ndim != 2 or 0 in kl.shape:
        raise ValueError(f"{name} must be [passages, positions], got shape {kl.shape}")
    if (kl < -1e-6).any():
        raise ValueError(f"{name} must hold divergences, at least 0, got {np.nanmin(kl)}")
    if np.isnan(kl).all(0).any():
        raise ValueError(f"{name} must have a number at every position, got only NaN at position {int(np.isnan(kl).all(0).argmax())}")
    return kl
