"""Maximum likelihood, negative log-likelihood, cross-entropy with one-hot targets, KL to the data: four ways to one number.

Each takes logits [T, V] and targets [T] of one text and returns nats a token, in float64, by its own arithmetic.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from lmviz import checks, information, losses
from lmviz.stability import max_subtracted_softmax

ROWS = 16  # one-hot rows held at once: 6 MB at V = 49 152
CURVE_ROWS = 4
TEMPERATURES = tuple(2 ** (step / 12) for step in range(-18, 19))  # a family of models to compare: the same logits, sharpened or flattened


@dataclass(frozen=True)
class Batch:
    """Texts of different lengths as one rectangle, [B, T] each: row b of `targets` is row b of `inputs` moved one step to the left."""

    inputs: torch.Tensor
    targets: torch.Tensor  # ignore_index where there is nothing to predict


def maximum_likelihood(logits, targets) -> float:
    """−(1/T) log Π_t ŷ_t[w_t], nats a token: the chances are really multiplied, and the product's logarithm is taken once, at the end.

    The power of two of the product is kept beside it (frexp), so that no text is too long for float64. logits [T, V], targets [T].
    Raises ValueError for bad logits or targets.

    >>> round(maximum_likelihood([[0.0, 0.0]] * 5000, [0] * 5000), 12)      # ½ to the power 5000 is 0 in float64; this is not
    0.69314718056
    """
    logits, targets = _text(logits, targets)
    mantissa, exponent = torch.tensor(1.0, dtype=torch.float64), 0
    for z, y in zip(logits, targets):
        mantissa, shift = torch.frexp(mantissa * max_subtracted_softmax(z.double())[y])
        exponent += int(shift)
    return -(mantissa.log().item() + exponent * math.log(2.0)) / len(targets)


def negative_log_likelihood(logits, targets) -> float:
    """(1/T) Σ_t −log ŷ_t[w_t], nats a token: the costs are added; no probability is formed. Raises ValueError for bad logits or targets.

    >>> round(negative_log_likelihood([[0.0, 0.0]], [1]), 6)
    0.693147
    """
    logits, targets = _text(logits, targets)
    return math.fsum(losses.cross_entropy(z.double(), y, ignore_index=None).item() for z, y in zip(logits, targets)) / len(targets)


def one_hot_cross_entropy(logits, targets) -> float:
    """(1/T) Σ_t H(1_{w_t}, ŷ_t) = (1/T) Σ_t −Σ_k 1[k = w_t] log ŷ_t[k], nats a token: the whole sum over V, of which one term is not 0.

    Raises ValueError for bad logits or targets.

    >>> round(one_hot_cross_entropy([[0.0, 0.0]], [1]), 6)
    0.693147
    """
    return _mean_over_rows(information.cross_entropy, logits, targets)


def kl_to_data(logits, targets) -> float:
    """(1/T) Σ_t KL(p_t ‖ ŷ_t), nats a token, where p_t is the data's own next-token distribution after w_1 … w_{t−1}.

    In one text every beginning comes once, so p_t is one-hot, its entropy is 0, and the divergence is the whole cross-entropy.
    Raises ValueError for bad logits or targets.

    >>> round(kl_to_data([[0.0, 0.0]], [1]), 6)
    0.693147
    """
    return _mean_over_rows(information.kl_divergence, logits, targets)


WAYS: tuple[Callable[..., float], ...] = (maximum_likelihood, negative_log_likelihood, one_hot_cross_entropy, kl_to_data)


def four_ways(logits, targets, *, temperature: float = 1.0) -> tuple[float, ...]:
    """The number four times, in the order of WAYS, nats a token, of the model with logits z/temperature.

    >>> len(set(round(x, 12) for x in four_ways([[2.0, 0.0, -1.0]], [1])))
    1
    """
    temperature = checks.number(temperature, "temperature", "above 0", lambda t: t > 0)
    logits = checks.logits_tensor(logits).double() / temperature
    return tuple(way(logits, targets) for way in WAYS)


def largest_difference(values: Sequence[float]) -> float:
    """max − min; 0 if all are the same infinity.

    >>> largest_difference((1.0, 1.5, 1.25))
    0.5
    """
    return 0.0 if len(set(values)) == 1 else max(values) - min(values)


def at_temperatures(logits, targets, temperatures: Sequence[float] = TEMPERATURES) -> list[float]:
    """Mean loss of the text, nats a token, under softmax(z/τ) for each τ: one curve through a family of models.

    Raises ValueError for bad logits or targets.

    >>> [round(x, 3) for x in at_temperatures([[1.0, 0.0]], [0], [0.5, 1.0, 1e9])]
    [0.127, 0.313, 0.693]
    """
    logits, targets = _text(logits, targets)
    curve = torch.zeros(len(temperatures), dtype=torch.float64)
    for z, y in zip(logits.split(CURVE_ROWS), targets.split(CURVE_ROWS)):  # a few rows at every temperature stay in the processor's cache
        shifted = z - z.amax(-1, keepdim=True)
        of_target = shifted.gather(-1, y.unsqueeze(-1)).squeeze(-1).double()
        room = torch.empty_like(shifted)
        for i, temperature in enumerate(temperatures):
            log_totals = torch.div(shifted, temperature, out=room).exp_().sum(-1, dtype=torch.float64).log()
            curve[i] += (log_totals - of_target / temperature).sum()
    return (curve / len(targets)).tolist()


def batch(texts: Sequence[Sequence[int]], *, start_id: int, ignore_index: int = -100) -> Batch:
    """Texts as inputs (start token first, last token left out) and targets (the text itself), filled up to the longest.

    Raises ValueError if texts are missing or one of them is empty.

    >>> b = batch([[7, 8, 9], [7]], start_id=0)
    >>> b.inputs.tolist(), b.targets.tolist()
    ([[0, 7, 8], [0, 0, 0]], [[7, 8, 9], [7, -100, -100]])
    """
    if not texts or not all(len(ids) for ids in texts):
        raise ValueError(f"texts must be at least one, none of them empty, got lengths {[len(ids) for ids in texts]}")
    T = max(len(ids) for ids in texts)
    inputs = [[start_id, *ids[:-1]] + [start_id] * (T - len(ids)) for ids in texts]
    targets = [[*ids] + [ignore_index] * (T - len(ids)) for ids in texts]
    return Batch(torch.tensor(inputs), torch.tensor(targets))


def _text(logits, targets) -> tuple[torch.Tensor, torch.Tensor]:
    logits, targets = checks.logits_and_targets(logits, targets)
    if targets.ndim != 1:
        raise ValueError(f"targets must be those of one text, [T], got shape {tuple(targets.shape)}")
    return logits, targets


def _mean_over_rows(quantity, logits, targets) -> float:
    logits, targets = _text(logits, targets)
    rows = []
    for z, y in zip(logits.split(ROWS), targets.split(ROWS)):
        one_hot = losses.smoothed_targets(y, z.shape[-1], smoothing=0.0)
        rows += quantity(one_hot, max_subtracted_softmax(z.double())).tolist()
    return math.fsum(rows) / len(targets)
