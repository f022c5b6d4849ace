"""Three ways to take a step against the gradient, each a few lines; Muon is `lmviz.training.optimiser`.

Sources: Robbins & Monro 1951 and Polyak 1964 (SGD with momentum); Kingma & Ba 2015 (Adam); Loshchilov & Hutter 2019 (AdamW).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lmviz.models.llama import Llama
from lmviz.training.loop import fused_rows
from lmviz.training.optimiser import Optimiser
from lmviz.training.recipes import Recipe

MOMENTUM, BETAS, EPSILON, WEIGHT_DECAY = 0.9, (0.9, 0.95), 1e-8, 0.1


class SGD:
    """v ← 0.9 v + g; w ← w − rate · v."""

    def __init__(self, weights: Sequence[Tensor], rate: float):
        self.weights, self.rate = list(weights), rate
        self.velocities = [torch.zeros_like(w) for w in self.weights]

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor], number: int, scale: float) -> None:
        """One step, with the rate × scale; `number` counts from 1."""
        for weight, velocity, gradient in zip(self.weights, self.velocities, gradients, strict=True):
            velocity.mul_(MOMENTUM).add_(gradient)
            weight.sub_(velocity, alpha=scale * self.rate)


class Adam:
    """m, v: running means of g and g²; w ← w − rate · m̂ / (√v̂ + 10⁻⁸), after w ← (1 − rate · decay) w: with a decay it is AdamW."""

    def __init__(self, weights: Sequence[Tensor], rate: float, decay: float = 0.0):
        self.weights, self.rate, self.decay = list(weights), rate, decay
        self.first, self.second = ([torch.zeros_like(w) for w in self.weights] for _ in range(2))

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor], number: int, scale: float) -> None:
        """One step, with the rate × scale; `number` counts from 1 and undoes the means' start at zero."""
        b1, b2 = BETAS
        for weight, first, second, gradient in zip(self.weights, self.first, self.second, gradients, strict=True):
            first.lerp_(gradient, 1 - b1)
            second.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
            weight.mul_(1 - scale * self.rate * self.decay)
            weight.addcdiv_(first / (1 - b1**number), (second / (1 - b2**number)).sqrt_().add_(EPSILON), value=-scale * self.rate)


def optimiser(name: str, model: Llama, rate: float, recipe: Recipe):
    """The optimiser of that name over a model's weights. Muon's Adam, for the embedding and the norms, has a fifth of the rate.

    Raises ValueError for an unknown name.
    """
    weights = list(model.parameters())
    if name == "sgd":
        return SGD(weights, rate)
    if name in ("adam", "adamw"):
        return Adam(weights, rate, WEIGHT_DECAY if name == "adamw" else 0.0)
    if name == "muon":
        return Optimiser(model, muon_lr=rate, adam_lr=rate / 5, weight_decay=0.05, parts=lambda weight: fused_rows(weight, recipe))
    raise ValueError(f"name must be one of muon, adamw, adam, sgd, got {name!r}")
