"""The pictures of chapter 12 draw the numbers they are given."""

import numpy as np
import pytest

from lmviz import display
from lmviz.data.recorded import masked as recorded
from lmviz.figures import masked as figures
from lmviz.figures import theme
from lmviz.figures.alternatives import bars


@pytest.fixture(scope="module")
def views():
    return recorded.views()


def test_a_shortened_text_keeps_every_chance_and_moves_the_rest_together(views):
    short = figures.shortened(views.gap, 3)
    assert short.top_ids.shape[1] == 3 and short.top_texts[0] == views.gap.top_texts[0][:3]
    whole = np.exp(short.top_log_probs).sum(1) + np.exp(short.tail_log_prob)
    np.testing.assert_allclose(whole, np.exp(views.gap.top_log_probs).sum(1) + np.exp(views.gap.tail_log_prob), rtol=1e-9)
    assert figures.shortened(short, 3) is short


def test_the_bars_of_a_guess_sum_to_one_and_fit_on_the_axis(views):
    for position in range(len(views.gap)):
        most = figures.room((views.gap, position))
        (trace,) = figures.guess(views.gap, position, most, "standing in the gap").data
        assert sum(trace.x) == pytest.approx(1, abs=1e-4) and max(trace.x) <= most
        assert len(trace.x) <= figures.SHOWN + 2
        assert any(theme.TRUTH == c for _, _, c in bars(figures.shortened(views.gap), position))


def test_the_shares_of_a_draw_add_up_beside_those_of_the_rule():
    figure = figures.fates((11, 2, 1))
    rule, draw = zip(*(trace.x for trace in figure.data), strict=True)
    assert rule == pytest.approx((0.8, 0.1, 0.1)) and draw == pytest.approx((11 / 14, 2 / 14, 1 / 14))
    names = {note.text: note.x for note in figure.layout.annotations}
    assert list(names) == ["masked", "swapped", "left"] and list(names.values()) == pytest.approx(
        [0.4, 0.9, 0.9]
    )  # over the shares they name, apart on a phone


def test_a_fate_that_befell_nobody_has_no_label():
    assert figures.fates((4, 0, 0)).data[1].text[1] == ""


@pytest.mark.parametrize("unit, factor", [("nats", 1.0), ("bits", 1 / np.log(2))])
def test_each_seed_is_a_thin_line_and_the_thick_one_their_mean(unit, factor):
    runs = {name: [{"step": [1, 2], "masked_nats": [base + seed, 1.0 + seed]} for seed in (0, 1)] for name, base in (("chosen", 3.0), ("everywhere", 5.0))}
    thin_a, thin_b, mean = figures.counting(runs, unit).data[:3]
    np.testing.assert_allclose(mean.y, (np.array(thin_a.y) + np.array(thin_b.y)) / 2)
    np.testing.assert_allclose(mean.y, np.array([3.5, 1.5]) * factor)


def test_rings_are_the_losses_from_the_left_and_dots_those_from_both_sides(views):
    left = views.gap  # any other text of the same tokens
    _, rings, dots = figures.in_turn(views.turn, left, "bits").data
    np.testing.assert_allclose(rings.y, left.losses / np.log(2))
    np.testing.assert_allclose(dots.y, views.turn.losses / np.log(2))
    assert display.plotly_escape("·cat") in figures.in_turn(views.turn, left, "bits").layout.xaxis.ticktext
