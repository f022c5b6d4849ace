"""The pictures of chapter 2: what is drawn is what was given."""

import math

import numpy as np
import pytest

from lmviz import compare, display, landing, units
from lmviz.figures import comparison, concentration, loss_line, theme
from lmviz.models.scored import ScoredText, Token


def scored(tokens: list[str], losses=None, entropy: float = 2.0) -> ScoredText:
    place, rows = 0, []
    for token in tokens:
        rows.append(Token(5, token, place, place + len(token.encode())))
        place = rows[-1].end
    n = len(rows)
    losses = np.linspace(0.5, 9, n) if losses is None else np.asarray(losses, dtype=float)
    return ScoredText("nano", "", "float32", "".join(tokens), tuple(rows), -losses, np.full(n, entropy), np.ones(n), np.zeros((n, 0)), np.zeros((n, 0)),
                      np.zeros(n), ((),) * n)  # fmt: skip


def trace(figure, kind: str, colour: str):
    return next(t for t in figure.data if t.type == kind and (t.line.color if kind == "scatter" else t.marker.color) == colour)


def says(figure) -> str:
    return " | ".join(a.text for a in figure.layout.annotations)


CAT = scored(["The", " cat", " sat", "<b>", "\n"], [1.0, 4.0, 2.0, 8.0, 0.5])


@pytest.mark.parametrize(("unit", "per_nat"), [("nats", 1.0), ("bits", 1 / math.log(2))])
def test_the_line_is_the_loss_and_the_dotted_one_the_entropy_in_the_readers_unit(unit, per_nat):
    figure = loss_line.loss_line(CAT, unit=unit)
    np.testing.assert_allclose(trace(figure, "scatter", theme.LOSS).y, CAT.losses * per_nat)
    np.testing.assert_allclose(trace(figure, "scatter", theme.MODEL).y, CAT.entropies * per_nat)
    assert figure.layout.yaxis.title.text == f"cost, {unit}"
    assert "loss" in says(figure) and "entropy" in says(figure)


def test_the_selected_token_is_circled_where_it_lies():
    figure = loss_line.loss_line(CAT, unit="nats", selected=3)
    circle = figure.data[-1]
    assert (circle.x[0], circle.y[0], circle.marker.symbol) == (4, 8.0, "circle-open")
    assert len(loss_line.loss_line(CAT, unit="nats").data) == len(figure.data) - 1


def test_a_token_that_was_not_scored_is_not_circled_and_not_drawn():
    figure = loss_line.loss_line(scored(["a", "b"], [math.nan, 1.0]), unit="nats", selected=0)
    assert not any(t.marker.symbol == "circle-open" for t in figure.data)
    assert math.isnan(trace(figure, "scatter", theme.LOSS).y[0])


def test_few_tokens_stand_under_the_axis_with_white_space_shown_and_markup_harmless():
    assert loss_line.loss_line(CAT, unit="nats").layout.xaxis.ticktext == ("The", "·cat", "·sat", "&lt;b&gt;", "⏎")
    assert loss_line.loss_line(scored(["x"] * 40), unit="nats").layout.xaxis.ticktext is None


def test_a_long_text_is_drawn_as_strokes_under_its_running_mean():
    text = scored(["x"] * 400)
    figure = loss_line.loss_line(text, unit="nats")
    np.testing.assert_allclose(trace(figure, "bar", theme.LOSS).y, text.losses)
    np.testing.assert_allclose(trace(figure, "scatter", theme.LOSS).y, landing.running_mean(text.losses, 25))
    assert "mean of 25 tokens" in figure.layout.xaxis.title.text


def test_a_point_of_the_line_says_the_token_and_both_numbers():
    hover = trace(loss_line.loss_line(CAT, unit="bits"), "scatter", theme.LOSS).hovertext[3]
    assert hover.startswith("&lt;b&gt;<br>") and display.amount(8.0, "bits") in hover and display.amount(2.0, "bits") in hover


@pytest.mark.parametrize("n", [1, 2, 27, 29, 161, 3000])
def test_every_length_of_text_has_a_picture_of_the_same_height(n):
    figure = loss_line.loss_line(scored(["x"] * n), unit="bits", selected=0)
    assert figure.layout.height == 225
    assert trace(figure, "scatter", theme.MODEL).x[-1] == n


@pytest.mark.parametrize("n", [1, 6, 199, 200, 201, 5000])
def test_the_curve_runs_from_nothing_to_all_and_marks_the_costliest_tenth(n):
    values = np.random.default_rng(n).exponential(3, n)
    curve = landing.concentration(values)
    figure = concentration.concentration(curve)
    drawn, mark = figure.data[1], figure.data[2]
    assert (drawn.x[0], drawn.y[0]) == (0, 0) and drawn.x[-1] == 1 and math.isclose(drawn.y[-1], 1)
    assert len(drawn.x) <= 202
    assert mark.y[0] == pytest.approx(landing.share_of_costliest(values))
    assert concentration.percent(mark.y[0]) in says(figure)
    np.testing.assert_allclose(drawn.y, curve[np.round(np.asarray(drawn.x) * n).astype(int)])


def test_the_bars_of_ranks_are_shares_that_add_up_to_one():
    buckets = landing.rank_buckets([1, 1, 5, 5000], [0.5, 0.5, 2.0, 7.0])
    figure = concentration.rank_bars(buckets, unit="nats")
    of_tokens, of_loss = figure.data
    assert of_tokens.x == (0.5, 0.25, 0, 0, 0.25) and of_loss.x == (0.1, 0.2, 0, 0, 0.7)
    assert of_loss.text[4] == "70\u202f%" and "7.00 nats" in of_loss.hovertext[4]


def test_a_share_of_nothing_is_said_to_be_undefined():
    figure = concentration.rank_bars(landing.rank_buckets([1], [0.0]), unit="bits")
    assert set(figure.data[1].text) == {display.UNDEFINED}


def test_each_stretch_has_a_bar_of_its_difference_upwards_in_the_colour_of_loss():
    a, b = scored(["the", " cat", " sat"], [1.0, 4.0, 2.0]), scored(["the", " cat", " s", "at"], [1.5, 1.0, 1.0, 1.0])
    figure = comparison.differences(compare.align(a, b), unit="bits", names=("one", "<two>"))
    up, down = figure.data
    assert (up.marker.color, down.marker.color) == (theme.LOSS, theme.MODEL)
    assert up.x == (1,) and up.y[0] == pytest.approx(units.to_bits(0.5))
    assert down.x == (2, 3) and down.y == pytest.approx((units.to_bits(-3.0), 0.0))
    assert "in 2 tokens" in down.hovertext[1] and "dearer in &lt;two&gt;" in says(figure)


def test_a_stretch_that_one_text_lacks_is_shown_as_empty():
    spans = compare.align(scored(["the", " cat"]), scored(["the", " old", " cat"]))
    figure = comparison.differences(spans, unit="nats", names=("one", "two"))
    assert figure.layout.xaxis.ticktext == ("the", "∅ → ·old", "·cat")
    assert any("has nothing there" in text for t in figure.data for text in t.hovertext)
