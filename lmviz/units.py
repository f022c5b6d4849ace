"""Conversions between nats, bits, perplexity and bits per byte; the only log 2 in the package.

Plain arithmetic: works on floats, NumPy arrays and torch tensors alike (`perplexity` excepted: a float).
"""

import math

NATS_PER_BIT = math.log(2.0)


def to_bits(nats):
    """Bits from nats: divide by ln 2.

    >>> round(to_bits(math.log(8)), 12)
    3.0
    """
    return nats / NATS_PER_BIT


def to_nats(bits):
    """Nats from bits: multiply by ln 2.

    >>> round(to_nats(1.0), 6)
    0.693147
    """
    return bits * NATS_PER_BIT


def perplexity(mean_nats: float) -> float:
    """exp(mean loss in nats): the number of equally likely next tokens that would cost as much.

    Too large for a float is +inf, never an OverflowError.

    >>> round(perplexity(3.5), 1)      # the often quoted 30.0 is wrong
    33.1
    """
    try:
        return math.exp(mean_nats)
    except OverflowError:
        return math.inf


def bits_per_byte(total_nats: float, n_bytes: int) -> float:
    """Total loss in bits, divided by the length of the text in UTF-8 bytes: comparable across tokenizers.

    Raises ValueError if n_bytes is not positive.

    >>> round(bits_per_byte(math.log(256), 1), 12)
    8.0
    """
    if n_bytes <= 0:
        raise ValueError(f"n_bytes must be positive, got {n_bytes}: a text without bytes has no bits per byte")
    return to_bits(total_nats) / n_bytes
