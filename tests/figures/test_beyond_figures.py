"""The pictures of chapters 14 and 15 draw the numbers they are given."""

import numpy as np
import pytest

from lmviz import contrastive, distillation
from lmviz.figures import contrastive as contrastive_figures
from lmviz.figures import distillation as figures

RNG = np.random.default_rng(0)
STUDENT, TEACHER = RNG.normal(0, 2, (2, 40))


def named(figure, name) -> list:
    return [trace for trace in figure.data if trace.name == name]


def test_a_disc_and_a_ring_stand_at_the_two_probabilities():
    rows = [figures.Row("a", 0.5, 0.25), figures.Row("b", 0.001, 0.7, came=True)]
    figure = figures.two(rows, "large", "small")
    (teacher,), (student,) = named(figure, "large"), named(figure, "small")
    assert list(teacher.x) == [0.5, 0.001] and list(student.x) == [0.25, 0.7]
    assert list(figure.layout.yaxis.ticktext) == ["a", "b ← came"]
    low, high = figure.layout.xaxis.range
    assert 10**low < 0.001 and 10**high >= 1


def test_columns_of_shares_reach_one_and_every_group_is_named_once():
    temperatures = [0.5, 1.0, 5.0]
    held = distillation.shares(TEACHER, temperatures, (1, 10))
    figure = figures.shares(temperatures, held, ["first", "next", "rest"], 1.0)
    np.testing.assert_allclose(sum(np.array(trace.y) for trace in figure.data), 1)
    assert [note.text for note in figure.layout.annotations].count("first") == 1 and "<b>" in figure.layout.xaxis.ticktext[1]


def test_the_lengths_are_drawn_and_a_gradient_of_zero_breaks_nothing():
    temperatures = [1.0, 2.0, 4.0]
    found = distillation.lengths(STUDENT, TEACHER, 0, temperatures)
    figure = figures.lengths(temperatures, found, 2.0)
    np.testing.assert_allclose(named(figure, "T² · KL")[0].y, found.soft)
    same = distillation.lengths(TEACHER, TEACHER, 0, temperatures)
    assert np.isfinite(figures.lengths(temperatures, same, 2.0).layout.yaxis.range).all()


def test_the_stack_along_a_sentence_is_the_total():
    figure = figures.along(["x", "y"], np.array([1.0, 2.0]), np.array([0.5, 0.0]), 0, unit="nats")
    np.testing.assert_allclose(np.array(figure.data[0].y) + np.array(figure.data[1].y), [1.5, 2.0])


def test_the_three_panels_hold_cosines_softmax_and_loss():
    steps = contrastive.info_nce(*RNG.normal(size=(2, 4, 6)), temperature=0.3)
    cosines, softmax = (
        contrastive_figures.matrix(v, what, "", list("abcd"), list("efgh"), labelled=True)
        for v, what in ((steps.similarities, "cosine"), (steps.probs, "softmax"))
    )
    np.testing.assert_allclose(cosines.data[0].z, steps.similarities)
    np.testing.assert_allclose(np.array(softmax.data[0].z).sum(1), 1)
    assert sum(shape.type == "rect" for shape in softmax.layout.shapes) == 4
    least = min(0.0, float(steps.similarities.min()))
    assert cosines.data[0].zmin == least and cosines.data[0].colorbar.tickvals == (least, 1) and softmax.data[0].colorbar.tickvals == (0, 1)
    bars = contrastive_figures.row_losses(steps, list("abcd"), "bits", "")
    np.testing.assert_allclose(bars.data[0].x, steps.losses / np.log(2))
    assert len({tuple(f.layout.yaxis.range) for f in (cosines, softmax, bars)}) == 1  # the rows stand side by side


def test_the_curve_of_negatives_stays_under_chance_for_pairs_that_are_alike():
    steps = contrastive.from_similarities(np.eye(5), temperature=0.5)
    curve = [contrastive.with_negatives(steps, k) for k in range(5)]
    figure = contrastive_figures.negatives(curve, 3, "nats")
    chance, loss = figure.data[0].y, figure.data[1].y
    np.testing.assert_allclose(chance, np.log(np.arange(1, 6)))
    assert all(a <= b for a, b in zip(loss, chance))


def test_the_plane_draws_a_run_of_ones_own_beside_the_others():
    run = {"seed": 4, "measured": [{"step": 0, "uniformity": -1.0, "alignment": 0.5}, {"step": 5, "uniformity": -2.0, "alignment": 0.6}]}
    figure = contrastive_figures.plane([run], run | {"seed": 9})
    assert [trace.name for trace in figure.data] == ["seed 4", "your run"] and list(figure.data[0].x) == [-1.0, -2.0]


@pytest.mark.parametrize("bias", [0.5, 0.0])
def test_an_error_below_the_noise_has_no_place_on_a_logarithmic_axis(bias):
    found = {"counts": [1, 2], "truth": 1.0, "mean": [0.5, 0.9], "deviation": [0.3, 0.1], "sampled_bias": [bias, bias], "sampled_spread": [1.0, 0.5],
             "nce_bias": [0.4, 0.2], "nce_spread": [0.3, 0.2]}  # fmt: skip
    (line,) = named(contrastive_figures.gradient_errors(found), "sampled, bias")
    assert list(line.y) == ([0.5, 0.5] if bias else [None, None])
    (mean,) = named(contrastive_figures.loss_estimates(found, "bits"), "sampled softmax")
    np.testing.assert_allclose(mean.y, np.array([0.5, 0.9]) / np.log(2))
