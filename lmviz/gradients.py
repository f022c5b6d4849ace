"""∂loss/∂logits in closed form, [..., V], one function for each loss of `losses` and with the same arguments.

ŷ is softmax(z), 1_y the one-hot target. All but the hinge push on every logit, and since no loss here changes when a constant
is added to all logits, every row of every gradient sums to 0. A −inf logit has probability 0 and its entry is 0, except at
the target, where cross-entropy still pulls with full strength: −1.
"""

import torch

from lmviz import checks, losses
from lmviz.stability import max_subtracted_softmax


def cross_entropy(logits, targets, *, ignore_index: int | None = -100) -> torch.Tensor:
    """ŷ − 1_y: the probability the model gave, minus what came. Entries in [−1, 1]; 0 everywhere at an ignored position.

    logits [..., V], targets [...] → [..., V]. Raises ValueError as `losses.cross_entropy` does.

    >>> cross_entropy([0.0, 0.0], 1).tolist()
    [0.5, -0.5]
    """
    logits, targets = checks.logits_and_targets(logits, targets, ignore_index=ignore_index)
    ignored = targets == ignore_index if ignore_index is not None else torch.zeros_like(targets, dtype=torch.bool)
    gradient = max_subtracted_softmax(logits) - _one_hot(targets.masked_fill(ignored, 0), logits)
    return gradient.masked_fill(ignored.unsqueeze(-1), 0.0)


def squared_error(logits, targets) -> torch.Tensor:
    """2 ŷ_k (e_k − Σ_j ŷ_j e_j) with e = ŷ − 1_y: the error, damped by the softmax's own slope ŷ.

    Where the truth got probability 0 the pull on it is 0: a confident mistake teaches nothing.
    logits [..., V], targets [...] → [..., V]. Raises ValueError as `losses.squared_error` does.

    >>> squared_error([0.0, 0.0], 1).tolist()
    [0.5, -0.5]
    """
    logits, targets = checks.logits_and_targets(logits, targets)
    probs = max_subtracted_softmax(logits)
    error = probs - _one_hot(targets, logits)
    return 2 * probs * (error - (probs * error).sum(-1, keepdim=True))


def hinge(logits, targets, *, margin: float = 1.0) -> torch.Tensor:
    """+1 on the strongest rival, −1 on the truth, while the margin is violated; otherwise (and exactly at the margin) 0.

    Among tied rivals the one with the lowest id is pushed: any of them is a subgradient.
    logits [..., V], targets [...] → [..., V]. Raises ValueError as `losses.hinge` does.

    >>> hinge([2.0, 1.5, 1.5], 0).tolist()
    [-1.0, 1.0, 0.0]
    """
    violated = losses.hinge(logits, targets, margin=margin) > 0
    logits, targets = checks.logits_and_targets(logits, targets)
    rivals = logits.scatter(-1, targets.unsqueeze(-1), float("-inf"))
    push = _one_hot(rivals.argmax(-1), logits) - _one_hot(targets, logits)
    return torch.where(violated.unsqueeze(-1), push, 0.0)


def focal(logits, targets, *, alpha: float = 1.0, gamma: float = 2.0) -> torch.Tensor:
    """α (1 − p)^γ [1 − γ p log p / (1 − p)] · (ŷ − 1_y) with p = ŷ_y: cross-entropy's gradient, reweighted.

    logits [..., V], targets [...] → [..., V]. Raises ValueError as `losses.focal` does.

    >>> focal([0.0, 1.0], 1, gamma=0.0).tolist() == cross_entropy([0.0, 1.0], 1).tolist()
    True
    """
    alpha = checks.number(alpha, "alpha", "above 0", lambda a: a > 0)
    gamma = checks.number(gamma, "gamma", "at least 0", lambda g: g >= 0)
    nats = losses.cross_entropy(logits, targets, ignore_index=None)
    p, one_minus_p = torch.exp(-nats), -torch.expm1(-nats)
    # subtle: −p log p / (1 − p) is 0·inf at p = 0 and 0/0 at p = 1; its limits there are 0 and 1
    slope = torch.where(p == 0, 0.0, torch.where(nats == 0, 1.0, p * nats / one_minus_p))
    weight = alpha * one_minus_p**gamma * (1 + gamma * slope)
    return weight.unsqueeze(-1) * cross_entropy(logits, targets, ignore_index=None)


def label_smoothing(logits, targets, *, smoothing: float = 0.1, spread: str = "all") -> torch.Tensor:
    """ŷ − q, with q the smoothed targets: it vanishes at ŷ = q, that is at a finite logit gap.

    logits [..., V], targets [...] → [..., V]. Raises ValueError as `losses.label_smoothing` does.

    >>> label_smoothing([0.0, 0.0], 1, smoothing=0.5).tolist()
    [0.25, -0.25]
    """
    logits, targets = checks.logits_and_targets(logits, targets)
    return max_subtracted_softmax(logits) - losses.smoothed_targets(targets, logits.shape[-1], smoothing=smoothing, spread=spread, dtype=logits.dtype)


def distillation(student_logits, teacher_logits, targets, *, alpha: float = 0.5, temperature: float = 3.0) -> torch.Tensor:
    """α (ŷ − 1_y) + (1 − α) T (ŷ_T − teacher_T), with respect to the student's logits; ŷ_T is softmax(z/T).

    The KL's gradient is (ŷ_T − teacher_T)/T and shrinks like 1/T² as both soften; T² puts it back on scale.
    student_logits, teacher_logits [..., V], targets [...] → [..., V]. Raises ValueError as `losses.distillation` does.
    Source: Hinton, Vinyals & Dean (2015), eqs. 2–4.

    >>> distillation([1.0, 0.0], [1.0, 0.0], 0, alpha=0.0).tolist()
    [0.0, 0.0]
    """
    alpha = checks.number(alpha, "alpha", "in [0, 1]", lambda a: 0 <= a <= 1)
    student_logits, teacher_logits = losses.student_and_teacher(student_logits, teacher_logits)
    hard = cross_entropy(student_logits, targets, ignore_index=None)
    student, teacher = losses.log_probs(student_logits, temperature=temperature), losses.log_probs(teacher_logits, temperature=temperature)
    return alpha * hard + (1 - alpha) * temperature * (student.exp() - teacher.exp())


def _one_hot(ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(logits).scatter(-1, ids.unsqueeze(-1), 1.0)
