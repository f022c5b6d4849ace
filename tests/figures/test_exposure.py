"""The pictures of chapter 13: what is drawn is what was given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmviz.figures import exposure as pictures
from lmviz.figures import theme
from lmviz.roads import Roads, Step

HUMAN = (Step(" sat", 2.0, " was"), Step(" <b>", 5.0, " <b>"))
OWN = (Step(" was", 1.0, " was"), Step(" a", 0.5, " a"), Step(" a", 0.25, " a"))


def test_each_road_has_a_bar_a_token_in_the_reader_s_unit_and_says_what_the_model_would_have_said():
    figure = pictures.two_roads(Roads("m", "1", "The cat", HUMAN, OWN), 3, unit="bits")
    left, right = figure.data
    np.testing.assert_allclose(left.x, np.array([2.0, 5.0]) / np.log(2))
    np.testing.assert_allclose(right.x, np.array([1.0, 0.5, 0.25]) / np.log(2))
    assert list(left.text) == ["·was", ""] and set(right.text) == {""}
    assert list(figure.layout.yaxis.ticktext) == ["·sat", "·&lt;b&gt;", ""] and list(figure.layout.yaxis2.ticktext) == ["·was", "·a", "·a"]
    assert "would have said ·was" in left.hovertext[0] and "<b>" not in left.hovertext[1]
    assert {shape.y0 for shape in figure.layout.shapes} == {0.5}  # parted at the first step
    assert figure.layout.xaxis.range[0] > figure.layout.xaxis.range[1] == 0


def test_roads_that_never_part_and_a_text_that_is_over_draw_no_line():
    assert not pictures.two_roads(Roads("m", "1", "x", OWN[:2], OWN), 3, unit="nats").layout.shapes
    alone = pictures.two_roads(Roads("m", "1", "x", (), OWN), 3, unit="nats")
    assert not alone.layout.shapes and len(alone.data[0].x or ()) == 0


def test_every_curve_is_drawn_with_its_name_at_its_end_and_its_interval_around_it():
    curves, bands = {"human": [1.0, 2.0, 3.0], "greedy": [1.0, 0.0, -4.0]}, {"greedy": ([0.5, -1.0, -5.0], [1.5, 1.0, -3.0])}
    figure = pictures.along(curves, bands, [1, 2, 3], x_title="steps", y_title="error, %", zero="none")
    named = {trace.name: trace for trace in figure.data}
    assert list(named["human"].y) == curves["human"] and list(named["greedy"].y) == curves["greedy"]
    assert list(named["greedy interval"].y) == [1.5, 1.0, -3.0, -5.0, -1.0, 0.5]
    assert {a.text for a in figure.layout.annotations} == {"human", "greedy", "none"}
    low, high = figure.layout.yaxis.range
    assert low < -5 and high > 3


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(-5, 5), min_size=1, max_size=6))
def test_labels_keep_their_distance_and_their_order(heights):
    placed = theme.spread(heights, 1.0)
    ordered = [placed[name] for name, _ in sorted(heights.items(), key=lambda item: item[1])]
    assert all(b - a >= 1.0 - 1e-9 for a, b in zip(ordered, ordered[1:]))
    assert sum(placed.values()) == pytest.approx(sum(heights.values()), abs=1e-6)


def test_a_remedy_is_drawn_as_the_mean_of_its_seeds_inside_their_span():
    rows = [[{"step": s, "reward": base + s, "human_nats": 4.0} for s in (0, 20)] for base in (0.0, 1.0, 5.0)]
    figure = pictures.remedies({"reinforce": rows}, [("reward", "reward"), ("human_nats", "nats")])
    line, span = (next(t for t in figure.data if t.name == name) for name in ("reinforce", "reinforce span"))
    assert list(line.y) == [2.0, 22.0] and list(span.y) == [5.0, 25.0, 20.0, 0.0]


def test_agreement_draws_every_pair_and_the_mean():
    figure = pictures.agreement({"cross_entropy": [0.5, 0.7], "reinforce": [0.0, 0.02]})
    named = {trace.name: trace for trace in figure.data}
    assert list(named["cross_entropy"].x) == [0.5, 0.7] and named["reinforce mean"].x[0] == pytest.approx(0.01)
    assert list(figure.layout.yaxis.ticktext) == ["REINFORCE", "cross-entropy"]


def test_every_compared_rule_and_remedy_has_its_own_look():
    for looks in (list(pictures.RULES.values()), [style[1:] for style in pictures.METHODS.values()]):
        assert len(set(looks)) == len(looks)
    assert pictures.RULES["human"][0] == theme.TRUTH


def test_a_live_run_shows_rewards_where_there_are_some():
    assert list(pictures.live([0.1, 0.2], [3.0, 2.0], 30, reward=True, unit="nats").data[0].y) == [0.1, 0.2]
    assert list(pictures.live([], [3.0, 2.0], 30, reward=False, unit="nats").data[0].y) == [3.0, 2.0]
