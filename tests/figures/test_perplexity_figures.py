"""The ladder, the memory curves, the windows and the pitfalls as figures: results in, the same numbers on the axes."""

import math

import numpy as np
import pytest

from lmviz import context_length, units
from lmviz import ladder as ladder_of
from lmviz.context_length import Pooled, WindowCost
from lmviz.figures import context, ladder, pitfall, theme
from lmviz.models.windows import windows

RUNGS = ladder_of.ladder([ladder_of.uniform(6, 22, 49_152, model="a"), ladder_of.uniform(22, 22, 256, model="b"), ladder_of.uniform(6, 22, 40, model="c")])


def test_the_bars_of_the_ladder_are_bits_per_byte_from_the_top_down():
    figure = ladder.ladder(RUNGS, ["b", "a", "c"], "c")
    assert list(figure.data[0].x) == [r.bits_per_byte for r in RUNGS] and figure.data[0].x[0] == pytest.approx(8)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figure.layout.xaxis.range[0] == 0


def test_only_the_readers_model_is_full_and_bold():
    figure = ladder.ladder(RUNGS, ["b", "a", "c"], "c")
    assert list(figure.data[0].marker.opacity) == [0.45, 0.45, 1.0]
    assert [("<b>" in t) for t in figure.layout.yaxis.ticktext] == [False, False, True]


def test_the_ladder_does_not_grow_while_rungs_come_in():
    assert ladder.ladder(RUNGS[:1], ["b"], "c", room_for=8).layout.height == ladder.ladder(RUNGS, ["b", "a", "c"], "c", room_for=8).layout.height


def test_what_compresses_is_marked_where_the_axis_reaches():
    figure = ladder.ladder(RUNGS, ["b", "a", "c"], "c", marks=[("xz", 29.0), ("PPMd", 7.5), ("zip", 8.5)])
    assert [line.x0 for line in figure.layout.shapes] == [7.5, 8.5]
    assert [note.text for note in figure.layout.annotations] == ["PPMd 7.50", "zip 8.50", "xz 29.0 →"]
    assert [note.xanchor for note in figure.layout.annotations] == ["right", "left", "right"]
    assert not ladder.ladder(RUNGS, ["b", "a", "c"], "c").layout.annotations


def test_the_curves_are_drawn_in_the_readers_unit():
    pool = Pooled(np.array([[3.0, 2.0], [5.0, 2.0]]), np.array([[1, 1], [1, 1]]))
    bits = context.by_memory(["0", "1"], pool, [4.0, math.nan], ["0", "1"], "bits", "x")
    band, line, yours = bits.data
    np.testing.assert_allclose(line.y, units.to_bits(np.array([4.0, 2.0])))
    assert list(yours.x) == [0] and yours.y[0] == pytest.approx(units.to_bits(4.0))
    assert "bits" in bits.layout.yaxis.title.text
    np.testing.assert_allclose(np.max(band.y), units.to_bits(4.0 + pool.half_widths[0]))


def test_a_reader_without_passages_sees_their_own_text_and_the_reverse():
    assert len(context.by_memory(["0"], None, [1.0], ["0"], "nats", "x").data) == 1
    assert len(context.by_memory(["0"], None, None, [], "nats", "x").data) == 0


def test_a_window_is_pale_where_it_repeats_and_full_where_it_counts():
    cut = windows(20, 8, 4)
    pale, full = context.window_bars(cut, 20).data
    assert sum(full.x) == 20 and sum(pale.x) + sum(full.x) == context_length.tokens_read(20, 8, 4)
    assert [b + w for b, w in zip(pale.base, pale.x)] == list(full.base)


def test_more_windows_than_fit_are_counted_in_words():
    figure = context.window_bars(windows(100, 8, 1), 100)
    assert "more" in figure.layout.annotations[0].text and len(figure.data[0].y) == 24


def test_the_costs_are_one_line_a_context_and_the_choice_is_ringed():
    costs = [WindowCost(8, 8, 20, 24, 30.0, 25), WindowCost(8, 4, 20, 32, 28.0, 25), WindowCost(16, 8, 20, 32, 27.0, 25), WindowCost(20, 20, 20, 20, 26.0, 25)]
    figure = context.window_costs(costs, costs[1])
    assert [list(t.x) for t in figure.data[:2]] == [[1.2, 1.6], [1.6]]
    assert figure.data[-1].y[0] == costs[1].bits_per_byte and figure.data[-1].marker.color == theme.TRUTH
    assert figure.layout.shapes[0].y0 == costs[3].bits_per_byte


def test_bars_that_differ_much_are_as_long_as_their_loss():
    figure = pitfall.wrong_and_right([("a", 20.0, True), ("b", 40_000.0, False)])
    assert figure.layout.xaxis.type == "log" and figure.layout.xaxis.range[0] == 0


@pytest.mark.parametrize("values", [(20.0, 30.0), (0.4, 8.0)])
def test_bars_that_differ_little_or_fall_below_one_start_at_zero(values):
    figure = pitfall.wrong_and_right([("a", values[0], True), ("b", values[1], False)])
    assert figure.layout.xaxis.type is None and figure.layout.xaxis.range[0] == 0 and figure.layout.xaxis.range[1] > max(values)


def test_right_and_wrong_are_told_by_word_and_pattern_and_not_by_colour_alone():
    bar = pitfall.wrong_and_right([("<|x|>", 20.0, True), ("b", 30.0, False)]).data[0]
    assert [t.split()[-1] for t in bar.text] == ["right", "wrong"] and list(bar.marker.pattern.shape) == ["", "/"]


def test_a_control_token_in_a_label_is_shown_literally():
    assert pitfall.wrong_and_right([("<b>", 2.0, True)]).layout.yaxis.ticktext[0] == "&lt;b&gt;"
