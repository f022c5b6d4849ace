"""Estimating a softmax from a few of its terms: sampled softmax and noise-contrastive estimation, with their bias and their variance.

Negatives are drawn from a proposal q, with replacement. Sampled softmax estimates the loss, from a corrected sum; NCE replaces it by
another loss, "true or noise?", whose gradient tends to the same. Both are exact in expectation where a sum over V can be: for
sampled softmax with one negative, for NCE with any number. NumPy, float64, nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

ROWS = 1 << 20  # numbers alive at once while drawing


@dataclass(frozen=True)
class Estimate:
    """An estimator over many draws of m negatives, nats: its mean and standard deviation, what the mean should be, the number of draws (0: exact)."""

    mean: float
    deviation: float
    truth: float
    draws: int

    @property
    def bias(self) -> float:
        return self.mean - self.truth


@dataclass(frozen=True)
class GradientError:
    """How far an estimated gradient is from ŷ − 1_y, as Euclidean lengths: of the mean's error, and of the spread around the mean."""

    bias: float
    spread: float


def full_loss(logits, target: int) -> float:
    """log Σ_k exp(z_k) − z_y, nats."""
    z = np.asarray(logits, float)
    return float(z.max() + np.log(np.exp(z - z.max()).sum()) - z[target])


def full_gradient(logits, target: int) -> np.ndarray:
    """ŷ − 1_y, [V]."""
    z = np.asarray(logits, float)
    p = np.exp(z - z.max())
    p /= p.sum()
    p[target] -= 1
    return p


def sampled_loss(logits, target: int, proposal, negatives) -> np.ndarray:
    """log(e^{z_y} + (1/m) Σ_s e^{z_s}/q_s) − z_y, nats, [R]: one estimate for each row of `negatives` [R, m], ids ≠ y drawn from q.

    The sum inside the logarithm is right on average; its logarithm is too small on average (Jensen).
    Raises ValueError if the proposal does not fit. Source: Bengio & Senécal (2003); Blanc & Rendle (2018), eq. 3.
    """
    z, q = _checked(logits, target, proposal)
    relative = z - z[target]
    # subtle: exp(z_s − z_y) may overflow for a target that is next to impossible; the largest term is taken out first
    terms = relative[negatives] - np.log(q[negatives]) - math.log(negatives.shape[1])
    largest = np.maximum(terms.max(1), 0.0)
    return largest + np.log(np.exp(-largest) + np.exp(terms - largest[:, None]).sum(1))


def sampled(logits, target: int, proposal, m: int, *, draws: int, rng: np.random.Generator) -> Estimate:
    """Mean and deviation of `sampled_loss` with m negatives: exact for m = 1, else over `draws` draws."""
    z, q = _checked(logits, target, proposal)
    truth = full_loss(z, target)
    if m == 1:
        ids = np.flatnonzero(q)
        each = sampled_loss(z, target, q, ids[:, None])
        mean = float(q[ids] @ each)
        return Estimate(mean, math.sqrt(max(float(q[ids] @ np.square(each - mean)), 0.0)), truth, 0)
    each = np.concatenate([sampled_loss(z, target, q, ids) for ids in _drawn(q, m, draws, rng)])
    return Estimate(float(each.mean()), float(each.std(ddof=1)), truth, draws)


def sampled_gradient(logits, target: int, proposal, m: int, *, draws: int, rng: np.random.Generator) -> GradientError:
    """Error of the gradient of `sampled_loss` over draws: a softmax over y and the negatives, minus 1_y. The bias has the noise of the draws taken out."""
    z, q = _checked(logits, target, proposal)
    V, total, squares = len(z), np.zeros(len(z)), 0.0
    for ids in _drawn(q, m, draws, rng):
        corrected = np.concatenate([np.full((len(ids), 1), z[target]), z[ids] - np.log(q[ids]) - math.log(m)], 1)
        weights = np.exp(corrected - corrected.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        where = np.concatenate([np.full((len(ids), 1), target), ids], 1) + V * np.arange(len(ids))[:, None]
        dense = np.bincount(where.ravel(), weights.ravel(), minlength=V * len(ids)).reshape(len(ids), V)
        dense[:, target] -= 1
        total += dense.sum(0)
        squares += float(np.square(dense).sum())
    mean = total / draws
    variance = max(squares / draws - float(mean @ mean), 0.0) * draws / (draws - 1)
    off = mean - full_gradient(z, target)
    return GradientError(math.sqrt(max(float(off @ off) - variance / draws, 0.0)), math.sqrt(variance))


def nce_loss(log_scores, target: int, proposal, m: int) -> Estimate:
    """The NCE loss of one true token and m noise tokens, nats, exactly: −log σ(Δ_y) − Σ_s log(1 − σ(Δ_s)), Δ_k = s_k − log(m q_k).

    `log_scores` [V] stand for log-probabilities. It is a loss of its own: its number is no estimate of −log ŷ_y, which is kept
    as `truth` only to be compared with. Source: Gutmann & Hyvärinen (2012); Mnih & Teh (2012), eq. 9.
    """
    s, q = _checked(log_scores, target, proposal, excluded=False)
    delta = s - math.log(m) - np.log(q, out=np.full(len(q), -np.inf), where=q > 0)
    true, noise = _softplus(-delta[target]), _softplus(np.where(q > 0, delta, -np.inf))
    mean = float(q @ noise)
    return Estimate(float(true) + m * mean, math.sqrt(m * max(float(q @ np.square(noise - mean)), 0.0)), -float(s[target]), 0)


def nce_gradient(log_scores, target: int, proposal, m: int) -> GradientError:
    """Error of NCE's gradient with respect to the scores, exactly: on average −(1 − σ(Δ_y))·1_y + m·q·σ(Δ), which tends to ŷ − 1_y as m grows."""
    s, q = _checked(log_scores, target, proposal, excluded=False)
    delta = s - math.log(m) - np.log(q, out=np.full(len(q), -np.inf), where=q > 0)
    sigma = np.exp(-_softplus(-np.where(q > 0, delta, 0.0)))
    mean = m * q * sigma
    mean[target] -= math.exp(-_softplus(delta[target]))
    variance = m * (float(q @ np.square(sigma)) - float(np.square(q * sigma).sum()))
    return GradientError(float(np.linalg.norm(mean - full_gradient(s, target))), math.sqrt(max(variance, 0.0)))


def survey(logits, target: int, proposal, counts, *, draws: int = 200, seed: int = 0) -> dict:
    """Both estimators over some numbers of negatives, as plain lists: the loss of sampled softmax, and the errors of both gradients.

    `logits` [V] of real logits; NCE is given their log-probabilities, so that only its own error shows.
    """
    z = np.asarray(logits, float)
    log_p = z - (full_loss(z, target) + z[target])
    q, rng = without(proposal, target), np.random.default_rng(seed)
    loss = [sampled(z, target, q, m, draws=10 * draws, rng=rng) for m in counts]
    theirs = [sampled_gradient(z, target, q, m, draws=draws, rng=rng) for m in counts]
    nce = [nce_gradient(log_p, target, proposal, m) for m in counts]
    columns = {
        "mean": [e.mean for e in loss], "deviation": [e.deviation for e in loss], "nce_loss": [nce_loss(log_p, target, proposal, m).mean for m in counts],
        "sampled_bias": [e.bias for e in theirs], "sampled_spread": [e.spread for e in theirs], "nce_bias": [e.bias for e in nce], "nce_spread": [e.spread for e in nce],
    }  # fmt: skip
    rounded = {name: [float(f"{v:.6g}") for v in values] for name, values in columns.items()}
    return {"counts": list(counts), "truth": full_loss(z, target), "draws": draws} | rounded


def without(proposal, target: int) -> np.ndarray:
    """The proposal with the target left out and the rest made to sum to 1: what negatives of sampled softmax are drawn from."""
    q = np.array(proposal, dtype=np.float64)
    q[target] = 0
    return q / q.sum()


def _checked(logits, target: int, proposal, *, excluded: bool = True) -> tuple[np.ndarray, np.ndarray]:
    z, q = np.asarray(logits, float), np.asarray(proposal, float)
    if z.ndim != 1 or not np.isfinite(z).all() or not 0 <= target < len(z):
        raise ValueError(f"logits must be finite numbers [V] that hold the target, got shape {z.shape} and target {target}")
    if q.shape != z.shape or (q < 0).any() or abs(q.sum() - 1) > 1e-6:
        raise ValueError(f"proposal must be a distribution over the same {len(z)} tokens")
    if excluded and (q[target] != 0 or (np.delete(q, target) == 0).any()):
        raise ValueError("proposal must give every token but the target a chance, and the target none: see `without`")
    if not excluded and (q == 0).any():
        raise ValueError("proposal must give every token a chance")
    return z, q


def _drawn(q: np.ndarray, m: int, draws: int, rng: np.random.Generator):
    """[r, m] ids at a time, r·max(m, V) small enough to hold, `draws` rows in all."""
    cumulative = np.cumsum(q)
    cumulative /= cumulative[-1]
    rows = max(1, ROWS // max(m, len(q)))
    for start in range(0, draws, rows):
        yield np.searchsorted(cumulative, rng.random((min(rows, draws - start), m)), side="right")


def _softplus(x):
    """log(1 + e^x)."""
    return np.logaddexp(0.0, x)
