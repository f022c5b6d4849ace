"""Muon for the matrices inside the layers, Adam for the embedding and the norms.

Muon replaces a matrix's momentum by the nearest orthogonal matrix, so that every direction moves by the same amount.
Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers"; Loshchilov & Hutter 2019 (decoupled weight decay).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan et al.: pushes all singular values towards 1 in five steps


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """The orthogonal factor U Vᵀ of matrix = U S Vᵀ, roughly (singular values within about 0.7 to 1.2), by Newton–Schulz.

    >>> s = torch.linalg.svdvals(orthogonal(torch.randn(8, 5, generator=torch.Generator().manual_seed(0))))
    >>> bool((s > 0.6).all() and (s < 1.3).all())
    True
    """
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    norm = x.norm()
    if norm == 0:
        return torch.zeros_like(matrix)
    x = x / norm
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Optimiser:
    """Holds momenta; `step` moves the weights in place. `parts` says which rows of a fused matrix are one matrix each, `products` how precisely Muon multiplies."""

    def __init__(self, model: nn.Module, *, muon_lr: float, adam_lr: float, weight_decay: float, parts: Callable[[str], list[int] | None],
                 products: torch.dtype = torch.float32):  # fmt: skip
        self.muon_lr, self.adam_lr, self.weight_decay = muon_lr, adam_lr, weight_decay
        self.products = products  # of Newton and Schulz, which forgive rounding
        self.named = list(model.named_parameters())
        self.parts = {name: parts(name) for name, _ in self.named}
        self.first = {name: torch.zeros_like(p) for name, p in self.named}
        self.second = {name: torch.zeros_like(p) for name, p in self.named if not self._is_inner(name, p)}

    @staticmethod
    def _is_inner(name: str, parameter: Tensor) -> bool:
        return parameter.dim() == 2 and not name.startswith("embedding")

    def step(self, gradients: Iterable[Tensor], number: int, scale: float, run: Callable = map) -> None:
        """One update with learning rates × scale; `number` counts from 1; `run` may be a thread pool's map."""
        list(run(lambda job: self._update(*job, number, scale), zip(self.named, gradients)))

    @torch.no_grad()  # subtle: here and not on `step`, since grad mode belongs to the thread and this may be a pool's
    def _update(self, named: tuple[str, Tensor], gradient: Tensor, number: int, scale: float) -> None:
        (name, weight), first = named, self.first[named[0]]
        if self._is_inner(name, weight):
            first.mul_(0.95).add_(gradient)
            lookahead = gradient + 0.95 * first  # Nesterov
            weight.mul_(1 - scale * self.muon_lr * self.weight_decay)
            pieces = zip(weight.split(self.parts[name] or weight.shape[0]), lookahead.split(self.parts[name] or weight.shape[0]))
            for rows, direction in pieces:
                stretch = max(1.0, rows.shape[0] / rows.shape[1]) ** 0.5
                rows.sub_(orthogonal(direction.to(self.products)), alpha=scale * self.muon_lr * stretch)
        else:
            second = self.second[name]
            first.mul_(0.9).add_(gradient, alpha=0.1)
            second.mul_(0.95).addcmul_(gradient, gradient, value=0.05)
            denominator = (second / (1 - 0.95**number)).sqrt_().add_(1e-10)
            weight.addcdiv_(first, denominator, value=-scale * self.adam_lr / (1 - 0.9**number))

    def state_dict(self) -> dict:
        return {"first": self.first, "second": self.second}

    def load_state_dict(self, state: dict) -> None:
        for mine, theirs in ((self.first, state["first"]), (self.second, state["second"])):
            for name, tensor in mine.items():
                tensor.copy_(theirs[name])
