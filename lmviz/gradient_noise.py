"""How much of a gradient estimate is chance, from the inner products of several of them. NumPy only."""

from __future__ import annotations

import numpy as np


def signal_and_noise(gram) -> tuple[float, float]:
    """|E g|² and E|g − E g|² of a gradient estimate, both unbiased, from the inner products [R, R] of R independent estimates.

    The first is the mean over pairs (below 0 if chance has it so), the second what is left of the mean squared length.
    Noise ÷ signal is how many minibatches must be averaged until noise is no larger than signal. Compare McCandlish et al. 2018.

    >>> signal_and_noise([[2.0, 1.0], [1.0, 2.0]])
    (1.0, 1.0)
    """
    gram = np.asarray(gram, dtype=np.float64)
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or len(gram) < 2:
        raise ValueError(f"gram must be square, of at least two estimates, got shape {gram.shape}")
    R, lengths = len(gram), gram.diagonal()
    signal = (gram.sum() - lengths.sum()) / (R * (R - 1))
    return float(signal), float(lengths.mean() - signal)


def cosines(gram) -> np.ndarray:
    """The cosine between every two of R estimates, [R (R − 1) / 2].

    >>> cosines([[4.0, 1.0], [1.0, 1.0]]).tolist()
    [0.5]
    """
    gram = np.asarray(gram, dtype=np.float64)
    lengths = np.sqrt(gram.diagonal())
    return (gram / np.outer(lengths, lengths))[np.triu_indices(len(gram), 1)]
