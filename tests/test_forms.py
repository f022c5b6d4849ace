"""Six forms of one loss, failing where IEEE arithmetic says they must, against mpmath."""

import math

import mpmath
import numpy as np
import pytest
import torch

from lmviz import forms, stability

NAIVE, SAFE, EPSILON, CLAMP, LOGSUMEXP, SHIFTED = range(6)


def row(V: int = 50) -> list[float]:
    return (6 * torch.randn(V, generator=torch.Generator().manual_seed(4), dtype=torch.float64)).tolist()


def by_mpmath(z, target) -> float:
    with mpmath.workdps(50):
        return float(mpmath.log(mpmath.fsum(mpmath.exp(v) for v in z)) - mpmath.mpf(z[target]))


def test_the_reference_is_mpmaths_to_a_rounding():
    scaled = np.array(row()) * np.array(forms.SCALES)[:, None]
    for z, value in zip(scaled, forms.reference_losses(scaled, 7)):
        assert math.isclose(value, by_mpmath(z.tolist(), 7), rel_tol=3e-16)


@pytest.mark.parametrize(("name", "overflows"), [("float64", 709.78), ("float32", 88.72), ("bfloat16", 88.72), ("float16", 11.09)])
def test_exp_is_finite_below_the_range_and_infinite_above_it(name, overflows):
    highest, lowest, _ = forms.ranges()[name]
    assert abs(highest - overflows) < 0.01
    dtype, room = forms.DTYPES[name], 0.06 * highest
    assert torch.tensor(highest - room, dtype=dtype).exp().isfinite() and torch.tensor(highest + room, dtype=dtype).exp().isinf()
    room = max(0.002, 2 * torch.finfo(dtype).eps) * abs(lowest)  # as near as the dtype can write z
    assert torch.tensor(lowest + room, dtype=dtype).exp() > 0 == torch.tensor(lowest - room, dtype=dtype).exp()


def test_each_form_fails_where_it_must_in_float32():
    survey = forms.survey([10.0, 0.0, -20.0], 2, torch.float32, scales=[1.0, 4.0, 10.0])  # true losses 30, 120, 300
    losses = np.array(survey.losses)
    assert np.allclose(losses[[LOGSUMEXP, SHIFTED]], survey.reference, rtol=1e-6)
    assert losses[SAFE].tolist() == [pytest.approx(30.0, rel=1e-5), math.inf, math.inf]
    assert losses[NAIVE, 1] == math.inf and losses[NAIVE, 2] == math.inf  # exp(100) is inf, and exp(−200)/inf is 0
    assert (
        forms.survey([10.0, 0.0], 0, torch.float32, scales=[10.0]).losses[NAIVE][0]
        != forms.survey([10.0, 0.0], 0, torch.float32, scales=[10.0]).losses[NAIVE][0]
    )  # inf/inf
    assert losses[EPSILON] == pytest.approx([27.63, 27.63, 27.63], abs=0.1) and losses[CLAMP, 2] == pytest.approx(-math.log(1e-12), rel=1e-6)


def test_epsilon_is_zero_in_float16_and_the_infinity_is_back():
    assert forms.ranges()["float16"][2] == 0
    survey = forms.survey([10.0, 0.0, -20.0], 2, torch.float16, scales=[1.0])
    assert survey.losses[EPSILON][0] == math.inf


def test_autograds_pulls_are_the_closed_forms():
    z, y = row(), 3
    survey = forms.survey(z, y, torch.float64)
    scaled = torch.tensor(z, dtype=torch.float64) * torch.tensor(forms.SCALES, dtype=torch.float64)[:, None]
    targets = torch.full((len(scaled),), y)
    for form, gradient in ((EPSILON, stability.epsilon_gradient), (CLAMP, stability.clamp_gradient)):
        expected = gradient(scaled, targets)[:, y].abs()
        assert torch.allclose(torch.tensor(survey.pulls[form], dtype=torch.float64), expected, atol=1e-12)
    assert survey.pulls[SHIFTED] == pytest.approx(survey.true_pull, abs=1e-12)


def test_half_precision_is_really_run_in_half_precision():
    survey = forms.survey(row(), 0, torch.bfloat16, scales=[1.0])
    error = survey.error(SHIFTED, 0)
    assert 1e-4 < error < 0.5  # eight bits of mantissa, no more and no less


@pytest.mark.parametrize("epsilon", [1e-3, 1e-7, 1e-12])
def test_a_capped_loss_stops_at_minus_log_epsilon_and_its_pull_at_zero(epsilon):
    c = forms.capped(epsilon)
    exact, added, clamped = np.array(c.losses)
    assert added.max() <= -math.log(epsilon) + 1e-9 and clamped.max() == pytest.approx(-math.log(epsilon))
    assert np.allclose(exact, [by_mpmath([-x, 0.0], 0) for x in np.linspace(0, 60, 241)], rtol=1e-14)
    assert c.pulls[2][-1] == 0 and c.pulls[1][-1] < 1e-6 and c.pulls[0][-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: forms.survey([[0.0, 1.0]], 0, torch.float32), "logits must be one row|targets must have the shape"),
        (lambda: forms.capped(0.0), "epsilon must be a number above 0"),
    ],
)
def test_bad_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
