"""Distillation at one place, against torch, scipy, autograd, finite differences and arithmetic by hand."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz import distillation, gradients, losses

RNG = np.random.default_rng(3)
STUDENT, TEACHER = RNG.normal(0, 2, (2, 5, 30))
TARGETS = np.array([0, 7, 29, 3, 3])
numbers = st.floats(-20, 20)
pairs = st.integers(2, 9).flatmap(lambda n: st.tuples(st.lists(numbers, min_size=n, max_size=n), st.lists(numbers, min_size=n, max_size=n)))


def test_two_classes_by_hand():
    student, teacher = [math.log(3), 0.0], [0.0, 0.0]  # ¾, ¼ against ½, ½
    p = distillation.parts(student, teacher, 1, alpha=0.5, temperature=1.0)
    assert float(p.hard) == pytest.approx(math.log(4))
    assert float(p.divergence) == pytest.approx(0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25))
    assert float(p.total) == pytest.approx(0.5 * math.log(4) + 0.5 * float(p.divergence))
    softer = distillation.parts(student, teacher, 1, temperature=2.0)  # √3 : 1
    q = math.sqrt(3) / (1 + math.sqrt(3))
    assert float(softer.soft) == pytest.approx(4 * (0.5 * math.log(0.5 / q) + 0.5 * math.log(0.5 / (1 - q))))


@pytest.mark.parametrize("alpha, temperature", [(0.0, 1.0), (0.5, 3.0), (1.0, 0.4), (0.2, 20.0)])
def test_the_parts_are_the_torch_loss_and_scipys_divergence(alpha, temperature):
    p = distillation.parts(STUDENT, TEACHER, TARGETS, alpha=alpha, temperature=temperature)
    whole = losses.distillation(torch.tensor(STUDENT), torch.tensor(TEACHER), torch.tensor(TARGETS), alpha=alpha, temperature=temperature)
    np.testing.assert_allclose(p.total, whole.numpy(), rtol=1e-9)
    q, s = (scipy.special.softmax(z / temperature, -1) for z in (TEACHER, STUDENT))
    np.testing.assert_allclose(p.divergence, scipy.special.rel_entr(q, s).sum(-1), rtol=1e-9)
    np.testing.assert_allclose(p.hard, -scipy.special.log_softmax(STUDENT, -1)[np.arange(5), TARGETS])


@pytest.mark.parametrize("temperature", [0.7, 1.0, 4.0])
def test_the_gradients_are_those_of_autograd_and_of_finite_differences(temperature):
    z = torch.tensor(STUDENT, requires_grad=True)
    kl = torch.nn.functional.kl_div((z / temperature).log_softmax(-1), (torch.tensor(TEACHER) / temperature).log_softmax(-1), log_target=True, reduction="sum")
    kl.backward()
    got = distillation.divergence_gradient(STUDENT, TEACHER, temperature)
    np.testing.assert_allclose(got, z.grad.numpy(), atol=1e-12)
    bump = np.zeros_like(STUDENT)
    bump[:, 4] = 1e-5
    up, down = (distillation.parts(STUDENT + sign * bump, TEACHER, TARGETS, temperature=temperature) for sign in (1, -1))
    np.testing.assert_allclose(got[:, 4], (up.divergence - down.divergence) / 2e-5, atol=1e-8)
    np.testing.assert_allclose(distillation.hard_gradient(STUDENT, TARGETS)[:, 4], (up.hard - down.hard) / 2e-5, atol=1e-8)
    closed = gradients.distillation(torch.tensor(STUDENT), torch.tensor(TEACHER), torch.tensor(TARGETS), alpha=0.3, temperature=temperature).numpy()
    np.testing.assert_allclose(0.3 * distillation.hard_gradient(STUDENT, TARGETS) + 0.7 * temperature**2 * got, closed, atol=1e-12)


def test_hard_temperatures_of_logits_that_are_far_apart_leave_no_overflow():
    p = distillation.parts([[800.0, 0.0]], [[0.0, 800.0]], [1], temperature=0.5)
    assert float(p.hard[0]) == 800.0 and float(p.divergence[0]) == pytest.approx(1600.0)


@given(pairs, st.floats(0.2, 50))
@settings(max_examples=60, deadline=None)
def test_the_divergence_is_never_negative_and_no_constant_changes_it(z, temperature):
    student, teacher = z
    p = distillation.parts(student, teacher, 0, temperature=temperature)
    moved = distillation.parts([x + 5 for x in student], [x - 3 for x in teacher], 0, temperature=temperature)
    assert p.divergence >= 0 and float(moved.divergence) == pytest.approx(float(p.divergence), rel=1e-6, abs=1e-9)


@given(pairs)
@settings(max_examples=40, deadline=None)
def test_with_t_squared_the_gradient_tends_to_the_distance_of_the_centred_logits(z):
    found = distillation.lengths(z[0], z[1], 0, [1e5])
    assert float(found.soft[0]) == pytest.approx(found.limit, rel=1e-2, abs=1e-6)


def test_without_t_squared_a_doubled_temperature_leaves_a_quarter_of_the_gradient():
    found = distillation.lengths(STUDENT[0], TEACHER[0], 0, [500.0, 1000.0])
    assert found.divergence[0] / found.divergence[1] == pytest.approx(4, rel=0.01)
    assert found.soft[0] / found.soft[1] == pytest.approx(1, rel=0.01)
    assert found.hard == pytest.approx(np.linalg.norm(scipy.special.softmax(STUDENT[0]) - np.eye(30)[0]))


def test_groups_of_ranks_share_all_there_is_and_flatten_with_temperature():
    got = distillation.shares(TEACHER[1], [0.5, 1.0, 1e6], (1, 10))
    np.testing.assert_allclose(got.sum(1), 1)
    assert got[1, 0] == pytest.approx(scipy.special.softmax(TEACHER[1]).max())
    np.testing.assert_allclose(got[2], [1 / 30, 9 / 30, 20 / 30], rtol=1e-4)
    assert got[0, 0] > got[1, 0] > got[2, 0]


@given(st.lists(numbers, min_size=2, max_size=9), st.data())
@settings(max_examples=60, deadline=None)
def test_a_lesson_is_the_chain_rule_of_entropy(logits, data):
    target = data.draw(st.integers(0, len(logits) - 1))
    found = distillation.lesson(logits, target, temperature=1.5)
    q = scipy.special.softmax(np.array(logits) / 1.5)
    assert found.entropy == pytest.approx(scipy.stats.entropy(q), abs=1e-9)
    assert found.whether + found.mass * found.which == pytest.approx(found.entropy, abs=1e-9)
    assert found.mass == pytest.approx(1 - q[target], abs=1e-12) and 1 - 1e-9 <= found.rivals <= len(logits) - 1 + 1e-6


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: distillation.soften([1.0, math.inf]), "logits"),
        (lambda: distillation.soften([1.0, 2.0], 0.0), "temperature"),
        (lambda: distillation.soften([1.0]), "logits"),
        (lambda: distillation.parts([1.0, 2.0], [1.0, 2.0, 3.0], 0), "teacher_logits"),
        (lambda: distillation.parts([1.0, 2.0], [1.0, 2.0], 2), "targets"),
        (lambda: distillation.parts([1.0, 2.0], [1.0, 2.0], 0, alpha=1.5), "alpha"),
        (lambda: distillation.shares([1.0, 2.0], [1.0], (2,)), "bounds"),
        (lambda: distillation.shares([1.0, 2.0, 3.0], [1.0], (2, 1)), "bounds"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(call, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()
