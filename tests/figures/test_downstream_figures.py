"""The pictures of chapter 18 show the numbers they were given."""

import pytest

from lmviz.downstream import Estimate
from lmviz.figures import downstream as figures
from lmviz.figures.downstream import Point

A, B = Estimate(0.7, 0.6, 0.8), Estimate(0.9, 0.85, 0.92)


def point(title: str, kind: str, bits: float, accuracy: Estimate) -> Point:
    return Point(title, title, kind, Estimate(bits, bits - 0.1, bits + 0.2), accuracy)


def test_a_point_stands_at_its_loss_and_accuracy_with_the_bars_of_its_intervals():
    figure = figures.scatter([point("uniform", "ladder", 3.5, A), point("nano", "ladder", 2.0, B)], 0.5, "nano", y_title="pairs right")
    (trace,) = [t for t in figure.data if t.name == "ladder"]
    assert list(trace.x) == [3.5, 2.0] and list(trace.y) == pytest.approx([70, 90])
    assert list(trace.error_y.array) == pytest.approx([10, 2]) and list(trace.error_y.arrayminus) == pytest.approx([10, 5])
    assert list(trace.error_x.array) == pytest.approx([0.2, 0.2]) and list(trace.error_x.arrayminus) == pytest.approx([0.1, 0.1])
    (ring,) = [t for t in figure.data if t.name == "current"]
    assert list(ring.x) == [2.0] and "bits per byte" in figure.layout.xaxis.title.text
    assert any("50" in a.text for a in figure.layout.annotations)


def test_the_checkpoints_of_one_run_are_joined_up_to_nano():
    points = [point("nano", "ladder", 2.0, B), point("nano after 0 steps", "step", 3.6, A), point("nano after 9 steps", "step", 3.0, A)]
    (line,) = [t for t in figures.scatter(points, 0.5, "", y_title="y").data if t.mode == "lines"]
    assert list(line.x) == [3.6, 3.0, 2.0]


def test_cells_hold_the_percentages_and_a_gap_parts_the_two_kinds_of_columns():
    figure = figures.cells(["one", "two"], ["0", "10", "trigram"], [[A, B, A], [B, B, B]], split=2, x_title="steps")
    assert [[list(row) for row in figure.data[i].z] for i in (0, 1)] == [[[70, 90], [90, 90]], [[70], [90]]]
    words = figure.data[-1]
    assert sorted(zip(words.y, words.x, words.text)) == [(0, 0, "70"), (0, 1, "90"), (0, 2.35, "70"), (1, 0, "90"), (1, 1, "90"), (1, 2.35, "90")]
    assert figure.data[1].x[0] > figure.data[0].x[-1] + 1
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 100)


def test_two_models_share_a_row_and_a_line_as_long_as_they_differ():
    figure = figures.side_by_side(["one", "two"], [A, B], [B, B], ("first", "second"))
    lines = [t for t in figure.data if t.mode == "lines"]
    assert list(lines[0].x) == pytest.approx([70, 90]) and list(lines[1].x) == pytest.approx([90, 90])
    assert {t.name for t in figure.data if t.mode == "markers"} == {"first", "second"}


def test_labels_that_would_cover_each_other_are_left_to_the_hover():
    def at(title, kind, bits, share):
        return Point(title, title, kind, Estimate(bits, bits, bits), Estimate(share, share, share))

    got = figures.uncrowded([at("loss", "loss", 2.01, 0.70), at("trigram", "ladder", 2.0, 0.71), at("far", "loss", 3.5, 0.5)])
    assert [p.label for p in got] == ["", "trigram", "far"]
