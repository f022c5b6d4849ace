"""The figures of chapters 6, 7 and 8: what is drawn is what was given, in the reader's unit, and hostile names stay harmless."""

import math

import pytest

from lmviz import outcomes
from lmviz.figures import arrows, batch, learning, likelihood, stability, theme
from lmviz.figures import outcomes as outcomes_figure
from lmviz.figures.batch import Cell
from lmviz.learning import LearningCurve
from lmviz.outcomes import Outcomes

HOSTILE = "<b>&\n"


def texts(figure) -> str:
    return " ".join(a.text or "" for a in figure.layout.annotations) + " ".join(str(a.ticktext) for a in (figure.layout.xaxis, figure.layout.yaxis))


def test_the_cross_entropy_arrow_is_as_long_as_the_other_two_end_to_end():
    figure = arrows.three_arrows(1.0, 1.5, 0.5, unit="nats")
    tips = {a.arrowcolor: (a.ax, a.x) for a in figure.layout.annotations if a.showarrow}
    assert tips[theme.TRUTH] == (0.0, 1.0) and tips[theme.LOSS] == (1.0, 1.5) and tips[theme.MODEL] == (0.0, 1.5)
    bits = arrows.three_arrows(1.0, 1.5, 0.5, unit="bits")
    assert next(a.x for a in bits.layout.annotations if a.arrowcolor == theme.TRUTH) == pytest.approx(1 / math.log(2))


def test_an_infinite_arrow_runs_off_the_axis_and_says_so():
    figure = arrows.three_arrows(0.5, math.inf, math.inf, unit="nats")
    assert texts(figure).count("infinite") == 2
    assert max(a.x for a in figure.layout.annotations if a.showarrow) < figure.layout.xaxis.range[1] < math.inf


def test_bars_of_p_and_q_show_their_probabilities_and_escape_names():
    figure = outcomes_figure.two_distributions(Outcomes((HOSTILE, "b"), (0.25, 0.75), (0.5, 0.5)), 0)
    assert [list(trace.x) for trace in figure.data] == [[0.25, 0.75], [0.5, 0.5]]
    assert "&lt;b&gt;" in texts(figure) and "<b>&\n" not in texts(figure)


def test_divergences_leave_infinite_values_out_and_name_a_curve_that_is_infinite_everywhere():
    curves = {"KL(p‖q)": [math.inf, 1.0, 0.0], "KL(q‖p)": [math.inf] * 3, "Jensen–Shannon": [0.2, 0.1, 0.0]}
    figure = outcomes_figure.divergences([0.0, 0.5, 1.0], curves, unit="nats", name=HOSTILE, here=0.5, limit_nats=2.0)
    assert figure.data[0].y == (None, 1.0, 0.0)
    assert "KL(q‖p) is infinite here" in texts(figure) and "<b>" not in figure.layout.xaxis.title.text


def test_likelihood_has_its_peak_where_the_loss_has_its_valley():
    temperatures, curve = [0.5, 1.0, 2.0, 4.0], [2.0, 1.0, 1.5, 3.0]
    figure = likelihood.peak_and_valley(temperatures, curve, 10, chosen=2, unit="nats")
    top, bottom = figure.data[0].y, figure.data[2].y
    assert max(range(4), key=top.__getitem__) == min(range(4), key=bottom.__getitem__) == 1
    assert top[2] == pytest.approx(math.exp(-5)) and figure.data[1].x == (1.0,)


def test_a_flat_curve_is_not_said_to_have_a_best_temperature():
    figure = likelihood.peak_and_valley([0.5, 1.0, 2.0], [3.0, 3.0 + 1e-13, 3.0], 6, chosen=1, unit="bits")
    assert "the same at every temperature" in texts(figure)


def test_the_drawn_batch_has_an_arrow_for_every_token_that_is_read_next():
    cells = [
        [Cell("⟨start⟩", "a", 1.0), Cell("a", HOSTILE, 2.0), Cell(HOSTILE, "c", 3.0)],
        [Cell("⟨start⟩", "a", 1.0), Cell("⟨pad⟩", None, 0.0), Cell("⟨pad⟩", None, 0.0)],
    ]
    shift = batch.shift(cells)
    assert sum(a.showarrow for a in shift.layout.annotations) == 2
    assert len(shift.layout.shapes) == 12 and "&lt;b&gt;" in texts(shift)
    flat = batch.flattened(cells, unit="nats")
    assert flat.data[0].x == (1.0, 2.0, 3.0, 1.0, 0.0, 0.0) and list(flat.data[0].text).count("0, ignored") == 2


def test_errors_stand_at_their_powers_of_ten_and_failures_in_rows_of_their_own():
    figure = stability.errors([1.0, 2.0, 4.0], [[1e-3, math.inf, math.nan]] + [[0.0, 1.0, 10.0]] * 5, [HOSTILE] * 6, chosen=1)
    assert figure.data[0].y == (-3.0, stability.INFINITE_ROW, stability.NAN_ROW)
    assert figure.data[1].x == (1.0, 2.0) and figure.data[2].y == (stability.EXACT_ROW, 0.0, 1.0)
    ends = [a.y for a in figure.layout.annotations]
    assert len(ends) == 6 and min(abs(a - b) for i, a in enumerate(ends) for b in ends[:i]) > 1.5


def test_the_lid_is_drawn_at_minus_log_epsilon():
    figure = stability.capped([0.0, 60.0], [[0.0, 60.0], [0.0, 27.6], [0.0, 27.6]], [[0.5, 1.0]] * 3, epsilon=1e-12, unit="nats")
    assert figure.layout.shapes[0].x0 == pytest.approx(27.631, abs=1e-3)


def test_the_learning_curve_carries_its_floor():
    figure = learning.learning_curve(LearningCurve((2, 20), (1.0, 0.7), (0.5, 0.6), 0.69, "ab"), unit="nats")
    assert figure.layout.shapes[0].y0 == 0.69 and list(figure.data[0].y) == [1.0, 0.7]


@pytest.mark.parametrize("name", outcomes.PRESETS)
def test_every_preset_can_be_drawn(name):
    preset = outcomes.PRESETS[name]
    assert len(outcomes_figure.two_distributions(preset).data[0].x) == len(preset)
