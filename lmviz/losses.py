"""Cross-entropy and the losses it is compared with, one number per position, in nats where the loss is a log-probability.

`logits` [..., V] in, `targets` [...] integer ids; the result has the shape of `targets`, and averaging is the caller's.
Everything is computed in log space from the logits: nothing is clipped and no epsilon is added. A −inf logit is a
probability of exactly 0; if the truth lands on it, the loss is +inf.
"""

import torch

from lmviz import checks
from lmviz.stability import max_subtracted_softmax


def log_probs(logits, *, temperature: float = 1.0) -> torch.Tensor:
    """log softmax(z/T), nats, [..., V]: every log-probability at once.

    Raises ValueError for NaN, +inf or an all −inf row of logits, or temperature ≤ 0.

    >>> log_probs([1000.0, 1000.0]).exp().tolist()      # exp(1000) never happens
    [0.5, 0.5]
    """
    logits = checks.full_precision(checks.logits_tensor(logits))
    temperature = checks.number(temperature, "temperature", "above 0", lambda t: t > 0)
    shifted = (logits - logits.detach().amax(-1, keepdim=True)) / temperature
    return shifted - shifted.logsumexp(-1, keepdim=True)


def cross_entropy(logits, targets, *, ignore_index: int | None = -100) -> torch.Tensor:
    """−log softmax(z)_y = log Σ_k exp(z_k) − z_y, nats per position: the loss of language models.

    logits [..., V], targets [...] → [...]; a position whose target is `ignore_index` costs 0.0 and has no gradient.
    Raises ValueError for bad logits or a target that is no id.

    >>> cross_entropy([0.0, 0.0], 1).item()             # one of two, no idea which: ln 2
    0.6931471805599453
    >>> cross_entropy([0.0, float("-inf")], 1).item()   # called impossible, and it happened
    inf
    >>> cross_entropy([[0.0, 0.0], [5.0, 0.0]], [-100, 1])[0].item()
    0.0
    """
    logits, targets = checks.logits_and_targets(logits, targets, ignore_index=ignore_index)
    ignored = targets == ignore_index if ignore_index is not None else torch.zeros_like(targets, dtype=torch.bool)
    ids = targets.masked_fill(ignored, 0).unsqueeze(-1)
    # subtle: subtracting the largest logit first changes nothing in theory; in float32 it saves the digits that large logits would eat
    shifted = logits - logits.detach().amax(-1, keepdim=True)
    loss = shifted.logsumexp(-1) - shifted.gather(-1, ids).squeeze(-1)
    return loss.masked_fill(ignored, 0.0)


def squared_error(logits, targets) -> torch.Tensor:
    """Σ_k (softmax(z)_k − 1[k=y])², between 0 and 2, no unit: the Brier score, or V times the "MSE" of some code.

    logits [..., V], targets [...] → [...]. Raises ValueError for bad logits or targets. Source: Brier (1950).

    >>> squared_error([0.0, 0.0], 1).item()
    0.5
    """
    logits, targets = checks.logits_and_targets(logits, targets)
    one_hot = smoothed_targets(targets, logits.shape[-1], smoothing=0.0, dtype=logits.dtype)
    return (max_subtracted_softmax(logits) - one_hot).square().sum(-1)


def hinge(logits, targets, *, margin: float = 1.0) -> torch.Tensor:
    """max(0, margin + max_{k≠y} z_k − z_y), in units of logits: zero once the truth leads by the margin.

    logits [..., V], targets [...] → [...]. Raises ValueError for bad logits or targets, or margin < 0.
    Source: Crammer & Singer (2001).

    >>> hinge([[2.0, 1.5], [2.0, 0.5]], [0, 0]).tolist()
    [0.5, 0.0]
    """
    logits, targets = checks.logits_and_targets(logits, targets)
    margin = checks.number(margin, "margin", "at least 0", lambda m: m >= 0)
    ids = targets.unsqueeze(-1)
    strongest_rival = logits.scatter(-1, ids, float("-inf")).amax(-1)
    return (margin + strongest_rival - logits.gather(-1, ids).squeeze(-1)).relu()


def focal(logits, targets, *, alpha: float = 1.0, gamma: float = 2.0) -> torch.Tensor:
    """−α (1 − p)^γ log p with p = softmax(z)_y, nats: cross-entropy that looks away from what is already easy.

    logits [..., V], targets [...] → [...]. Raises ValueError for bad logits or targets, α ≤ 0 or γ < 0.
    Source: Lin et al. (2017), eq. 5.

    >>> focal([0.0, 0.0], 1, gamma=1.0).item() == 0.5 * cross_entropy([0.0, 0.0], 1).item()
    True
    """
    alpha = checks.number(alpha, "alpha", "above 0", lambda a: a > 0)
    gamma = checks.number(gamma, "gamma", "at least 0", lambda g: g >= 0)
    nats = cross_entropy(logits, targets, ignore_index=None)
    # subtle: at exactly 0 nats and γ < 1 the derivative of (1 − p)^γ is infinite and autograd would make 0·inf of it
    certain = nats == 0
    uncertain_nats = nats.masked_fill(certain, 1.0)
    one_minus_p = -torch.expm1(-uncertain_nats)  # 1 − exp(−nats), keeping its digits when p is nearly 1
    return (alpha * one_minus_p**gamma * uncertain_nats).masked_fill(certain, 0.0)


def smoothed_targets(targets, n_classes: int, *, smoothing: float = 0.1, spread: str = "all", dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """The target distribution of label smoothing, [..., V], sums to 1; smoothing 0 is one-hot.

    "all": (1 − ε)·one-hot + ε/V on every class (Szegedy et al. 2016, torch). "others": 1 − ε on the target, ε/(V − 1) on each
    other class. "others" with ε is "all" with ε·V/(V − 1).
    Raises ValueError for targets outside 0 … V − 1, smoothing outside [0, 1), another spread, or "others" with V < 2.

    >>> smoothed_targets(0, 4, smoothing=0.2).tolist()
    [0.8500000000000001, 0.05, 0.05, 0.05]
    >>> smoothed_targets(0, 5, smoothing=0.2, spread="others").tolist()
    [0.8, 0.05, 0.05, 0.05, 0.05]
    """
    smoothing = checks.number(smoothing, "smoothing", "in [0, 1)", lambda s: 0 <= s < 1)
    checks.choice(spread, "spread", ("all", "others"))
    targets = checks.ids_tensor(targets, "targets", n_classes)
    if spread == "all":
        on_others, on_target = smoothing / n_classes, 1 - smoothing + smoothing / n_classes
    elif n_classes >= 2:
        on_others, on_target = smoothing / (n_classes - 1), 1 - smoothing
    else:
        raise ValueError(f"n_classes must be at least 2 when spread is 'others', got {n_classes}: there are no others")
    return torch.full((*targets.shape, n_classes), on_others, dtype=dtype, device=targets.device).scatter(-1, targets.unsqueeze(-1), on_target)


def label_smoothing(logits, targets, *, smoothing: float = 0.1, spread: str = "all") -> torch.Tensor:
    """−Σ_k q_k log softmax(z)_k, nats: cross-entropy against a target q that keeps some doubt (see `smoothed_targets`).

    logits [..., V], targets [...] → [...]; +inf where doubt falls on a −inf logit. Raises ValueError for bad logits, targets,
    smoothing outside [0, 1) or another spread. Source: Szegedy et al. (2016), sec. 7.

    >>> bool(label_smoothing([3.0, 0.0], 0, smoothing=0.1) > cross_entropy([3.0, 0.0], 0))
    True
    """
    logits, targets = checks.logits_and_targets(logits, targets)
    q = smoothed_targets(targets, logits.shape[-1], smoothing=smoothing, spread=spread, dtype=logits.dtype)
    return 0.0 - _weighted_sum(q, log_probs(logits))


def masked_cross_entropy(logits, targets, mask) -> torch.Tensor:
    """Mean cross-entropy over the positions where mask is 1, nats, a scalar; what lies elsewhere is never looked at.

    logits [..., V], targets [...], mask [...] of 0 and 1 (or booleans). Raises ValueError for a mask of another shape, with
    other values or without a 1 (a mean over nothing), and for a target at a 1 that is no id.

    >>> masked_cross_entropy([[0.0, 0.0], [9.0, 0.0]], [1, -100], [1, 0]).item()
    0.6931471805599453
    """
    logits, targets, mask = checks.float_tensor(logits, "logits"), torch.as_tensor(targets), torch.as_tensor(mask)
    if not targets.shape == mask.shape == logits.shape[:-1]:
        shapes = f"targets {tuple(targets.shape)}, mask {tuple(mask.shape)}"
        raise ValueError(f"targets and mask must have the shape of logits without its last dimension, {tuple(logits.shape[:-1])}, got {shapes}")
    if not ((mask == 0) | (mask == 1)).all():
        raise ValueError(f"mask must hold only 0 and 1, got {mask[(mask != 0) & (mask != 1)][0].item()}")
    chosen = mask == 1
    if not chosen.any():
        raise ValueError("mask must select at least one position, got all zeros: a mean over nothing is undefined")
    return cross_entropy(logits[chosen], targets[chosen], ignore_index=None).mean()


def distillation(student_logits, teacher_logits, targets, *, alpha: float = 0.5, temperature: float = 3.0) -> torch.Tensor:
    """α·H(one-hot, student) + (1 − α)·T²·KL(teacher_T ‖ student_T), nats, both softened by T in the second term.

    student_logits, teacher_logits [..., V], targets [...] → [...]. The T² keeps the two gradients on one scale.
    Raises ValueError for bad logits or targets, shapes that differ, α outside [0, 1] or temperature ≤ 0.
    Source: Hinton, Vinyals & Dean (2015), sec. 2.

    >>> distillation([1.0, 0.0], [1.0, 0.0], 0, alpha=0.0).item()       # nothing left to learn from this teacher
    0.0
    """
    alpha = checks.number(alpha, "alpha", "in [0, 1]", lambda a: 0 <= a <= 1)
    student_logits, teacher_logits = student_and_teacher(student_logits, teacher_logits)
    hard = cross_entropy(student_logits, targets, ignore_index=None)
    teacher, student = log_probs(teacher_logits, temperature=temperature), log_probs(student_logits, temperature=temperature)
    soft = temperature**2 * (_weighted_sum(teacher.exp(), teacher) - _weighted_sum(teacher.exp(), student))
    if alpha in (0, 1):  # a term with weight 0 is absent, even where it is infinite
        return hard if alpha == 1 else soft
    return alpha * hard + (1 - alpha) * soft


def student_and_teacher(student_logits, teacher_logits) -> tuple[torch.Tensor, torch.Tensor]:
    """Both logits checked, of one shape and one dtype."""
    student = checks.full_precision(checks.logits_tensor(student_logits, "student_logits"))
    teacher = checks.full_precision(checks.logits_tensor(teacher_logits, "teacher_logits"))
    if student.shape != teacher.shape:
        raise ValueError(f"teacher_logits must have the shape of student_logits, {tuple(student.shape)}, got {tuple(teacher.shape)}")
    dtype = torch.promote_types(student.dtype, teacher.dtype)
    return student.to(dtype), teacher.to(dtype)


def info_nce(anchors, positives, *, temperature: float = 0.07) -> torch.Tensor:
    """Cross-entropy over similarities, nats: logits cos(a_i, p_j)/T, the target of row i is i; one loss per anchor.

    anchors, positives [N, D] → [N]. Raises ValueError for other shapes, a vector of length 0 (it has no direction), or
    temperature ≤ 0. Source: van den Oord et al. (2018), eq. 4; Gao et al. (2021), eq. 1.

    >>> info_nce([[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]).tolist()       # cannot tell two alike apart: ln 2
    [0.6931471805599453, 0.6931471805599453]
    """
    temperature = checks.number(temperature, "temperature", "above 0", lambda t: t > 0)
    anchors, positives = _directions(anchors, "anchors"), _directions(positives, "positives")
    if anchors.shape != positives.shape:
        raise ValueError(f"positives must have the shape of anchors, {tuple(anchors.shape)}, got {tuple(positives.shape)}")
    dtype = torch.promote_types(anchors.dtype, positives.dtype)
    similarities = anchors.to(dtype) @ positives.to(dtype).T / temperature
    return cross_entropy(similarities, torch.arange(len(anchors), device=anchors.device), ignore_index=None)


def _directions(vectors, name: str) -> torch.Tensor:
    vectors = checks.full_precision(checks.float_tensor(vectors, name))
    if vectors.ndim != 2:
        raise ValueError(f"{name} must have shape [N, D], got {tuple(vectors.shape)}")
    if not vectors.isfinite().all():
        raise ValueError(f"{name} must be finite, got {vectors[~vectors.isfinite()][0].item()}")
    lengths = vectors.norm(dim=-1, keepdim=True)
    if (lengths == 0).any():
        raise ValueError(f"{name} must not hold a vector of length 0, got one in row {(lengths == 0).nonzero()[0, 0].item()}")
    return vectors / lengths


def _weighted_sum(weights: torch.Tensor, log_probabilities: torch.Tensor) -> torch.Tensor:
    """Σ_k w_k·log p_k with 0·(−inf) = 0."""
    return torch.where(weights > 0, weights * log_probabilities, 0.0).sum(-1)
