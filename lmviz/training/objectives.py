"""What a run makes small, by name: the losses of `lmviz.losses`, over the states of a batch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from lmviz import losses
from lmviz.training.loss import chunked_cross_entropy

_BY_LOGITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "label_smoothing": lambda logits, targets: losses.label_smoothing(logits, targets, smoothing=0.1),
    "focal": lambda logits, targets: losses.focal(logits, targets, gamma=2.0),
    "squared_error": losses.squared_error,
    "hinge": losses.hinge,
}
NAMES = ("cross_entropy", *_BY_LOGITS)


def objective(name: str) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The mean loss of (states [N, D], embedding [V, D], targets [N]) under that name; cross-entropy never holds [N, V].

    >>> import torch
    >>> objective("squared_error")(torch.zeros(2, 3), torch.zeros(4, 3), torch.tensor([0, 1])).item()
    0.75
    """
    if name == "cross_entropy":
        return chunked_cross_entropy
    if name not in _BY_LOGITS:
        raise ValueError(f"loss must be one of {', '.join(NAMES)}, got {name!r}")
    per_position = _BY_LOGITS[name]
    return lambda states, embedding, targets: per_position(states @ embedding.T, targets).mean()
