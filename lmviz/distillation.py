"""What a student can learn from a teacher at one place: both distributions softened, two losses, their gradients, and what no label says.

NumPy in float64, so that a first page needs no torch; `losses.distillation` and `gradients.distillation` are the same
quantities over torch tensors. Logits are finite here; a −inf logit has no high-temperature limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Parts:
    """The loss of a student taken apart, nats, each [...]: `soft` is T²·`divergence`, `total` is α·`hard` + (1 − α)·`soft`."""

    hard: np.ndarray  # −log ŷ_y at temperature 1
    divergence: np.ndarray  # KL(teacher_T ‖ student_T)
    soft: np.ndarray
    total: np.ndarray


@dataclass(frozen=True, eq=False)
class Lengths:
    """Euclidean lengths of gradients with respect to the student's logits, over G temperatures."""

    hard: float  # of the text's own loss, ŷ − 1_y: no temperature is in it
    divergence: np.ndarray  # [G] of KL alone: shrinks like 1/T² once both are soft
    soft: np.ndarray  # [G] of T²·KL
    limit: float  # what `soft` tends to as T grows: the distance of the centred logits, over V


def soften(logits, temperature: float = 1.0) -> np.ndarray:
    """log softmax(z/T), nats, [..., V]. Raises ValueError for logits that are not finite or T ≤ 0.

    >>> np.exp(soften([2.0, 0.0], 2.0)).round(3).tolist() == np.exp(soften([1.0, 0.0])).round(3).tolist()
    True
    """
    z = _finite(logits, "logits") / _above_zero(temperature)
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def parts(student_logits, teacher_logits, targets, *, alpha: float = 0.5, temperature: float = 3.0) -> Parts:
    """Hard loss, divergence, soft loss and their mixture, nats. student_logits, teacher_logits [..., V], targets [...] integer ids.

    Raises ValueError for shapes that differ, targets that are no ids, α outside [0, 1] or T ≤ 0.
    Source: Hinton, Vinyals & Dean (2015), sec. 2.

    >>> p = parts([0.0, 0.0], [0.0, 0.0], 1, alpha=0.25, temperature=2.0)
    >>> float(p.divergence), float(p.total) == 0.25 * math.log(2)
    (0.0, True)
    """
    student, teacher = _pair(student_logits, teacher_logits)
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be in [0, 1], got {alpha}")
    hard = -np.take_along_axis(soften(student), _ids(targets, student)[..., None], -1)[..., 0]
    taught, said = soften(teacher, temperature), soften(student, temperature)
    # subtle: terms of both signs nearly cancel; q·(t − s) − q + exp(s) is each ≥ 0 and has the same sum
    divergence = (np.exp(taught) * (taught - said) - np.exp(taught) + np.exp(said)).sum(-1)
    soft = temperature**2 * divergence
    return Parts(hard, divergence, soft, alpha * hard + (1 - alpha) * soft)


def hard_gradient(student_logits, targets) -> np.ndarray:
    """ŷ − 1_y, [..., V]."""
    student = _finite(student_logits, "student_logits")
    p = np.exp(soften(student))
    ids = _ids(targets, student)[..., None]
    np.put_along_axis(p, ids, np.take_along_axis(p, ids, -1) - 1, -1)
    return p


def divergence_gradient(student_logits, teacher_logits, temperature: float = 3.0) -> np.ndarray:
    """∂KL(teacher_T ‖ student_T)/∂z = (ŷ_T − teacher_T)/T, [..., V]: one 1/T from the chain rule, another from softness itself.

    Source: Hinton, Vinyals & Dean (2015), eq. 2.
    """
    student, teacher = _pair(student_logits, teacher_logits)
    return (np.exp(soften(student, temperature)) - np.exp(soften(teacher, temperature))) / temperature


def lengths(student_logits, teacher_logits, target: int, temperatures: Sequence[float]) -> Lengths:
    """How long each gradient is at one place, [V] logits each, over some temperatures; and the limit of T²·KL's.

    As T grows, ŷ_T − teacher_T tends to (z − z̄ − (v − v̄)) / (T·V), so that T² times the gradient tends to the distance of the
    centred logits over V: distillation becomes matching logits. Source: Hinton, Vinyals & Dean (2015), eqs. 3 and 4.
    """
    student, teacher = _pair(student_logits, teacher_logits)
    divergence = np.array([np.linalg.norm(divergence_gradient(student, teacher, t)) for t in temperatures])
    soft = divergence * np.asarray(temperatures, float) ** 2
    apart = (student - student.mean()) - (teacher - teacher.mean())
    return Lengths(float(np.linalg.norm(hard_gradient(student, target))), divergence, soft, float(np.linalg.norm(apart)) / len(student))


def shares(logits, temperatures: Sequence[float], bounds: Sequence[int]) -> np.ndarray:
    """[G, len(bounds) + 1]: how much probability each group of ranks holds at each temperature; each row sums to 1.

    `bounds` are last ranks of groups, rising: (1, 10) makes the favourite, ranks 2–10, and the rest. logits [V].

    >>> shares([0.0, 0.0, 0.0, 0.0], [1.0], (1, 3)).tolist()
    [[0.25, 0.5, 0.25]]
    """
    ranked = np.sort(_finite(logits, "logits"))[::-1]
    if list(bounds) != sorted(set(bounds)) or not 0 < bounds[0] <= bounds[-1] < len(ranked):
        raise ValueError(f"bounds must be rising ranks from 1 to {len(ranked) - 1}, got {list(bounds)}")
    starts = [0, *bounds]
    return np.stack([np.add.reduceat(np.exp(soften(ranked, t)), starts) for t in temperatures])


@dataclass(frozen=True)
class Lesson:
    """What a teacher's target says beyond the label, nats: `entropy` = `whether` + `mass` × `which`, exactly."""

    entropy: float  # of the teacher's whole distribution
    mass: float  # probability of everything that did not come
    whether: float  # entropy of "what came, or something else"
    which: float  # entropy of the others among themselves: what no label can say

    @property
    def rivals(self) -> float:
        """exp(which): as many equally likely others would leave the same doubt."""
        return math.exp(self.which)


def lesson(teacher_logits, target: int, *, temperature: float = 1.0) -> Lesson:
    """The teacher's distribution [V] taken apart at what came: H = h(p_y) + (1 − p_y)·H(the others). nats.

    Source: the chain rule of entropy, Shannon (1948), sec. 6; "dark knowledge" is Hinton's name for the second part.

    >>> half = lesson([0.0, 0.0, 0.0, 0.0], 1)
    >>> round(half.rivals, 6), round(half.entropy - half.whether - half.mass * half.which, 12)
    (3.0, 0.0)
    """
    log_q = soften(teacher_logits, temperature)
    target = int(_ids(target, log_q))
    others = np.delete(log_q, target)
    largest = others.max()
    log_p, log_mass = float(log_q[target]), float(largest + math.log(np.exp(others - largest).sum()))
    mass, among = math.exp(log_mass), others - log_mass
    entropy, which = (-float((np.exp(logs) * logs).sum()) for logs in (log_q, among))
    return Lesson(entropy, mass, -(math.exp(log_p) * log_p + mass * log_mass), which)


def _finite(values, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim < 1 or values.shape[-1] < 2 or not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite numbers [..., V] with V ≥ 2, got shape {values.shape}")
    return values


def _pair(student_logits, teacher_logits) -> tuple[np.ndarray, np.ndarray]:
    student, teacher = _finite(student_logits, "student_logits"), _finite(teacher_logits, "teacher_logits")
    if student.shape != teacher.shape:
        raise ValueError(f"teacher_logits must have the shape of student_logits, {student.shape}, got {teacher.shape}")
    return student, teacher


def _ids(targets, logits: np.ndarray) -> np.ndarray:
    targets = np.asarray(targets)
    if targets.shape != logits.shape[:-1] or targets.dtype.kind not in "iu" or not ((targets >= 0) & (targets < logits.shape[-1])).all():
        raise ValueError(f"targets must be ids from 0 to {logits.shape[-1] - 1}, of shape {logits.shape[:-1]}")
    return targets


def _above_zero(temperature: float) -> float:
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    return float(temperature)
