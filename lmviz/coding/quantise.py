"""Probabilities as whole numbers, so that the two ends of a file agree on them exactly.

An arithmetic coder needs shares that are whole numbers of 1/M, none of them empty: a token of share 0 could not be written at all.
So each of the V tokens is given one unit, and the other M − V units are dealt out by the model's probabilities, rounded down:

    c_k = 1 + ⌊p_k (M − V)⌋,   M = 2^32;   what rounding leaves over goes to the favourite.

A token then costs −log₂(c_k/M) ≤ −log₂ p_k − log₂(1 − V/M) bits: for V = 49 152 at most 0.0000165 bits more than −log₂ p_k,
and the impossible costs 32 bits.
"""

from __future__ import annotations

import math

import numpy as np

SCALE = 32  # M = 2^SCALE
MARGIN = 2.0**-29  # bits a token: the coder's own rounding, 2^SCALE against a window of at least 2^62, with room


def counts(logits: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """Int64 [V], each at least 1, adding up to 2^scale: the distribution softmax(logits [V]) in whole numbers.

    Computed in float64 from its float32 values, so that the same logits give the same counts. Raises ValueError for
    logits that are no scores (NaN, +∞, all −∞) or a vocabulary that 2^scale cannot hold.

    >>> counts(np.log([0.5, 0.25, 0.25, 0.0 + 1e-300]), scale=6).tolist()      # 60 units by p, one for each
    [31, 16, 16, 1]
    """
    V = len(logits)
    if V > 1 << (scale - 1):
        raise ValueError(f"logits must be of a vocabulary of at most {1 << (scale - 1)} tokens at scale {scale}, got {V}")
    z = np.asarray(logits, dtype=np.float64)
    peak = z.max()
    if not np.isfinite(peak):
        raise ValueError(f"logits must be finite or −∞ and not all −∞, got a largest of {peak}")
    probs = np.exp(z - peak)
    probs /= probs.sum()
    made = 1 + np.floor(probs * ((1 << scale) - V)).astype(np.int64)
    made[made.argmax()] += (1 << scale) - made.sum()
    return made


def precision_loss(vocab_size: int, scale: int = SCALE) -> float:
    """The most that whole numbers may add to a token's −log₂ P, in bits: −log₂(1 − V/2^scale) and the coder's own rounding.

    >>> f"{precision_loss(49152):.7f} {precision_loss(4096):.7f}"
    '0.0000165 0.0000014'
    """
    return -math.log2(1 - vocab_size / 2**scale) + MARGIN * 2.0 ** (scale - SCALE)
