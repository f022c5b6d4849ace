import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from lmviz import gradients, losses

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")

INF = float("inf")
SIZES = [2, 10, 1000, 50_000]
FORMS = {
    "cross_entropy": {},
    "squared_error": {},
    "hinge": {"margin": 1.5},
    "focal": {"alpha": 0.25, "gamma": 2.0},
    "label_smoothing": {"smoothing": 0.1, "spread": "all"},
}
VARIANTS = [
    *FORMS.items(),
    ("hinge", {}),
    ("focal", {"gamma": 0.0}),
    ("focal", {"gamma": 0.5}),
    ("focal", {"gamma": 5.0}),
    ("label_smoothing", {"smoothing": 0.3, "spread": "others"}),
    ("label_smoothing", {"smoothing": 0.0}),
]


def random_case(n_classes, seed=0, batch=(3, 2), scale=3.0):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(*batch, n_classes, generator=generator, dtype=torch.float64)
    return logits, torch.randint(n_classes, batch, generator=generator)


def autograd(loss, logits):
    logits = logits.clone().requires_grad_()
    loss(logits).sum().backward()
    return logits.grad


def central_differences(loss, logits, step=1e-5):
    """(L(z + h e_k) − L(z − h e_k)) / 2h for every k, one row of logits [V]."""
    nudges = step * torch.eye(logits.shape[-1], dtype=torch.float64)
    return torch.stack([(loss(logits + nudge) - loss(logits - nudge)) / (2 * step) for nudge in nudges])


@st.composite
def cases(draw):
    n_classes = draw(st.integers(2, 9))
    logits = torch.tensor(draw(st.lists(st.floats(-20, 20), min_size=n_classes, max_size=n_classes)), dtype=torch.float64)
    return logits, draw(st.integers(0, n_classes - 1))


@pytest.mark.parametrize("n_classes", SIZES)
@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_closed_form_is_what_autograd_finds(name, options, n_classes):
    logits, targets = random_case(n_classes)
    expected = autograd(lambda z: getattr(losses, name)(z, targets, **options), logits)
    gradient = getattr(gradients, name)(logits, targets, **options)
    assert gradient.shape == logits.shape and gradient.dtype == torch.float64
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_closed_form_is_what_central_differences_find(name, options):
    logits, targets = random_case(6, seed=4, batch=(5,))
    for row, target in zip(logits, targets, strict=True):
        expected = central_differences(lambda z, y=target: getattr(losses, name)(z, y, **options), row)
        np.testing.assert_allclose(getattr(gradients, name)(row, target, **options), expected, atol=1e-8)


@pytest.mark.parametrize("n_classes", SIZES)
def test_the_gradients_agree_with_torchs_own_losses(n_classes):
    logits, targets = random_case(n_classes, batch=(4,))
    torchs = {
        gradients.cross_entropy: lambda z: F.cross_entropy(z, targets, reduction="sum"),
        gradients.label_smoothing: lambda z: F.cross_entropy(z, targets, reduction="sum", label_smoothing=0.1),
        gradients.squared_error: lambda z: F.mse_loss(z.softmax(-1), F.one_hot(targets, n_classes).double(), reduction="sum"),
    }
    for gradient, loss in torchs.items():
        np.testing.assert_allclose(gradient(logits, targets), autograd(loss, logits), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("n_classes", SIZES)
@pytest.mark.parametrize(("alpha", "temperature"), [(0.5, 3.0), (0.0, 1.0), (0.9, 10.0), (1.0, 2.0)])
def test_the_gradient_of_distillation_is_what_autograd_finds_in_torchs_kl(n_classes, alpha, temperature):
    student, targets = random_case(n_classes, batch=(4,))
    teacher, _ = random_case(n_classes, seed=1, batch=(4,))

    def torchs(z):
        soft = F.kl_div(F.log_softmax(z / temperature, -1), F.softmax(teacher / temperature, -1), reduction="sum")
        return alpha * F.cross_entropy(z, targets, reduction="sum") + (1 - alpha) * temperature**2 * soft

    gradient = gradients.distillation(student, teacher, targets, alpha=alpha, temperature=temperature)
    np.testing.assert_allclose(gradient, autograd(torchs, student), rtol=1e-9, atol=1e-14)
    ours = autograd(lambda z: losses.distillation(z, teacher, targets, alpha=alpha, temperature=temperature), student)
    np.testing.assert_allclose(gradient, ours, rtol=1e-9, atol=1e-14)


def test_the_gradient_of_distillation_is_what_central_differences_find():
    student, teacher = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64), torch.tensor([1.0, 0.0, -2.0], dtype=torch.float64)
    expected = central_differences(lambda z: losses.distillation(z, teacher, 1), student)
    np.testing.assert_allclose(gradients.distillation(student, teacher, 1), expected, atol=1e-8)


def test_t_squared_keeps_the_soft_gradient_on_one_scale():
    student, teacher = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64), torch.tensor([0.0, 2.0, 1.0], dtype=torch.float64)
    very_soft = gradients.distillation(student, teacher, 0, alpha=0.0, temperature=1e4)
    centred_difference = (student - student.mean()) - (teacher - teacher.mean())  # Hinton et al. (2015), eq. 4: (z − v)/N times 1/T² · T²
    np.testing.assert_allclose(very_soft, centred_difference / 3, rtol=1e-3)


def test_worked_by_hand_cross_entropy_pulls_by_the_probability_minus_what_came():
    gradient = gradients.cross_entropy([math.log(2), math.log(3), math.log(5)], 1)
    np.testing.assert_allclose(gradient, [0.2, -0.7, 0.5], rtol=1e-14)


def test_worked_by_hand_squared_error():
    # ŷ = (1/4, 3/4), truth 0: e = (−3/4, 3/4), Σ ŷe = 3/8; 2·¼·(−¾ − ⅜) = −9/16
    np.testing.assert_allclose(gradients.squared_error([0.0, math.log(3)], 0), [-9 / 16, 9 / 16], rtol=1e-14)


@given(cases())
def test_every_gradient_sums_to_zero_since_a_constant_in_the_logits_changes_nothing(case):
    logits, target = case
    for name, options in VARIANTS:
        assert getattr(gradients, name)(logits, target, **options).sum().abs().item() < 1e-14
    assert gradients.distillation(logits, logits.flip(-1), target).sum().abs().item() < 1e-14


@given(cases())
def test_focal_without_focus_and_smoothing_without_doubt_are_cross_entropy(case):
    logits, target = case
    expected = gradients.cross_entropy(logits, target)
    assert torch.equal(gradients.focal(logits, target, gamma=0.0), expected)
    for spread in ("all", "others"):
        assert torch.equal(gradients.label_smoothing(logits, target, smoothing=0.0, spread=spread), expected)
    assert torch.equal(gradients.distillation(logits, logits.flip(-1), target, alpha=1.0), expected)


@given(cases(), st.floats(0, 0.49))
def test_the_two_conventions_of_smoothing_pull_alike_at_epsilon_v_over_v_minus_one(case, smoothing):
    logits, target = case
    n_classes = len(logits)
    others = gradients.label_smoothing(logits, target, smoothing=smoothing, spread="others")
    everyone = gradients.label_smoothing(logits, target, smoothing=smoothing * n_classes / (n_classes - 1), spread="all")
    np.testing.assert_allclose(others, everyone, atol=1e-15)


def test_ignored_positions_have_no_gradient():
    logits, targets = random_case(4, batch=(3,))
    targets[1] = -100
    gradient = gradients.cross_entropy(logits, targets)
    assert (gradient[1] == 0).all() and (gradient[[0, 2]] != 0).all()
    ours = autograd(lambda z: losses.cross_entropy(z, targets), logits)
    assert (ours[1] == 0).all()
    expected = autograd(lambda z: F.cross_entropy(z, targets, reduction="sum"), logits)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-16)


def test_an_ignored_position_whose_first_logit_is_impossible_has_no_gradient_either():
    logits = torch.tensor([[-INF, 0.0]], dtype=torch.float64)
    assert (gradients.cross_entropy(logits, [-100]) == 0).all()
    assert (autograd(lambda z: losses.cross_entropy(z, [-100]), logits) == 0).all()


def test_cross_entropy_pulls_hardest_on_a_confident_mistake_and_squared_error_hardly_at_all():
    logits = [0.0, 30.0]
    assert gradients.cross_entropy(logits, 0)[0].item() == pytest.approx(-1.0, abs=1e-12)
    with mp.workdps(50):
        p = 1 / (1 + mp.exp(30))
        exact = float(-4 * p * (1 - p) ** 2)
    assert gradients.squared_error(logits, 0)[0].item() == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_impossible_classes_do_not_make_a_nan(name, options):
    logits = torch.tensor([[0.0, 1.0, -INF], [0.0, 1.0, -INF], [0.0, -INF, -INF]], dtype=torch.float64)
    gradient = getattr(gradients, name)(logits, [0, 2, 0], **options)
    assert gradient.isfinite().all()
    smoothed = name == "label_smoothing" and options["smoothing"] > 0
    assert (gradient[0, 2].item() == 0.0) is not smoothed  # doubt asks for more of even an impossible class


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_truth_on_an_impossible_class_still_pulls_with_full_strength(name):
    np.testing.assert_array_equal(getattr(gradients, name)([0.0, -INF, -INF], 1), [1.0, -1.0, 0.0])


def test_a_teacher_and_a_student_that_forbid_alike_leave_no_gradient_there():
    gradient = gradients.distillation([0.0, 1.0, -INF], [1.0, 0.0, -INF], 0)
    assert gradient.isfinite().all() and gradient[2].item() == 0.0


@pytest.mark.parametrize("row", [[1e4, -1e4, 9990.0], [-1e4, -1e4, -1e4 + 1], [40.0, 0.0, -40.0]])
@pytest.mark.parametrize("target", [0, 1, 2])
def test_extreme_logits_agree_with_fifty_digits(row, target):
    with mp.workdps(50):
        exps = [mp.exp(mp.mpf(z)) for z in row]
        p = [e / mp.fsum(exps) for e in exps]
        error = [v - (k == target) for k, v in enumerate(p)]
        squared = [float(2 * v * (e - mp.fsum(a * b for a, b in zip(p, error, strict=True)))) for v, e in zip(p, error, strict=True)]
        weight = {g: (1 - p[target]) ** g * (1 - g * p[target] * mp.log(p[target]) / (1 - p[target])) for g in (mp.mpf("0.5"), mp.mpf(2))}
        focal = {g: [float(w * e) for e in error] for g, w in weight.items()}
    np.testing.assert_allclose(gradients.cross_entropy(row, target), [float(e) for e in error], rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(gradients.squared_error(row, target), squared, rtol=1e-14, atol=1e-15)
    for gamma, expected in focal.items():
        np.testing.assert_allclose(gradients.focal(row, target, gamma=float(gamma)), expected, rtol=1e-12, atol=1e-15)


def test_a_certain_truth_leaves_no_focal_gradient_in_the_closed_form_or_in_autograd():
    logits = torch.tensor([[100.0, 0.0, 0.0]], dtype=torch.float64)
    for gamma in (0.0, 0.5, 2.0):
        assert gradients.focal(logits, [0], gamma=gamma).abs().max().item() < 1e-40
        assert (autograd(lambda z, g=gamma: losses.focal(z, [0], gamma=g), logits) == 0).all()


def test_the_hinge_pushes_the_first_of_tied_rivals_and_stops_exactly_at_the_margin():
    assert gradients.hinge([[0.0, 2.0, 2.0], [1.0, 0.0, 0.0]], [0, 0]).tolist() == [[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def test_the_hinges_choice_among_ties_is_a_subgradient():
    logits = torch.tensor([0.0, 2.0, 2.0], dtype=torch.float64)
    slope, here = gradients.hinge(logits, 0), losses.hinge(logits, 0)
    for step in torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64):
        assert losses.hinge(logits + step, 0) >= here + slope @ step - 1e-12


@pytest.mark.parametrize("name", FORMS)
def test_refusals_are_the_losses_own(name):
    with pytest.raises(ValueError, match="logits must not hold NaN"):
        getattr(gradients, name)([[0.0, float("nan")]], [0])
    with pytest.raises(ValueError, match="targets must be ids from 0 to 1, got 2"):
        getattr(gradients, name)([[0.0, 1.0]], [2])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("focal", {"gamma": -0.5}, "gamma must be a number at least 0, got -0.5"),
        ("focal", {"alpha": -1}, "alpha must be a number above 0, got -1"),
        ("hinge", {"margin": -1}, "margin must be a number at least 0"),
        ("label_smoothing", {"smoothing": 1}, "smoothing must be a number in"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(gradients, name)([[0.0, 1.0]], [0], **options)


def test_bad_distillation_options_are_refused():
    with pytest.raises(ValueError, match="temperature must be a number above 0, got 0"):
        gradients.distillation([[0.0, 1.0]], [[0.0, 1.0]], [0], temperature=0)
    with pytest.raises(ValueError, match="alpha must be a number in"):
        gradients.distillation([[0.0, 1.0]], [[0.0, 1.0]], [0], alpha=2)
