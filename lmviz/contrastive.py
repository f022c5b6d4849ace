"""Contrastive losses taken apart: a matrix of similarities, each row a softmax, the targets on the diagonal, and cross-entropy again.

NumPy in float64, so that a first page needs no torch; `losses.info_nce` is the same loss over torch tensors. Vectors are rows
[N, D]; only their directions count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

MOST_EXACT = 13  # rows: up to here every choice of negatives is counted


@dataclass(frozen=True, eq=False)
class InfoNCE:
    """Every step of the loss of N anchors and N positives, [N, N] and [N]; nats."""

    similarities: np.ndarray  # cosines, −1 to 1
    log_probs: np.ndarray  # each row log softmax(similarities / T)
    losses: np.ndarray  # −log_probs on the diagonal
    temperature: float

    @property
    def probs(self) -> np.ndarray:
        return np.exp(self.log_probs)

    @property
    def mean_nats(self) -> float:
        return float(self.losses.mean())

    @property
    def accuracy(self) -> float:
        """How often an anchor's own positive is the nearest of all."""
        return float((self.log_probs.argmax(1) == np.arange(len(self.losses))).mean())

    @property
    def pull(self) -> np.ndarray:
        """∂loss_i/∂similarity_ij = (ŷ_ij − 1[i = j])/T, [N, N]: the diagonal is pulled up, the rest is pushed down; rows sum to 0."""
        return (self.probs - np.eye(len(self.losses))) / self.temperature


def directions(vectors, name: str = "vectors") -> np.ndarray:
    """Rows divided by their lengths. Raises ValueError for other shapes, what is not finite, or a vector of length 0."""
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError(f"{name} must be finite numbers [N, D], got shape {vectors.shape}")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise ValueError(f"{name} must not hold a vector of length 0, got one in row {int(np.argmin(lengths))}")
    return vectors / lengths


def info_nce(anchors, positives, *, temperature: float = 0.07) -> InfoNCE:
    """−log softmax(cos(a_i, p_j)/T) at j = i, nats, with every step kept. anchors, positives [N, D].

    Raises ValueError as `directions` does, for shapes that differ, or T ≤ 0.
    Source: van den Oord et al. (2018), eq. 4; Gao, Yao & Chen (2021), eq. 1.

    >>> steps = info_nce([[1, 0], [0, 1]], [[1, 0], [0, 1]], temperature=1.0)
    >>> steps.similarities.tolist(), round(steps.mean_nats, 6) == round(math.log(1 + math.exp(-1)), 6)
    ([[1.0, 0.0], [0.0, 1.0]], True)
    """
    a, p = directions(anchors, "anchors"), directions(positives, "positives")
    if a.shape != p.shape:
        raise ValueError(f"positives must have the shape of anchors, {a.shape}, got {p.shape}")
    return from_similarities(a @ p.T, temperature=temperature)


def from_similarities(similarities, *, temperature: float = 0.07) -> InfoNCE:
    """The same from a matrix [N, N] whose diagonal holds the positives."""
    s = np.asarray(similarities, dtype=np.float64)
    if s.ndim != 2 or s.shape[0] != s.shape[1] or not np.isfinite(s).all():
        raise ValueError(f"similarities must be a finite square matrix, got shape {s.shape}")
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    z = s / temperature
    z = z - z.max(1, keepdims=True)
    log_probs = z - np.log(np.exp(z).sum(1, keepdims=True))
    return InfoNCE(s, log_probs, -np.diagonal(log_probs).copy(), float(temperature))


def anchor_gradient(anchors, positives, *, temperature: float = 0.07) -> np.ndarray:
    """∂loss_i/∂a_i, [N, D]: Σ_j pull_ij (p̂_j − s_ij â_i)/|a_i|; at right angles to a_i, since its length does not count."""
    a, p = directions(anchors, "anchors"), directions(positives, "positives")
    steps = info_nce(anchors, positives, temperature=temperature)
    along = (steps.pull * steps.similarities).sum(1, keepdims=True)
    return (steps.pull @ p - along * a) / np.linalg.norm(np.asarray(anchors, float), axis=1, keepdims=True)


def with_negatives(steps: InfoNCE, n_negatives: int) -> float:
    """Mean loss, nats, if each anchor saw its positive and only so many of the others: the mean over every such choice, exactly.

    Raises ValueError for more negatives than there are, or a matrix too large to count every choice.

    >>> alike = from_similarities(np.ones((4, 4)))
    >>> [round(math.exp(with_negatives(alike, k)), 6) for k in range(4)]       # cannot tell apart: log(k + 1)
    [1.0, 2.0, 3.0, 4.0]
    """
    N = len(steps.losses)
    if not 0 <= n_negatives < N or N > MOST_EXACT:
        raise ValueError(f"n_negatives must be from 0 to {N - 1}, for at most {MOST_EXACT} rows; got {n_negatives} for {N}")
    chosen = np.array(list(combinations(range(N - 1), n_negatives)), dtype=int).reshape(math.comb(N - 1, n_negatives), n_negatives)
    if n_negatives == 0:
        return 0.0
    total = 0.0
    for i in range(N):
        relative = np.delete(steps.log_probs[i], i)[chosen] + steps.losses[i]  # log of negative over positive
        largest = relative.max(1)
        among = largest + np.log(np.exp(relative - largest[:, None]).sum(1))
        total += float(np.logaddexp(0.0, among).mean())
    return total / N


def information_bound(mean_nats: float, n: int) -> float:
    """log N − loss, nats: in expectation never more than the mutual information of a pair, and never more than log N.

    Source: van den Oord et al. (2018), appendix A.1; Poole et al. (2019), eq. 12.
    """
    return math.log(n) - mean_nats


def alignment(anchors, positives) -> float:
    """Mean squared distance of the two directions of a pair, 0 to 4; smaller is better aligned. Source: Wang & Isola (2020), eq. 1, α = 2.

    >>> alignment([[1, 0]], [[0, 2]])
    2.0
    """
    return float(np.square(directions(anchors, "anchors") - directions(positives, "positives")).sum(1).mean())


def uniformity(vectors, *, t: float = 2.0) -> float:
    """log of the mean of exp(−t·squared distance) over all pairs of different rows; smaller is more evenly spread, 0 is all in one place.

    Raises ValueError for fewer than two rows. Source: Wang & Isola (2020), eq. 2.

    >>> uniformity([[1, 0], [1, 0]]), uniformity([[1, 0], [-1, 0]])
    (0.0, -8.0)
    """
    d = directions(vectors)
    if len(d) < 2:
        raise ValueError(f"vectors must be at least two, got {len(d)}")
    cosines = (d @ d.T)[np.triu_indices(len(d), 1)]
    exponents = -t * np.maximum(2 - 2 * cosines, 0.0)
    return float(exponents.max() + np.log(np.exp(exponents - exponents.max()).mean()))
