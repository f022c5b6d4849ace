"""The full softmax that is never written down: a strip of rows at a time, forward and gradient in one pass.

A plain head keeps the logits, their log-softmax and its gradient, each [T, V]. Here one strip of logits is alive, [rows, V], with
rows chosen so that it stays small whatever V is. The result is that of the plain one. Sources: Wijmans et al. (2024), "Cut Your Losses";
the closed form of the gradient, p − 1[k = y], is chapter 9's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

STRIP_BYTES = 8 << 20  # of logits alive at once
FEWEST_ROWS = 64  # of a strip, however large V is: each strip passes once over the gradient of the whole head


@dataclass(frozen=True, eq=False)
class Readings:
    """Each [T] but the last two, [T, K]: loss and entropy in nats, rank (1 = the favourite), the K likeliest and their log-probabilities."""

    losses: Tensor
    entropies: Tensor
    ranks: Tensor
    top_ids: Tensor
    top_log_probs: Tensor


def rows_at_once(n_classes: int, itemsize: int = 4) -> int:
    """How many rows of V logits fit into a strip, at least FEWEST_ROWS.

    >>> rows_at_once(4096), rows_at_once(10**9)
    (512, 64)
    """
    return max(FEWEST_ROWS, STRIP_BYTES // (n_classes * itemsize))


def cross_entropy(states: Tensor, weight: Tensor, targets: Tensor, *, rows: int | None = None) -> Tensor:
    """Mean cross-entropy in nats of softmax(states @ weight.T) at targets: scalar. states [T, D], weight [V, D], targets [T].

    Differentiable in states and weight; the gradient is computed in the forward pass. Products are in the dtype of `states`.

    >>> s, w, y = torch.randn(5, 4), torch.randn(9, 4), torch.tensor([0, 8, 3, 3, 1])
    >>> bool(torch.isclose(cross_entropy(s, w, y, rows=2), torch.nn.functional.cross_entropy(s @ w.T, y)))
    True
    """
    if states.shape[0] != targets.shape[0]:
        raise ValueError(f"targets must have one id per row of states, {states.shape[0]}, got {targets.shape[0]}")

    def of_strip(place: slice, logits: Tensor) -> tuple[Tensor, Tensor]:
        y = targets[place].unsqueeze(1)
        true = logits.gather(1, y)
        log_normaliser = logits.logsumexp(1, keepdim=True)
        gradient = logits.sub_(log_normaliser).exp_()  # now p
        return (log_normaliser - true).sum(dtype=torch.float64), gradient.scatter_add_(1, y, torch.full_like(true, -1.0))

    return mean_loss(states, weight, of_strip, rows or rows_at_once(len(weight)))


def mean_loss(states: Tensor, weight: Tensor, of_strip: Callable[[slice, Tensor], tuple[Tensor, Tensor]], rows: int) -> Tensor:
    """The mean over rows of any loss of softmax(states @ weight.T), a strip of `rows` at a time, differentiable in states and weight.

    `of_strip(place, logits)` gives the summed loss of the rows `place` and its gradient in their logits [rows, V], which it may write over.
    """
    return _InStrips.apply(states, weight, of_strip, rows)


class _InStrips(torch.autograd.Function):
    @staticmethod
    def forward(ctx, states: Tensor, weight: Tensor, of_strip: Callable, rows: int) -> Tensor:
        T = states.shape[0]
        states, head = states.detach(), weight.detach().to(states.dtype)
        d_states = torch.empty_like(states)
        d_head = torch.zeros(weight.shape, dtype=torch.promote_types(weight.dtype, torch.float32))
        total = torch.zeros((), dtype=torch.float64)
        with torch.autocast("cpu", enabled=False):
            for start in range(0, T, rows):
                place = slice(start, start + rows)
                logits = states[place] @ head.T
                logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
                loss, gradient = of_strip(place, logits)
                total += loss
                gradient = gradient.to(states.dtype)
                d_states[place] = gradient @ head
                d_head += gradient.T @ states[place]
                del logits, gradient  # before the next strip is made, or two would be alive
        ctx.save_for_backward(d_states, d_head)
        ctx.n = T
        return (total / T).to(d_head.dtype)

    @staticmethod
    def backward(ctx, upstream: Tensor):
        d_states, d_head = ctx.saved_tensors
        return d_states * (upstream / ctx.n).to(d_states.dtype), d_head * (upstream / ctx.n), None, None


@torch.no_grad()
def readings(states: Tensor, weight: Tensor, targets: Tensor, *, top_k: int = 10, rows: int | None = None) -> Readings:
    """Everything chapter 1 shows of each position, from states [T, D] and weight [V, D], with one strip of logits alive."""
    parts = []
    for start in range(0, len(states), size := rows or rows_at_once(len(weight))):
        logits = states[start : start + size] @ weight.T
        y = targets[start : start + size].unsqueeze(1)
        log_normaliser = logits.logsumexp(1, keepdim=True)
        true = logits.gather(1, y)
        top = logits.topk(min(top_k, logits.shape[1]), 1)
        ranks = 1 + torch.count_nonzero(logits > true, 1)
        log_q = logits.sub_(log_normaliser)
        entropies = -torch.where(log_q > -torch.inf, log_q.exp() * log_q, 0.0).sum(1)
        parts.append(((log_normaliser - true)[:, 0], entropies, ranks, top.indices, top.values - log_normaliser))
    return Readings(*(torch.cat(column) for column in zip(*parts, strict=True)))
