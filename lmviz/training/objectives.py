"""What a run makes small, by name: the losses of `lmviz.losses`, over the states of a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lmviz import losses
from lmviz.training.loss import chunked_cross_entropy

_BY_LOGITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": losses.cross_entropy,
    "label_smoothing": lambda logits, targets: losses.label_smoothing(logits, targets, smoothing=0.1),
    "focal": lambda logits, targets: losses.focal(logits, targets, gamma=2.0),
    "squared_error": losses.squared_error,
    "hinge": losses.hinge,
}
DISTILLATION = "distillation"  # needs a teacher: see `distil.objective`
NAMES = tuple(_BY_LOGITS)
ROWS = 256  # logits alive at once: few enough to stay in a core's cache, which makes them two to three times as fast


class _InStrips(torch.autograd.Function):
    """The mean of a loss over rows of states, forward and gradient in one pass, with only ROWS rows of logits alive."""

    @staticmethod
    def forward(ctx, states: Tensor, embedding: Tensor, targets: Tensor, per_position: Callable) -> Tensor:
        states, head = states.detach(), embedding.detach().requires_grad_()
        d_states, d_head, total = torch.empty_like(states), torch.zeros_like(embedding), 0.0
        for start in range(0, len(states), ROWS):
            strip = states[start : start + ROWS].requires_grad_()
            with torch.enable_grad():
                loss = per_position(strip @ head.T, targets[start : start + ROWS]).sum()
            d_states[start : start + ROWS], d = torch.autograd.grad(loss, [strip, head])
            d_head += d
            total += float(loss)
        ctx.save_for_backward(d_states, d_head)
        ctx.n = len(states)
        return states.new_tensor(total / ctx.n)

    @staticmethod
    def backward(ctx, upstream: Tensor):
        d_states, d_head = ctx.saved_tensors
        return d_states * (upstream / ctx.n), d_head * (upstream / ctx.n), None, None


def objective(name: str) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The mean loss of (states [N, D], embedding [V, D], targets [N]) under that name; none of them holds [N, V].

    >>> import torch
    >>> objective("squared_error")(torch.zeros(2, 3), torch.zeros(4, 3), torch.tensor([0, 1])).item()
    0.75
    """
    if name == "cross_entropy":
        return chunked_cross_entropy
    of_logits = per_position(name)
    return lambda states, embedding, targets: _InStrips.apply(states, embedding, targets, of_logits)


def per_position(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """(logits [..., V], targets [...]) → the loss under that name at each position, with the parameters that runs use."""
    if name not in _BY_LOGITS:
        raise ValueError(f"loss must be one of {', '.join(NAMES)}, got {name!r}")
    return _BY_LOGITS[name]
