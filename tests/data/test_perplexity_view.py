"""What chapter 3 has stored is what a fresh run gives. The slow parts are sampled: each stored row stands alone."""

import numpy as np
import pytest

from lmviz import context_length, models, pitfall_readings
from lmviz.data import examples
from lmviz.data.first_views import perplexity as stored
from lmviz.models import scoring

pytestmark = pytest.mark.smollm2
REMEDY = "run python -m lmviz.data.first_views.make"


@pytest.fixture(scope="module", params=models.names())
def model(request):
    return models.load(request.param)


@pytest.fixture
def view(model):
    view = stored.load(model.name)
    assert view is not None, REMEDY
    assert view.revision == model.revision, REMEDY
    return view


def test_the_positions_of_two_passages_are_as_stored(model, view):
    passages = stored.english()
    assert view.by_position.nats.shape == (len(passages), len(context_length.EDGES) - 1)
    shortest = sorted(range(len(passages)), key=lambda i: len(passages[i].text))[:2]
    for i in shortest:
        nats, counts = context_length.by_position(scoring.score(model, passages[i].text, top_k=1).losses)
        np.testing.assert_array_equal(view.by_position.counts[i], counts)
        np.testing.assert_allclose(view.by_position.nats[i], nats, atol=2e-3)


def test_no_token_of_the_passages_is_missing(model, view):
    lengths = [len(model.encode(p.text)) for p in stored.english()]
    np.testing.assert_array_equal(view.by_position.counts.sum(1), np.minimum(lengths, context_length.EDGES[-1]))


def test_short_memories_of_one_passage_are_as_stored(model, view):
    assert view.by_memory.nats.shape == (len(stored.MEMORY_PASSAGES), len(context_length.BEFORE))
    text = stored.beginning(model, stored.passage(stored.MEMORY_PASSAGES[1]).text, stored.MEMORY_TOKENS)
    for j in (0, 1):
        (losses,) = context_length.with_memory(model, [text], context_length.BEFORE[j])
        assert view.by_memory.counts[1, j] == len(losses)
        assert view.by_memory.nats[1, j] == pytest.approx(losses.sum(), abs=2e-2)


def test_the_opening_text_with_each_memory_is_as_stored(model, view):
    memories = context_length.memories(len(model.encode(examples.OPENING)))
    fresh = [context_length.with_memory(model, [examples.OPENING], m)[0].mean() for m in memories]
    np.testing.assert_allclose(view.opening_memory, fresh, atol=1e-4)
    assert view.opening_memory[-1] == pytest.approx(scoring.score(model, examples.OPENING).mean_nats, abs=1e-4)


def test_the_windows_are_as_stored(model, view):
    text = stored.passage(stored.WINDOW_PASSAGE).text
    n = len(model.encode(text))
    assert [(c.context, c.stride) for c in view.windows] == stored.window_settings(n, model.context)
    for kept in (view.windows[3], view.windows[-1]):
        fresh = context_length.with_windows(model, text, kept.context, kept.stride)
        assert (kept.n_tokens, kept.tokens_read, kept.n_bytes) == (fresh.n_tokens, fresh.tokens_read, fresh.n_bytes)
        assert kept.total_nats == pytest.approx(fresh.total_nats, abs=2e-2)


def test_the_mistakes_on_the_opening_text_are_as_stored(model, view):
    fresh = pitfall_readings.readings(model, examples.OPENING)
    for name in ("n_tokens", "n_padding", "start"):
        assert getattr(view.readings, name) == getattr(fresh, name)
    for name in ("right", "padding_scored", "no_shift", "two_shifts", "softmax_twice"):
        assert getattr(view.readings, name) == pytest.approx(getattr(fresh, name), rel=2e-4)
    assert view.readings.starts == pytest.approx(fresh.starts, rel=2e-4)


def test_a_model_without_a_stored_view_has_none():
    assert stored.load("no-such-model") is None
