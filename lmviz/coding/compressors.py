"""The compressors everybody has, on a text: how many bytes each needs, its own head and checksum included."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable

PPMD_ORDER = 6


def _zstd(raw: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=19).compress(raw)


def _ppmd(raw: bytes) -> bytes:
    import pyppmd

    return pyppmd.compress(raw, max_order=PPMD_ORDER, mem_size=16 << 20, variant="H")


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {  # each at its strongest usual setting
    "gzip": lambda raw: gzip.compress(raw, 9, mtime=0),
    "bz2": lambda raw: bz2.compress(raw, 9),
    "xz": lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME),
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
