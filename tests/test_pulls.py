"""Five losses from four numbers a position, against the losses and gradients computed from whole rows of logits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz import gradients, losses, pulls

SETTINGS = pulls.Settings(margin=1.5, alpha=0.7, gamma=1.3, smoothing=0.2)
OPTIONS = {"hinge": {"margin": 1.5}, "focal": {"alpha": 0.7, "gamma": 1.3}, "label_smoothing": {"smoothing": 0.2}}


@pytest.fixture(scope="module")
def rows():
    generator = torch.Generator().manual_seed(5)
    logits = 4 * torch.randn(150, 37, generator=generator, dtype=torch.float64)
    logits[3, 5] = 60.0  # a certainty
    targets = torch.randint(0, 37, (150,), generator=generator)
    targets[3] = 5
    targets[4] = logits[4].argmin()
    return logits, targets


@pytest.mark.parametrize("name", pulls.LOSSES)
def test_losses_and_pulls_are_those_of_the_whole_rows(name, rows):
    logits, targets = rows
    evidence = pulls.from_logits(logits, targets)
    options = OPTIONS.get(name, {})
    np.testing.assert_allclose(pulls.loss(name, evidence, SETTINGS), getattr(losses, name)(logits, targets, **options), rtol=1e-9, atol=1e-14)
    at_target = getattr(gradients, name)(logits, targets, **options).gather(1, targets[:, None])[:, 0]
    np.testing.assert_allclose(pulls.pull(name, evidence, SETTINGS), -at_target, rtol=1e-9, atol=1e-14)


def test_the_gradient_norm_is_that_of_the_whole_row(rows):
    logits, targets = rows
    norms = gradients.cross_entropy(logits, targets).norm(dim=1)
    np.testing.assert_allclose(pulls.from_logits(logits, targets).gradient_norm, norms, rtol=1e-9, atol=1e-14)


def test_rivals_that_lead_together_leave_no_margin():
    evidence = pulls.from_logits(torch.tensor([[2.0, 2.0, 0.0], [1.0, 3.0, 3.0]]), [0, 0])
    assert evidence.margin.tolist() == [0.0, -2.0]


@settings(max_examples=60, deadline=None)
@given(p=st.floats(1e-6, 1 - 1e-6), n_classes=st.integers(2, 400), name=st.sampled_from(pulls.LOSSES))
def test_the_evenly_spread_curve_is_the_loss_of_such_logits(p, n_classes, name):
    margin = pulls.even_margin(p, n_classes)
    evidence = pulls.evenly_spread(margin, n_classes)
    assert evidence.p == pytest.approx(p, rel=1e-9)
    logits = torch.zeros(n_classes, dtype=torch.float64)
    logits[0] = float(margin)
    whole = getattr(losses, name)(logits, 0, **OPTIONS.get(name, {})).item()
    assert pulls.loss(name, evidence, SETTINGS) == pytest.approx(whole, rel=1e-9, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(margin=st.floats(-8, 8), name=st.sampled_from(pulls.LOSSES))
def test_the_pull_is_the_slope_of_the_curve(margin, name):
    if name == "hinge" and abs(margin - SETTINGS.margin) < 1e-3:
        return  # the corner has no slope

    def along(z):  # only the true logit moves: the margin does, and nothing else
        return pulls.loss(name, pulls.evenly_spread(z, 5), SETTINGS)

    h = 1e-5
    assert pulls.pull(name, pulls.evenly_spread(margin, 5), SETTINGS) == pytest.approx(-(along(margin + h) - along(margin - h)) / (2 * h), abs=1e-7)


def test_only_the_proper_scores_ask_for_the_truth():
    answers = {name: pulls.best_answer(name, 0.7) for name in pulls.LOSSES}
    assert answers["cross_entropy"] == pytest.approx(0.7) and answers["squared_error"] == pytest.approx(0.7)
    assert answers["hinge"] == pytest.approx(1 / (1 + math.exp(-1)))  # a lead of the margin, whatever the truth
    assert answers["label_smoothing"] == pytest.approx(0.9 * 0.7 + 0.1 / 2)  # the smoothed truth
    stated = np.linspace(0.5, 0.999, 200_001)
    focal = 0.7 * (1 - stated) ** 2 * -np.log(stated) + 0.3 * stated**2 * -np.log1p(-stated)
    assert answers["focal"] == pytest.approx(stated[focal.argmin()], abs=1e-4)
    assert answers["focal"] < 0.65


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="n_classes"):
        pulls.evenly_spread([0.0], 1)
    with pytest.raises(ValueError, match="truth"):
        pulls.best_answer("focal", 0.5)
    for function in (pulls.loss, pulls.pull):
        with pytest.raises(ValueError, match="name"):
            function("mse", pulls.evenly_spread([0.0], 2))


def test_evidence_survives_being_stored(rows):
    evidence = pulls.from_logits(*rows)
    again = pulls.Evidence.from_dict(evidence.as_dict())
    np.testing.assert_array_equal(again.log_p, evidence.log_p)
    assert again.n_classes == 37
