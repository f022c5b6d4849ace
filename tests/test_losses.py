import math

import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from sklearn.metrics import brier_score_loss, log_loss

from lmviz import information, losses

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")

INF = float("inf")
SIZES = [2, 10, 1000, 50_000]


def random_case(n_classes, seed=0, batch=(3, 2), scale=3.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(*batch, n_classes, generator=generator, dtype=torch.float64)
    return logits.to(dtype), torch.randint(n_classes, batch, generator=generator)


def flat(logits, targets):
    return logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)


@st.composite
def cases(draw, low=-30.0, high=30.0):
    n_classes, n = draw(st.integers(2, 9)), draw(st.integers(1, 4))
    row = st.lists(st.floats(low, high), min_size=n_classes, max_size=n_classes)
    logits = torch.tensor(draw(st.lists(row, min_size=n, max_size=n)), dtype=torch.float64)
    return logits, torch.tensor(draw(st.lists(st.integers(0, n_classes - 1), min_size=n, max_size=n)))


def exact_log_softmax(row):
    """log softmax with 50 digits, straight from the definition."""
    with mp.workdps(50):
        exps = [mp.exp(mp.mpf(z)) if z != -INF else mp.mpf(0) for z in row]
        total = mp.fsum(exps)
        return [mp.log(e / total) if e else mp.mpf("-inf") for e in exps]


# cross-entropy


def test_one_of_two_without_a_clue_costs_ln_two():
    assert losses.cross_entropy([0.0, 0.0], 1).item() == math.log(2)


def test_cross_entropy_of_three_logits_worked_by_hand():
    logits = [math.log(2), math.log(3), math.log(5)]  # probabilities 0.2, 0.3, 0.5
    assert losses.cross_entropy([logits] * 3, [0, 1, 2]).tolist() == pytest.approx([-math.log(0.2), -math.log(0.3), -math.log(0.5)], rel=1e-14)


@pytest.mark.parametrize("n_classes", SIZES)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_cross_entropy_agrees_with_torch_ignored_positions_included(n_classes, dtype, rtol):
    logits, targets = random_case(n_classes, dtype=dtype)
    targets[0, 1] = -100
    expected = F.cross_entropy(*flat(logits, targets), reduction="none").reshape(targets.shape)
    loss = losses.cross_entropy(logits, targets)
    assert loss.shape == targets.shape and loss.dtype == dtype
    np.testing.assert_allclose(loss, expected, rtol=rtol)
    assert loss[0, 1].item() == 0.0


def test_mean_cross_entropy_agrees_with_scikit_learn():
    logits, targets = random_case(5, batch=(40,))
    expected = log_loss(targets.numpy(), scipy.special.softmax(logits.numpy(), -1), labels=range(5))
    assert losses.cross_entropy(logits, targets).mean().item() == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_is_the_information_of_a_one_hot_truth():
    logits, targets = random_case(7)
    expected = information.cross_entropy(F.one_hot(targets, 7).double(), torch.softmax(logits, -1))
    np.testing.assert_allclose(losses.cross_entropy(logits, targets), expected, rtol=1e-12)


EXTREME_ROWS = [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4 + 1], [1e4, 1e4 - 1e-3, 9999.0], [0.0, -INF, -1e4], [-INF, 1e4, -INF], [745.0, 0.0, -745.0]]


@pytest.mark.parametrize("row", EXTREME_ROWS)
def test_log_probs_and_cross_entropy_agree_with_fifty_digits_at_extreme_logits(row):
    exact = [float(v) for v in exact_log_softmax(row)]
    np.testing.assert_allclose(losses.log_probs(row), exact, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(losses.cross_entropy([row] * 3, [0, 1, 2]), [-v for v in exact], rtol=1e-14, atol=1e-15)


def test_large_logits_do_not_cost_float32_its_digits():
    row = [10_000.0, 9_999.0, 9_990.0]
    exact = [-float(v) for v in exact_log_softmax(row)]
    np.testing.assert_allclose(losses.cross_entropy(torch.tensor([row] * 3), [0, 1, 2]), exact, rtol=1e-6)


def test_half_precision_logits_are_scored_in_float32():
    logits, targets = random_case(1000, dtype=torch.bfloat16)
    loss = losses.cross_entropy(logits, targets)
    assert loss.dtype == torch.float32
    np.testing.assert_allclose(loss, losses.cross_entropy(logits.double(), targets), rtol=1e-5)


def test_the_truth_on_an_impossible_class_costs_infinity_and_elsewhere_it_does_not():
    logits = [[0.0, -INF, 0.0]] * 2
    assert losses.cross_entropy(logits, [1, 0]).tolist() == [INF, math.log(2)]


def test_a_vocabulary_of_one_word_costs_nothing():
    assert losses.cross_entropy([[3.0]], [0]).tolist() == [0.0]


def test_another_ignore_index_is_honoured_even_if_it_is_an_id():
    assert losses.cross_entropy([[0.0, 0.0]] * 2, [0, 1], ignore_index=0).tolist() == [0.0, math.log(2)]
    with pytest.raises(ValueError, match="targets must be ids from 0 to 1, got -100"):
        losses.cross_entropy([[0.0, 0.0]], [-100], ignore_index=0)


@given(cases(), st.floats(-1e3, 1e3))
def test_losses_do_not_change_when_a_constant_is_added_to_all_logits(case, shift):
    logits, targets = case
    for loss in (losses.cross_entropy, losses.squared_error, losses.hinge, losses.focal, losses.label_smoothing):
        np.testing.assert_allclose(loss(logits + shift, targets), loss(logits, targets), rtol=1e-9, atol=1e-9)


@given(cases())
def test_cross_entropies_of_all_classes_are_the_logs_of_a_distribution(case):
    logits, _ = case
    every = torch.stack([losses.cross_entropy(logits, torch.full((len(logits),), k)) for k in range(logits.shape[-1])], -1)
    np.testing.assert_allclose((-every).exp().sum(-1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("row", [[0.0, -INF], [1e4, -1e4]])
def test_a_loss_of_zero_is_printed_without_a_minus(row):
    zeros = [loss(row, 0) for loss in PLAIN if loss is not losses.label_smoothing]
    zeros += [losses.label_smoothing(row, 0, smoothing=0.0), losses.distillation(row, row, 0), losses.masked_cross_entropy([row], [0], [1])]
    for zero in zeros:
        assert zero.item() == 0.0 and math.copysign(1.0, zero.item()) == 1.0


# squared error, hinge, focal


def test_squared_error_worked_by_hand_lies_between_zero_and_two():
    assert losses.squared_error([math.log(1), math.log(3)], 0).item() == pytest.approx(2 * 0.75**2, rel=1e-14)
    assert losses.squared_error([0.0, 1e4], 0).item() == 2.0
    assert losses.squared_error([1e4, 0.0], 0).item() == 0.0


@pytest.mark.parametrize("n_classes", SIZES)
def test_squared_error_is_v_times_torchs_mse(n_classes):
    logits, targets = random_case(n_classes)
    probs, one_hot = torch.from_numpy(scipy.special.softmax(logits.numpy(), -1)), F.one_hot(targets, n_classes).double()
    expected = n_classes * F.mse_loss(probs, one_hot, reduction="none").mean(-1)
    np.testing.assert_allclose(losses.squared_error(logits, targets), expected, rtol=1e-12)


def test_two_class_squared_error_is_twice_the_binary_brier_score():
    logits, targets = random_case(2, batch=(50,))
    probability_of_one = scipy.special.expit((logits[:, 1] - logits[:, 0]).numpy())
    expected = 2 * brier_score_loss(targets.numpy(), probability_of_one)
    assert losses.squared_error(logits, targets).mean().item() == pytest.approx(expected, rel=1e-12)


def test_hinge_worked_by_hand():
    assert losses.hinge([[2.0, 1.5, -4.0], [2.0, 0.5, -4.0], [0.0, 3.0, 2.9]], [0, 0, 0]).tolist() == [0.5, 0.0, 4.0]


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.0, 3.0])
def test_hinge_of_two_classes_is_twice_torchs_multi_margin_loss(margin):
    logits, targets = random_case(2, batch=(50,))
    expected = 2 * F.multi_margin_loss(logits, targets, margin=margin, reduction="none")
    np.testing.assert_allclose(losses.hinge(logits, targets, margin=margin), expected, rtol=1e-13)


@pytest.mark.parametrize("n_classes", [3, 1000, 50_000])
def test_hinge_is_v_times_torchs_multi_margin_loss_when_one_rival_violates_the_margin(n_classes):
    logits, targets = random_case(n_classes, batch=(6,), scale=1e-2)
    rival = (targets + 1) % n_classes
    logits.scatter_(-1, targets.unsqueeze(-1), 2.0).scatter_(-1, rival.unsqueeze(-1), 1.7)  # all others are 2 below
    expected = n_classes * F.multi_margin_loss(logits, targets, reduction="none")
    np.testing.assert_allclose(losses.hinge(logits, targets), expected, rtol=1e-9)
    np.testing.assert_allclose(losses.hinge(logits, targets), 0.7, rtol=1e-12)


def test_hinge_with_impossible_classes():
    assert losses.hinge([[0.0, -INF], [-INF, 0.0]], [0, 0]).tolist() == [0.0, INF]


@given(cases())
def test_focal_without_focus_is_cross_entropy(case):
    logits, targets = case
    np.testing.assert_allclose(losses.focal(logits, targets, alpha=1.0, gamma=0.0), losses.cross_entropy(logits, targets), rtol=1e-15)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_agrees_with_fifty_digits(gamma):
    row = [3.0, -2.0, 0.5, 9.0, -20.0]
    with mp.workdps(50):
        exact = [float(-mp.mpf("0.25") * (1 - mp.exp(lp)) ** mp.mpf(gamma) * lp) for lp in exact_log_softmax(row)]
    np.testing.assert_allclose(losses.focal([row] * 5, range(5), alpha=0.25, gamma=gamma), exact, rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_of_the_certain_and_the_impossible(gamma):
    assert losses.focal([[0.0, -INF], [-INF, 0.0]], [0, 0], gamma=gamma).tolist() == [0.0, INF]


@given(cases(), st.floats(0, 5), st.floats(0, 5))
def test_more_focus_never_raises_the_loss(case, gamma, more):
    logits, targets = case
    assert (losses.focal(logits, targets, gamma=gamma + more) <= losses.focal(logits, targets, gamma=gamma) * (1 + 1e-12)).all()


# label smoothing


@given(cases())
def test_no_smoothing_is_cross_entropy(case):
    logits, targets = case
    for spread in ("all", "others"):
        np.testing.assert_allclose(
            losses.label_smoothing(logits, targets, smoothing=0.0, spread=spread), losses.cross_entropy(logits, targets), rtol=1e-13, atol=1e-14
        )


@pytest.mark.parametrize("n_classes", SIZES)
@pytest.mark.parametrize("smoothing", [0.01, 0.1, 0.9])
def test_label_smoothing_over_all_classes_is_torchs(n_classes, smoothing):
    logits, targets = random_case(n_classes)
    expected = F.cross_entropy(*flat(logits, targets), label_smoothing=smoothing, reduction="none").reshape(targets.shape)
    np.testing.assert_allclose(losses.label_smoothing(logits, targets, smoothing=smoothing), expected, rtol=1e-12)


@pytest.mark.parametrize("n_classes", SIZES)
def test_label_smoothing_over_the_others_is_cross_entropy_against_written_out_targets(n_classes):
    logits, targets = random_case(n_classes)
    q = np.full((*targets.shape, n_classes), 0.2 / (n_classes - 1))
    np.put_along_axis(q, targets.unsqueeze(-1).numpy(), 0.8, -1)
    expected = -(q * scipy.special.log_softmax(logits.numpy(), -1)).sum(-1)
    np.testing.assert_allclose(losses.label_smoothing(logits, targets, smoothing=0.2, spread="others"), expected, rtol=1e-12)


@given(cases(), st.floats(0, 0.49))
def test_smoothing_the_others_by_epsilon_is_smoothing_all_by_epsilon_v_over_v_minus_one(case, smoothing):
    logits, targets = case
    n_classes = logits.shape[-1]
    others = losses.label_smoothing(logits, targets, smoothing=smoothing, spread="others")
    everyone = losses.label_smoothing(logits, targets, smoothing=smoothing * n_classes / (n_classes - 1), spread="all")
    np.testing.assert_allclose(others, everyone, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("spread", ["all", "others"])
@given(st.integers(2, 300), st.floats(0, 0.999))
def test_smoothed_targets_are_a_distribution(spread, n_classes, smoothing):
    q = losses.smoothed_targets([0, n_classes - 1], n_classes, smoothing=smoothing, spread=spread)
    assert (q >= 0).all()
    np.testing.assert_allclose(q.sum(-1), 1.0, rtol=1e-13)


@pytest.mark.parametrize("spread", ["all", "others"])
def test_doubt_on_an_impossible_class_costs_infinity_and_no_doubt_nothing(spread):
    row = [0.0, 0.0, -INF]
    assert losses.label_smoothing(row, 0, smoothing=0.1, spread=spread).item() == INF
    assert losses.label_smoothing(row, 2, smoothing=0.1, spread=spread).item() == INF
    assert losses.label_smoothing(row, 0, smoothing=0.0, spread=spread).item() == pytest.approx(math.log(2), rel=1e-15)


# masked, distillation, InfoNCE


def test_masked_cross_entropy_is_the_mean_over_the_chosen_positions():
    logits, targets = random_case(11, batch=(4, 5))
    mask = torch.rand(4, 5, generator=torch.Generator().manual_seed(3)) < 0.4
    expected = F.cross_entropy(logits[mask], targets[mask])
    for form in (mask, mask.long(), mask.double(), mask.tolist()):
        assert losses.masked_cross_entropy(logits, targets, form).item() == pytest.approx(expected.item(), rel=1e-13)


def test_what_is_not_masked_in_is_never_looked_at():
    logits, targets = random_case(5, batch=(3,))
    expected = F.cross_entropy(logits[:1], targets[:1]).item()
    logits[1], targets[2] = float("nan"), -100
    logits.requires_grad_()
    loss = losses.masked_cross_entropy(logits, targets, [1, 0, 0])
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-13)
    assert (logits.grad[1:] == 0).all()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([0, 0], "mask must select at least one position"),
        ([1, 2], "mask must hold only 0 and 1, got 2"),
        ([1.0, float("nan")], "mask must hold only 0 and 1, got nan"),
        ([1], "targets and mask must have the shape"),
    ],
)
def test_a_bad_mask_is_refused(mask, message):
    with pytest.raises(ValueError, match=message):
        losses.masked_cross_entropy([[0.0, 1.0]] * 2, [0, 1], mask)


def test_an_ignored_target_under_the_mask_is_refused_not_averaged_as_zero():
    with pytest.raises(ValueError, match="targets must be ids from 0 to 1, got -100"):
        losses.masked_cross_entropy([[0.0, 1.0]] * 2, [0, -100], [1, 1])


@pytest.mark.parametrize("n_classes", SIZES)
@pytest.mark.parametrize(("alpha", "temperature"), [(0.5, 3.0), (0.1, 1.0), (0.0, 8.0), (1.0, 2.0)])
def test_distillation_agrees_with_torch(n_classes, alpha, temperature):
    student, targets = random_case(n_classes)
    teacher, _ = random_case(n_classes, seed=1)
    soft = F.kl_div(F.log_softmax(student / temperature, -1), F.softmax(teacher / temperature, -1), reduction="none").sum(-1)
    hard = F.cross_entropy(*flat(student, targets), reduction="none").reshape(targets.shape)
    expected = alpha * hard + (1 - alpha) * temperature**2 * soft
    np.testing.assert_allclose(losses.distillation(student, teacher, targets, alpha=alpha, temperature=temperature), expected, rtol=1e-10)


def test_distillation_goes_from_teacher_to_student_not_back():
    student, teacher = torch.tensor([0.3, 0.7]), torch.tensor([0.9, 0.1])
    expected = information.kl_divergence(teacher, student).item()
    loss = losses.distillation(student.log(), teacher.log(), 0, alpha=0.0, temperature=1.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_a_teacher_may_forbid_what_a_student_allows_but_not_the_reverse():
    free, strict = [0.0, 0.0], [0.0, -INF]
    assert losses.distillation(free, strict, 0, alpha=0.0, temperature=1.0).item() == pytest.approx(math.log(2), rel=1e-15)
    assert losses.distillation(strict, free, 0, alpha=0.0).item() == INF
    assert losses.distillation(strict, free, 0, alpha=1.0).item() == 0.0
    assert losses.distillation(strict, strict, 0).item() == 0.0
    assert losses.distillation(strict, strict, 1, alpha=0.0).item() == 0.0


def test_info_nce_is_cross_entropy_on_the_diagonal_of_cosines():
    generator = torch.Generator().manual_seed(0)
    anchors, positives = (torch.randn(8, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    cosines = F.cosine_similarity(anchors.unsqueeze(1), positives.unsqueeze(0), dim=-1)
    expected = F.cross_entropy(cosines / 0.07, torch.arange(8), reduction="none")
    np.testing.assert_allclose(losses.info_nce(anchors, positives), expected, rtol=1e-11)


def test_info_nce_sees_directions_not_lengths():
    generator = torch.Generator().manual_seed(1)
    anchors, positives = (torch.randn(6, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    np.testing.assert_allclose(losses.info_nce(1e-6 * anchors, 1e6 * positives), losses.info_nce(anchors, positives), rtol=1e-11)


def test_indistinguishable_pairs_cost_the_log_of_their_number():
    same = torch.ones(9, 3, dtype=torch.float64)
    np.testing.assert_allclose(losses.info_nce(same, same), math.log(9), rtol=1e-14)


@pytest.mark.parametrize(
    ("anchors", "positives", "temperature", "message"),
    [
        ([[0.0, 0.0]], [[1.0, 0.0]], 0.07, "anchors must not hold a vector of length 0"),
        ([[1.0, 0.0]], [[1.0, INF]], 0.07, "positives must be finite, got inf"),
        ([[1.0, 0.0]], [[1.0, 0.0]] * 2, 0.07, "positives must have the shape of anchors"),
        ([1.0, 0.0], [1.0, 0.0], 0.07, r"anchors must have shape \[N, D\]"),
        ([[1.0, 0.0]], [[1.0, 0.0]], 0.0, "temperature must be a number above 0, got 0.0"),
        (torch.empty(0, 2), torch.empty(0, 2), 0.07, "anchors must not be empty"),
    ],
)
def test_bad_vectors_are_refused(anchors, positives, temperature, message):
    with pytest.raises(ValueError, match=message):
        losses.info_nce(anchors, positives, temperature=temperature)


# refusals, shared

PLAIN = [losses.cross_entropy, losses.squared_error, losses.hinge, losses.focal, losses.label_smoothing]


@pytest.mark.parametrize("loss", PLAIN)
@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        ([[0.0, float("nan")]], [0], r"logits must not hold NaN, got NaN in row \(0,\)"),
        ([[0.0, INF]], [0], "logits must be finite or −inf, got \\+inf"),
        ([[0.0, 1.0], [-INF, -INF]], [0, 0], r"logits must have at least one finite entry a row, got only −inf in row \(1,\)"),
        ([[0.0, 1.0]], [2], "targets must be ids from 0 to 1, got 2"),
        ([[0.0, 1.0]], [-1], "targets must be ids from 0 to 1, got -1"),
        ([[0.0, 1.0]], [0.0], "targets must be integer ids, got torch.float32"),
        ([[0.0, 1.0]], [True], "targets must be integer ids, got torch.bool"),
        ([[0.0, 1.0]], [0, 1], "targets must have the shape of logits without its last dimension"),
        ([[0.0, 1.0]], 0, "targets must have the shape of logits without its last dimension"),
        (torch.empty(0, 5), torch.empty(0, dtype=torch.long), "logits must not be empty"),
        (0.0, 0, "logits must have a last dimension"),
    ],
)
def test_bad_logits_and_targets_are_refused_by_name(loss, logits, targets, message):
    with pytest.raises(ValueError, match=message):
        loss(logits, targets)


@pytest.mark.parametrize(
    ("loss", "options", "message"),
    [
        (losses.label_smoothing, {"smoothing": 1.0}, r"smoothing must be a number in \[0, 1\), got 1.0"),
        (losses.label_smoothing, {"smoothing": -0.1}, r"smoothing must be a number in \[0, 1\), got -0.1"),
        (losses.label_smoothing, {"smoothing": float("nan")}, "smoothing must be a number .* got nan"),
        (losses.label_smoothing, {"spread": "none"}, "spread must be 'all' or 'others', got 'none'"),
        (losses.focal, {"gamma": -1.0}, "gamma must be a number at least 0, got -1.0"),
        (losses.focal, {"alpha": 0.0}, "alpha must be a number above 0, got 0.0"),
        (losses.focal, {"gamma": "two"}, "gamma must be a number at least 0, got 'two'"),
        (losses.hinge, {"margin": -1.0}, "margin must be a number at least 0, got -1.0"),
    ],
)
def test_bad_options_are_refused_by_name(loss, options, message):
    with pytest.raises(ValueError, match=message):
        loss([[0.0, 1.0]], [0], **options)


@pytest.mark.parametrize(
    ("teacher", "options", "message"),
    [
        ([[0.0, 1.0]], {"alpha": 1.1}, r"alpha must be a number in \[0, 1\], got 1.1"),
        ([[0.0, 1.0]], {"temperature": 0.0}, "temperature must be a number above 0, got 0.0"),
        ([[0.0, 1.0]], {"temperature": -3.0}, "temperature must be a number above 0, got -3.0"),
        ([[0.0, 1.0, 2.0]], {}, "teacher_logits must have the shape of student_logits"),
        ([[0.0, float("nan")]], {}, "teacher_logits must not hold NaN"),
    ],
)
def test_bad_distillation_is_refused_by_name(teacher, options, message):
    with pytest.raises(ValueError, match=message):
        losses.distillation([[0.0, 1.0]], teacher, [0], **options)


def test_smoothing_the_others_needs_others():
    with pytest.raises(ValueError, match="n_classes must be at least 2"):
        losses.label_smoothing([[0.0]], [0], spread="others")


@given(cases(low=-1e4, high=1e4))
def test_no_finite_logits_make_a_nan_or_a_negative_loss(case):
    logits, targets = case
    for loss in PLAIN:
        assert (loss(logits, targets) >= 0).all() and loss(logits, targets).isfinite().all()
