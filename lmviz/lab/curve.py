"""What a run leaves behind, as plain numbers: a picture, a table and a file are made of it. NumPy-free and torch-free."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass

QUANTITIES = ("held_out", "training", "perplexity", "accuracy", "ece")


@dataclass(frozen=True)
class Curve:
    """One run. `training` (each point the mean of a stretch) is in what its loss is measured in; `held_out` is cross-entropy in nats a token.

    A token is what `per` says: a byte, a symbol of a source, or a token of the bundled vocabulary. `floor` is the entropy rate
    of the source, where it is known. `samples` are (step, text).
    """

    label: str
    loss: str
    per: str
    total_steps: int
    step: tuple[int, ...] = ()
    training: tuple[float, ...] = ()
    held_step: tuple[int, ...] = ()
    held_out: tuple[float, ...] = ()
    accuracy: tuple[float, ...] = ()
    ece: tuple[float, ...] = ()
    samples: tuple[tuple[int, str], ...] = ()
    floor: float | None = None
    tokens_per_step: int = 0

    @property
    def perplexity(self) -> tuple[float, ...]:
        """exp of the held-out cross-entropy: inf where that is too large for a float."""
        return tuple(math.exp(nats) if nats < 700 else math.inf for nats in self.held_out)

    @property
    def kl(self) -> float | None:
        """What is left above the entropy rate, nats a symbol: KL(p‖q), where p is known."""
        return self.held_out[-1] - self.floor if self.floor is not None and self.held_out else None

    def series(self, quantity: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Steps and values of one of QUANTITIES."""
        if quantity not in QUANTITIES:
            raise ValueError(f"quantity must be one of {', '.join(QUANTITIES)}, got {quantity!r}")
        values = getattr(self, quantity)
        return (self.step if quantity == "training" else self.held_step)[: len(values)], values


def to_csv(curves: list[Curve]) -> str:
    """Every number of the runs, one row each: run, loss, quantity, step, value; entropies in nats.

    >>> print(to_csv([Curve("a run", "hinge", "byte", 10, step=(5,), training=(0.25,))]).splitlines()[1])
    a run,hinge,training,5,0.25
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["run", "loss", "quantity", "step", "value"])
    for curve in curves:
        for quantity in QUANTITIES:
            for step, value in zip(*curve.series(quantity), strict=True):
                rows.writerow([curve.label, curve.loss, quantity, step, repr(value)])
    return out.getvalue()
