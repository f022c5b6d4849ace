"""What bets are paid: by hand, and the best bet by three searches that do not know the formula."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import softmax

from lmviz import betting

beliefs = st.lists(st.floats(0.01, 1), min_size=2, max_size=6).map(lambda w: (np.array(w) / sum(w)).tolist())


def test_pays_worked_by_hand():
    bet = [0.6, 0.3, 0.1]
    assert betting.pay("log", bet, 1) == pytest.approx(math.log(0.3))
    assert betting.pay("brier", bet, 1) == pytest.approx(1 - (0.36 + 0.49 + 0.01))
    assert [betting.pay("accuracy", bet, y) for y in range(3)] == [1, 0, 0]
    assert betting.pay("linear", bet, 2) == pytest.approx(0.1)


@given(beliefs, st.integers(0, 5))
def test_brier_is_one_minus_the_squared_distance_to_what_came(bet, y):
    y %= len(bet)
    assert betting.pay("brier", bet, y) == pytest.approx(1 - np.sum((np.array(bet) - np.eye(len(bet))[y]) ** 2))


@given(beliefs)
def test_expected_pay_of_the_honest_bet_and_of_the_best_are_the_closed_forms(p):
    p = np.array(p)
    entropy = -np.sum(p * np.log(p))
    assert betting.expected("log", p, p) == pytest.approx(-entropy) == pytest.approx(betting.best_expected("log", p))
    assert betting.expected("brier", p, p) == pytest.approx(np.sum(p**2)) == pytest.approx(betting.best_expected("brier", p))
    assert betting.expected("linear", p, p) == pytest.approx(np.sum(p**2))
    assert betting.best_expected("linear", p) == pytest.approx(p.max()) == pytest.approx(betting.best_expected("accuracy", p))


@given(beliefs, st.data())
def test_no_bet_beats_the_best_bet_and_under_proper_scores_none_beats_honesty(p, data):
    q = data.draw(st.lists(st.floats(0.001, 1), min_size=len(p), max_size=len(p)).map(lambda w: np.array(w) / sum(w)))
    for score in betting.SCORES:
        assert betting.expected(score, q, p) <= betting.best_expected(score, p) + 1e-12
        if score != "linear" and len(set(p)) == len(p):
            assert betting.expected(score, q, p) <= betting.expected(score, p, p) + 1e-12


@pytest.mark.parametrize("p", [(0.5, 0.3, 0.2), (0.05, 0.15, 0.8), (0.4, 0.35, 0.25)])
@pytest.mark.parametrize("score", ["log", "brier", "linear"])
def test_an_optimiser_that_knows_no_formula_ends_at_the_best_bet(p, score):
    found = minimize(
        lambda z: -betting.expected(score, softmax(z), p), [0.1, 0.0, -0.1], method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-12}
    )
    assert -found.fun == pytest.approx(betting.best_expected(score, p), abs=1e-6)
    np.testing.assert_allclose(softmax(found.x), betting.best_bet(score, p), atol=2e-3)


@pytest.mark.parametrize("p", [(0.5, 0.3, 0.2), (0.07, 0.13, 0.8), (0.62, 0.0, 0.38)])
@pytest.mark.parametrize("score", ["log", "brier", "linear"])
def test_the_search_chip_by_chip_finds_what_trying_every_split_finds(p, score):
    splits = [(a, b, 12 - a - b) for a, b in itertools.product(range(13), repeat=2) if a + b <= 12]
    best = max(betting.expected(score, np.array(s) / 12, p) for s in splits)
    found = betting.best_chips(score, p, 12)
    assert found.sum() == 12
    assert betting.expected(score, found / 12, p) == pytest.approx(best)


def test_accuracy_cannot_tell_honesty_from_shouting_and_the_linear_score_prefers_shouting():
    p = [0.5, 0.3, 0.2]
    assert betting.expected("accuracy", p, p) == betting.expected("accuracy", [1, 0, 0], p)
    assert betting.expected("linear", p, p) < betting.expected("linear", [1, 0, 0], p)


@given(beliefs)
@settings(max_examples=50)
def test_honest_chips_are_a_hundred_and_no_pile_is_a_chip_off(p):
    chips = betting.honest_chips(p)
    assert chips.sum() == 100 and np.abs(chips - 100 * np.array(p)).max() < 1


def test_a_bet_of_nothing_on_what_may_come_costs_everything_under_the_log_score_and_nothing_if_it_cannot_come():
    assert betting.expected("log", [1.0, 0.0], [0.9, 0.1]) == -math.inf
    assert betting.expected("log", [1.0, 0.0], [1.0, 0.0]) == 0.0


def test_boldness_goes_from_even_over_honest_to_the_favourite():
    p = [0.6, 0.3, 0.1]
    np.testing.assert_allclose(betting.bolder(p, 0), [1 / 3] * 3)
    np.testing.assert_allclose(betting.bolder(p, 1), p)
    np.testing.assert_allclose(betting.bolder(p, 60), [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("bad", [[0.5, 0.6], [-0.1, 1.1], []])
def test_what_is_no_distribution_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="bet must"):
        betting.pays("log", bad)
    with pytest.raises(ValueError, match="belief must"):
        betting.best_bet("log", bad)


def test_an_unknown_score_is_refused():
    for call in (betting.pays, betting.best_bet, betting.best_chips):
        with pytest.raises(ValueError, match="score must be one of"):
            call("spherical", [1.0])
