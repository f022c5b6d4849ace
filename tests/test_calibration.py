import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from lmviz import calibration, gradients, losses

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")

INF, NAN = float("inf"), float("nan")


def forecasts(n=500, seed=0):
    rng = np.random.default_rng(seed)
    confidences = rng.beta(2, 1, n)
    return confidences, (rng.random(n) < confidences**1.5).astype(int)


samples = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60).map(lambda pairs: ([c for c, _ in pairs], [int(y) for _, y in pairs]))


def by_hand_bins(confidences, edges):
    """Bin k holds edges[k] < c ≤ edges[k+1], the first its lower edge too: written out, one confidence at a time."""
    return [next(k for k in range(len(edges) - 1) if c <= edges[k + 1] or k == len(edges) - 2) for c in confidences]


# reliability


def test_a_reliability_diagram_worked_by_hand():
    diagram = calibration.reliability([0.1, 0.3, 0.9, 0.7, 1.0, 0.0], [0, 1, 1, 0, 1, 0], bins=2)
    assert diagram.lower.tolist() == [0.0, 0.5] and diagram.upper.tolist() == [0.5, 1.0]
    assert diagram.count.tolist() == [3, 3]
    np.testing.assert_allclose(diagram.confidence, [0.4 / 3, 2.6 / 3], rtol=1e-14)
    np.testing.assert_allclose(diagram.accuracy, [1 / 3, 2 / 3], rtol=1e-14)


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
@pytest.mark.parametrize("bins", [1, 2, 10, 15])
def test_the_bins_agree_with_scikit_learns_calibration_curve(binning, strategy, bins):
    confidences, correct = forecasts()
    accuracy, confidence = calibration_curve(correct, confidences, n_bins=bins, strategy=strategy)
    diagram = calibration.reliability(confidences, correct, bins=bins, binning=binning)
    filled = diagram.count > 0
    np.testing.assert_allclose(diagram.accuracy[filled], accuracy, rtol=1e-13)
    np.testing.assert_allclose(diagram.confidence[filled], confidence, rtol=1e-13)


@pytest.mark.parametrize("binning", ["width", "mass"])
@given(samples, st.integers(1, 20))
def test_every_forecast_is_in_exactly_one_bin_and_within_its_edges(binning, sample, bins):
    confidences, correct = sample
    diagram = calibration.reliability(confidences, correct, bins=bins, binning=binning)
    assert diagram.count.sum().item() == len(confidences) and len(diagram.count) == bins
    filled = diagram.count > 0
    assert (diagram.confidence[filled] <= diagram.upper[filled] + 1e-12).all()
    assert (diagram.confidence[filled] >= diagram.lower[filled] - 1e-12).all()
    assert (diagram.low[filled] <= diagram.accuracy[filled] + 1e-12).all() and (diagram.accuracy[filled] <= diagram.high[filled] + 1e-12).all()
    edges = [*diagram.lower.tolist(), diagram.upper[-1].item()]
    assert np.bincount(by_hand_bins(confidences, edges), minlength=bins).tolist() == diagram.count.tolist()


def test_bins_of_equal_mass_hold_equal_numbers():
    confidences, correct = forecasts(1000)
    assert calibration.reliability(confidences, correct, bins=10, binning="mass").count.tolist() == [100] * 10


def test_equal_confidences_are_never_split_between_bins():
    diagram = calibration.reliability([1.0] * 8 + [0.2, 0.4], [1] * 10, bins=5, binning="mass")
    assert sorted(diagram.count.tolist())[-1] >= 8
    assert diagram.count.sum().item() == 10


def test_an_edge_belongs_to_the_bin_below_it():
    assert calibration.reliability([0.5, 0.25, 0.75, 1.0], [1] * 4, bins=4).count.tolist() == [1, 1, 1, 1]


def test_an_empty_bin_is_undefined_not_zero():
    diagram = calibration.reliability([0.9], [1], bins=2)
    for field in (diagram.confidence, diagram.accuracy, diagram.low, diagram.high):
        assert math.isnan(field[0].item()) and not math.isnan(field[1].item())


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 7), (1, 1), (0, 1), (4321, 10_000), (99_999_999, 100_000_000)])
def test_wilsons_interval_agrees_with_scipy(successes, trials, level):
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(confidence_level=level, method="wilson")
    low, high = calibration.wilson_interval(successes, trials, level=level)
    assert (low.item(), high.item()) == (pytest.approx(expected.low, rel=1e-9, abs=1e-15), pytest.approx(expected.high, rel=1e-9))
    assert (low.item() == 0.0) == (successes == 0) and (high.item() == 1.0) == (successes == trials)


def test_a_reliability_diagram_carries_wilsons_interval_of_each_bin():
    confidences, correct = forecasts(300)
    diagram = calibration.reliability(confidences, correct, bins=5, level=0.9)
    for k, inside in enumerate([(confidences > k / 5) & (confidences <= (k + 1) / 5) for k in range(5)]):
        expected = scipy.stats.binomtest(int(correct[inside].sum()), int(inside.sum())).proportion_ci(confidence_level=0.9, method="wilson")
        assert (diagram.low[k].item(), diagram.high[k].item()) == (pytest.approx(expected.low, rel=1e-9), pytest.approx(expected.high, rel=1e-9))


# expected calibration error and Brier


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_expected_calibration_error_agrees_with_a_loop_over_scikit_learns_bins(binning):
    confidences, correct = forecasts(700, seed=3)
    accuracy, confidence = calibration_curve(correct, confidences, n_bins=15, strategy={"width": "uniform", "mass": "quantile"}[binning])
    edges = np.linspace(0, 1, 16) if binning == "width" else np.quantile(confidences, np.linspace(0, 1, 16))
    counts = np.bincount(by_hand_bins(confidences, edges), minlength=15)
    expected = np.average(np.abs(accuracy - confidence), weights=counts[counts > 0])
    assert calibration.expected_calibration_error(confidences, correct, binning=binning) == pytest.approx(expected, rel=1e-12)


@given(samples)
def test_expected_calibration_error_in_one_bin_is_the_gap_of_the_means_and_more_bins_never_lower_it(sample):
    confidences, correct = sample
    one_bin = calibration.expected_calibration_error(confidences, correct, bins=1)
    assert one_bin == pytest.approx(abs(np.mean(confidences) - np.mean(correct)), abs=1e-12)
    coarse, fine = (calibration.expected_calibration_error(confidences, correct, bins=b) for b in (4, 8))
    assert 0 <= one_bin <= coarse + 1e-12 and coarse <= fine + 1e-12 <= 1 + 1e-12


def test_brier_score_agrees_with_scikit_learn():
    confidences, correct = forecasts()
    assert calibration.brier_score(confidences, correct) == pytest.approx(brier_score_loss(correct, confidences), rel=1e-13)


@pytest.mark.parametrize("binning", ["width", "mass"])
@given(samples, st.integers(1, 20))
def test_the_parts_of_the_brier_score_add_up_exactly(binning, sample, bins):
    confidences, correct = sample
    parts = calibration.brier_decomposition(confidences, correct, bins=bins, binning=binning)
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins == pytest.approx(parts.brier, abs=1e-13)
    assert parts.brier == pytest.approx(calibration.brier_score(confidences, correct), abs=1e-15)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0


def test_with_one_confidence_a_bin_nothing_is_lost_within_bins():
    confidences, correct = np.repeat([0.1, 0.35, 0.8], 40), forecasts(120)[1]
    parts = calibration.brier_decomposition(confidences, correct, bins=10)
    accuracies = correct.reshape(3, 40).mean(1)
    assert parts.within_bins == pytest.approx(0.0, abs=1e-15)
    assert parts.reliability == pytest.approx(np.mean((np.array([0.1, 0.35, 0.8]) - accuracies) ** 2), rel=1e-12)
    assert parts.resolution == pytest.approx(np.var(accuracies), rel=1e-12)
    assert parts.uncertainty == pytest.approx(np.var(correct), rel=1e-12)


@pytest.mark.parametrize("function", [calibration.reliability, calibration.expected_calibration_error, calibration.brier_decomposition])
@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0.5, 1.2], [0, 1]), {}, "confidences must be probabilities from 0 to 1, got 1.2"),
        (([0.5, NAN], [0, 1]), {}, "confidences must be probabilities from 0 to 1, got nan"),
        (([0.5], [2]), {}, "correct must hold only 0 and 1, got 2"),
        (([0.5, 0.5], [1]), {}, "correct must have the shape of confidences"),
        (([], []), {}, "confidences must not be empty"),
        (([0.5], [1]), {"bins": 0}, "bins must be a number that is whole and at least 1, got 0"),
        (([0.5], [1]), {"bins": 2.5}, "bins must be a number that is whole and at least 1, got 2.5"),
        (([0.5], [1]), {"binning": "equal"}, "binning must be 'width' or 'mass', got 'equal'"),
    ],
)
def test_bad_samples_are_refused_by_name(function, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments, **options)


def test_a_bad_level_and_impossible_counts_are_refused():
    with pytest.raises(ValueError, match=r"level must be a number in \(0, 1\), got 1"):
        calibration.reliability([0.5], [1], level=1)
    with pytest.raises(ValueError, match="successes must be from 0 to trials"):
        calibration.wilson_interval(3, 2)


def test_top_predictions_are_the_softmax_of_the_favourite():
    logits = torch.randn(4, 5, 100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.randint(100, (4, 5), generator=torch.Generator().manual_seed(1))
    targets[0] = logits[0].argmax(-1)
    confidences, correct = calibration.top_predictions(logits, targets)
    expected = np.exp(log_softmax(logits.numpy(), -1)).max(-1)
    np.testing.assert_allclose(confidences, expected, rtol=1e-12)
    np.testing.assert_array_equal(correct, logits.numpy().argmax(-1) == targets.numpy())


# temperature


def overconfident(n, n_classes, factor, seed=0):
    """Targets drawn from softmax(z), and factor·z: the best temperature is near `factor`."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, n_classes, generator=generator, dtype=torch.float64)
    return factor * logits, logits.softmax(-1).multinomial(1, generator=generator).squeeze(-1)


def best_temperature(logits, targets):
    """By scipy's bounded scalar search over log T: another optimiser, another parametrisation, another softmax."""

    def loss(log_t):
        return -np.take_along_axis(log_softmax(logits / math.exp(log_t), -1), targets[:, None], -1).mean()

    found = scipy.optimize.minimize_scalar(loss, bounds=(-12, 12), method="bounded", options={"xatol": 1e-10, "maxiter": 2000})
    return math.exp(found.x)


@pytest.mark.parametrize(("n", "n_classes"), [(2000, 2), (2000, 10), (200, 1000), (6, 50_000)])
@pytest.mark.parametrize("factor", [0.01, 0.5, 1.0, 3.0, 400.0])
def test_the_temperature_found_is_scipys(n, n_classes, factor):
    if n_classes == 50_000 and factor not in (0.5, 3.0):
        n_classes = 5000
    logits, targets = overconfident(n, n_classes, factor)
    assert calibration.fit_temperature(logits, targets) == pytest.approx(best_temperature(logits.numpy(), targets.numpy()), rel=1e-6)


def test_the_temperature_of_a_large_sample_undoes_the_overconfidence_that_made_it():
    assert calibration.fit_temperature(*overconfident(40_000, 5, 2.5)) == pytest.approx(2.5, rel=0.03)


def test_three_right_of_four_want_a_gap_of_ln_three():
    gap = 7.0
    temperature = calibration.fit_temperature([[gap, 0.0]] * 4, [0, 0, 0, 1])
    assert temperature == pytest.approx(gap / math.log(3), rel=1e-12)
    assert isinstance(temperature, float)


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_scaling_the_logits_scales_the_temperature(seed, factor):
    logits, targets = overconfident(40, 3, 1.0, seed=seed)
    try:
        base = calibration.fit_temperature(logits, targets)
    except ValueError:
        assume(False)
    assert calibration.fit_temperature(factor * logits, targets) == pytest.approx(factor * base, rel=1e-8)


def test_at_the_temperature_found_the_mean_loss_is_flat_and_least():
    logits, targets = overconfident(500, 20, 3.0)
    t = calibration.fit_temperature(logits, targets)
    mean_loss = {s: F.cross_entropy(logits / (t * s), targets).item() for s in (0.999, 1.0, 1.001)}
    assert mean_loss[1.0] < min(mean_loss[0.999], mean_loss[1.001])


def test_impossible_classes_stay_impossible_and_do_not_disturb_the_temperature():
    logits, targets = overconfident(200, 4, 2.0)
    padded = torch.cat([logits, torch.full((200, 3), -INF, dtype=torch.float64)], -1)
    assert calibration.fit_temperature(padded, targets) == pytest.approx(calibration.fit_temperature(logits, targets), rel=1e-11)


def test_float32_logits_of_any_leading_shape_are_fitted():
    logits, targets = overconfident(600, 8, 2.0)
    shaped = calibration.fit_temperature(logits.float().reshape(20, 30, 8), targets.reshape(20, 30))
    assert shaped == pytest.approx(calibration.fit_temperature(logits, targets), rel=1e-6)


@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        ([[1.0, 0.0], [3.0, 1.0]], [0, 0], "targets must differ from the largest logit somewhere"),
        ([[1.0, 0.0], [1.0, 0.0]], [1, 0], "the larger the temperature, the better"),
        ([[1.0, 0.0], [1.0, 0.0]], [1, 1], "the larger the temperature, the better"),
        ([[0.0, 0.0]], [1], "targets must differ from the largest logit"),
        ([[0.0, -INF]], [1], "targets must not fall on a −inf logit"),
        ([[3e-320, 0.0]] * 4, [0, 0, 0, 1], "logits must be of ordinary size"),
        ([[0.0, NAN]], [1], "logits must not hold NaN"),
        ([[0.0, 1.0]], [3], "targets must be ids from 0 to 1"),
    ],
)
def test_where_no_temperature_is_best_none_is_invented(logits, targets, message):
    with pytest.raises(ValueError, match=message):
        calibration.fit_temperature(logits, targets)


# the optimum of label smoothing


@pytest.mark.parametrize("spread", ["all", "others"])
@pytest.mark.parametrize("n_classes", [2, 10, 50_000])
@pytest.mark.parametrize("smoothing", [0.01, 0.1, 0.4])
def test_at_the_optimal_gap_the_gradient_of_label_smoothing_vanishes(smoothing, n_classes, spread):
    logits = torch.zeros(n_classes, dtype=torch.float64)
    logits[1] = calibration.optimal_logit_gap(smoothing, n_classes, spread)
    gradient = gradients.label_smoothing(logits, 1, smoothing=smoothing, spread=spread)
    assert gradient.abs().max().item() < 1e-14


@pytest.mark.parametrize("spread", ["all", "others"])
def test_scipy_finds_the_same_gap_by_minimising_the_loss(spread):
    def loss(gap):
        return losses.label_smoothing([gap, 0.0, 0.0, 0.0, 0.0], 0, smoothing=0.2, spread=spread).item()

    found = scipy.optimize.minimize_scalar(loss, bounds=(0, 20), method="bounded", options={"xatol": 1e-9})
    assert calibration.optimal_logit_gap(0.2, 5, spread) == pytest.approx(found.x, abs=1e-6)


def test_the_gaps_of_the_two_conventions_worked_by_hand():
    assert calibration.optimal_logit_gap(0.1, 10, "others") == pytest.approx(math.log(0.9 * 9 / 0.1), rel=1e-15)
    assert calibration.optimal_logit_gap(0.1, 10, "all") == pytest.approx(math.log((0.9 + 0.01) / 0.01), rel=1e-14)
    assert calibration.optimal_logit_gap(0.0, 10, "all") == calibration.optimal_logit_gap(0.0, 10, "others") == INF


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 10), r"smoothing must be a number in \[0, 1\), got 1.0"),
        ((0.1, 1), "n_classes must be a number that is whole and at least 2, got 1"),
        ((0.1, 10, "most"), "spread must be 'all' or 'others', got 'most'"),
    ],
)
def test_a_gap_of_nothing_sensible_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        calibration.optimal_logit_gap(*arguments)
