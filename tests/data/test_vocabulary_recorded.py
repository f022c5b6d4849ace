"""What chapter 16 shows from records, against fresh runs of what is cheap."""

import numpy as np
import pytest

from lmviz import models
from lmviz.coding import huffman
from lmviz.data import examples
from lmviz.data.recorded import heads as heads_record
from lmviz.data.recorded import vocabulary_costs as costs_record
from lmviz.data.recorded import vocabulary_counts as counts
from lmviz.data.recorded import vocabulary_ways as ways_record
from lmviz.models import scoring
from lmviz.vocabulary import costs, heads, hierarchical


def test_the_small_run_of_the_heads_is_what_a_fresh_one_gives():
    kept, fresh = heads_record.load()["small"], heads_record.small()
    assert kept.keys() == fresh.keys() == set(heads.KINDS)
    for kind, row in fresh.items():
        assert row | {"curve": 0} == kept[kind] | {"curve": 0}, "run python -m lmviz.data.recorded.heads train"
        assert [n for n, _, _ in row["curve"]] == [n for n, _, _ in kept[kind]["curve"]]
        np.testing.assert_allclose([nats for *_, nats in row["curve"]], [nats for *_, nats in kept[kind]["curve"]], atol=2e-3)


def test_the_recorded_heads_have_the_numbers_and_the_work_of_fresh_ones():
    row = heads_record.load()["nano"]
    shape = counts.smoothed("lmviz", row["vocab_size"])
    for kind, head in row["heads"].items():
        assert head["n_parameters"] == sum(p.numel() for p in heads.make(kind, shape, row["hidden_size"]).parameters())
        assert head["multiply_adds"] == pytest.approx(heads.multiply_adds(kind, shape, row["hidden_size"]), abs=1)
        nats = [nats for *_, nats in head["curve"]]
        assert nats == sorted(nats, reverse=True) and nats[-1] > row["own_nats"]  # nothing beats the head that grew up with the body


def test_recorded_memory_is_that_of_a_fresh_count_and_every_point_is_there():
    rows = {(row["kind"], row["vocab_size"]): row for row in costs_record.load()["costs"]}
    assert set(rows) == {(kind, V) for kind in costs.KINDS for V in costs.SIZES} and costs_record.load()["hidden_size"] == costs.D
    for kind in costs.KINDS:
        assert rows[kind, 2048]["n_bytes"] == pytest.approx(costs.measure(kind, 2048, patience=0).n_bytes, rel=0.01)


@pytest.mark.parametrize("name", ["nano", "unigram"])
def test_the_recorded_ways_are_what_a_fresh_walk_gives(name):
    model = models.load(name)
    row = ways_record.load()[name]
    assert row["revision"] == model.revision, "run python -m lmviz.data.recorded.vocabulary_ways"
    scored = scoring.score(model, examples.OPENING)
    ids = [token.id for token in scored.tokens]
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    log_probs = model.logits(states).double().log_softmax(-1).numpy()
    for kind in ways_record.KINDS:
        for position, leaf in enumerate(ids):
            kept = ways_record.recorded(name, model.revision, kind, examples.OPENING, position)
            fresh = ways_record.computed(model, kind, log_probs[position], leaf)
            assert sum(step.log_prob for step in kept) == pytest.approx(float(scored.log_probs[position]), abs=1e-3)
            assert [(s.turn, s.other_count) for s in kept] == [(s.turn, s.other_count) for s in fresh]
            np.testing.assert_allclose([s.other_log_mass for s in kept], [s.other_log_mass for s in fresh], atol=1e-3)
            assert kept[0].others[0] == fresh[0].others[0]


@pytest.mark.smollm2
def test_the_recorded_ways_of_smollm2_multiply_to_its_probabilities(smollm2):
    scored = scoring.score(smollm2, examples.OPENING)
    for kind in ways_record.KINDS:
        for position, log_prob in enumerate(scored.log_probs):
            kept = ways_record.recorded("smollm2-135m", smollm2.revision, kind, examples.OPENING, position)
            assert sum(step.log_prob for step in kept) == pytest.approx(float(log_prob), abs=2e-3)


def test_other_weights_another_text_and_another_vocabulary_have_no_record():
    revision = models.load("nano").revision
    assert ways_record.recorded("nano", revision + "x", "balanced", examples.OPENING, 0) is None
    assert ways_record.recorded("nano", revision, "balanced", "Another text", 0) is None
    assert counts.smoothed("lmviz", 300) is None and counts.smoothed("nothing", 4096) is None


def test_counted_tokens_make_trees_whose_depths_are_known_without_torch():
    for tokenizer, V in (("lmviz", 4096), ("smollm2", 49_152)):
        seen = counts.smoothed(tokenizer, V)
        assert seen.min() >= 1 and huffman.kraft(ways_record.depths("huffman", tokenizer, V)) == 1
        p = seen / seen.sum()
        entropy = -(p * np.log2(p)).sum()
        assert entropy <= p @ ways_record.depths("huffman", tokenizer, V) < entropy + 1
    for V in (2, 3, 4, 5, 49, 4096):
        np.testing.assert_array_equal(ways_record.depths("balanced", "any", V), hierarchical.balanced(V).depths)
    np.testing.assert_array_equal(ways_record.depths("huffman", "lmviz", 4096), ways_record.tree("huffman", "lmviz", 4096).depths)
