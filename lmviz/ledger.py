"""The ledger of a sentence: its probability as a running product, and why nobody computes it that way. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Ledger:
    """One row a token [T]; running values include the row's own token."""

    probs: np.ndarray  # P(w_t | w_<t)
    losses: np.ndarray  # −log P, nats
    products_float32: np.ndarray  # Π P multiplied up in float32
    products_float64: np.ndarray  # the same in float64
    total_nats: np.ndarray  # Σ −log P: the same quantity, never in danger

    @property
    def float32_dies_at(self) -> int | None:
        """The first row whose float32 product is exactly 0 though its probability is not, or None."""
        return _first_zero(self.products_float32)

    @property
    def float64_dies_at(self) -> int | None:
        """The same for float64."""
        return _first_zero(self.products_float64)


def ledger(log_probs: np.ndarray) -> Ledger:
    """From log-probabilities [T] in nats to a `Ledger`; rows that are NaN (not scored) are left out.

    P(w_1 … w_T) = Π_t P(w_t | w_<t), so −log P(w_1 … w_T) = Σ_t −log P(w_t | w_<t). The product underflows to
    exactly 0 below 1.4e-45 in float32 and 4.9e-324 in float64; the sum never does.

    >>> book = ledger(np.log([0.5, 0.25]))
    >>> book.products_float64.round(9).tolist(), book.total_nats.round(4).tolist()
    ([0.5, 0.125], [0.6931, 2.0794])
    """
    log_probs = np.asarray(log_probs, dtype=np.float64)
    log_probs = log_probs[~np.isnan(log_probs)]
    probs = np.exp(log_probs)
    return Ledger(
        probs=probs,
        losses=-log_probs,
        products_float32=np.cumprod(probs.astype(np.float32), dtype=np.float32),
        products_float64=np.cumprod(probs),
        total_nats=np.cumsum(-log_probs),
    )


def _first_zero(products: np.ndarray) -> int | None:
    dead = np.flatnonzero(products == 0)
    return int(dead[0]) if len(dead) else None
