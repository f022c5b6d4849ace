"""Five losses of one softmax from four numbers: what each costs, and how hard each pulls the true token up.

A whole row of logits is not needed to move a slider. `Evidence` keeps, for each position, all that cross-entropy, squared error,
hinge, focal loss and label smoothing depend on; from there every parameter is arithmetic on [T] numbers. No torch but in
`from_logits`. The numbers are those of `losses` and `gradients`, which tests hold against them.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmviz.models.scored import frozen

if TYPE_CHECKING:
    import torch

LOSSES = ("cross_entropy", "squared_error", "hinge", "focal", "label_smoothing")
ROWS = 64  # rows of logits read at a time


def spelled(loss: str) -> str:
    """The name of a loss as a sentence has it.

    >>> spelled("cross_entropy"), spelled("label_smoothing")
    ('cross-entropy', 'label smoothing')
    """
    return "cross-entropy" if loss == "cross_entropy" else loss.replace("_", " ")


@dataclass(frozen=True, eq=False)
class Evidence:
    """What five losses need to know of softmax(z) and its true class y; float64 arrays [T], nats, over V = `n_classes`."""

    log_p: np.ndarray  # log p, p = softmax(z)_y
    margin: np.ndarray  # z_y − max_{k≠y} z_k: how far the truth leads its strongest rival
    rival_squares: np.ndarray  # Σ_{k≠y} p_k²: large if one rival has most of what the truth lacks
    mean_cost: np.ndarray  # −(1/V) Σ_k log p_k: what a uniform target would cost
    n_classes: int

    @property
    def p(self) -> np.ndarray:
        return np.exp(self.log_p)

    @property
    def missing(self) -> np.ndarray:
        """1 − p, keeping its digits where p is nearly 1."""
        return -np.expm1(self.log_p)

    @property
    def gradient_norm(self) -> np.ndarray:
        """‖ŷ − 1_y‖ = √((1 − p)² + Σ_{k≠y} p_k²), between 0 and √2: the length of cross-entropy's gradient."""
        return np.hypot(self.missing, np.sqrt(self.rival_squares))

    def at(self, positions) -> Evidence:
        """The same for some positions only."""
        return Evidence(*(getattr(self, name)[positions] for name in _ARRAYS), n_classes=self.n_classes)

    def as_dict(self) -> dict:
        return {name: getattr(self, name).tolist() for name in _ARRAYS} | {"n_classes": self.n_classes}

    @classmethod
    def from_dict(cls, raw: dict) -> Evidence:
        return cls(**frozen({name: np.array(raw[name], dtype=np.float64) for name in _ARRAYS}), n_classes=raw["n_classes"])


_ARRAYS = tuple(field.name for field in dataclasses.fields(Evidence))[:4]


@dataclass(frozen=True)
class Settings:
    """The parameters of the losses that have any, with the customary values."""

    margin: float = 1.0  # hinge, in logits
    alpha: float = 1.0  # focal
    gamma: float = 2.0  # focal
    smoothing: float = 0.1  # label smoothing: ε/V on every class


def from_logits(logits: torch.Tensor, targets) -> Evidence:
    """`Evidence` of logits [T, V] and targets [T], in one pass over some rows at a time.

    >>> import torch
    >>> evidence = from_logits(torch.zeros(1, 4), [2])
    >>> evidence.p.tolist(), evidence.margin.tolist(), round(evidence.rival_squares.item(), 9)
    ([0.25], [0.0], 0.1875)
    """
    import torch

    ids = torch.as_tensor(targets)[:, None]
    parts = []
    for z, y in zip(logits.split(ROWS), ids.split(ROWS), strict=True):
        z_y, mean = z.gather(1, y), z.mean(1, dtype=torch.float64)
        rivals = z.scatter(1, y, -torch.inf)
        rival = rivals.amax(1, keepdim=True)
        peak = torch.maximum(rival, z_y)
        e = rivals.sub_(peak).exp_()  # 0 at the true token
        log_total = (e.sum(1, dtype=torch.float64) + (z_y - peak)[:, 0].double().exp()).log()
        log_z = peak[:, 0].double() + log_total
        # subtle: summed without the true token; taking p² off the whole sum would lose all digits where p is nearly 1
        squares = torch.linalg.vecdot(e, e).double() * (-2 * log_total).exp()
        parts.append((z_y[:, 0].double() - log_z, (z_y - rival)[:, 0].double(), squares, log_z - mean))
    columns = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    return Evidence(*frozen(dict(zip(_ARRAYS, columns, strict=True))).values(), n_classes=logits.shape[1])


def evenly_spread(margin, n_classes: int) -> Evidence:
    """`Evidence` of a truth that leads K − 1 equal rivals by `margin` logits: the simplest distribution with a given p.

    p = 1/(1 + (K − 1) e^−margin). Raises ValueError for n_classes < 2.

    >>> evenly_spread([0.0], 4).p.round(12).tolist()
    [0.25]
    """
    if n_classes < 2:
        raise ValueError(f"n_classes must be at least 2, got {n_classes}: a truth without rivals is certain")
    margin = np.asarray(margin, dtype=np.float64)
    log_p = -np.logaddexp(0.0, math.log(n_classes - 1) - margin)
    log_rival = log_p - margin
    squares = (n_classes - 1) * np.exp(2 * log_rival)
    return Evidence(log_p, margin, squares, -(log_p + (n_classes - 1) * log_rival) / n_classes, n_classes)


def even_margin(p, n_classes: int) -> np.ndarray:
    """The margin at which the truth has probability p among K − 1 equal rivals: log(p/(1 − p)) + log(K − 1).

    >>> even_margin(0.5, 2).item(), round(even_margin(0.25, 4).item(), 12)
    (0.0, 0.0)
    """
    p = np.asarray(p, dtype=np.float64)
    return np.log(p) - np.log1p(-p) + math.log(n_classes - 1)


def loss(name: str, evidence: Evidence, settings: Settings = Settings()) -> np.ndarray:  # noqa: B008  frozen
    """The loss `name` at each position, [T]: nats; squared error has no unit. The same numbers as `losses.NAME`.

    >>> round(loss("squared_error", evenly_spread([0.0], 2)).item(), 12)
    0.5
    """
    nats = -evidence.log_p
    if name == "cross_entropy":
        return nats
    if name == "squared_error":
        return evidence.missing**2 + evidence.rival_squares
    if name == "hinge":
        return np.maximum(0.0, settings.margin - evidence.margin)
    if name == "focal":
        return settings.alpha * evidence.missing**settings.gamma * nats
    if name == "label_smoothing":
        return (1 - settings.smoothing) * nats + (settings.smoothing * evidence.mean_cost if settings.smoothing else 0.0)
    raise ValueError(f"name must be one of {', '.join(LOSSES)}, got {name!r}")


def pull(name: str, evidence: Evidence, settings: Settings = Settings()) -> np.ndarray:  # noqa: B008  frozen
    """−∂loss/∂z_y at each position, [T]: how hard the loss pulls the true token's logit up (below 0: down).

    The same numbers as −`gradients.NAME` at the target. Squared error's is 2p times its own loss: where p is 0 nothing pulls.

    >>> pull("cross_entropy", evenly_spread([0.0], 2)).item()
    0.5
    """
    missing = evidence.missing
    if name == "cross_entropy":
        return missing
    if name == "squared_error":
        return 2 * evidence.p * loss(name, evidence)
    if name == "hinge":
        return np.where(evidence.margin < settings.margin, 1.0, 0.0)
    if name == "focal":
        with np.errstate(invalid="ignore"):  # 0/0 where p is 1: the limit is 1
            slope = np.where(missing == 0, 1.0, evidence.p * -evidence.log_p / missing)
        return settings.alpha * missing**settings.gamma * (1 + settings.gamma * slope) * missing
    if name == "label_smoothing":
        return missing - settings.smoothing * (1 - 1 / evidence.n_classes)
    raise ValueError(f"name must be one of {', '.join(LOSSES)}, got {name!r}")


def best_answer(name: str, truth: float, settings: Settings = Settings()) -> float:  # noqa: B008  frozen
    """Of two classes, one comes with probability `truth` > ½: the probability that the least expected loss would have a model state.

    A proper score asks for `truth` itself. Found where the two pulls balance, truth·pull(m) = (1 − truth)·pull(−m), by bisection
    on the margin m. Raises ValueError for truth outside (½, 1).

    >>> round(best_answer("cross_entropy", 0.7), 9), round(best_answer("squared_error", 0.7), 9)
    (0.7, 0.7)
    """
    if not 0.5 < truth < 1:
        raise ValueError(f"truth must be between 0.5 and 1, got {truth}")
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        there, back = (pull(name, evenly_spread(m, 2), settings).item() for m in (middle, -middle))
        low, high = (middle, high) if truth * there > (1 - truth) * back else (low, middle)
    return float(evenly_spread(low, 2).p)
