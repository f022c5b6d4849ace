"""Six ways to write −log softmax(z)_y, each run in the precision asked for, on logits that grow: which fails where, and by how much.

Every loss and every gradient is what torch computes in that dtype (the gradient by autograd); nothing is simulated.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lmviz import checks, stability

SCALES = tuple(2 ** (step / 4) for step in range(-8, 21))  # ¼ to 32
DTYPES = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Survey:
    """One row of logits times each of `scales`, in one dtype; nats. Losses and gradients are [forms][scales], in the order of FORMS."""

    scales: tuple[float, ...]
    reference: tuple[float, ...]  # the loss, in the longest floating point there is
    true_pull: tuple[float, ...]  # 1 − p_y, what the gradient on the true logit should be, without its sign
    losses: tuple[tuple[float, ...], ...]
    pulls: tuple[tuple[float, ...], ...]  # |∂loss/∂z_y|; NaN where the arithmetic gave NaN

    def error(self, form: int, scale: int) -> float:
        """|loss − reference|, nats; +inf where the loss is infinite, NaN where it is no number."""
        loss = self.losses[form][scale]
        return abs(loss - self.reference[scale])


def log_of_naive_softmax(logits, targets, *, dtype: torch.dtype) -> torch.Tensor:
    """−log(exp(z_y) / Σ exp(z)), nats: as the textbook prints it."""
    return -_of_targets(stability.naive_log_softmax(logits, dtype=dtype), targets)


def log_of_safe_softmax(logits, targets, *, dtype: torch.dtype) -> torch.Tensor:
    """−log(softmax(z − max z)_y), nats: nothing overflows, but a small probability is 0 before its logarithm is taken."""
    return -_of_targets(stability.max_subtracted_softmax(logits, dtype=dtype).log(), targets)


def by_logsumexp(logits, targets, *, dtype: torch.dtype) -> torch.Tensor:
    """logsumexp(z) − z_y, nats: no probability is ever formed."""
    return -_of_targets(stability.log_softmax(logits, dtype=dtype), targets)


def by_shifted_logsumexp(logits, targets, *, dtype: torch.dtype) -> torch.Tensor:
    """log Σ exp(z − m) − (z_y − m) with m = max z, nats: what this book computes with."""
    return -_of_targets(stability.shifted_log_softmax(logits, dtype=dtype), targets)


FORMS: tuple[Callable[..., torch.Tensor], ...] = (
    log_of_naive_softmax,
    log_of_safe_softmax,
    stability.cross_entropy_with_epsilon,
    stability.cross_entropy_with_clamp,
    by_logsumexp,
    by_shifted_logsumexp,
)


def survey(logits, target: int, dtype: torch.dtype, *, scales: Sequence[float] = SCALES) -> Survey:
    """Every form at every scale, for one row of logits [V] and the id that came. Raises ValueError for bad logits or a bad id.

    >>> s = survey([200.0, 0.0], 1, torch.float32, scales=[1.0])
    >>> s.reference[0], s.losses[0][0], s.losses[1][0], round(s.losses[2][0], 1), s.losses[5][0]
    (200.0, inf, inf, 27.6, 200.0)
    """
    logits, targets = checks.logits_and_targets(logits, torch.as_tensor(target))
    if logits.ndim != 1:
        raise ValueError(f"logits must be one row, [V], got shape {tuple(logits.shape)}")
    scaled = logits.double() * torch.tensor(scales, dtype=torch.float64).unsqueeze(-1)
    targets = targets.expand(len(scales))
    probs = stability.max_subtracted_softmax(scaled)
    losses, pulls = [], []
    for form in FORMS:
        z = scaled.to(dtype, copy=True).requires_grad_()
        loss = form(z, targets, dtype=dtype)
        (gradient,) = torch.autograd.grad(loss.sum(), z)
        losses.append(tuple(loss.detach().double().tolist()))
        pulls.append(tuple(_of_targets(gradient, targets).double().abs().tolist()))
    others = probs.scatter(-1, targets.unsqueeze(-1), 0.0).sum(-1)  # 1 − p_y, but keeping its digits when p_y is nearly 1
    return Survey(tuple(scales), tuple(reference_losses(scaled.numpy(), target)), tuple(others.tolist()), tuple(losses), tuple(pulls))


def reference_losses(scaled: np.ndarray, target: int) -> list[float]:
    """log Σ exp(z − m) − (z_y − m) of each row [S, V], nats, in NumPy's longest float (64 bits of mantissa on most machines), rounded once.

    >>> reference_losses(np.array([[0.0, 1000.0]]), 0)
    [1000.0]
    """
    z = scaled.astype(np.longdouble)
    shifted = z - z.max(-1, keepdims=True)
    return [float(x) for x in np.log(np.exp(shifted).sum(-1)) - shifted[:, target]]


def ranges() -> dict[str, tuple[float, float, float]]:
    """For each dtype: the largest z with a finite exp(z), the z below which exp(z) is 0, and what 1e-12 becomes.

    >>> [round(x, 2) for x in ranges()["float32"][:2]]
    [88.72, -103.97]
    """
    limits = {}
    for name, dtype in DTYPES.items():
        facts = torch.finfo(dtype)
        smallest = facts.smallest_normal * facts.eps  # the smallest positive number, a subnormal; down to half of it rounds up to it
        limits[name] = (math.log(facts.max), math.log(smallest) + math.log(0.5), torch.tensor(1e-12, dtype=dtype).item())
    return limits


@dataclass(frozen=True)
class Capped:
    """Loss and pull on the true logit (without its sign) of three forms against the loss there should be; nats, [N]."""

    should_be: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]  # exact, with ε added, with ε as a clamp
    pulls: tuple[tuple[float, ...], ...]


def capped(epsilon: float, *, up_to: float = 60.0, n: int = 241) -> Capped:
    """Two outcomes, the truth further and further behind, float64: what ε does to the loss and to its gradient. Raises ValueError for ε ≤ 0.

    >>> c = capped(1e-12, up_to=60.0, n=2)
    >>> [round(row[-1], 1) for row in c.losses], [round(row[-1], 6) for row in c.pulls]
    ([60.0, 27.6, 27.6], [1.0, 0.0, 0.0])
    """
    z = torch.stack([-torch.linspace(0, up_to, n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)], -1)
    y = torch.zeros(n, dtype=torch.long)
    exact = by_shifted_logsumexp(z, y, dtype=torch.float64)
    losses = (exact, stability.cross_entropy_with_epsilon(z, y, epsilon=epsilon), stability.cross_entropy_with_clamp(z, y, epsilon=epsilon))
    pull = 1 - stability.max_subtracted_softmax(z)[:, 0]
    gradients = (stability.epsilon_gradient(z, y, epsilon=epsilon), stability.clamp_gradient(z, y, epsilon=epsilon))
    return Capped(tuple(exact.tolist()), tuple(tuple(x.tolist()) for x in losses), (tuple(pull.tolist()), *(tuple(g[:, 0].abs().tolist()) for g in gradients)))


def _of_targets(rows: torch.Tensor, targets) -> torch.Tensor:
    return rows.gather(-1, torch.as_tensor(targets).unsqueeze(-1)).squeeze(-1)
