"""BERT's rule: how many are chosen, which, and what becomes of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lmviz import masking

MASK = 1


@pytest.fixture(scope="module")
def many():
    """4 000 rows of 41 positions, the first of which is a start token."""
    ids = np.tile(np.arange(1000, 1041), (4000, 1))
    return ids, masking.bert(ids, np.random.default_rng(5), mask_id=MASK, candidates=np.arange(10, 60), first=1)


def test_every_row_gets_its_share_and_the_start_token_is_never_chosen(many):
    ids, drawn = many
    assert (drawn.chosen.sum(1) == 6).all()  # 15 % of 40
    assert not drawn.chosen[:, 0].any()


def test_every_position_is_as_likely_as_another(many):
    _, drawn = many
    assert stats.chisquare(drawn.chosen[:, 1:].sum(0)).pvalue > 0.001


def test_of_the_chosen_four_fifths_are_masked_a_tenth_swapped_a_tenth_kept(many):
    _, drawn = many
    counts = [int((drawn.fates == fate).sum()) for fate in (masking.MASKED, masking.SWAPPED, masking.KEPT)]
    assert sum(counts) == 24_000
    assert stats.chisquare(counts, [19_200, 2_400, 2_400]).pvalue > 0.001


def test_each_fate_does_what_its_name_says(many):
    ids, drawn = many
    assert (drawn.inputs[drawn.fates == masking.MASKED] == MASK).all()
    assert (drawn.inputs == ids)[(drawn.fates == masking.KEPT) | (drawn.fates == masking.UNTOUCHED)].all()
    swapped = drawn.inputs[drawn.fates == masking.SWAPPED]
    assert stats.chisquare(np.bincount(swapped - 10, minlength=50)).pvalue > 0.001 and swapped.max() < 60


def test_the_same_seed_gives_the_same_draw_and_another_seed_another():
    ids = np.arange(100)
    one, same, other = (masking.bert(ids, np.random.default_rng(seed), mask_id=MASK, candidates=ids) for seed in (1, 1, 2))
    assert (one.inputs == same.inputs).all() and (one.fates != other.fates).any()


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 300), share=st.floats(0.001, 1.0))
def test_any_text_has_at_least_one_chosen_token_and_at_most_all(n, share):
    drawn = masking.bert(np.arange(n), np.random.default_rng(0), mask_id=MASK, candidates=np.arange(9), share=share)
    assert drawn.chosen.sum() == max(1, round(n * share)) <= n


@pytest.mark.parametrize("arguments", [(0, 0.15), (5, 0.0), (5, 1.5)])
def test_nothing_to_choose_from_or_no_share_is_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        masking.n_chosen(*arguments)


def test_by_hand_hides_exactly_what_was_chosen():
    hidden = masking.by_hand(np.array([5, 6, 7]), [2, 0], mask_id=MASK)
    assert hidden.inputs.tolist() == [1, 6, 1] and hidden.chosen.tolist() == [True, False, True]
    with pytest.raises(ValueError, match="0 … 2, got 3"):
        masking.by_hand(np.array([5, 6, 7]), [3], mask_id=MASK)


def test_each_in_turn_hides_one_token_a_row():
    copies = masking.each_in_turn(np.arange(5, 12), np.arange(7), mask_id=MASK)
    assert ((copies == MASK) == np.eye(7, dtype=bool)).all()
