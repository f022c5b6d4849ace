"""What chapter 12 shows before a model is loaded, and what was recorded for it, against fresh runs."""

import numpy as np
import pytest
import torch

from lmviz import models
from lmviz.data.recorded import masked as recorded
from lmviz.models.scored import ScoredText


@pytest.fixture(scope="module")
def model():
    return models.load_masked()


@pytest.mark.parametrize("name", ["gap", "turn", "draw"])
def test_the_stored_views_are_what_a_fresh_run_gives(model, name):
    kept, fresh = getattr(recorded.views(), name), ScoredText.from_dict(recorded.make_views(model)[name])
    assert kept.tokens == fresh.tokens and kept.revision == model.revision, "run python -m lmviz.data.recorded.masked"
    np.testing.assert_allclose(kept.log_probs, fresh.log_probs, atol=1e-4)
    np.testing.assert_array_equal(kept.top_ids[:, 0], fresh.top_ids[:, 0])


def test_what_is_read_in_the_stored_draw_is_what_the_draw_says(model):
    views = recorded.views()
    drawn = recorded.draw([t.id for t in views.draw.tokens], recorded.SEED, views.draw.vocab_size)
    assert views.draw_reads == recorded.reads(model, drawn)
    assert drawn.chosen.sum() == round(0.15 * len(views.draw))
    named = {"<|mask|>" if f == 1 else t.text for t, f in zip(views.draw.tokens, drawn.fates, strict=True) if f != 2}
    assert named <= set(views.draw_reads)


def test_the_sum_over_texts_of_two_tokens_is_that_of_scoring_each_by_itself(model):
    causal, n = models.load(recorded.LEFT), 4
    found = recorded.two_tokens(model, causal, only=n, rows=3)
    ids = range(3, 3 + n)

    def log_prob(states, true):
        return torch.log_softmax(model.logits(states[None]).double(), 1)[0, true].item()

    pseudo, chained = 0.0, 0.0
    for a in ids:
        for b in ids:
            first = model.states([(0, model.mask_id, b)])[0][1]
            second = model.states([(0, a, model.mask_id)])[0][2]
            pseudo += np.exp(log_prob(first, a) + log_prob(second, b))
            (states,), _ = causal.states([(0, a)])
            rows = causal.logits(states).double().log_softmax(1)
            chained += float((rows[0, a] + rows[1, b]).exp())
    assert found["masked"] == pytest.approx(pseudo, rel=1e-4) and found["causal"] == pytest.approx(chained, rel=1e-4)
    assert found["n_texts"] == n * n


def test_the_recorded_sum_of_a_causal_model_is_one_and_that_of_a_masked_one_is_not():
    sums = recorded.load()["two_tokens"]
    assert sums["n_texts"] == 4093**2
    assert 0.999 < sums["causal"] <= 1.0 + 1e-6 and abs(sums["masked"] - 1) > 0.1


def test_every_recorded_run_learned_and_counting_everywhere_copied_more_and_guessed_less():
    stored = recorded.load()["counting"]
    for chosen, everywhere in zip(stored["runs"]["chosen"], stored["runs"]["everywhere"], strict=True):
        assert chosen["seed"] == everywhere["seed"] and chosen["step"] == everywhere["step"]
        assert chosen["masked_nats"][-1] < chosen["masked_nats"][0]
        assert everywhere["all_nats"][-1] < chosen["all_nats"][-1] and everywhere["masked_nats"][-1] > chosen["masked_nats"][-1]
