"""The compressors everybody has, on a text: how many bytes each needs, its own head and checksum included."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
from collections.abc import Callable

PPMD_ORDER = 6


def _zstd(raw: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=19).compress(raw)


def _ppmd(raw: bytes) -> bytes:
    import pyppmd

    return pyppmd.compress(raw, max_order=PPMD_ORDER, mem_size=16 << 20, variant="H")


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {  # each at its strongest setting for texts of some megabytes
    "gzip": lambda raw: gzip.compress(raw, 9, mtime=0),
    "bz2": lambda raw: bz2.compress(raw, 9),
    "xz": lambda raw: lzma.compress(raw, preset=6 | lzma.PRESET_EXTREME),
    "zstd": _zstd,
    "PPMd": _ppmd,  # the bare stream: no head, no checksum, no length
}


def sizes(text: str) -> dict[str, int]:
    """Bytes of the text under each of COMPRESSORS.

    >>> sizes("aaaa" * 1000)["gzip"] < 60
    True
    """
    raw = text.encode("utf-8")
    return {name: len(compress(raw)) for name, compress in COMPRESSORS.items()}


def prefix_sizes(text: str, lengths: list[int]) -> dict[str, list[int]]:
    """Bytes of the first n bytes of the text under each of COMPRESSORS, for each n of `lengths`."""
    raw = text.encode("utf-8")
    return {name: [len(compress(raw[:n])) for n in lengths] for name, compress in COMPRESSORS.items()}


def break_even(model_bytes: int, model_bits_per_byte: float, other_bits_per_byte: float) -> float:
    """How many bytes of text must be compressed before the model, sent along once, has paid for itself; ∞ if it saves nothing.

    >>> break_even(1_000_000, 1.0, 3.0)
    4000000.0
    """
    saved = (other_bits_per_byte - model_bits_per_byte) / 8
    return model_bytes / saved if saved > 0 else math.inf
