"""The picture of training runs: lines end where they are labelled, colours tell runs apart, the gap above a known floor is filled."""

import itertools
import math

import numpy as np
import pytest

from lmviz import units
from lmviz.figures import theme
from lmviz.figures.training_curves import limits, styles_of, training_curves
from lmviz.lab.curve import QUANTITIES, Curve, to_csv


def curve(label="a run", loss="cross_entropy", **options) -> Curve:
    given = {
        "step": (5, 10),
        "training": (3.0, 2.0),
        "held_step": (0, 5, 10),
        "held_out": (5.5, 3.1, 2.1),
        "accuracy": (0.0, 0.3, 0.4),
        "ece": (0.0, 0.1, 0.05),
    }
    return Curve(label, loss, "byte", 20, **(given | options))


def traces(figure) -> dict:
    return {trace.name: trace for trace in figure.data if trace.name}


def test_each_run_is_one_line_in_the_readers_unit_labelled_with_its_last_value():
    figure = training_curves([curve(), curve("other", "squared_error", held_out=(5.5, 4.0, 3.0))], "held_out", unit="bits")
    lines = traces(figure)
    assert list(lines) == ["a run", "other"] and lines["other"].x == (0, 5, 10)
    np.testing.assert_allclose(lines["a run"].y, [units.to_bits(v) for v in (5.5, 3.1, 2.1)])
    said = {a.text for a in figure.layout.annotations}
    assert f"a run<br>{units.to_bits(2.1):.2f}" in said and f"other<br>{units.to_bits(3.0):.2f}" in said
    assert "bits a byte" in figure.layout.yaxis.title.text and figure.layout.xaxis.title.text == "steps"


def test_squared_error_and_shares_are_not_turned_into_bits():
    se = curve(loss="squared_error", training=(0.9, 0.8))
    assert traces(training_curves([se], "training", unit="bits"))["a run"].y == (0.9, 0.8)
    assert traces(training_curves([curve()], "accuracy", unit="bits"))["a run"].y == (0.0, 0.3, 0.4)
    np.testing.assert_allclose(traces(training_curves([curve()], "perplexity", unit="bits"))["a run"].y, np.exp([5.5, 3.1, 2.1]))


def test_above_a_known_floor_the_gap_is_filled_and_named_kl():
    known = curve(floor=2.0)
    figure = training_curves([curve("first"), known], "held_out", unit="nats", selected=1)
    floor, chosen = figure.data[0], figure.data[1]
    assert set(floor.y) == {2.0} and floor.x == chosen.x
    assert [(s.y0, s.line.color) for s in figure.layout.shapes] == [(2.0, theme.TRUTH)]
    assert chosen.name == "a run" and chosen.fill == "tonexty"
    assert any("KL" in a.text and "0.100 nats" in a.text for a in figure.layout.annotations)
    assert all(trace.fill is None for trace in training_curves([known], "accuracy", unit="nats").data) and len(figure.data) == 3


def test_four_runs_under_one_loss_have_four_different_looks():
    styles = styles_of([curve() for _ in range(4)])
    assert all(a != b for a, b in itertools.combinations(styles, 2)) and styles[0][0] == theme.LOSS


def test_labels_of_ends_that_coincide_are_pushed_apart():
    figure = training_curves([curve(f"run {i}") for i in range(4)], "held_out", unit="nats")
    places = sorted(a.y for a in figure.layout.annotations)
    assert min(b - a for a, b in itertools.pairwise(places)) > 0.05 * (figure.layout.yaxis.range[1] - figure.layout.yaxis.range[0])


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_run_with_nothing_measured_yet_or_with_infinite_values_is_drawn_without_trouble(quantity):
    empty = Curve("new", "focal", "byte", 20)
    infinite = curve("wild", "hinge", held_out=(5.5, math.inf, 900.0), training=(3.0, math.inf))
    low, high = training_curves([empty, infinite], quantity, unit="bits").layout.yaxis.range
    assert math.isfinite(low) and math.isfinite(high) and low < high


def test_the_axis_leaves_out_a_high_beginning_but_never_an_end():
    low, high = limits([[9.0, 2.0], [9.0, 7.5]])
    assert low < 2.0 and 7.5 < high < 9.0 * 1.15


def test_the_csv_holds_every_number_once():
    rows = [line.split(",") for line in to_csv([curve()]).splitlines()]
    assert rows[0] == ["run", "loss", "quantity", "step", "value"]
    assert len(rows) == 1 + sum(len(curve().series(q)[1]) for q in QUANTITIES) == 15
    assert ["a run", "cross_entropy", "held_out", "5", "3.1"] in rows
