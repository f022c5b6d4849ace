"""Sampled softmax and NCE against sums written out, autograd and draws."""

import math

import numpy as np
import pytest
import torch

from lmviz import sampled_softmax as ss

RNG = np.random.default_rng(2)
Z = RNG.normal(0, 2, 12)
Q = RNG.dirichlet(np.ones(12) * 3)
Y = 4
WITHOUT = ss.without(Q, Y)


def test_the_full_loss_and_gradient_are_torchs():
    z = torch.tensor(Z, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(z[None], torch.tensor([Y]))
    loss.backward()
    assert ss.full_loss(Z, Y) == pytest.approx(loss.item())
    np.testing.assert_allclose(ss.full_gradient(Z, Y), z.grad.numpy(), atol=1e-12)


def test_one_estimate_by_hand():
    got = ss.sampled_loss(Z, Y, WITHOUT, np.array([[1, 7]]))
    inside = math.exp(Z[Y]) + 0.5 * (math.exp(Z[1]) / WITHOUT[1] + math.exp(Z[7]) / WITHOUT[7])
    assert got[0] == pytest.approx(math.log(inside) - Z[Y])


def test_the_sum_is_unbiased_and_its_logarithm_too_small():
    ids = np.arange(12)[np.arange(12) != Y][:, None]
    each = ss.sampled_loss(Z, Y, WITHOUT, ids)
    weights = WITHOUT[ids[:, 0]]
    assert weights @ np.exp(each + Z[Y]) == pytest.approx(np.exp(Z).sum())  # E of the estimated sum is the sum
    exact = ss.sampled(Z, Y, WITHOUT, 1, draws=0, rng=RNG)
    assert exact.draws == 0 and exact.mean == pytest.approx(weights @ each) and exact.bias < 0


def test_more_negatives_bring_less_bias_and_less_spread():
    found = [ss.sampled(Z, Y, WITHOUT, m, draws=4000, rng=np.random.default_rng(0)) for m in (1, 8, 64, 512)]
    assert [e.bias for e in found] == sorted(e.bias for e in found) and found[-1].bias == pytest.approx(0, abs=0.01)
    assert [e.deviation for e in found] == sorted((e.deviation for e in found), reverse=True)
    variance = sum(q * (math.exp(z) / q) ** 2 for z, q in zip(Z, WITHOUT) if q) - (np.exp(Z).sum() - math.exp(Z[Y])) ** 2
    assert found[-1].deviation == pytest.approx(math.sqrt(variance / 512) / np.exp(Z).sum(), rel=0.1)  # the delta method


def test_a_proposal_that_is_the_model_itself_has_no_spread_at_all():
    p = np.exp(Z) / np.exp(Z).sum()
    found = ss.sampled(Z, Y, ss.without(p, Y), 1, draws=0, rng=RNG)
    assert found.deviation == pytest.approx(0, abs=1e-7) and found.bias == pytest.approx(0, abs=1e-9)


def test_the_sampled_gradient_is_autograds_on_average():
    rng = np.random.default_rng(1)
    ids = rng.choice(12, size=(3000, 5), p=WITHOUT)
    z = torch.tensor(Z, requires_grad=True)
    terms = z[torch.tensor(ids)] - torch.tensor(np.log(WITHOUT, where=WITHOUT > 0, out=np.zeros(12)))[torch.tensor(ids)] - math.log(5)
    loss = torch.logsumexp(torch.cat([z[Y].expand(3000, 1), terms], 1), 1) - z[Y]
    loss.mean().backward()
    bias = np.linalg.norm(z.grad.numpy() - ss.full_gradient(Z, Y))
    found = ss.sampled_gradient(Z, Y, WITHOUT, 5, draws=3000, rng=np.random.default_rng(1))
    assert found.bias == pytest.approx(bias, abs=0.02) and found.spread > 0
    fine = ss.sampled_gradient(Z, Y, WITHOUT, 500, draws=500, rng=np.random.default_rng(1))
    assert fine.bias < 0.02 and fine.spread < found.spread


def test_nce_is_the_sum_over_all_noise_and_its_gradient_autograds():
    s = torch.tensor(Z - np.log(np.exp(Z).sum()), requires_grad=True)
    q, m = torch.tensor(Q), 7
    delta = s - (m * q).log()
    loss = torch.nn.functional.softplus(-delta[Y]) + m * (q * torch.nn.functional.softplus(delta)).sum()
    loss.backward()
    found = ss.nce_loss(s.detach().numpy(), Y, Q, m)
    assert found.mean == pytest.approx(loss.item()) and found.truth == pytest.approx(-s[Y].item())
    error = ss.nce_gradient(s.detach().numpy(), Y, Q, m)
    assert error.bias == pytest.approx(np.linalg.norm(s.grad.numpy() - ss.full_gradient(Z, Y)), rel=1e-9)
    rng = np.random.default_rng(0)
    draws = np.zeros((20_000, 12))
    sigma = torch.sigmoid(delta).detach().numpy()
    for _ in range(m):
        ids = rng.choice(12, size=20_000, p=Q)
        draws[np.arange(20_000), ids] += sigma[ids]
    assert error.spread == pytest.approx(math.sqrt(draws.var(0).sum()), rel=0.03)


def test_nces_gradient_tends_to_cross_entropys_as_noise_grows():
    s = Z - np.log(np.exp(Z).sum())
    errors = [ss.nce_gradient(s, Y, Q, m).bias for m in (1, 10, 100, 10_000)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-3


def test_a_target_that_is_next_to_impossible_overflows_nothing():
    z = Z.copy()
    z[Y] = -2000.0
    assert np.isfinite(ss.sampled_loss(z, Y, WITHOUT, np.array([[1, 2]]))).all() and math.isfinite(ss.full_loss(z, Y))


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: ss.sampled_loss(Z, Y, Q, np.array([[1]])), "proposal"),
        (lambda: ss.nce_loss(Z, Y, WITHOUT, 3), "proposal"),
        (lambda: ss.nce_gradient(Z, Y, Q[:5], 3), "proposal"),
        (lambda: ss.sampled(Z, 99, WITHOUT, 3, draws=2, rng=RNG), "logits"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(call, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()
