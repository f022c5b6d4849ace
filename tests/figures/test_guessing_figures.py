"""The pictures of chapter 5 show the numbers they are given."""

import math

import numpy as np
import pytest

from lmviz import betting, units
from lmviz.figures import guessing as figures
from lmviz.figures.guessing import Player

ANN = Player("Ann", "reader", (6, 3, 1), 0.5, 0.9)
BOT = Player("Bot", "model", (8, 1, 1), 0.3, 0.7, 0.55)


def test_the_histogram_shows_shares_that_sum_to_one_a_player():
    figure = figures.histogram((ANN, BOT), shown=3)
    assert [list(bar.y) for bar in figure.data] == [[0.6, 0.3, 0.1], [0.8, 0.1, 0.1]]


def test_what_lies_beyond_the_last_bar_is_in_it():
    (bar,) = figures.histogram((Player("Ann", "reader", (1, 1, 1, 1), 0, 1),), shown=3).data
    assert list(bar.y) == [0.25, 0.25, 0.5]


@pytest.mark.parametrize("unit", ["bits", "nats"])
def test_the_ruler_spans_the_bounds_in_the_readers_unit_and_marks_the_loss(unit):
    figure = figures.ruler((ANN, BOT), math.log(27), unit)
    scale = units.to_bits(1.0) if unit == "bits" else 1.0
    lines = {trace.name: trace for trace in figure.data}
    np.testing.assert_allclose(lines["Ann"].x, [0.5 * scale, 0.9 * scale])
    np.testing.assert_allclose(lines["Bot, loss"].x, [0.55 * scale])
    assert "Ann, loss" not in lines
    assert figure.layout.shapes[0].x0 == pytest.approx(math.log(27) * scale)


def test_only_the_linear_score_goes_on_rising_past_the_honest_bet():
    p = (0.5, 0.3, 0.2)
    figure = figures.bets(p, (1.0, 0.0, 0.0), "nats")
    paths = {t.name.split()[0]: t for t in figure.data if t.name.endswith("path")}
    for score, path in paths.items():
        x, y = np.array(path.x), np.array(path.y)
        at_one = y[np.isclose(x, 1)][0]
        assert at_one == pytest.approx(betting.expected(score, p, p))
        assert (y.max() > at_one + 1e-6) == (score == "linear")


def test_a_bet_that_can_lose_everything_is_said_and_not_drawn():
    figure = figures.bets((0.5, 0.5), (1.0, 0.0), "bits")
    assert "log yours" not in {t.name for t in figure.data}
    assert any("−∞ bits" in a.text for a in figure.layout.annotations)
