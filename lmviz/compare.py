"""Two scored texts side by side, aligned by their bytes: the tokens may differ, the bytes do not."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from lmviz.models.scored import ScoredText, Token

OTHER_ORDER = "The mat sat on the cat"  # what the opening example is set beside: the same words in another order
MAX_PAIRS = 2_000_000  # pairs of equal words looked at; a text that repeats itself more than that is compared at its ends only


@dataclass(frozen=True)
class Span:
    """The smallest stretch that both texts cut in the same places: bytes and tokens of each, and their summed loss in nats.

    Ranges are (first, one past the last). `same` says whether the bytes are equal; a stretch that only one text has is
    empty in the other, and costs nothing there.
    """

    a_bytes: tuple[int, int]
    b_bytes: tuple[int, int]
    a_tokens: tuple[int, int]
    b_tokens: tuple[int, int]
    a_text: str
    b_text: str
    a_nats: float
    b_nats: float

    @property
    def same(self) -> bool:
        return self.a_text == self.b_text

    @property
    def difference_nats(self) -> float:
        """What the second costs more than the first; NaN where one was not scored or both are infinite."""
        return self.b_nats - self.a_nats


def align(a: ScoredText, b: ScoredText) -> tuple[Span, ...]:
    """Cut two scored texts wherever a token ends in both at the same place of common bytes. The spans cover both texts.

    One text under two models is cut wherever both tokenizers cut it. Two texts are first matched word by word.
    """
    a_raw, b_raw = a.text.encode(), b.text.encode()
    cuts = list(_cuts(a_raw, b_raw, a.tokens, b.tokens))
    spans, i, j = [], 0, 0
    for (a_from, b_from), (a_to, b_to) in zip(cuts, cuts[1:], strict=False):
        i_end, j_end = _tokens_until(a.tokens, i, a_to), _tokens_until(b.tokens, j, b_to)
        spans.append(
            Span(
                (a_from, a_to), (b_from, b_to), (i, i_end), (j, j_end), a_raw[a_from:a_to].decode(), b_raw[b_from:b_to].decode(),
                math.fsum(a.losses[i:i_end]), math.fsum(b.losses[j:j_end]),
            )
        )  # fmt: skip
        i, j = i_end, j_end
    return tuple(spans)


def partner(spans: Sequence[Span], token: int, *, of_b: bool = False) -> int | None:
    """The first token of the other text in the span that holds `token` (of the first text, or of the second); None if it has none."""
    for span in spans:
        (begin, end), (other, other_end) = (span.b_tokens, span.a_tokens) if of_b else (span.a_tokens, span.b_tokens)
        if begin <= token < end:
            return other if other < other_end else None
    return None


def matching_blocks(a: bytes, b: bytes) -> list[tuple[int, int, int]]:
    """Common stretches as (place in a, place in b, length in bytes), in order, never crossing: ends first, then word by word.

    >>> matching_blocks(b"the cat sat", b"the dog sat")
    [(0, 0, 4), (7, 7, 4)]
    """
    head = _common_prefix(a, b)
    tail = _common_prefix(a[head:][::-1], b[head:][::-1])
    middle_a, middle_b = _words(a[head : len(a) - tail]), _words(b[head : len(b) - tail])
    blocks = [(0, 0, head)] if head else []
    counts_a, counts_b = Counter(middle_a), Counter(middle_b)
    if sum(n * counts_b[word] for word, n in counts_a.items()) <= MAX_PAIRS:
        a_at, b_at = _offsets(middle_a, head), _offsets(middle_b, head)
        for block in SequenceMatcher(None, middle_a, middle_b, autojunk=False).get_matching_blocks():
            if block.size:
                blocks.append((a_at[block.a], b_at[block.b], a_at[block.a + block.size] - a_at[block.a]))
    if tail:
        blocks.append((len(a) - tail, len(b) - tail, tail))
    return blocks


def _cuts(a: bytes, b: bytes, a_tokens: Sequence[Token], b_tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Pairs of byte offsets, strictly in order, at which both texts may be cut; a character is never cut."""
    a_edges = {0, *(token.end for token in a_tokens)}
    b_edges = {0, *(token.end for token in b_tokens)}
    last = (0, 0)
    yield last
    for i, j, length in [*matching_blocks(a, b), (len(a), len(b), 0)]:
        for step in range(length + 1):
            cut = (i + step, j + step)
            both = cut[0] in a_edges and cut[1] in b_edges
            if both and cut > last and _starts_character(a, cut[0]) and _starts_character(b, cut[1]):
                yield cut
                last = cut


def _tokens_until(tokens: Sequence[Token], start: int, byte: int) -> int:
    while start < len(tokens) and tokens[start].end <= byte:
        start += 1
    return start


def _starts_character(raw: bytes, place: int) -> bool:
    return place == len(raw) or raw[place] & 0xC0 != 0x80


def _common_prefix(a: bytes, b: bytes) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _words(raw: bytes) -> list[bytes]:
    """A word with the white space before it; laid end to end they are the bytes."""
    return re.findall(rb"\s*\S+|\s+", raw)


def _offsets(parts: list[bytes], start: int) -> list[int]:
    places = [start]
    for part in parts:
        places.append(places[-1] + len(part))
    return places
