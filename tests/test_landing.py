import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmviz import landing

losses = st.lists(st.floats(0, 30) | st.just(math.nan), min_size=1, max_size=60)


@given(losses)
def test_the_costliest_are_the_largest_that_were_scored(values):
    scored = [i for i, x in enumerate(values) if not math.isnan(x)]
    reference = sorted(scored, key=lambda i: (-values[i], i))
    assert landing.costliest(values, 5) == reference[:5]


def test_the_costliest_word_may_hold_no_costly_token():
    tokens, costs = ["A", " pi", "an", "o", " fell"], [1.0, 4.0, 3.0, 3.0, 5.0]
    assert landing.costliest_words(tokens, costs, 2) == [(1, 4, 10.0), (4, 5, 5.0)]


@given(losses.filter(lambda xs: 0 < math.fsum(x for x in xs if x == x)))
def test_the_curve_gives_the_share_of_the_k_largest(values):
    scored = sorted((x for x in values if not math.isnan(x)), reverse=True)
    curve = landing.concentration(values)
    assert len(curve) == len(scored) + 1
    for k in range(len(curve)):
        assert curve[k] == pytest.approx(math.fsum(scored[:k]) / math.fsum(scored), abs=1e-12)


@given(losses.filter(lambda xs: 1e-9 < math.fsum(x for x in xs if x == x)))
def test_the_costliest_tenth_never_carries_less_than_a_tenth(values):
    assert landing.share_of_costliest(values) >= 0.1 - 1e-12


def test_equal_costs_do_not_concentrate():
    np.testing.assert_allclose(landing.concentration([2.0] * 20), np.linspace(0, 1, 21))


@pytest.mark.parametrize("values", [[0.0, 0.0], [math.inf, 1.0], [math.nan]])
def test_a_share_of_nothing_or_of_infinity_is_undefined(values):
    assert math.isnan(landing.share_of_costliest(values))


@pytest.mark.parametrize("n", range(1, 400))
def test_a_tenth_is_rounded_up_and_floating_point_adds_none(n):
    assert landing.n_costliest(n) == -(-n // 10)


@given(st.lists(st.tuples(st.integers(1, 50_000), st.floats(0, 30)), min_size=1, max_size=80))
def test_every_token_is_in_one_bucket_with_its_loss(rows):
    ranks, costs = zip(*rows, strict=True)
    buckets = landing.rank_buckets(ranks, costs)
    assert sum(b.n_tokens for b in buckets) == len(rows)
    assert math.fsum(b.total_nats for b in buckets) == pytest.approx(math.fsum(costs))
    for bucket in buckets:
        assert bucket.n_tokens == sum(bucket.first <= r and (bucket.last is None or r <= bucket.last) for r in ranks)


def test_the_buckets_meet_without_a_gap():
    assert [b[0] for b in landing.RANK_BUCKETS[1:]] == [b[1] + 1 for b in landing.RANK_BUCKETS[:-1]]


def test_pieces_are_counted_only_in_words_that_were_cut():
    tokens = ["The", " un", "believ", "able", ",", " cat", " 1", "9", " sa", "t"]
    costs = landing.piece_costs(tokens, [9.0, 6.0, 3.0, 1.0, 9.0, 9.0, 9.0, 9.0, 4.0, 2.0])
    assert costs == landing.PieceCosts(n_first=2, first_nats=5.0, n_later=3, later_nats=2.0)


def test_a_word_that_was_not_wholly_scored_has_no_piece_costs():
    costs = landing.piece_costs(["Un", "til", " no", "on"], [math.nan, 1.0, 5.0, 1.0])
    assert (costs.n_first, costs.first_nats) == (1, 5.0)
    assert math.isnan(landing.piece_costs(["The"], [1.0]).first_nats)


@given(losses, st.integers(1, 9))
def test_the_running_mean_is_the_mean_of_what_lies_in_the_window(values, window):
    means = landing.running_mean(values, window)
    for i, mean in enumerate(means):
        inside = [x for x in values[max(0, i - (window - 1) // 2) : i + window // 2 + 1] if not math.isnan(x)]
        assert (math.isnan(mean) and not inside) or mean == pytest.approx(sum(inside) / len(inside), abs=1e-9)


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        landing.running_mean([1.0], 0)
