"""How a cost grows with the vocabulary. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The a of the best V^a, by least squares on both logarithms: 1 for O(V), near 0 for O(log V), 0 for what does not grow.

    >>> round(exponent([1, 10, 100], [3, 30, 300]), 9)
    1.0
    """
    if len(sizes) != len(values) or len(set(sizes)) < 2:
        raise ValueError(f"sizes must be at least 2 different numbers, one a value, got {list(sizes)} for {len(values)} values")
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
