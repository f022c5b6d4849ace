"""log softmax done wrongly and rightly, in the floating-point type you ask for.

The functions named `naive_…`, `…_with_epsilon` and `…_with_clamp` are here to be seen failing; nothing else in lmviz uses them.
Every operation is torch's own in that dtype, nothing is simulated: what overflows here overflows in training. (torch adds up
float16 and bfloat16 in float32 and rounds the sum once.) The results may therefore hold inf and NaN; the arguments may not.
"""

import math

import torch

from lmviz import checks


def naive_softmax(logits, *, dtype: torch.dtype | None = None) -> torch.Tensor:
    """exp(z_k) / Σ_j exp(z_j), [..., V], as the textbook prints it.

    Fails: exp overflows to inf above 11.09 in float16, 88.72 in float32 and bfloat16, 709.78 in float64, and inf/inf is NaN;
    if all logits are very negative, 0/0 is NaN as well. Raises ValueError for bad logits.

    >>> naive_softmax([100.0, 0.0], dtype=torch.float32).tolist()
    [nan, 0.0]
    """
    exps = _in_dtype(logits, dtype).exp()
    return exps / exps.sum(-1, keepdim=True)


def naive_log_softmax(logits, *, dtype: torch.dtype | None = None) -> torch.Tensor:
    """log(softmax(z)), nats, [..., V], in two steps: what `torch.log(torch.softmax(z))` asks for.

    Fails: a probability too small for the dtype becomes 0 and its logarithm −inf, even if nothing overflowed.
    Raises ValueError for bad logits.

    >>> naive_log_softmax([0.0, -200.0], dtype=torch.float32).tolist()      # the truth is −200 nats
    [0.0, -inf]
    """
    return naive_softmax(logits, dtype=dtype).log()


def max_subtracted_softmax(logits, *, dtype: torch.dtype | None = None) -> torch.Tensor:
    """exp(z_k − max z) / Σ_j exp(z_j − max z), [..., V]: the same number, but no exponent is above 0 and the sum is at least 1.

    Nothing overflows; small probabilities still become 0, so its logarithm is no way to a loss. (`torch.softmax` does the same but
    adds up float32 less carefully: over 50,000 words its sum was up to 3e-6 from 1, this one 2e-7.) Raises ValueError for bad logits.

    >>> max_subtracted_softmax([100.0, 100.0], dtype=torch.float32).tolist()
    [0.5, 0.5]
    """
    logits = _in_dtype(logits, dtype)
    exps = (logits - logits.amax(-1, keepdim=True)).exp()
    return exps / exps.sum(-1, keepdim=True)


def logsumexp(logits, *, dtype: torch.dtype | None = None) -> torch.Tensor:
    """log Σ_k exp(z_k) = m + log Σ_k exp(z_k − m) with m = max z, nats, [...]. Raises ValueError for bad logits.

    >>> logsumexp([1000.0, 1000.0]).item() - 1000.0 - math.log(2.0) < 1e-12
    True
    """
    logits = _in_dtype(logits, dtype)
    highest = logits.amax(-1, keepdim=True)
    return (highest + (logits - highest).exp().sum(-1, keepdim=True).log()).squeeze(-1)


def log_softmax(logits, *, dtype: torch.dtype | None = None) -> torch.Tensor:
    """z − logsumexp(z), nats, [..., V]: no probability is ever formed, so none can become 0.

    Its error is a rounding of the largest logit: harmless in float32 at ordinary scales, up to a quarter of a nat in
    bfloat16 when logits are near 50. Raises ValueError for bad logits.

    >>> log_softmax([0.0, -200.0], dtype=torch.float32).tolist()
    [0.0, -200.0]
    """
    return _in_dtype(logits, dtype) - logsumexp(logits, dtype=dtype).unsqueeze(-1)


def shifted_log_softmax(logits, *, dtype: torch.dtype | None = None) -> torch.Tensor:
    """(z − m) − log Σ_k exp(z_k − m) with m = max z, nats, [..., V]: `log_softmax` without adding m back and taking it off again.

    Near the largest logit it keeps the digits that m would eat; `lmviz.losses` works this way. Raises ValueError for bad logits.

    >>> shifted_log_softmax([10000.0, 9990.0], dtype=torch.float32)[0].item() < 0 == log_softmax([10000.0, 9990.0], dtype=torch.float32)[0].item()
    True
    """
    logits = _in_dtype(logits, dtype)
    shifted = logits - logits.amax(-1, keepdim=True)
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


def reference_log_softmax(logits) -> torch.Tensor:
    """`shifted_log_softmax` in float64 of the logits as given, [..., V]: right to about 1e-15 of the largest gap between logits."""
    return shifted_log_softmax(logits, dtype=torch.float64)


def worst_error(log_softmax_form, logits, *, dtype: torch.dtype | None = None) -> torch.Tensor:
    """max_k |form(z)_k − reference_k|, nats, [...]: how wrong one of the forms above is; inf where it failed outright.

    Two −inf agree. A NaN is an infinite error: an answer that is no number is as wrong as can be. Raises ValueError for bad logits.

    >>> worst_error(naive_log_softmax, [0.0, -200.0], dtype=torch.float32).item()
    inf
    """
    reference = reference_log_softmax(logits)
    computed = log_softmax_form(logits, dtype=dtype).double()
    error = torch.where(computed == reference, 0.0, (computed - reference).abs())
    return error.nan_to_num(nan=math.inf, posinf=math.inf).amax(-1)


def cross_entropy_with_epsilon(logits, targets, *, epsilon: float = 1e-12, dtype: torch.dtype | None = None) -> torch.Tensor:
    """−log(softmax(z)_y + ε), nats, [...]: the common way round log 0.

    Fails: no loss can exceed −log ε (27.6 nats for 1e-12) however wrong the model is; a sure hit can cost less than 0;
    and in float16 an ε of 1e-12 is itself 0, so log 0 is back. Raises ValueError for bad logits or targets, or ε ≤ 0.

    >>> round(cross_entropy_with_epsilon([0.0, 1000.0], 0).item(), 1)     # it should say 1000
    27.6
    """
    p, _ = _target_probability(logits, targets, epsilon, dtype)
    return -(p + epsilon).log()


def epsilon_gradient(logits, targets, *, epsilon: float = 1e-12, dtype: torch.dtype | None = None) -> torch.Tensor:
    """p/(p + ε)·(ŷ − 1_y) with p = ŷ_y, [..., V]: the gradient of `cross_entropy_with_epsilon`.

    Fails: as p falls below ε it fades, and at p = 0 it is exactly 0, just where the model is most wrong.

    >>> epsilon_gradient([0.0, 1000.0], 0).abs().tolist()      # it should say [1, 1]
    [0.0, 0.0]
    """
    p, y_hat_minus_one_hot = _target_probability(logits, targets, epsilon, dtype)
    return (p / (p + epsilon)).unsqueeze(-1) * y_hat_minus_one_hot


def cross_entropy_with_clamp(logits, targets, *, epsilon: float = 1e-12, dtype: torch.dtype | None = None) -> torch.Tensor:
    """−log max(softmax(z)_y, ε), nats, [...]: the other common way round log 0.

    Fails: below ε it is flat at −log ε. Raises ValueError for bad logits or targets, or ε ≤ 0.

    >>> round(cross_entropy_with_clamp([0.0, 1000.0], 0).item(), 1)
    27.6
    """
    p, _ = _target_probability(logits, targets, epsilon, dtype)
    return -p.clamp(min=epsilon).log()


def clamp_gradient(logits, targets, *, epsilon: float = 1e-12, dtype: torch.dtype | None = None) -> torch.Tensor:
    """ŷ − 1_y where softmax(z)_y ≥ ε and 0 where the clamp holds, [..., V]: the gradient of `cross_entropy_with_clamp`.

    >>> clamp_gradient([0.0, 40.0], 0).tolist()
    [0.0, 0.0]
    """
    p, y_hat_minus_one_hot = _target_probability(logits, targets, epsilon, dtype)
    return torch.where((p >= epsilon).unsqueeze(-1), y_hat_minus_one_hot, 0.0)


def _in_dtype(logits, dtype: torch.dtype | None) -> torch.Tensor:
    logits = checks.logits_tensor(logits)
    if dtype is None:
        return logits
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype must be a floating-point torch dtype, got {dtype}")
    return logits.to(dtype)


def _target_probability(logits, targets, epsilon: float, dtype: torch.dtype | None) -> tuple[torch.Tensor, torch.Tensor]:
    """softmax(z)_y, [...], and ŷ − 1_y, [..., V], with the maximum subtracted, in dtype."""
    checks.number(epsilon, "epsilon", "above 0", lambda e: e > 0)
    _, targets = checks.logits_and_targets(logits, targets)
    ids, probs = targets.unsqueeze(-1), max_subtracted_softmax(logits, dtype=dtype)
    return probs.gather(-1, ids).squeeze(-1), probs - torch.zeros_like(probs).scatter(-1, ids, 1.0)
