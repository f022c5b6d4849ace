"""Accuracy, intervals and rank correlations against scipy, chapter 11 and hand-worked cases."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz import calibration, downstream, units


def test_a_tie_of_two_sentences_counts_one_half():
    assert downstream.pair_outcomes([2.0, -1.0, 0.0, 5e-5, -5e-5]).tolist() == [1.0, 0.0, 0.5, 0.5, 0.5]


def test_a_tie_of_endings_is_shared_among_those_that_tie():
    rows = [[-1.0, -1.0, -2.0, -3.0], [-1.0, -1.0, -1.0, -1.0], [-2.0, -1.0, -1.0, -1.0]]
    assert downstream.cloze_outcomes(rows).tolist() == [0.5, 0.25, 0.0]


@pytest.mark.parametrize("function", [downstream.pair_outcomes, downstream.cloze_outcomes])
def test_a_nan_is_named(function):
    with pytest.raises(ValueError, match="NaN"):
        function([[0.0, np.nan]])


def test_weights_keep_the_size_of_every_group_and_draw_each_item_equally_often():
    groups = np.array(["a"] * 30 + ["b"] * 10)
    weights = downstream.resampled(groups, np.random.default_rng(1), 4_000)
    assert (weights[:, :30].sum(1) == 30).all() and (weights[:, 30:].sum(1) == 10).all()
    assert np.abs(weights.mean(0) - 1).max() < 0.1  # standard error 1/√4000 = 0.016


def test_the_interval_of_an_accuracy_is_scipys_percentile_bootstrap():
    rng = np.random.default_rng(2)
    outcomes = (rng.random(300) < 0.7).astype(float)
    ours = downstream.accuracy(outcomes, downstream.resampled(np.zeros(300), rng, 5_000))
    theirs = scipy.stats.bootstrap((outcomes,), np.mean, n_resamples=5_000, method="percentile", rng=np.random.default_rng(3)).confidence_interval
    assert ours.value == outcomes.mean()
    assert ours.low == pytest.approx(theirs.low, abs=0.01) and ours.high == pytest.approx(theirs.high, abs=0.01)


def test_the_same_seed_gives_the_same_interval():
    one, two = (downstream.accuracy([0, 1, 1, 1], downstream.resampled(np.zeros(4), np.random.default_rng(5))) for _ in range(2))
    assert one == two


@pytest.mark.parametrize(("right", "n"), [(0, 40), (13, 40), (40, 40), (29, 33)])
def test_wilsons_interval_is_that_of_chapter_11_and_of_scipy(right, n):
    found = downstream.wilson([1.0] * right + [0.0] * (n - right))
    low, high = calibration.wilson_interval([right], [n])
    theirs = scipy.stats.binomtest(right, n).proportion_ci(method="wilson")
    assert found.low == pytest.approx(float(low[0]), abs=1e-6) and found.high == pytest.approx(float(high[0]), abs=1e-6)
    assert found.low == pytest.approx(theirs.low) and found.high == pytest.approx(theirs.high)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12))
def test_rank_correlation_is_scipys_with_ties_too(points):
    x, y = np.array(points, dtype=float).T
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert np.isnan(downstream.spearman(x, y))
    else:
        assert float(downstream.spearman(x, y)) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
        np.testing.assert_array_equal(downstream.ranks(x), scipy.stats.rankdata(x))


def test_many_columns_are_correlated_as_one_by_one():
    rng = np.random.default_rng(0)
    x, y = rng.integers(4, size=(2, 9, 20)).astype(float)
    together = downstream.spearman(x, y)
    for column in range(20):
        assert together[column] == pytest.approx(scipy.stats.spearmanr(x[:, column], y[:, column]).statistic)


def test_bits_per_byte_pool_nats_and_bytes_before_they_divide():
    nats, n_bytes = np.array([[10.0, 90.0]]), np.array([10, 20])
    value, samples = downstream.pooled_bits(nats, n_bytes, np.array([[1.0, 1.0], [2.0, 0.0]]))
    assert value[0] == pytest.approx(units.bits_per_byte(100.0, 30))
    assert samples[0].tolist() == pytest.approx([units.bits_per_byte(100.0, 30), units.bits_per_byte(10.0, 10)])


def test_models_in_the_same_order_correlate_fully_however_items_are_drawn():
    ladder = np.tri(5, 40, k=20)  # each model has all that the one before it has, and one item more
    rng = np.random.default_rng(0)
    bits = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    found = downstream.rank_correlation(bits, np.repeat(bits[:, None], 2_000, 1), ladder, downstream.resampled(np.zeros(40), rng))
    assert found.value == -1.0 and found.low == -1.0 and -1 <= found.high < -0.5


def test_few_models_leave_a_wide_interval():
    rng = np.random.default_rng(0)
    x, y = np.arange(6.0), np.array([1.0, 0.0, 2.0, 3.0, 5.0, 4.0])
    found = downstream.over_models(x, y, rng)
    assert found.low < found.value < found.high and found.high - found.low > 0.3


def test_learned_is_the_first_checkpoint_of_the_last_stretch_above_chance():
    assert downstream.learned_at([0.6, 0.4, 0.51, 0.9], 0.5) == 2
    assert downstream.learned_at([0.6, 0.7], 0.5) == 0
    assert downstream.learned_at([0.9, 0.5], 0.5) is None
    assert downstream.learned_at([], 0.5) is None


def test_twins_are_the_couple_of_near_losses_whose_paired_difference_is_surest():
    rng = np.random.default_rng(4)
    base = (rng.random(400) < 0.5).astype(float)
    better = np.maximum(base, rng.random(400) < 0.4)
    far = np.ones(400)
    found = downstream.twins([2.00, 2.01, 3.0], [base, better, far])
    assert (found.better, found.worse, found.tried) == (1, 0, 1)
    theirs = scipy.stats.ttest_rel(better, base)
    assert found.difference.value == pytest.approx((better - base).mean())
    se = (better - base).mean() / theirs.statistic
    half = scipy.stats.norm.ppf(0.975) * se
    assert found.difference.low == pytest.approx(found.difference.value - half)
    assert downstream.twins([1.0, 2.0], [base, better]) is None


def test_the_interval_of_twins_grows_with_the_couples_tried():
    rng = np.random.default_rng(4)
    base = (rng.random(400) < 0.5).astype(float)
    better = np.maximum(base, rng.random(400) < 0.4)
    one = downstream.twins([2.0, 2.0], [base, better])
    three = downstream.twins([2.0, 2.0, 2.0], [base, better, base])
    assert three.tried == 3 and three.difference.value == one.difference.value and three.difference.low < one.difference.low


def test_two_checkpoints_of_one_run_are_no_couple():
    rng = np.random.default_rng(4)
    base = (rng.random(400) < 0.5).astype(float)
    better = np.maximum(base, rng.random(400) < 0.4)
    assert downstream.twins([2.0, 2.0], [base, better], families=["run", "run"]) is None
    found = downstream.twins([2.0, 2.0, 2.0], [base, better, better], families=["run", "run", "other"])
    assert (found.better, found.worse, found.tried) == (2, 0, 2)


def test_two_models_that_are_equal_over_all_may_differ_in_one_group():
    rng = np.random.default_rng(1)
    groups = np.repeat(["a", "b", "c"], 60)
    first = (rng.random(180) < 0.5).astype(float)
    second = first.copy()
    second[groups == "a"], first[groups == "b"] = 1.0, 1.0
    found = downstream.twins([2.0, 2.0], [first, second], groups=groups)
    assert found.group in ("a", "b") and found.tried == 3 and found.difference.low > 0
    part = groups == found.group
    assert found.difference.value == pytest.approx(abs((first - second)[part].mean()))
    assert downstream.twins([2.0, 2.0], [first, second]).group is None
