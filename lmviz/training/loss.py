"""Cross-entropy over a large vocabulary without ever holding [N, V]: 512 rows at a time, forward and gradient in one pass.

A plain head keeps the logits, their float32 copy, their log-softmax and its gradient, each [N, V]; here a strip of rows
is multiplied, its loss and its gradient p − 1[k=y] are taken at once, and only [rows, V] is ever alive.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROWS = 512


def chunked_cross_entropy(states: Tensor, embedding: Tensor, targets: Tensor, *, rows: int = ROWS) -> Tensor:
    """Mean cross-entropy in nats of softmax(states @ embedding.T) at targets; products in the dtype of `states`.

    states [N, D], embedding [V, D], targets [N] → scalar. Differentiable in states and embedding.
    The gradient is computed in the forward pass: dL/dz = (softmax(z) − 1[k=y]) / N.

    >>> s, e, y = torch.randn(5, 4), torch.randn(9, 4), torch.tensor([0, 8, 3, 3, 1])
    >>> bool(torch.isclose(chunked_cross_entropy(s, e, y, rows=2), torch.nn.functional.cross_entropy(s @ e.T, y)))
    True
    """
    if states.shape[0] != targets.shape[0]:
        raise ValueError(f"targets must have one id per row of states, {states.shape[0]}, got {targets.shape[0]}")
    return _ChunkedCrossEntropy.apply(states, embedding, targets, rows)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, states: Tensor, embedding: Tensor, targets: Tensor, rows: int) -> Tensor:
        N = states.shape[0]
        head = embedding.detach().to(states.dtype)
        d_states = torch.empty_like(states)
        d_head = torch.zeros(embedding.shape, dtype=torch.float32)
        total = torch.zeros((), dtype=torch.float64)
        with torch.autocast("cpu", enabled=False):
            for start in range(0, N, rows):
                strip, y = states[start : start + rows], targets[start : start + rows].unsqueeze(1)
                logits = (strip @ head.T).float()
                true = logits.gather(1, y)
                log_normaliser = logits.logsumexp(1, keepdim=True)
                total += (log_normaliser - true).sum(dtype=torch.float64)
                gradient = logits.sub_(log_normaliser).exp_()  # now p
                gradient.scatter_add_(1, y, torch.full_like(true, -1.0))
                gradient = gradient.to(states.dtype)
                d_states[start : start + rows] = gradient @ head
                d_head += gradient.T @ strip
        ctx.save_for_backward(d_states, d_head)
        ctx.n = N
        return (total / N).float()

    @staticmethod
    def backward(ctx, upstream: Tensor):
        d_states, d_head = ctx.saved_tensors
        return d_states * (upstream / ctx.n).to(d_states.dtype), d_head * (upstream / ctx.n), None, None
