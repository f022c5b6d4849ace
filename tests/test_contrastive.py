"""Contrastive losses, alignment and uniformity, against torch, autograd, finite differences, loops and arithmetic by hand."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz import contrastive, losses

RNG = np.random.default_rng(5)
A, P = RNG.normal(size=(2, 6, 9))


@pytest.mark.parametrize("temperature", [0.05, 0.5, 3.0])
def test_the_loss_is_torchs_cross_entropy_over_cosines(temperature):
    steps = contrastive.info_nce(A, P, temperature=temperature)
    cosines = torch.nn.functional.cosine_similarity(torch.tensor(A)[:, None], torch.tensor(P)[None], dim=-1)
    expected = torch.nn.functional.cross_entropy(cosines / temperature, torch.arange(6), reduction="none")
    np.testing.assert_allclose(steps.losses, expected.numpy(), rtol=1e-10)
    np.testing.assert_allclose(steps.losses, losses.info_nce(torch.tensor(A), torch.tensor(P), temperature=temperature).numpy(), rtol=1e-10)
    np.testing.assert_allclose(steps.probs.sum(1), 1)
    assert steps.accuracy == pytest.approx((cosines.argmax(1) == torch.arange(6)).double().mean().item())


def test_the_gradients_are_those_of_autograd_and_of_finite_differences():
    a = torch.tensor(A, requires_grad=True)
    cosines = (a / a.norm(dim=1, keepdim=True)) @ (torch.tensor(P) / torch.tensor(P).norm(dim=1, keepdim=True)).T
    cosines.retain_grad()
    torch.nn.functional.cross_entropy(cosines / 0.2, torch.arange(6), reduction="sum").backward()
    np.testing.assert_allclose(contrastive.info_nce(A, P, temperature=0.2).pull, cosines.grad.numpy(), atol=1e-12)
    got = contrastive.anchor_gradient(A, P, temperature=0.2)
    np.testing.assert_allclose(got, a.grad.numpy(), atol=1e-12)
    bump = np.zeros_like(A)
    bump[:, 2] = 1e-6
    up, down = (contrastive.info_nce(A + sign * bump, P, temperature=0.2).losses for sign in (1, -1))
    np.testing.assert_allclose(got[:, 2], (up - down) / 2e-6, atol=1e-7)
    np.testing.assert_allclose((got * A).sum(1), 0, atol=1e-12)


def test_lengths_do_not_count_and_low_temperatures_do_not_overflow():
    np.testing.assert_allclose(contrastive.info_nce(3 * A, 0.1 * P).losses, contrastive.info_nce(A, P).losses)
    assert np.isfinite(contrastive.info_nce(A, P, temperature=1e-5).losses).all()


@pytest.mark.parametrize("k", range(6))
def test_fewer_negatives_are_averaged_over_every_choice(k):
    steps = contrastive.info_nce(A, P, temperature=0.3)
    z = steps.similarities / 0.3
    every = []
    for i in range(6):
        for chosen in itertools.combinations([j for j in range(6) if j != i], k):
            every.append(math.log(math.exp(z[i, i]) + sum(math.exp(z[i, j]) for j in chosen)) - z[i, i])
    assert contrastive.with_negatives(steps, k) == pytest.approx(np.mean(every), rel=1e-9, abs=1e-12)


def test_all_negatives_give_the_loss_itself_and_more_never_cost_less():
    steps = contrastive.info_nce(A, P, temperature=0.3)
    curve = [contrastive.with_negatives(steps, k) for k in range(6)]
    assert curve[-1] == pytest.approx(steps.mean_nats) and curve == sorted(curve)


@given(st.integers(2, 8), st.floats(0.02, 5), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_information_bound_never_passes_log_n(n, temperature, seed):
    a, p = np.random.default_rng(seed).normal(size=(2, n, 4))
    steps = contrastive.info_nce(a, p, temperature=temperature)
    assert steps.mean_nats >= 0 and contrastive.information_bound(steps.mean_nats, n) <= math.log(n)


def test_the_bound_holds_for_pairs_whose_information_is_known():
    rng = np.random.default_rng(0)  # k equally likely kinds, seen without noise: log k nats, and no batch can show more than log N
    kinds, n, k = np.eye(4), 64, 4
    estimates = []
    for _ in range(50):
        x = kinds[rng.integers(k, size=n)]
        estimates.append(contrastive.information_bound(contrastive.info_nce(x, x, temperature=0.05).mean_nats, n))
    assert math.log(k) - 0.1 < np.mean(estimates) <= math.log(k) + 1e-6


def test_alignment_and_uniformity_are_the_papers_own_code():
    x, y = (torch.nn.functional.normalize(torch.tensor(v), dim=1) for v in (A, P))
    assert contrastive.alignment(A, P) == pytest.approx((x - y).norm(p=2, dim=1).pow(2).mean().item())
    assert contrastive.uniformity(A) == pytest.approx(torch.pdist(x, p=2).pow(2).mul(-2).exp().mean().log().item())


def test_uniformity_of_many_random_directions_is_what_the_sphere_gives():
    rng, d = np.random.default_rng(1), 128  # E exp(−2‖x−y‖²) = e⁻⁴ E e^{4c}, c ≈ normal(0, 1/d)
    assert contrastive.uniformity(rng.normal(size=(400, d))) == pytest.approx(-4 + 8 / d, abs=0.01)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: contrastive.info_nce([[0.0, 0.0]], [[1.0, 0.0]]), "anchors"),
        (lambda: contrastive.info_nce([[1.0, 0.0]], [[1.0, 0.0, 0.0]]), "positives"),
        (lambda: contrastive.info_nce([[1.0]], [[1.0]], temperature=0.0), "temperature"),
        (lambda: contrastive.from_similarities([[1.0, 2.0]]), "similarities"),
        (lambda: contrastive.with_negatives(contrastive.info_nce(A, P), 6), "n_negatives"),
        (lambda: contrastive.uniformity([[1.0, 0.0]]), "vectors"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(call, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()
