"""Losses of whole sequences: REINFORCE and minimum-risk training, and the reward that they chase.

Cross-entropy asks for the next token of somebody else's text. Here the model writes a text y of its own, the whole text gets a
reward r(y), and what is to grow is the reward it can expect, J = E_{y ~ p} r(y). The reward need not have a gradient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from lmviz.checks import float_tensor, logits_and_targets, number


def sequence_log_prob(logits, ids) -> Tensor:
    """log p(y) = Σ_t log softmax(z_t)[y_t], nats (≤ 0): logits [..., T, V], ids [..., T] → [...].

    >>> round(sequence_log_prob(torch.zeros(3, 4), [0, 1, 2]).item(), 4)  # 3 · log ¼
    -4.1589
    """
    logits, ids = logits_and_targets(logits, ids)
    return (logits.gather(-1, ids.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)).sum(-1)


def gleu(candidate: Sequence[int], reference: Sequence[int], *, longest: int = 4) -> float:
    """Share of n-grams (1 to `longest` tokens) that a candidate and a reference have in common, each counted as often as in both: 0 to 1.

    The smaller of precision and recall over all those n-grams together. Source: Wu et al. 2016, section 5 ("GLEU").

    >>> gleu([1, 2, 3], [1, 2, 4])  # common: 1, 2 and (1, 2), of 6
    0.5
    """
    if not len(candidate) or not len(reference):
        raise ValueError(f"candidate and reference must not be empty, got {len(candidate)} and {len(reference)} tokens")
    ours, theirs = (Counter(tuple(text[i : i + n]) for n in range(1, longest + 1) for i in range(len(text) - n + 1)) for text in (candidate, reference))
    return (ours & theirs).total() / max(ours.total(), theirs.total())


def leave_one_out(rewards) -> Tensor:
    """For each of S samples of one prompt the mean reward of the others: [..., S] → [..., S]. A baseline that leaves REINFORCE unbiased.

    Source: Kool, van Hoof & Welling 2019. Raises ValueError for a single sample.

    >>> leave_one_out([1.0, 2.0, 6.0]).tolist()
    [4.0, 3.5, 1.5]
    """
    rewards = float_tensor(rewards, "rewards")
    S = rewards.shape[-1] if rewards.ndim else 1
    if S < 2:
        raise ValueError(f"rewards must hold at least two samples of a prompt, got {S}")
    return (rewards.sum(-1, keepdim=True) - rewards) / (S - 1)


def reinforce(log_probs, rewards, baseline=0.0) -> Tensor:
    """A scalar whose gradient estimates that of −E r: −mean((r − b) · log p(y)), over samples y ~ p; log_probs and rewards of one shape.

    Only its gradient means anything. The rewards and the baseline are constants to it. Source: Williams 1992; Ranzato et al. 2016.
    """
    log_probs, advantage = _advantage(log_probs, rewards, baseline)
    return -(advantage * log_probs).mean()


def reinforce_gradient(logits, ids, rewards, baseline=0.0) -> Tensor:
    """The gradient of `reinforce` in closed form: ∂/∂z_t = (r − b)(softmax(z_t) − 1[k = y_t]) / N, [N, T, V].

    ŷ − y again, the text being the model's own, and each text weighted by how much better than the baseline it was.

    >>> reinforce_gradient(torch.zeros(1, 1, 2), [[0]], [1.0]).tolist()
    [[[-0.5, 0.5]]]
    """
    logits, ids = logits_and_targets(logits, ids)
    _, advantage = _advantage(sequence_log_prob(logits, ids), rewards, baseline)
    gradient = logits.softmax(-1)
    gradient = gradient.scatter_add(-1, ids.unsqueeze(-1), torch.full_like(gradient[..., :1], -1.0))
    return gradient * (advantage / advantage.numel()).to(gradient.dtype).unsqueeze(-1).unsqueeze(-1)


def _advantage(log_probs, rewards, baseline) -> tuple[Tensor, Tensor]:
    log_probs = float_tensor(log_probs, "log_probs")
    rewards = float_tensor(rewards, "rewards").detach()
    if rewards.shape != log_probs.shape:
        raise ValueError(f"rewards must have one number a sequence, shape {tuple(log_probs.shape)}, got {tuple(rewards.shape)}")
    return log_probs, (rewards - torch.as_tensor(baseline, dtype=rewards.dtype)).to(log_probs.dtype)


def sharpened(log_probs, *, alpha: float) -> Tensor:
    """Q(y) = p(y)^α / Σ_{y' in S} p(y')^α over the S sampled texts of a prompt: log_probs [..., S] → [..., S], summing to 1. Source: Shen et al. 2016, section 3.

    A text that was drawn twice is one member of the set: give its double log_probs of −inf.
    """
    alpha = number(alpha, "alpha", "above 0", lambda a: a > 0)
    return (alpha * float_tensor(log_probs, "log_probs")).softmax(-1)


def expected_risk(log_probs, risks, *, alpha: float) -> Tensor:
    """Minimum-risk training: Σ_{y in S} Q(y) Δ(y) for each prompt, [..., S] → [...], in the unit of the risks. Source: Shen et al. 2016, section 3.

    >>> expected_risk([0.0, 0.0], [1.0, 0.5], alpha=0.05).item()
    0.75
    """
    q, risks = sharpened(log_probs, alpha=alpha), _risks(log_probs, risks)
    return (q * risks).sum(-1)


def expected_risk_gradient(log_probs, risks, *, alpha: float) -> Tensor:
    """Its gradient with respect to each log p(y), in closed form: α · Q(y) · (Δ(y) − Σ Q Δ), [..., S].

    REINFORCE with a baseline that comes by itself: the risk of the set.
    """
    q, risks = sharpened(log_probs, alpha=alpha), _risks(log_probs, risks)
    return alpha * q * (risks - (q * risks).sum(-1, keepdim=True))


def _risks(log_probs, risks) -> Tensor:
    log_probs, risks = float_tensor(log_probs, "log_probs"), float_tensor(risks, "risks").detach()
    if risks.shape != log_probs.shape:
        raise ValueError(f"risks must have one number a sequence, shape {tuple(log_probs.shape)}, got {tuple(risks.shape)}")
    return risks.to(log_probs.dtype)
