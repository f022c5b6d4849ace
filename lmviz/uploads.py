"""A file that a reader gives us, as text; or one sentence on why it cannot be."""

import codecs
from pathlib import PurePath

from lmviz import display
from lmviz.errors import ReaderError

MAX_BYTES = 1_000_000
SUFFIXES = (".txt", ".md", ".markdown", ".text")
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def text_from(raw: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 that says so; line ends become "\\n", a byte-order mark goes.

    Raises ReaderError for a file that is too large, empty, of another kind, binary, or in another encoding.

    >>> text_from(b"\\xef\\xbb\\xbfone\\r\\ntwo", "note.txt")
    'one\\ntwo'
    """
    shown = display.visible(PurePath(name).name[:80]).replace("·", " ")
    if PurePath(name).suffix.lower() not in SUFFIXES:
        raise ReaderError(f"“{shown}” is not a .txt or .md file. Save its text as one of these, or paste it above.")
    if len(raw) > MAX_BYTES:
        size = display.number(len(raw) / 1e6)
        raise ReaderError(f"“{shown}” has {size} MB; up to {display.number(MAX_BYTES // 1_000_000)} MB can be read, a whole novel. Take a part of it.")
    encoding = _UTF16.get(raw[:2], "utf-8-sig")
    try:
        text = raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as broken:
        if _is_binary(raw):
            raise ReaderError(f"“{shown}” is not text: it looks like a picture, a program or an archive.") from broken
        raise ReaderError(f"“{shown}” is not UTF-8 text: byte {display.number(broken.start + 1)} cannot be read. Save it as UTF-8 and try again.") from broken
    if _is_binary(text.encode("utf-8", "surrogatepass")):
        raise ReaderError(f"“{shown}” is not text: it looks like a picture, a program or an archive.")
    if not text.strip():
        raise ReaderError(f"“{shown}” is empty: there is nothing to read in it.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_binary(raw: bytes) -> bool:
    """A zero byte, or more than one control character in fifty among the first thousands, as no text has."""
    start = raw[:8192]
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in start)
    return 0 in start or controls * 50 > len(start)
