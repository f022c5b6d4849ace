import math

import numpy as np
import pytest
import scipy.special
import torch
from mpmath import mp

from lmviz import losses, stability

INF, NAN = float("inf"), float("nan")
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
SOFTMAXES = [stability.naive_softmax, stability.max_subtracted_softmax]
LOG_SOFTMAXES = [stability.naive_log_softmax, stability.log_softmax, stability.shifted_log_softmax]
CAP = float(-mp.log(mp.mpf("1e-12")))  # 27.6 nats


def exact_log_softmax(row):
    with mp.workdps(50):
        exps = [mp.exp(mp.mpf(z)) if z != -INF else mp.mpf(0) for z in row]
        return [float(mp.log(e / mp.fsum(exps))) if e else -INF for e in exps]


def autograd(loss, logits):
    logits = logits.clone().requires_grad_()
    loss(logits).sum().backward()
    return logits.grad


@pytest.mark.parametrize("n_classes", [2, 100, 50_000])
def test_at_ordinary_logits_every_form_agrees_with_scipy(n_classes):
    logits = torch.randn(3, n_classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for softmax in SOFTMAXES:
        np.testing.assert_allclose(softmax(logits), scipy.special.softmax(logits.numpy(), -1), rtol=1e-12)
    for log_softmax in LOG_SOFTMAXES:
        np.testing.assert_allclose(log_softmax(logits), scipy.special.log_softmax(logits.numpy(), -1), rtol=1e-12)
    np.testing.assert_allclose(stability.logsumexp(logits), scipy.special.logsumexp(logits.numpy(), -1), rtol=1e-13)


@pytest.mark.parametrize("row", [[1e4, -1e4, 0.0], [-1e4, -1e4, -9999.0], [1e4, 1e4 - 1e-3, 9999.0], [0.0, -INF, -1e4]])
def test_the_reference_agrees_with_fifty_digits(row):
    np.testing.assert_allclose(stability.reference_log_softmax(row), exact_log_softmax(row), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(stability.reference_log_softmax(row), scipy.special.log_softmax(row), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_arithmetic_is_in_the_dtype_asked_for(dtype):
    logits = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
    for form in [*SOFTMAXES, *LOG_SOFTMAXES, stability.logsumexp]:
        assert form(logits, dtype=dtype).dtype == dtype
    for form in (
        stability.cross_entropy_with_epsilon,
        stability.cross_entropy_with_clamp,
        stability.epsilon_gradient,
        stability.clamp_gradient,
    ):
        assert form(logits, 1, dtype=dtype).dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "last_safe", "first_lost"),
    [(torch.float64, 709.0, 710.0), (torch.float32, 88.5, 89.0), (torch.bfloat16, 88.5, 89.0), (torch.float16, 11.0, 11.25)],
)
def test_the_naive_softmax_overflows_where_the_dtypes_exp_does(dtype, last_safe, first_lost):
    assert math.exp(last_safe) < torch.finfo(dtype).max
    assert first_lost > 709.78 or math.exp(first_lost) > torch.finfo(dtype).max
    assert stability.naive_softmax([last_safe, 0.0], dtype=dtype)[0].item() == 1.0
    assert math.isnan(stability.naive_softmax([first_lost, 0.0], dtype=dtype)[0].item())


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_right_forms_survive_what_the_naive_ones_do_not(dtype):
    logits = [1000.0, 1000.0, -1000.0]
    assert math.isnan(stability.naive_softmax(logits, dtype=dtype)[0].item())
    assert stability.max_subtracted_softmax(logits, dtype=dtype).tolist() == [0.5, 0.5, 0.0]
    tolerance = 2000 * torch.finfo(dtype).eps
    for form in (stability.log_softmax, stability.shifted_log_softmax):
        np.testing.assert_allclose(form(logits, dtype=dtype).double(), exact_log_softmax(logits), atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_very_negative_logits_are_zero_over_zero_done_naively(dtype):
    logits = [-1000.0, -1000.0]
    assert stability.naive_softmax(logits, dtype=dtype).isnan().all()
    assert stability.max_subtracted_softmax(logits, dtype=dtype).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("dtype", "gap"), [(torch.float64, 750.0), (torch.float32, 110.0), (torch.bfloat16, 110.0), (torch.float16, 20.0)])
def test_a_probability_too_small_for_the_dtype_becomes_log_zero_though_nothing_overflowed(dtype, gap):
    assert stability.naive_log_softmax([0.0, -gap], dtype=dtype)[1].item() == -INF
    assert stability.log_softmax([0.0, -gap], dtype=dtype)[1].item() == -gap
    assert stability.worst_error(stability.naive_log_softmax, [0.0, -gap], dtype=dtype).item() == INF


def test_subtracting_the_maximum_first_keeps_digits_that_adding_it_back_loses():
    logits = [10_000.0, 9_999.0, 9_990.0]
    added_back = stability.worst_error(stability.log_softmax, logits, dtype=torch.float32).item()
    shifted = stability.worst_error(stability.shifted_log_softmax, logits, dtype=torch.float32).item()
    assert shifted < 1e-6 < 1e-5 < added_back < 1e-3


def test_half_precision_moves_a_loss_by_a_visible_amount():
    logits = 30 + 8 * torch.randn(2000, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    error = {dtype: stability.worst_error(stability.log_softmax, logits, dtype=dtype).mean().item() for dtype in DTYPES}
    assert error[torch.bfloat16] > 0.05 > error[torch.float16] > 1e-3 > 1e-4 > error[torch.float32] > 1e-8 > error[torch.float64]


def test_logits_near_fifty_are_off_by_up_to_a_quarter_of_a_nat_in_bfloat16():
    logits = (32 + 30 * torch.rand(500, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).bfloat16()
    error = stability.worst_error(stability.log_softmax, logits)
    assert 0.1 < error.max().item() < 0.25


def test_the_worst_error_is_measured_per_row_and_a_shared_impossibility_is_none():
    error = stability.worst_error(stability.naive_log_softmax, [[0.0, -INF], [1000.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(error, [0.0, INF, 0.0], atol=1e-15)


@pytest.mark.parametrize("loss", [stability.cross_entropy_with_epsilon, stability.cross_entropy_with_clamp])
def test_an_epsilon_caps_the_loss_at_twenty_seven_point_six_nats(loss):
    for gap in (100.0, 1000.0):
        assert loss([0.0, gap], 0).item() == pytest.approx(CAP, rel=1e-12)
        assert losses.cross_entropy([0.0, gap], 0).item() == pytest.approx(gap, rel=1e-12)
    assert round(CAP, 1) == 27.6


def test_an_epsilon_makes_a_sure_hit_cost_less_than_nothing():
    assert stability.cross_entropy_with_epsilon([100.0, 0.0], 0).item() == pytest.approx(-1e-12, rel=1e-3)


def test_in_float16_the_usual_epsilon_is_itself_zero():
    assert stability.cross_entropy_with_epsilon([0.0, 30.0], 0, dtype=torch.float16).item() == INF
    assert stability.epsilon_gradient([0.0, 30.0], 0, dtype=torch.float16).isnan().all()


@pytest.mark.parametrize(
    ("loss", "gradient"),
    [(stability.cross_entropy_with_epsilon, stability.epsilon_gradient), (stability.cross_entropy_with_clamp, stability.clamp_gradient)],
)
@pytest.mark.parametrize("epsilon", [1e-12, 1e-2])
def test_the_gradients_of_the_capped_losses_are_what_autograd_finds(loss, gradient, epsilon):
    logits = torch.tensor([[0.0, 1.0, -2.0], [0.0, 10.0, 3.0], [0.0, 35.0, 3.0], [0.0, 900.0, 3.0]], dtype=torch.float64)
    targets = [2, 0, 0, 0]
    expected = autograd(lambda z: loss(z, targets, epsilon=epsilon), logits)
    np.testing.assert_allclose(gradient(logits, targets, epsilon=epsilon), expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("gradient", [stability.epsilon_gradient, stability.clamp_gradient])
def test_an_epsilon_kills_the_gradient_where_the_model_is_most_wrong(gradient):
    assert gradient([0.0, 5.0], 0)[0].item() == pytest.approx(-1 / (1 + math.exp(-5)), rel=1e-8)
    assert abs(gradient([0.0, 60.0], 0)[0].item()) < 1e-13
    assert gradient([0.0, 1000.0], 0).abs().max().item() == 0.0


def test_at_the_probability_epsilon_half_the_gradient_is_gone():
    gap = -math.log(1e-12 / (1 - 1e-12))
    assert stability.epsilon_gradient([0.0, gap], 0)[0].item() == pytest.approx(-0.5, rel=1e-6)


@pytest.mark.parametrize("form", [*SOFTMAXES, *LOG_SOFTMAXES, stability.logsumexp, stability.reference_log_softmax])
@pytest.mark.parametrize(
    ("logits", "message"),
    [
        ([0.0, NAN], "logits must not hold NaN"),
        ([-INF, -INF], "logits must have at least one finite entry"),
        ([0.0, INF], "logits must be finite or −inf"),
        ([], "logits must not be empty"),
    ],
)
def test_the_failures_shown_are_of_the_arithmetic_not_of_bad_arguments(form, logits, message):
    with pytest.raises(ValueError, match=message):
        form(logits)


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="epsilon must be a number above 0, got 0"):
        stability.cross_entropy_with_epsilon([0.0, 1.0], 0, epsilon=0)
    with pytest.raises(ValueError, match="dtype must be a floating-point torch dtype, got torch.int64"):
        stability.naive_softmax([0.0, 1.0], dtype=torch.int64)
    with pytest.raises(ValueError, match="targets must be ids from 0 to 1, got 5"):
        stability.clamp_gradient([0.0, 1.0], 5)
