"""Two scored texts side by side, aligned by their bytes: the tokens may differ, the bytes do not."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

from lmviz.models.scored import ScoredText, Token

OTHER_ORDER = "The mat sat on the cat"  # what the opening example is set beside: the same words in another order
MAX_PAIRS = 300_000  # pairs of equal words looked at; a text that repeats itself more than that is compared at its ends only


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
    """Common stretches as (place in a, place in b, length in bytes), in order, never crossing.

    Words are matched first, a word with the white space before it; then what changed is matched at its two ends.

    >>> matching_blocks(b"the cat sat", b"the dog sat")
    [(0, 0, 3), (3, 3, 1), (7, 7, 4)]
    """
    words_a, words_b = _words(a), _words(b)
    at_a, at_b = _offsets(words_a), _offsets(words_b)
    blocks, i, j = [], 0, 0
    for first_a, first_b, n in [*_matching_words(words_a, words_b), (len(words_a), len(words_b), 0)]:
        begin_a, begin_b, end = at_a[first_a], at_b[first_b], at_a[first_a + n]
        changed_a, changed_b = a[i:begin_a], b[j:begin_b]
        head = _common_prefix(changed_a, changed_b)
        tail = _common_prefix(changed_a[head:][::-1], changed_b[head:][::-1])
        blocks += [(i, j, head), (begin_a - tail, begin_b - tail, tail), (begin_a, begin_b, end - begin_a)]
        i, j = end, begin_b + end - begin_a
    return [block for block in blocks if block[2]]


def _matching_words(a: list[bytes], b: list[bytes]) -> list[tuple[int, int, int]]:
    """Runs of equal words as (first in a, first in b, how many): the common beginning and end, and what `difflib` finds between."""
    head = _common_prefix(a, b)
    tail = _common_prefix(a[head:][::-1], b[head:][::-1])
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    counts_a, counts_b = Counter(middle_a), Counter(middle_b)
    runs = [(0, 0, head)]
    if sum(n * counts_b[word] for word, n in counts_a.items()) <= MAX_PAIRS:
        matcher = SequenceMatcher(None, middle_a, middle_b, autojunk=False)
        runs += [(block.a + head, block.b + head, block.size) for block in matcher.get_matching_blocks()]
    return [run for run in [*runs, (len(a) - tail, len(b) - tail, tail)] if run[2]]


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


def _common_prefix(a: Sequence, b: Sequence) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _words(raw: bytes) -> list[bytes]:
    """A word with the white space before it; laid end to end they are the bytes."""
    return re.findall(rb"\s*\S+|\s+", raw)


def _offsets(parts: list[bytes]) -> list[int]:
    """Where each part begins, and where the last one ends."""
    return [0, *accumulate(map(len, parts))]
