"""What the numeric modules demand of their arguments: a ValueError names the argument, what was expected and what came.

Lists, NumPy arrays and integers become float64 tensors; a float32 or float64 tensor keeps its dtype. Nothing is clipped,
renormalised or replaced on the way in.
"""

import math

import torch

# How far from 1 a distribution may sum: the rounding of a softmax over 50,000 tokens in that precision, and no more.
SUM_TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 2e-2}


def float_tensor(values, name: str) -> torch.Tensor:
    """`values` as a floating-point tensor, on the same autograd graph if it is one already.

    >>> float_tensor([1, 0], "p").dtype
    torch.float64
    """
    if not isinstance(values, torch.Tensor):
        try:
            values = torch.as_tensor(values, dtype=torch.float64 if isinstance(values, list | tuple | int | float) else None)
        except (TypeError, ValueError, RuntimeError) as problem:
            raise ValueError(f"{name} must be numbers in a rectangular array: {problem}") from problem
    if values.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(values.shape)}")
    if values.is_complex():
        raise ValueError(f"{name} must be real numbers, got {values.dtype}")
    return values if values.is_floating_point() else values.to(torch.float64)


def full_precision(values: torch.Tensor) -> torch.Tensor:
    """float16 and bfloat16 widened to float32 (exactly): a loss is never computed in half precision behind your back."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def logits_tensor(logits, name: str = "logits") -> torch.Tensor:
    """Logits [..., V]: no NaN, no +inf, and not every entry of a row −inf; single −inf entries are legal.

    >>> logits_tensor([0.0, float("nan")])
    Traceback (most recent call last):
    ValueError: logits must not hold NaN, got NaN in row ()
    """
    logits = float_tensor(logits, name)
    if logits.ndim == 0:
        raise ValueError(f"{name} must have a last dimension [..., V], got a single number {logits.item()}")
    row_max = logits.detach().amax(-1)  # NaN and +inf win the maximum, −inf only if the whole row is: one pass finds all three
    bad = (~row_max.isfinite()).nonzero()
    if len(bad):
        row = tuple(bad[0].tolist())
        if math.isnan(row_max[row].item()):
            raise ValueError(f"{name} must not hold NaN, got NaN in row {row}")
        if row_max[row].item() > 0:
            raise ValueError(f"{name} must be finite or −inf, got +inf in row {row}")
        raise ValueError(f"{name} must have at least one finite entry a row, got only −inf in row {row}: its softmax is 0/0")
    return logits


def ids_tensor(ids, name: str, n_classes: int, *, ignore_index: int | None = None) -> torch.Tensor:
    """Integer ids in 0 … n_classes − 1 (or equal to `ignore_index`) as int64.

    >>> ids_tensor([0, 3], "targets", 3)
    Traceback (most recent call last):
    ValueError: targets must be ids from 0 to 2, got 3 at (1,)
    """
    ids = torch.as_tensor(ids)
    if ids.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(ids.shape)}")
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise ValueError(f"{name} must be integer ids, got {ids.dtype}")
    ids = ids.long()
    outside = (ids < 0) | (ids >= n_classes)
    if ignore_index is not None:
        outside &= ids != ignore_index
    if outside.any():
        where = tuple(outside.nonzero()[0].tolist())
        raise ValueError(f"{name} must be ids from 0 to {n_classes - 1}, got {ids[where].item()} at {where}")
    return ids


def logits_and_targets(logits, targets, *, ignore_index: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [..., V] in float32 or float64 and targets [...], checked one by one and against each other."""
    logits = full_precision(logits_tensor(logits))
    targets = ids_tensor(targets, "targets", logits.shape[-1], ignore_index=ignore_index)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"targets must have the shape of logits without its last dimension, {tuple(logits.shape[:-1])}, got {tuple(targets.shape)}")
    return logits, targets


def distribution_tensor(p, name: str) -> torch.Tensor:
    """Probabilities [..., V] that are ≥ 0 and sum to 1 within rounding along the last dimension.

    >>> distribution_tensor([0.5, 0.4], "q")
    Traceback (most recent call last):
    ValueError: q must be a distribution over its last dimension (sum 1), got sum 0.9 in row ()
    """
    p = float_tensor(p, name)
    if p.ndim == 0:
        raise ValueError(f"{name} must have a last dimension that is the distribution, got a single number {p.item()}")
    if p.isnan().any():
        raise ValueError(f"{name} must not hold NaN, got NaN at {tuple(p.isnan().nonzero()[0].tolist())}")
    if (p < 0).any():
        where = tuple((p < 0).nonzero()[0].tolist())
        raise ValueError(f"{name} must hold no negative probability, got {p[where].item():.6g} at {where}")
    total = p.detach().double().sum(-1)
    off = ~((total - 1).abs() <= SUM_TOLERANCE[p.dtype])
    if off.any():
        row = tuple(off.nonzero()[0].tolist())
        raise ValueError(f"{name} must be a distribution over its last dimension (sum 1), got sum {total[row].item():.6g} in row {row}")
    return full_precision(p)


def number(value, name: str, expectation: str, holds) -> float:
    """A finite number for which `holds(value)` is true; `expectation` says so in words.

    >>> number(-1.0, "temperature", "above 0", lambda t: t > 0)
    Traceback (most recent call last):
    ValueError: temperature must be a number above 0, got -1.0
    """
    try:
        as_float = float(value)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{name} must be a number {expectation}, got {value!r}") from problem
    if not (math.isfinite(as_float) and holds(as_float)):
        raise ValueError(f"{name} must be a number {expectation}, got {value!r}")
    return as_float


def choice(value, name: str, options: tuple[str, ...]) -> str:
    """One of a few words.

    >>> choice("some", "spread", ("all", "others"))
    Traceback (most recent call last):
    ValueError: spread must be 'all' or 'others', got 'some'
    """
    if value not in options:
        raise ValueError(f"{name} must be {' or '.join(map(repr, options))}, got {value!r}")
    return value
