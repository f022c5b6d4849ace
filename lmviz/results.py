"""Results of the guessing game to hand around: a short code that fits a link, and a CSV. What comes in is not trusted.

A code is `form-passage-guesses-check`, such as `letters-crow-1cr-n5`: one character a symbol, its guess number, and
two that catch slips of the hand. It holds no text and no name.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lmviz.errors import ReaderError

DIGITS = "123456789abcdefghijklmnopqr"  # guess numbers 1 to 27
CHECK = "0123456789abcdefghijklmnopqrstuvwxyz"
FORMS = {"letters": 27, "tokens": 11}  # the most guesses; with tokens, 11 stands for "not found in ten"
MOST = 300  # results pooled at once
HEADER = ["game", "form", "passage", "position", "guesses"]


@dataclass(frozen=True)
class Result:
    """One game: which form, which passage, at which guess each symbol was found (from the first symbol on)."""

    form: str
    passage: str
    guesses: tuple[int, ...]


def encode(result: Result) -> str:
    """The result as a code of a–z, 0–9 and dashes.

    >>> encode(Result("letters", "crow", (1, 12, 27)))
    'letters-crow-1cr-n5'
    """
    body = f"{result.form}-{result.passage}-{''.join(DIGITS[g - 1] for g in result.guesses)}"
    return f"{body}-{_check(body)}"


def decode(code: str, length: Callable[[str, str], int | None]) -> Result:
    """The result of a code; `length(form, passage)` says how many symbols that passage has, None if there is none such.

    Raises ReaderError with a sentence for anything that is not a whole code.
    """
    code = code.strip().lower()
    shown = code[:24] + "…" if len(code) > 24 else code
    parts = code.split("-")
    if len(parts) != 4 or not re.fullmatch(r"[0-9a-z-]{1,400}", code):
        raise ReaderError(f"“{_harmless(shown)}” is not a result's code. A code looks like letters-crow-1cr-n5.")
    form, passage, digits, check = parts
    if _check(code.rsplit("-", 1)[0]) != check:
        raise ReaderError(f"The code “{_harmless(shown)}” has a slip in it: its last two characters do not fit the rest. Copy it once more.")
    return checked(form, passage, [DIGITS.find(d) + 1 for d in digits], length)


def checked(form: str, passage: str, guesses: list[int], length: Callable[[str, str], int | None]) -> Result:
    """A result whose parts exist and fit each other. Raises ReaderError with a sentence."""
    symbols = length(form, passage) if form in FORMS else None
    if symbols is None:
        raise ReaderError(f"There is no passage “{_harmless(passage[:24])}” to be guessed by {_harmless(form[:24])} here; the result is from another version.")
    if not 1 <= len(guesses) <= symbols or not all(1 <= g <= FORMS[form] for g in guesses):
        raise ReaderError(
            f"A result for “{_harmless(passage)}” has numbers that no game can have: up to {symbols} symbols, each found at guess 1 to {FORMS[form]}."
        )
    return Result(form, passage, tuple(guesses))


def find_codes(text: str, length: Callable[[str, str], int | None]) -> list[Result]:
    """All codes in a text that somebody pasted: one a line, or links that end in #results=CODE.CODE. Raises ReaderError."""
    words = [word for chunk in text.split() for word in re.split("[,;.]", chunk.rpartition("#results=")[2]) if word]
    if len(words) > MOST:
        raise ReaderError(f"That is {len(words)} codes; up to {MOST} can be pooled at once.")
    return [decode(word, length) for word in words]


def to_csv(results: Iterable[Result]) -> str:
    """A row a symbol: game (numbered from 1), form, passage, position (from 1), guesses."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for number, result in enumerate(results, 1):
        writer.writerows([number, result.form, result.passage, position, guess] for position, guess in enumerate(result.guesses, 1))
    return out.getvalue()


def from_csv(raw: bytes, length: Callable[[str, str], int | None]) -> list[Result]:
    """The results of a CSV as `to_csv` writes it. Raises ReaderError with a sentence for anything else."""
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as broken:
        raise ReaderError("This file is not a CSV in UTF-8, as “Save as CSV” writes it.") from broken
    rows = [row for row in rows if row]
    if not rows or rows[0] != HEADER:
        raise ReaderError(f"The first line of the file must be {','.join(HEADER)}, as “Save as CSV” writes it.")
    games: dict[tuple[str, str, str], list[int]] = {}
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(HEADER) or not all(re.fullmatch(r"[0-9]{1,6}", row[column]) for column in (0, 3, 4)):
            raise ReaderError(f"Line {line} of the file is not a row of {', '.join(HEADER)}.")
        guesses = games.setdefault((row[0], row[1], row[2]), [])
        if int(row[3]) != len(guesses) + 1:
            raise ReaderError(f"Line {line} of the file is position {int(row[3])} of its game; position {len(guesses) + 1} was expected.")
        guesses.append(int(row[4]))
        if len(games) > MOST:
            raise ReaderError(f"The file holds more than {MOST} games; that is more than can be pooled at once.")
    return [checked(form, passage, guesses, length) for (_, form, passage), guesses in games.items()]


def _check(body: str) -> str:
    return "".join(CHECK[n] for n in divmod(zlib.crc32(body.encode("utf-8", "replace")) % len(CHECK) ** 2, len(CHECK)))


def _harmless(text: str) -> str:
    return re.sub(r"[^0-9a-zA-Z-…]", "?", text)
