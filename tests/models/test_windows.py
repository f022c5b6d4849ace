"""Rolling windows: every token counted once, nothing longer than the context; and windowed scores against a reference by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmviz.models import scoring
from lmviz.models.windows import windows


@given(st.integers(0, 400), st.integers(1, 60), st.data())
def test_every_token_is_counted_exactly_once_in_order(n, context, data):
    stride = data.draw(st.one_of(st.none(), st.integers(1, context)))
    cut = windows(n, context, stride)
    assert [i for w in cut for i in range(w.counted, w.end)] == list(range(n))
    assert all(w.begin <= w.counted < w.end and w.end - w.begin <= context for w in cut)


@given(st.integers(1, 400), st.integers(1, 60), st.data())
def test_every_counted_token_has_all_its_past_or_at_least_context_minus_stride_of_it(n, context, data):
    stride = data.draw(st.integers(1, context))
    for w in windows(n, context, stride):
        assert w.begin == 0 or w.counted - w.begin >= context - stride


@pytest.mark.parametrize("context, stride", [(0, None), (8, 0), (8, 9), (8, -1)])
def test_a_window_that_cannot_be_is_refused(context, stride):
    with pytest.raises(ValueError, match="context|stride"):
        windows(10, context, stride)


@pytest.mark.parametrize("context, stride", [(5, None), (5, 1), (5, 5), (8, 3), (1, 1), (64, 64)])
def test_windowed_scores_are_those_of_each_window_read_alone_by_transformers(small, small_reference, context, stride):
    text = "the cat sat on the mat, and 42 dogs sat on the log!"
    scored = scoring.score(small, text, context=context, stride=stride)
    ids = [t.id for t in scored.tokens]
    assert scored.context == context and scored.stride == (stride or context // 2)
    step = stride or context // 2
    for i in range(len(ids)):  # by hand: which window counts token i, and what it had read
        extra = 0 if i < context else -(-(i + 1 - context) // step)
        end = min(context + extra * step, len(ids))
        begin = max(0, end - context)
        q = small_reference.log_probs(0, ids[begin : i + 1])[-1]
        assert scored.log_probs[i] == pytest.approx(float(q[ids[i]]), abs=1e-4)
        assert scored.entropies[i] == pytest.approx(float(-(q.exp() * q).sum()), abs=1e-4)


def test_a_text_longer_than_the_models_context_is_scored_to_its_end(small):
    text = "the cat sat on the mat " * 40
    scored = scoring.score(small, text)
    assert len(scored) > 2 * small.context and np.isfinite(scored.log_probs).all() and scored.n_bytes == len(text)


def test_a_short_stride_costs_nothing_in_correctness_when_batched(small):
    texts = ["the cat sat on the mat " * 8, "the", "a dog sat " * 11]
    together = scoring.score_many(small, texts, context=16, stride=2)
    for text, scored in zip(texts, together):
        np.testing.assert_allclose(scored.log_probs, scoring.score(small, text, context=16, stride=2).log_probs, rtol=0, atol=1e-4)
