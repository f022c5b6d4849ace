"""Does a stated probability of 70 % come true 70 % of the time?

`confidences` are probabilities, `correct` says for each whether it came true (0 or 1); both have the same shape and are read as
one flat sample. Nothing here depends on how the model was trained. Probabilities have no unit; only `fit_temperature` minimises
a loss, in nats.
"""

import math
from dataclasses import dataclass

import torch

from lmviz import checks


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram as numbers: float64 tensors [bins], bin k holding lower < confidence ≤ upper (the first holds its lower too).

    `accuracy`, `confidence` (their means), `low` and `high` (the interval around accuracy) are NaN in an empty bin.
    """

    lower: torch.Tensor
    upper: torch.Tensor
    count: torch.Tensor
    confidence: torch.Tensor
    accuracy: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor


@dataclass(frozen=True)
class BrierDecomposition:
    """brier = reliability − resolution + uncertainty + within_bins, exactly; see `brier_decomposition`."""

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


def top_predictions(logits, targets) -> tuple[torch.Tensor, torch.Tensor]:
    """The favourite's probability [...] and whether the favourite was right [...]: what a reliability diagram of a model is made of.

    Of tied favourites the lowest id counts. Raises ValueError for bad logits or targets.

    >>> confidences, correct = top_predictions([[0.0, 0.0], [-50.0, 50.0]], [1, 1])
    >>> confidences.tolist(), correct.tolist()
    ([0.5, 1.0], [False, True])
    """
    logits, targets = checks.logits_and_targets(logits, targets)
    favourites = logits.argmax(-1)
    confidences = (logits.gather(-1, favourites.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)).exp()
    return confidences, favourites == targets


def reliability(confidences, correct, *, bins: int = 15, binning: str = "width", level: float = 0.95) -> Reliability:
    """Mean confidence against accuracy in bins, with a Wilson interval around each accuracy.

    "width": equal widths on [0, 1]. "mass": edges at the sample's quantiles, about equally many in each; equal confidences are
    never split, so with many ties some bins stay empty.
    Raises ValueError for confidences outside [0, 1], `correct` other than 0 and 1, shapes that differ, bins < 1 or level outside (0, 1).
    Source: Guo et al. (2017), sec. 2; Wilson (1927).

    >>> diagram = reliability([0.1, 0.2, 0.9, 0.8], [0, 0, 1, 0], bins=2)
    >>> diagram.count.tolist(), diagram.accuracy.tolist()
    ([2, 2], [0.0, 0.5])
    """
    confidences, correct = _sample(confidences, correct)
    edges, bin_of = _bins(confidences, bins, binning)
    n_bins = len(edges) - 1
    count = bin_of.bincount(minlength=n_bins)
    mean_confidence = bin_of.bincount(confidences, minlength=n_bins) / count  # 0/0: NaN where the bin is empty
    accuracy = bin_of.bincount(correct, minlength=n_bins) / count
    low, high = wilson_interval(bin_of.bincount(correct, minlength=n_bins), count, level=level)
    return Reliability(edges[:-1], edges[1:], count, mean_confidence, accuracy, low, high)


def wilson_interval(successes, trials, *, level: float = 0.95) -> tuple[torch.Tensor, torch.Tensor]:
    """Interval for a proportion from counts, within [0, 1]: all values of the proportion that the counts do not reject.

    (s + z²/2 ± h) / (n + z²) with h = z √(s(n−s)/n + z²/4), for s successes in n trials; NaN where n is 0. It stays sensible for
    few trials and for none or all successes, where p̂ ± z·√(p̂(1−p̂)/n) has no width.
    Raises ValueError for level outside (0, 1) or successes outside 0 … trials. Source: Wilson (1927).

    >>> low, high = wilson_interval(0, 10)
    >>> low.item(), round(high.item(), 4)
    (0.0, 0.2775)
    """
    level = checks.number(level, "level", "in (0, 1)", lambda a: 0 < a < 1)
    successes, trials = checks.float_tensor(successes, "successes").double(), checks.float_tensor(trials, "trials").double()
    if not ((successes >= 0) & (successes <= trials)).all():
        raise ValueError(f"successes must be from 0 to trials, got {successes.tolist()} of {trials.tolist()}")
    z = torch.special.ndtri(torch.tensor((1 + level) / 2, dtype=torch.float64))
    failures = trials - successes
    half_width = z * (successes * failures / trials + z**2 / 4).sqrt()
    # subtle: multiplied out by its conjugate, the formula loses no digits and is exactly 0 or 1 at none or all successes
    low = successes**2 / (trials * (successes + z**2 / 2 + half_width))
    high = 1 - failures**2 / (trials * (failures + z**2 / 2 + half_width))
    return low, high


def expected_calibration_error(confidences, correct, *, bins: int = 15, binning: str = "width") -> float:
    """ECE = Σ_b (n_b/N) |accuracy_b − confidence_b|, between 0 and 1: the average gap in the reliability diagram.

    It depends on the bins, and even a perfectly calibrated model has an ECE above 0 on a finite sample.
    Raises ValueError as `reliability` does. Source: Naeini et al. (2015); Guo et al. (2017), eq. 3.

    >>> round(expected_calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0]), 6)
    0.15
    """
    diagram = reliability(confidences, correct, bins=bins, binning=binning)
    filled = diagram.count > 0
    gaps = (diagram.accuracy - diagram.confidence).abs()[filled]
    return ((gaps * diagram.count[filled]).sum() / diagram.count.sum()).item()


def brier_score(confidences, correct) -> float:
    """Mean of (confidence − correct)², between 0 and 1: squared error of one yes-or-no forecast (over all classes: `losses.squared_error`).

    Raises ValueError as `reliability` does. Source: Brier (1950).

    >>> brier_score([0.5, 1.0], [1, 1])
    0.125
    """
    confidences, correct = _sample(confidences, correct)
    return (confidences - correct).square().mean().item()


def brier_decomposition(confidences, correct, *, bins: int = 15, binning: str = "width") -> BrierDecomposition:
    """Brier = reliability − resolution + uncertainty + within_bins.

    With c̄_b and ȳ_b the mean confidence and accuracy of bin b, and ȳ the overall accuracy:
    reliability Σ (n_b/N)(c̄_b − ȳ_b)², resolution Σ (n_b/N)(ȳ_b − ȳ)², uncertainty ȳ(1 − ȳ), and within_bins the mean of
    (c − c̄_b)² − 2 (c − c̄_b)(y − ȳ_b): 0 if all confidences of a bin are equal, the price of binning otherwise.
    Raises ValueError as `reliability` does. Source: Murphy (1973); Stephenson, Coelho & Jolliffe (2008).

    >>> d = brier_decomposition([0.25, 0.25, 0.75, 0.75], [0, 1, 1, 1], bins=2)
    >>> d.brier, d.reliability, d.resolution, d.uncertainty, d.within_bins
    (0.1875, 0.0625, 0.0625, 0.1875, 0.0)
    """
    diagram = reliability(confidences, correct, bins=bins, binning=binning)
    confidences, correct = _sample(confidences, correct)
    _, bin_of = _bins(confidences, bins, binning)
    mean_confidence, accuracy, overall = diagram.confidence[bin_of], diagram.accuracy[bin_of], correct.mean()
    away = confidences - mean_confidence
    return BrierDecomposition(
        brier=(confidences - correct).square().mean().item(),
        reliability=(mean_confidence - accuracy).square().mean().item(),
        resolution=(accuracy - overall).square().mean().item(),
        uncertainty=(overall * (1 - overall)).item(),
        within_bins=(away.square() - 2 * away * (correct - accuracy)).mean().item(),
    )


def fit_temperature(logits, targets) -> float:
    """The T > 0 with the least mean cross-entropy of softmax(z/T): above 1, the model was overconfident.

    The loss is convex in b = 1/T, with slope mean(E_b[z] − z_y) and curvature mean(Var_b[z]): Newton's method, kept inside a
    bracket. logits [..., V], targets [...]; about 12 digits from float64 logits, 6 from float32.
    Raises ValueError for bad logits or targets, and where no temperature is best: every target is its row's largest logit (T → 0),
    the targets' logits are on average no higher than the rest (T → ∞), or one is −inf. Source: Guo et al. (2017), sec. 4.2.

    >>> round(1 / fit_temperature([[1.0, 0.0]] * 4, [0, 0, 0, 1]), 6)      # 3 of 4 right wants a gap of ln 3
    1.098612
    """
    logits, targets = checks.logits_and_targets(logits, targets)
    logits, targets = logits.detach().reshape(-1, logits.shape[-1]), targets.reshape(-1)
    logits = logits - logits.amax(-1, keepdim=True)
    at_target = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1).double()
    if at_target.isinf().any():
        raise ValueError("targets must not fall on a −inf logit: the loss is infinite at every temperature")
    if (at_target == 0).all():
        raise ValueError("targets must differ from the largest logit somewhere, got none that does: the smaller the temperature, the better")
    average = _without_impossible(logits).sum(-1).double() / (logits > -math.inf).sum(-1)
    if (at_target - average).mean() <= 0:
        raise ValueError("targets must have higher logits than average, got none or lower: the larger the temperature, the better")
    low, b, high = 0.0, 1.0, math.inf
    while 0 < b < math.inf:
        mean, variance = _moments(logits, b)
        slope, curvature = (mean - at_target).mean().item(), variance.mean().item()
        low, high = (b, high) if slope < 0 else (low, b)
        newton = b - slope / curvature if curvature > 0 else math.nan
        # outside the bracket, or no number at all: double while it is open, else halve it
        following = newton if low <= newton <= high and newton < 4 * b else 2 * b if math.isinf(high) else (low + high) / 2
        if abs(following - b) <= 64 * torch.finfo(logits.dtype).eps * b:
            return 1 / following
        b = following
    raise ValueError(f"logits must be of ordinary size to have a temperature, got a best one of {'0' if b else 'inf'} in floating point")


def optimal_logit_gap(smoothing: float, n_classes: int, spread: str = "all") -> float:
    """z_y − z_k at the minimum of label smoothing, nats: log(q_y/q_k), where softmax(z) = q; +inf without smoothing.

    "all": log((1 − ε)V/ε + 1). "others": log((1 − ε)(V − 1)/ε).
    Raises ValueError for smoothing outside [0, 1), n_classes < 2 or another spread.

    >>> round(optimal_logit_gap(0.1, 10, "others"), 4), round(optimal_logit_gap(0.1, 10, "all"), 4)
    (4.3944, 4.5109)
    """
    smoothing = checks.number(smoothing, "smoothing", "in [0, 1)", lambda s: 0 <= s < 1)
    checks.number(n_classes, "n_classes", "that is whole and at least 2", lambda v: v >= 2 and v == int(v))
    checks.choice(spread, "spread", ("all", "others"))
    if smoothing == 0:
        return math.inf
    odds = (1 - smoothing) / smoothing
    return math.log1p(odds * n_classes) if spread == "all" else math.log(odds * (n_classes - 1))


def _sample(confidences, correct) -> tuple[torch.Tensor, torch.Tensor]:
    confidences = checks.float_tensor(confidences, "confidences").detach()
    correct = checks.float_tensor(correct, "correct").detach()
    if confidences.shape != correct.shape:
        raise ValueError(f"correct must have the shape of confidences, {tuple(confidences.shape)}, got {tuple(correct.shape)}")
    within = (confidences >= 0) & (confidences <= 1)
    if not within.all():
        raise ValueError(f"confidences must be probabilities from 0 to 1, got {confidences[~within][0].item()}")
    if not ((correct == 0) | (correct == 1)).all():
        raise ValueError(f"correct must hold only 0 and 1, got {correct[(correct != 0) & (correct != 1)][0].item()}")
    return confidences.double().reshape(-1), correct.double().reshape(-1)


def _bins(confidences: torch.Tensor, bins: int, binning: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Edges [bins + 1] and the bin of each confidence [N]; bins are closed on the right."""
    checks.choice(binning, "binning", ("width", "mass"))
    bins = int(checks.number(bins, "bins", "that is whole and at least 1", lambda b: b >= 1 and b == int(b)))
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    if binning == "mass":
        edges = torch.quantile(confidences, edges)
    return edges, torch.searchsorted(edges[1:-1].contiguous(), confidences)


def _moments(logits: torch.Tensor, b: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of z under softmax(b·z), [N] each, for logits [N, V] whose rows have maximum 0; some rows at a time."""
    moments = []
    for z in logits.split(max(1, 2**20 // logits.shape[-1])):
        weights = (b * z).exp()
        z = _without_impossible(z)
        total, first, second = (w.sum(-1).double() for w in (weights, weights * z, weights * z * z))
        moments.append((first / total, second / total - (first / total) ** 2))
    means, variances = zip(*moments, strict=True)
    return torch.cat(means), torch.cat(variances)


def _without_impossible(z: torch.Tensor) -> torch.Tensor:
    """z with 0 for −inf, so that a weight of 0 times it is 0."""
    return z.masked_fill(z == -math.inf, 0.0)
