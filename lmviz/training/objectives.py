"""What a run makes small, by name: the losses of `lmviz.losses`, over the states of a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lmviz import losses
from lmviz.vocabulary import chunked

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


def objective(name: str) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The mean loss of (states [N, D], embedding [V, D], targets [N]) under that name; none of them holds [N, V].

    >>> import torch
    >>> objective("squared_error")(torch.zeros(2, 3), torch.zeros(4, 3), torch.tensor([0, 1])).item()
    0.75
    """
    if name == "cross_entropy":
        return chunked.cross_entropy
    of_logits = per_position(name)

    def mean_loss(states: Tensor, embedding: Tensor, targets: Tensor) -> Tensor:
        def of_strip(place: slice, logits: Tensor) -> tuple[Tensor, Tensor]:
            with torch.enable_grad():
                loss = of_logits(logits.requires_grad_(), targets[place]).sum()
            return loss.detach(), torch.autograd.grad(loss, logits)[0]

        return chunked.mean_loss(states, embedding, of_strip, ROWS)

    return mean_loss


def per_position(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """(logits [..., V], targets [...]) → the loss under that name at each position, with the parameters that runs use."""
    if name not in _BY_LOGITS:
        raise ValueError(f"loss must be one of {', '.join(NAMES)}, got {name!r}")
    return _BY_LOGITS[name]
