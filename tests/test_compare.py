import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmviz import compare
from lmviz.models.scored import ScoredText, Token, token_texts


def scored(text: str, edges, losses=None, model="m") -> ScoredText:
    """A text cut at these byte offsets; the i-th token costs i + 1 nats, or what `losses` says."""
    raw = text.encode()
    bounds = sorted({0, len(raw), *(e for e in edges if 0 < e < len(raw))})
    starts, ends = tuple(bounds[:-1]), tuple(bounds[1:])
    tokens = tuple(Token(i, t, s, e) for i, (t, s, e) in enumerate(zip(token_texts(raw, starts, ends), starts, ends, strict=True)))
    costs = np.arange(1.0, len(tokens) + 1) if losses is None else np.asarray(losses, dtype=float)
    nothing = np.zeros(len(tokens))
    return ScoredText(model, "", "float32", text, tokens, -costs, nothing, nothing + 1, np.zeros((len(tokens), 0)), np.zeros((len(tokens), 0)), nothing,
                      ((),) * len(tokens))  # fmt: skip


texts = st.text(alphabet="ab é😀\n日", min_size=1, max_size=30)
edges = st.lists(st.integers(1, 80), max_size=20)


@given(texts, edges, texts, edges)
def test_the_spans_cover_both_texts_and_lose_no_nat(text_a, edges_a, text_b, edges_b):
    a, b = scored(text_a, edges_a), scored(text_b, edges_b)
    spans = compare.align(a, b)
    assert "".join(s.a_text for s in spans) == text_a and "".join(s.b_text for s in spans) == text_b
    for whole, side in ((a, "a"), (b, "b")):
        ranges = [getattr(s, f"{side}_tokens") for s in spans]
        assert ranges[0][0] == 0 and ranges[-1][1] == len(whole)
        assert all(x[1] == y[0] for x, y in zip(ranges, ranges[1:], strict=False))
        assert math.fsum(getattr(s, f"{side}_nats") for s in spans) == pytest.approx(whole.total_nats)
        for span, (begin, end) in zip(spans, ranges, strict=True):
            byte_range = getattr(span, f"{side}_bytes")
            assert begin == end or (whole.tokens[begin].start, whole.tokens[end - 1].end) == byte_range


@given(texts, edges, edges)
def test_one_text_under_two_tokenizers_is_cut_exactly_where_both_cut_between_characters(text, edges_a, edges_b):
    a, b = scored(text, edges_a), scored(text, edges_b)
    characters = {len(text[:i].encode()) for i in range(len(text) + 1)}
    shared = {t.end for t in a.tokens} & {t.end for t in b.tokens} & characters
    spans = compare.align(a, b)
    assert all(s.same and s.a_bytes == s.b_bytes for s in spans)
    assert {s.a_bytes[1] for s in spans} == shared


@given(texts, edges)
def test_a_text_beside_itself_is_cut_at_its_tokens_and_differs_nowhere(text, cut):
    a = scored(text, [e for e in cut if e in {len(text[:i].encode()) for i in range(len(text))}])
    spans = compare.align(a, a)
    assert [s.a_bytes for s in spans] == [(t.start, t.end) for t in a.tokens]
    assert all(s.difference_nats == 0 for s in spans)


def test_a_changed_word_is_one_stretch_and_the_rest_stays_aligned():
    a, b = scored("the cat sat down", [3, 7, 11]), scored("the weasel sat down", [3, 7, 10, 14])
    spans = compare.align(a, b)
    assert [(s.a_text, s.b_text) for s in spans] == [("the", "the"), (" cat", " weasel"), (" sat", " sat"), (" down", " down")]
    assert spans[1].b_tokens == (1, 3) and spans[1].b_nats == 2 + 3


def test_a_word_that_only_one_text_has_stands_alone():
    a, b = scored("the cat sat", [3, 7]), scored("the old cat sat", [3, 7, 11])
    spans = compare.align(a, b)
    assert [(s.a_text, s.b_text) for s in spans] == [("the", "the"), ("", " old"), (" cat", " cat"), (" sat", " sat")]
    assert spans[1].a_nats == 0 and spans[1].a_tokens == (1, 1) and not spans[1].same


def test_the_partner_of_a_token_stands_at_the_same_bytes():
    a, b = scored("the lighthouse", [3]), scored("the lighthouse", [3, 9])
    spans = compare.align(a, b)
    assert compare.partner(spans, 1) == 1
    assert [compare.partner(spans, j, of_b=True) for j in range(3)] == [0, 1, 1]


def test_a_token_without_a_counterpart_has_no_partner():
    spans = compare.align(scored("the cat", [3]), scored("the old cat", [3, 7]))
    assert [compare.partner(spans, j, of_b=True) for j in range(3)] == [0, None, 1]


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_matching_stretches_are_equal_and_never_cross(a, b):
    i = j = 0
    for at_a, at_b, length in compare.matching_blocks(a, b):
        assert at_a >= i and at_b >= j and length > 0
        assert a[at_a : at_a + length] == b[at_b : at_b + length]
        i, j = at_a + length, at_b + length
    assert i <= len(a) and j <= len(b)


def test_a_text_that_only_repeats_itself_is_compared_at_its_ends_and_not_for_minutes():
    a, b = b"x " + b"a " * 8000 + b"end", b"y " + b"a " * 7000 + b"b end"
    looked = []
    original = compare.SequenceMatcher
    compare.SequenceMatcher = lambda *args, **kwargs: looked.append(args) or original(*args, **kwargs)
    try:
        blocks = compare.matching_blocks(a, b)
    finally:
        compare.SequenceMatcher = original
    assert not looked and blocks[-1][2] == len(b" end")


def test_a_token_that_was_not_scored_has_no_difference():
    a, b = scored("a b", [1], losses=[math.nan, 1.0]), scored("a b", [1], losses=[2.0, 1.5])
    assert [s.difference_nats for s in compare.align(a, b)][1] == 0.5
    assert math.isnan(compare.align(a, b)[0].difference_nats)
