"""Does a lower loss mean a better model? Accuracy on small tests, its uncertainty, and how it goes with the loss. NumPy only.

A test item is right (1), wrong (0) or tied; `outcomes` holds one number an item, models come first: [M, N]. Log-probabilities are nats.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

TIE = 1e-4  # nats: how exact a sum of float32 log-probabilities is; nearer than that, two sentences are equally likely
RESAMPLES = 2_000


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Twins:
    """Two models of nearly the same loss: what the better one has more of accuracy, `difference`, widened for the comparisons `tried`."""

    better: int
    worse: int
    difference: Estimate
    tried: int
    group: str | None = None  # the items looked at, if not all


def pair_outcomes(differences) -> np.ndarray:
    """log P(good) − log P(bad), nats, [..., N] → 1 where the good sentence is likelier, 0 where the bad one is, ½ for a tie (within `TIE`).

    Raises ValueError for a NaN.

    >>> pair_outcomes([3.0, -0.2, 0.0])
    array([1. , 0. , 0.5])
    """
    differences = _numbers("differences", differences)
    return np.where(np.abs(differences) < TIE, 0.5, (differences > 0).astype(float))


def cloze_outcomes(log_probs) -> np.ndarray:
    """log P of each ending, nats, [..., N, K], the right one first → 1 if it is likeliest, 1/k if k are likeliest together, else 0; [..., N].

    Raises ValueError for a NaN.

    >>> cloze_outcomes([[-1.0, -2.0, -3.0], [-2.0, -1.0, -3.0], [-1.0, -1.0, -3.0]])
    array([1. , 0. , 0.5])
    """
    log_probs = _numbers("log_probs", log_probs)
    tops = log_probs > log_probs.max(-1, keepdims=True) - TIE
    return tops[..., 0] / tops.sum(-1)


def resampled(groups, rng: np.random.Generator, resamples: int = RESAMPLES) -> np.ndarray:
    """Bootstrap weights [R, N]: how often each item is drawn when every group (a label an item, [N]) is drawn anew from itself.

    Each row sums to N; a group keeps its size. Source: Efron & Tibshirani (1993), ch. 6; strata, ch. 8.

    >>> resampled(["a", "a", "b"], np.random.default_rng(0), 4)[:, 2]
    array([1., 1., 1., 1.])
    """
    groups = np.asarray(groups)
    weights = np.empty((resamples, len(groups)))
    for group in np.unique(groups):
        (members,) = np.nonzero(groups == group)
        weights[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=resamples)
    return weights


def interval(samples, value: float, level: float = 0.95) -> Estimate:
    """A value with the percentile interval of its bootstrap samples [R]; without a single sample that is defined, NaN."""
    samples = np.asarray(samples)[~np.isnan(samples)]
    if not len(samples):
        return Estimate(float(value), math.nan, math.nan)
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))


def accuracy(outcomes, weights) -> Estimate:
    """The mean of outcomes [N], with the percentile bootstrap interval of `weights` [R, N] (see `resampled`)."""
    outcomes = np.asarray(outcomes, dtype=float)
    return interval(weights @ outcomes / len(outcomes), outcomes.mean())


def wilson(outcomes, level: float = 0.95) -> Estimate:
    """The mean of few outcomes [N] with Wilson's interval, which stays wide where all forty are right; a bootstrap would say “certain”.

    (m + z²/2n ± z √(m(1−m)/n + z²/4n²)) / (1 + z²/n), m the mean. Source: Wilson (1927).

    >>> round(wilson([1.0] * 40).low, 3), accuracy([1.0] * 40, np.ones((9, 40))).low
    (0.912, 1.0)
    """
    outcomes = np.asarray(outcomes, dtype=float)
    n, mean, z = len(outcomes), float(outcomes.mean()), NormalDist().inv_cdf((1 + level) / 2)
    centre, half = mean + z * z / (2 * n), z * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    return Estimate(mean, max((centre - half) / (1 + z * z / n), 0.0), min((centre + half) / (1 + z * z / n), 1.0))


def pooled_bits(nats, n_bytes, weights) -> tuple[np.ndarray, np.ndarray]:
    """Bits per byte of every model, [M], and of every resample, [M, R]: nats [M, P] and bytes [P] are pooled, then divided."""
    from lmviz import units

    nats, n_bytes = np.asarray(nats, dtype=float), np.asarray(n_bytes, dtype=float)
    return units.to_bits(nats.sum(1) / n_bytes.sum()), units.to_bits(nats @ weights.T / (weights @ n_bytes))


def ranks(values) -> np.ndarray:
    """Ranks from 1 along the first axis; equal values share the mean of their ranks.

    >>> ranks([10.0, 30.0, 10.0])
    array([1.5, 3. , 1.5])
    """
    values = np.asarray(values, dtype=float)
    below = (values[None] < values[:, None]).sum(1)
    return below + ((values[None] == values[:, None]).sum(1) + 1) / 2


def spearman(x, y) -> np.ndarray:
    """Spearman's rank correlation along the first axis: the correlation of the ranks; NaN where one side is constant.

    Source: Spearman (1904).

    >>> float(spearman([1.0, 2.0, 3.0], [10.0, 1.0, 0.1]))
    -1.0
    """
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(0), b - b.mean(0)
    scale = np.sqrt((a * a).sum(0) * (b * b).sum(0))
    return np.divide((a * b).sum(0), scale, out=np.full(np.shape(scale), np.nan), where=scale > 0)


def rank_correlation(bits, bits_resampled, outcomes, weights) -> Estimate:
    """Spearman's correlation of loss [M] and accuracy over models, with its interval when other passages and other items had been drawn.

    `bits_resampled` [M, R] are those of `pooled_bits`, `outcomes` [M, N], `weights` [R, N]. The models stay the same.
    """
    outcomes = np.asarray(outcomes, dtype=float)
    n = outcomes.shape[1]
    samples = spearman(bits_resampled, outcomes @ weights.T / n)
    return interval(samples, float(spearman(bits, outcomes.mean(1))))


def over_models(x, y, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Spearman's correlation over models, with its interval when other models had been drawn, [M] each; wide, for models are few."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    drawn = rng.integers(len(x), size=(len(x), resamples))
    samples = spearman(x[drawn], y[drawn])
    return interval(samples, float(spearman(x, y)))


def learned_at(lows, chance: float) -> int | None:
    """The first checkpoint from which on the lower end of the interval, [S], stays above chance; None if it never does.

    >>> learned_at([0.4, 0.6, 0.45, 0.6, 0.7], 0.5), learned_at([0.6, 0.4], 0.5)
    (3, None)
    """
    above = np.asarray(lows) > chance
    if not len(above) or not above[-1]:
        return None
    return int(len(above) - np.argmin(above[::-1])) if not above.all() else 0


def twins(bits, outcomes, *, families=None, groups=None, within: float = 0.03, level: float = 0.95) -> Twins | None:
    """The two models whose losses [M] are within a share `within` of each other and whose accuracies differ most surely; None if no two are so near.

    Two of one family (a label a model, [M]; checkpoints of one run, say) are no couple. The difference is of the same items (paired), outcomes [M, N]; its normal interval is widened
    for the number of comparisons (Bonferroni): every couple, and with `groups` (a label an item, [N]) every group of items for itself.
    """
    bits, outcomes = np.asarray(bits, dtype=float), np.asarray(outcomes, dtype=float)
    families = range(len(bits)) if families is None else families
    couples = [(i, j) for i in range(len(bits)) for j in range(i) if families[i] != families[j]]
    near = [(i, j) for i, j in couples if abs(bits[i] - bits[j]) <= within * min(bits[i], bits[j])]
    parts = {None: slice(None)} if groups is None else {str(group): np.asarray(groups) == group for group in np.unique(groups)}
    found = []
    for i, j in near:
        for group, part in parts.items():
            apart = (outcomes[i] - outcomes[j])[part]
            error = float(apart.std(ddof=1)) / math.sqrt(len(apart))
            if error > 0:
                found.append((abs(float(apart.mean())) / error, abs(float(apart.mean())), error, *((i, j) if apart.mean() >= 0 else (j, i)), group))
    if not found:
        return None
    _, difference, error, better, worse, group = max(found, key=lambda f: f[:3])
    tried = len(near) * len(parts)
    half = NormalDist().inv_cdf(1 - (1 - level) / (2 * tried)) * error
    return Twins(better, worse, Estimate(difference, difference - half, difference + half), tried, group)


def _numbers(name: str, values) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if np.isnan(values).any():
        raise ValueError(f"{name} must be numbers, got NaN")
    return values
