"""What a gradient is for: one step against it, and the loss after the step. And whether the closed form is the gradient at all."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lmviz import gradients, losses


def loss_after_step(logits: torch.Tensor, targets, sizes: Sequence[float], *, along: str = "cross_entropy") -> torch.Tensor:
    """Cross-entropy after z ← z − η·∂L/∂z, nats, [T, E] for E step sizes η, where L is the loss named `along`.

    logits [T, V], targets [T]. Raises ValueError for bad logits or targets, or a name that is no gradient.

    >>> loss_after_step(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), [0.0, 1.0])[0].tolist() == [losses.cross_entropy([0.0, 0.0], 1).item(), losses.cross_entropy([-0.5, 0.5], 1).item()]
    True
    """
    if along not in ("cross_entropy", "squared_error", "hinge", "focal", "label_smoothing"):
        raise ValueError(f"along must name a loss with a gradient, got {along!r}")
    targets = torch.as_tensor(targets)
    etas = torch.as_tensor(sizes, dtype=torch.float64)[:, None]
    after = []
    for z, y in zip(logits, targets, strict=True):  # a row at a time, [E, V]
        z = z.double()
        after.append(losses.cross_entropy(z - etas * getattr(gradients, along)(z, y), y.expand(len(etas))))
    return torch.stack(after)


def autograd_difference(logits: torch.Tensor, targets) -> torch.Tensor:
    """max_k |(ŷ − 1_y)_k − autograd's ∂loss/∂z_k| for each position, [T], in the precision of the logits.

    >>> autograd_difference(torch.tensor([[0.0, 0.0]]), torch.tensor([1])).item()
    0.0
    """
    differences = []
    for z, y in zip(logits, torch.as_tensor(targets), strict=True):
        with torch.enable_grad():
            leaf = z.detach().clone().requires_grad_()
            (automatic,) = torch.autograd.grad(losses.cross_entropy(leaf, y), leaf)
        differences.append((gradients.cross_entropy(z, y) - automatic).abs().max())
    return torch.stack(differences)
