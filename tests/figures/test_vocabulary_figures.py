"""The pictures of chapter 16 draw the numbers they are given."""

import math

import numpy as np
import pytest

from lmviz import units
from lmviz.data.recorded.vocabulary_ways import Step
from lmviz.figures import vocabulary as figures

STEPS = (Step(-1, math.log(0.5), math.log(0.5), 3, (" a", "\u202eb")), Step(1, math.log(0.2), math.log(0.4), 1, ("<b>",)))
CURVES = {kind: {"curve": [[10, 0.1 * k, 6.0 - 0.01 * k], [20, 0.2 * k, 5.0], [40, 0.4 * k, 4.0 + 0.1 * k]]} for k, kind in enumerate(figures.HEADS, start=1)}


def named(figure, name):
    (trace,) = [trace for trace in figure.data if trace.name == name]
    return trace


def test_the_way_turns_as_its_steps_do_and_ends_at_the_probability():
    figure = figures.way(STEPS, "·mat", "bits")
    choices, leaf = named(figure, "choices"), named(figure, "leaf")
    assert list(choices.x) == [0, -1] and list(choices.y) == [0, -1] and (leaf.x[0], leaf.y[0]) == (0, -2)
    assert "<b>·mat</b> 0.10" in leaf.hovertext and "reached with probability 0.50" in choices.hovertext[1]
    texts = [note.text for note in figure.layout.annotations]
    assert "1.0" in texts and "2.3" in texts and "cost, bits" in texts  # log₂ 2 and log₂ 5


def test_a_line_is_as_thick_as_what_it_leads_to_is_likely():
    lines = [trace for trace in figures.way(STEPS, "x", "nats").data if trace.mode == "lines"]
    widths = [trace.line.width for trace in lines]  # side not taken, then the way, level by level
    assert widths == pytest.approx([1 + 11 * p for p in (0.5, 0.5, 0.4, 0.1)])


def test_tokens_of_the_other_side_are_shown_literally_and_seen():
    texts = [note.text for note in figures.way(STEPS, "x", "nats").layout.annotations]
    assert "&lt;b&gt;" in texts and any("U+202E" in text or text == "·a …" for text in texts) and not any("\u202e" in text for text in texts)


@pytest.mark.parametrize("field, factor", [("seconds", 1e6), ("n_bytes", 1e-3)])
def test_costs_are_drawn_at_their_sizes_and_the_readers_own_beside_them(field, factor):
    rows = [{"kind": kind, "vocab_size": V, "seconds": V * 1e-9, "n_bytes": 2.0 * V} for kind in figures.COSTS for V in (4096, 1024, 16384)]
    figure = figures.costs(rows, rows[:1], field)
    for label, *_ in figures.COSTS.values():
        trace = named(figure, label)
        assert list(trace.x) == [1024, 4096, 16384]
        np.testing.assert_allclose(trace.y, [rows[0][field] / 4096 * V * factor for V in trace.x])
    assert list(named(figure, "full softmax, here").x) == [4096] and figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_heads_are_drawn_in_the_readers_unit_and_no_two_names_lie_on_each_other():
    figure = figures.reached({"heads": CURVES, "own_nats": 3.5}, "bits")
    np.testing.assert_allclose(named(figure, "adaptive").y, [units.to_bits(row[2]) for row in CURVES["adaptive"]["curve"]])
    names = [note for note in figure.layout.annotations if note.xanchor == "right"]
    low, high = figure.layout.yaxis.range
    pixels = sorted(note.y * (figure.layout.height - 80) / (high - low) + note.yshift for note in names)
    assert len(names) == 3 and min(np.diff(pixels)) > 11
    assert min(min(trace.y) for trace in figure.data) > low and max(max(trace.y) for trace in figure.data) < high
