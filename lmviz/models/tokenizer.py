"""Byte-level BPE: text → ids → exactly the same bytes, whatever the text.

Every token stands for a run of bytes, so offsets are counted in bytes and a text is cut nowhere it was not already cut.
Typed text never becomes a control token: control names are not in the matcher, so "<|endoftext|>" is thirteen ordinary
characters. Source: Radford et al. 2019 (byte-level BPE); Sennrich et al. 2016.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from lmviz.errors import ReaderError
from lmviz.models.port import Encoded


@lru_cache(1)
def byte_alphabet() -> dict[str, int]:
    """The printable stand-in of each of the 256 bytes, as GPT-2 chose them: character → byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


def spellings(tokens: Iterable[str]) -> list[bytes]:
    """The bytes that tokens stand for, written in stand-ins; all in one go, since a vocabulary has tens of thousands.

    >>> spellings(["Ġcat", "Ċ"])
    [b' cat', b'\\n']
    """
    tokens, alphabet = list(tokens), byte_alphabet()
    joined = "".join(tokens)
    if strange := set(joined) - alphabet.keys():
        raise ValueError(f"tokens must be written in the byte alphabet, got {sorted(strange)[:3]}")
    raw = joined.translate({ord(character): byte for character, byte in alphabet.items()}).encode("latin-1")
    ends = list(accumulate(map(len, tokens)))
    return [raw[start:end] for start, end in zip([0, *ends], ends)]


def utf8(text: str) -> bytes:
    """The text's bytes; half a surrogate pair, which no file can hold, is refused in a sentence."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as broken:
        raise ReaderError(f"Character {broken.start + 1} of the text is half a character and cannot be read. Please delete it and try again.") from broken


class ByteBPE:
    """A byte-level BPE tokenizer from a `tokenizers` JSON; `control` maps the names of control tokens to their ids."""

    def __init__(self, json: str, name: str, control: dict[str, int]):
        from tokenizers import Tokenizer

        self.name = name
        self.control = dict(control)
        try:
            self._tokenizer = Tokenizer.from_str(json)
        except Exception as broken:  # the library raises nothing narrower
            raise ValueError(f"json must be a tokenizer in the format of `tokenizers` ({broken})") from broken
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=False)
        self._bytes: list[bytes] = [b""] * self._tokenizer.get_vocab_size(with_added_tokens=False)
        control_ids = set(control.values())
        typed = {token: index for token, index in vocabulary.items() if index not in control_ids}
        for token in vocabulary.keys() - typed.keys():
            self._bytes[vocabulary[token]] = token.encode()
        for spelled, index in zip(spellings(typed), typed.values()):
            self._bytes[index] = spelled
        self._missing = frozenset(range(256)) - {token[0] for i, token in enumerate(self._bytes) if len(token) == 1 and i not in control_ids}

    @classmethod
    def from_file(cls, path: Path, name: str, control: dict[str, int]) -> ByteBPE:
        return cls(Path(path).read_text(encoding="utf-8"), name, control)

    @property
    def vocab_size(self) -> int:
        return len(self._bytes)

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes a token stands for (possibly part of a character); the name, for a control token."""
        return self._bytes[token_id]

    def encode(self, text: str) -> Encoded:
        """Ids and byte offsets; the tokens' spans laid end to end are the text's bytes.

        subtle: a vocabulary may lack the token of a byte that its training text never had (SmolLM2 lacks six control
        characters). Such a character is read as U+FFFD, "�", keeps its own span, and is named in `unreadable`.
        """
        raw = utf8(text)
        if not self._missing.intersection(raw):
            ids = tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)
            ends = tuple(accumulate(len(self._bytes[i]) for i in ids))
            return Encoded(ids, (0, *ends[:-1]) if ids else (), ends, raw)
        return self._encode_with_substitutes(text, raw)

    def _encode_with_substitutes(self, text: str, raw: bytes) -> Encoded:
        pieces, place, unreadable = [], [0], {}  # place[j]: where byte j of the text as read stands in the text as typed
        for character in text:
            its_bytes = character.encode()
            if self._missing.intersection(its_bytes):
                unreadable[character] = None
                pieces.append("\N{REPLACEMENT CHARACTER}")
                place += [place[-1], place[-1], place[-1] + len(its_bytes)]
            else:
                pieces.append(character)
                place += range(place[-1] + 1, place[-1] + len(its_bytes) + 1)
        ids = tuple(self._tokenizer.encode("".join(pieces), add_special_tokens=False).ids)
        ends = tuple(place[end] for end in accumulate(len(self._bytes[i]) for i in ids))
        return Encoded(ids, (0, *ends[:-1]), ends, raw, tuple(unreadable))

    def decode(self, ids) -> bytes:
        return b"".join(self._bytes[i] for i in ids)
