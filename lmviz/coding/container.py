"""The head of a coded file: all that is needed to refuse a wrong model, a damaged file or a false text in a sentence.

    b"lmv\\x01" | model | revision | context | tokens | bytes | spelled out | SHA-256 of the text | of the first prediction | payload | CRC-32

Names are their length and their UTF-8; numbers are LEB128 (seven bits a byte, low first). "Spelled out" lists characters that the
vocabulary cannot write and the model read as "�": how many, then for each the distance from the last one and its code point.
The first eight bytes of the text's SHA-256 are kept, four of the first prediction's.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from lmviz.errors import ReaderError

MAGIC = b"lmv\x01"
TEXT_CHECK, FIRST_CHECK, CRC = 8, 4, 4  # bytes
MOST_TOKENS = 10_000_000


@dataclass(frozen=True)
class Header:
    """What a file says of itself before its payload."""

    model: str
    revision: str
    context: int  # most ids, start token included, that one window of the model held
    n_tokens: int
    n_bytes: int  # of the text, in UTF-8
    text_check: bytes
    first_check: bytes  # of the first distribution in whole numbers: another machine may compute another
    spelled: tuple[tuple[int, str], ...] = ()  # (place in the text as read, character) of what the vocabulary lacks


def pack(header: Header, payload: bytes) -> bytes:
    """The file."""
    parts = [MAGIC, _name(header.model), _name(header.revision), *map(_number, (header.context, header.n_tokens, header.n_bytes, len(header.spelled)))]
    last = 0
    for place, character in header.spelled:
        parts += [_number(place - last), _number(ord(character))]
        last = place
    parts += [header.text_check, header.first_check, payload]
    body = b"".join(parts)
    return body + zlib.crc32(body).to_bytes(CRC, "big")


def unpack(blob: bytes) -> tuple[Header, bytes]:
    """Header and payload; ReaderError for what is no file of ours, or is damaged or cut off.

    >>> header = Header("nano", "1", 256, 3, 7, bytes(8), bytes(4), ((2, "\\x04"),))
    >>> unpack(pack(header, b"abc")) == (header, b"abc")
    True
    """
    if blob[: len(MAGIC)] != MAGIC:
        raise ReaderError("This is not a file that lmviz has compressed: it begins with other bytes.")
    body, crc = blob[:-CRC], blob[-CRC:]
    if len(blob) < len(MAGIC) + CRC or zlib.crc32(body).to_bytes(CRC, "big") != crc:
        raise damaged()
    try:
        return _fields(body)
    except (IndexError, UnicodeDecodeError, OverflowError, ValueError) as broken:
        raise damaged() from broken


def damaged() -> ReaderError:
    return ReaderError("The file is damaged or cut off: its checksum does not fit its bytes. Fetch it again.")


def _fields(body: bytes) -> tuple[Header, bytes]:
    place = len(MAGIC)

    def take(n: int) -> bytes:
        nonlocal place
        if place + n > len(body):
            raise IndexError(f"{n} bytes wanted at {place} of {len(body)}")
        place += n
        return body[place - n : place]

    def number() -> int:
        value = shift = 0
        while True:
            byte = take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError("a number of more than nine bytes")

    model, revision = (take(number()).decode("utf-8") for _ in range(2))
    context, n_tokens, n_bytes, n_spelled = (number() for _ in range(4))
    if n_tokens > MOST_TOKENS or n_spelled > n_bytes or not context:
        raise ValueError("numbers that no file of ours has")
    spelled, at = [], 0
    for _ in range(n_spelled):
        at += number()
        spelled.append((at, chr(number())))
    header = Header(model, revision, context, n_tokens, n_bytes, take(TEXT_CHECK), take(FIRST_CHECK), tuple(spelled))
    return header, body[place:]


def _number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _name(text: str) -> bytes:
    raw = text.encode("utf-8")
    return _number(len(raw)) + raw
