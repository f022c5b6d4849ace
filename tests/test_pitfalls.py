"""Each mistake gives the number that the mistake gives, and avoiding it gives the right one."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from toy_model import OTHER, START, Toy  # noqa: E402

from lmviz import models, pitfall_readings, pitfalls  # noqa: E402
from lmviz.models import scoring  # noqa: E402

TEXT = "the shorter the text"
LOSSES = st.lists(st.floats(0.0, 20.0), min_size=1, max_size=8)


def by_hand(toy, contexts, targets):
    """exp of the mean of −log softmax, in float64, one pair at a time."""
    log_probs = torch.log_softmax(toy.table.double(), 1)
    return math.exp(-sum(log_probs[c, t].item() for c, t in zip(contexts, targets)) / len(targets))


def test_the_perplexity_of_v_equal_logits_is_v():
    assert pitfalls.perplexity(torch.zeros(3, 50), [0, 7, 49]) == pytest.approx(50)


def test_the_perplexity_of_nothing_is_undefined():
    assert math.isnan(pitfalls.perplexity(torch.zeros(0, 5), []))


def test_pooling_is_one_long_text():
    assert pitfalls.pooled([[1.0, 2.0], [6.0]]) == pytest.approx(math.exp(3.0))


def test_averaging_lets_one_hard_text_outweigh_ninety_nine_easy_tokens():
    texts = [[1.0] * 99, [10.0]]
    assert pitfalls.pooled(texts) == pytest.approx(math.exp(1.09))
    assert pitfalls.averaged(texts) == pytest.approx((math.e + math.exp(10)) / 2)


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(st.floats(0, 20), min_size=n, max_size=n), min_size=1, max_size=5)))
def test_the_average_is_never_below_the_pooled_perplexity_of_texts_of_equal_length(texts):
    assert pitfalls.averaged(texts) >= pitfalls.pooled(texts) * (1 - 1e-12)


@given(LOSSES, LOSSES)
def test_pooling_does_not_care_where_texts_are_cut(a, b):
    assert pitfalls.pooled([a, b]) == pytest.approx(pitfalls.pooled([a + b]))


def test_padding_scored_counts_the_pads_as_text():
    toy, ids = Toy(), list(b"abc")
    logits = toy.table[[START, *ids, START]]
    assert pitfalls.padding_scored(logits, ids, START) == pytest.approx(by_hand(toy, [START, *ids, START], [*ids, START, START]), rel=1e-5)


def test_without_padding_nothing_goes_wrong():
    toy, ids = Toy(), list(b"abc")
    logits = toy.table[[START, *ids[:-1]]]
    assert pitfalls.padding_scored(logits, ids, START) == pytest.approx(pitfalls.perplexity(logits, ids))


def test_the_three_shifts_compare_with_the_token_itself_the_next_and_the_one_after():
    toy, ids = Toy(), list(b"shift")
    logits = toy.table[[START, *ids]]
    assert pitfalls.shifted(logits, ids, 0) == pytest.approx(by_hand(toy, ids, ids), rel=1e-5)
    assert pitfalls.shifted(logits, ids, 1) == pytest.approx(by_hand(toy, [START, *ids[:-1]], ids), rel=1e-5)
    assert pitfalls.shifted(logits, ids, 2) == pytest.approx(by_hand(toy, [START, *ids[:-2]], ids[1:]), rel=1e-5)


def test_another_shift_is_refused():
    with pytest.raises(ValueError, match="shift"):
        pitfalls.shifted(torch.zeros(2, 2), [0], 3)


def test_softmax_twice_by_the_definition():
    z = torch.tensor([[2.0, 0.0, -1.0]], dtype=torch.float64)
    p = np.exp([2.0, 0.0, -1.0]) / np.exp([2.0, 0.0, -1.0]).sum()
    q = np.exp(p) / np.exp(p).sum()
    assert pitfalls.softmax_twice(z, [0]) == pytest.approx(1 / q[0])


def test_softmax_twice_cannot_fall_below_v_over_e_however_certain_the_model():
    V = 1000
    logits = torch.full((2, V), -1e4)
    logits[:, 3] = 1e4
    assert pitfalls.perplexity(logits, [3, 3]) == pytest.approx(1)
    assert pitfalls.softmax_twice(logits, [3, 3]) == pytest.approx((V - 1 + math.e) / math.e)


def test_readings_are_the_mistakes_made_on_purpose():
    toy, ids = Toy(), list(TEXT.encode())
    r = pitfall_readings.readings(toy, TEXT)
    contexts = [START, *ids[:-1]]
    assert (r.n_tokens, r.n_padding, r.start) == (20, 12, "<start>")
    assert r.right == pytest.approx(scoring.score(toy, TEXT).perplexity, rel=1e-5)
    assert r.no_shift == pytest.approx(by_hand(toy, ids, ids), rel=1e-5)
    assert r.padding_scored == pytest.approx(by_hand(toy, [START, *ids, *[START] * 11], [*ids, *[START] * 12]), rel=1e-5)
    assert r.starts == {
        "<start>": r.right,
        "<other>": pytest.approx(by_hand(toy, [OTHER, *ids[:-1]], ids), rel=1e-5),
        "": pytest.approx(by_hand(toy, ids[:-1], ids[1:]), rel=1e-5),
    }
    assert r.right == pytest.approx(by_hand(toy, contexts, ids), rel=1e-5)


def test_a_text_that_fills_its_row_has_no_padding_and_nothing_goes_wrong():
    r = pitfall_readings.readings(Toy(), "x" * 2 * pitfall_readings.PADDED_TO)
    assert r.n_padding == 0 and r.padding_scored == pytest.approx(r.right)


def test_a_single_token_leaves_nothing_to_score_without_a_start_token():
    r = pitfall_readings.readings(Toy(), "x")
    assert math.isnan(r.starts[""]) and math.isnan(r.two_shifts) and math.isfinite(r.right)


def test_a_long_text_is_read_as_far_as_is_said():
    assert pitfall_readings.readings(Toy(), "x" * 500).n_tokens == pitfall_readings.MOST_TOKENS


def test_a_text_without_tokens_is_refused():
    with pytest.raises(ValueError, match="text"):
        pitfall_readings.readings(Toy(), "")


@pytest.mark.smollm2
def test_the_start_token_of_smollm2_is_the_end_of_text_and_not_the_one_its_files_declare():
    """Independent values, measured with transformers: 19.85 after id 0, 435.6 after id 1, 210.1 after nothing."""
    starts = pitfall_readings.readings(models.load("smollm2-135m"), "The cat sat on the mat.").starts
    assert starts["<|endoftext|>"] == pytest.approx(19.85, abs=0.01)
    assert starts["<|im_start|>"] == pytest.approx(435.6, abs=0.1)
    assert starts[""] == pytest.approx(210.1, abs=0.1)
