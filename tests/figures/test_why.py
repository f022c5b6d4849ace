"""The pictures of chapters 9 to 11: what is drawn is what was given."""

import numpy as np
import pytest

from lmviz import pulls
from lmviz.data.first_views import calibration as stored
from lmviz.figures import gradient, loss_curves, reliability

ZERO = pulls.Settings()


def named(figure, name: str):
    return [trace for trace in figure.data if trace.name == name]


def test_hiding_a_loss_takes_both_its_curves_and_leaves_the_axes():
    whole = loss_curves.loss_curves(10, ZERO, unit="nats")
    part = loss_curves.loss_curves(10, ZERO, unit="nats", shown=["focal"])
    assert len(whole.data) == 10 and {trace.name for trace in part.data} == {"focal"} and len(part.data) == 2
    assert part.layout.yaxis.range == whole.layout.yaxis.range and part.layout.yaxis2.range == whole.layout.yaxis2.range


def test_the_reader_s_unit_changes_every_loss_but_squared_error_and_no_pull():
    nats, bits = (loss_curves.loss_curves(10, ZERO, unit=unit) for unit in ("nats", "bits"))
    for label, ratio in (("cross-entropy", np.log(2)), ("hinge", np.log(2)), ("squared error", 1.0)):
        above, below = zip(named(nats, label), named(bits, label), strict=True)
        np.testing.assert_allclose(np.asarray(above[0].y), np.asarray(above[1].y) * ratio)
        np.testing.assert_allclose(np.asarray(below[0].y), np.asarray(below[1].y))


def test_a_token_s_own_point_stands_at_its_probability_and_at_its_margin():
    evidence = pulls.evenly_spread([2.0], 7)
    for axis, x in (("probability", evidence.p[0]), ("margin", 2.0)):
        figure = loss_curves.loss_curves(10, ZERO, unit="nats", axis=axis, point=loss_curves.Point("token", evidence))
        above, below = named(figure, "squared error here")
        assert above.x[0] == below.x[0] == pytest.approx(x)
        assert above.y[0] == pytest.approx(pulls.loss("squared_error", evidence)[0])
        assert below.y[0] == pytest.approx(pulls.pull("squared_error", evidence)[0])


def test_the_marker_of_a_step_stands_on_its_curve():
    sizes = [0.0, 1.0, 2.0]
    figure = gradient.step_curves(sizes, np.array([3.0, 2.0, 1.5]), np.array([3.0, 2.9, 2.8]), 1.0, 1.0, unit="nats")
    markers = [trace for trace in figure.data if trace.mode == "markers"]
    assert sorted(float(trace.y[0]) for trace in markers) == [2.0, 2.9] and {trace.x[0] for trace in markers} == {1.0}


def test_empty_bins_are_not_drawn_and_intervals_reach_where_they_should():
    summary = stored.summary(np.array([0.1, 0.15, 0.9]), np.array([0, 1, 1]), 10, "width")
    points = reliability.reliability(summary).data[1]
    assert len(points.x) == sum(n > 0 for n in summary.count) < 10
    for y, up, down, high, low in zip(
        points.y, points.error_y.array, points.error_y.arrayminus, *([v for v in c if v is not None] for c in (summary.high, summary.low)), strict=True
    ):
        assert y + up == pytest.approx(high) and y - down == pytest.approx(low)
