"""Sequence-level losses against autograd, exact enumeration of every text, and brute force."""

import itertools
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz import gradient_noise, sequence_level

V, T = 3, 3
TEXTS = torch.tensor(list(itertools.product(range(V), repeat=T)))  # every text there is: 27
REWARDS = torch.rand(len(TEXTS), generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def table(seed: int = 0) -> torch.Tensor:
    """A model of texts of three tokens: one row of logits for each token before (and one for the start), [V + 1, V]."""
    return torch.randn(V + 1, V, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def logits_of(model: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    before = torch.cat([torch.full_like(texts[:, :1], V), texts[:, :-1]], 1)
    return model[before]


def test_the_probabilities_of_all_texts_sum_to_one():
    assert sequence_level.sequence_log_prob(logits_of(table(), TEXTS), TEXTS).exp().sum().item() == pytest.approx(1.0)


def exact_gradient(model: torch.Tensor) -> torch.Tensor:
    """∂/∂model of −E r, every text counted with its probability."""
    model = model.clone().requires_grad_(True)
    probs = sequence_level.sequence_log_prob(logits_of(model, TEXTS), TEXTS).exp()
    (gradient,) = torch.autograd.grad(-(probs * REWARDS).sum(), model)
    return gradient


@pytest.mark.parametrize("baseline", [0.0, 0.4, -3.0])
def test_reinforce_is_unbiased_with_any_constant_baseline(baseline):
    model = table().requires_grad_(True)
    log_probs = sequence_level.sequence_log_prob(logits_of(model, TEXTS), TEXTS)
    expected = torch.zeros_like(model)
    for i, p in enumerate(log_probs.detach().exp()):  # the estimate of each text, weighted by how often it is drawn
        value = sequence_level.reinforce(log_probs[i : i + 1], REWARDS[i : i + 1], baseline)
        (gradient,) = torch.autograd.grad(value, model, retain_graph=True)
        expected += p * gradient
    torch.testing.assert_close(expected, exact_gradient(table()))


def test_the_leave_one_out_baseline_is_unbiased_over_every_pair_of_texts():
    model = table().requires_grad_(True)
    log_probs = sequence_level.sequence_log_prob(logits_of(model, TEXTS), TEXTS)
    probs = log_probs.detach().exp()
    weights = torch.zeros(len(TEXTS), dtype=torch.float64)  # of each ∇ log p: the estimate is linear in them
    for i, j in itertools.product(range(len(TEXTS)), repeat=2):
        rewards = REWARDS[[i, j]]
        advantage = rewards - sequence_level.leave_one_out(rewards)
        weights[i] -= probs[i] * probs[j] * advantage[0] / 2
        weights[j] -= probs[i] * probs[j] * advantage[1] / 2
    (expected,) = torch.autograd.grad((weights * log_probs).sum(), model)
    torch.testing.assert_close(expected, exact_gradient(table()))


def test_a_good_baseline_lowers_the_variance_and_not_the_mean():
    model = table()
    gradients = sequence_level.reinforce_gradient(logits_of(model, TEXTS), TEXTS, REWARDS) * len(TEXTS)
    probs = sequence_level.sequence_log_prob(logits_of(model, TEXTS), TEXTS).exp()
    with_baseline = sequence_level.reinforce_gradient(logits_of(model, TEXTS), TEXTS, REWARDS, (probs * REWARDS).sum()) * len(TEXTS)

    def variance(g):  # of the gradient at the first token, where all texts share one row of logits
        mean = (probs[:, None] * g[:, 0]).sum(0)
        return mean, (probs[:, None] * (g[:, 0] - mean) ** 2).sum()

    (mean, plain), (same_mean, less) = variance(gradients), variance(with_baseline)
    torch.testing.assert_close(mean, same_mean)
    assert less < plain


def test_the_closed_form_of_reinforce_is_what_autograd_finds_and_its_rows_sum_to_zero():
    g = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 4, 7, generator=g, dtype=torch.float64, requires_grad=True)
    ids, rewards, baseline = torch.randint(7, (5, 4), generator=g), torch.rand(5, generator=g, dtype=torch.float64), torch.rand(5, generator=g, dtype=torch.float64)  # fmt: skip
    (found,) = torch.autograd.grad(sequence_level.reinforce(sequence_level.sequence_log_prob(logits, ids), rewards, baseline), logits)
    closed = sequence_level.reinforce_gradient(logits.detach(), ids, rewards, baseline)
    torch.testing.assert_close(closed, found)
    torch.testing.assert_close(closed.sum(-1), torch.zeros(5, 4, dtype=torch.float64), atol=1e-12, rtol=0)


def test_with_the_human_text_and_reward_one_reinforce_is_cross_entropy():
    g = torch.Generator().manual_seed(2)
    logits, ids = torch.randn(1, 6, 9, generator=g, dtype=torch.float64), torch.randint(9, (1, 6), generator=g)
    value = sequence_level.reinforce(sequence_level.sequence_log_prob(logits, ids), [1.0])
    assert value.item() == pytest.approx(torch.nn.functional.cross_entropy(logits[0], ids[0], reduction="sum").item())


@pytest.mark.parametrize("alpha", [0.05, 1.0, 2.5])
def test_the_gradient_of_the_expected_risk_is_autograd_s_and_the_central_difference(alpha):
    g = torch.Generator().manual_seed(4)
    log_probs = (-3 * torch.rand(2, 5, generator=g, dtype=torch.float64)).requires_grad_(True)
    risks = torch.rand(2, 5, generator=g, dtype=torch.float64)
    (found,) = torch.autograd.grad(sequence_level.expected_risk(log_probs, risks, alpha=alpha).sum(), log_probs)
    closed = sequence_level.expected_risk_gradient(log_probs.detach(), risks, alpha=alpha)
    torch.testing.assert_close(closed, found)
    h, at = 1e-6, log_probs.detach()
    for i, j in itertools.product(range(2), range(5)):
        bump = torch.zeros_like(at)
        bump[i, j] = h
        difference = sequence_level.expected_risk(at + bump, risks, alpha=alpha) - sequence_level.expected_risk(at - bump, risks, alpha=alpha)
        assert difference[i].item() / (2 * h) == pytest.approx(closed[i, j].item(), abs=1e-8)


def test_minimum_risk_over_every_text_with_alpha_one_is_the_exact_expected_risk():
    log_probs = sequence_level.sequence_log_prob(logits_of(table(), TEXTS), TEXTS)
    found = sequence_level.expected_risk(log_probs, 1 - REWARDS, alpha=1.0)
    assert found.item() == pytest.approx(1 - (log_probs.exp() * REWARDS).sum().item())


def test_a_text_drawn_twice_counts_once():
    log_probs, risks = torch.tensor([-1.0, -2.0, -1.0], dtype=torch.float64), torch.tensor([0.2, 0.8, 0.2], dtype=torch.float64)
    twice = torch.tensor([-1.0, -2.0, -torch.inf], dtype=torch.float64)
    found = sequence_level.expected_risk(twice, risks, alpha=0.5)
    assert found.item() == pytest.approx(sequence_level.expected_risk(log_probs[:2], risks[:2], alpha=0.5).item())


def brute_gleu(candidate, reference, longest=4):
    """Every n-gram of the candidate crosses out one of the reference's, by hand."""
    matches = total = other = 0
    for n in range(1, longest + 1):
        left = [tuple(reference[i : i + n]) for i in range(len(reference) - n + 1)]
        other += len(left)
        for i in range(len(candidate) - n + 1):
            total += 1
            gram = tuple(candidate[i : i + n])
            if gram in left:
                left.remove(gram)
                matches += 1
    return min(matches / total, matches / other)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_gleu_is_the_smaller_of_precision_and_recall_counted_by_hand(candidate, reference):
    assert sequence_level.gleu(candidate, reference) == pytest.approx(brute_gleu(candidate, reference))
    assert sequence_level.gleu(candidate, candidate) == 1.0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: sequence_level.reinforce([0.0, 0.0], [1.0]), "rewards"),
        (lambda: sequence_level.expected_risk([0.0, 0.0], [1.0], alpha=1.0), "risks"),
        (lambda: sequence_level.sharpened([0.0, 0.0], alpha=0.0), "alpha"),
        (lambda: sequence_level.leave_one_out([1.0]), "rewards"),
        (lambda: sequence_level.gleu([], [1]), "candidate"),
        (lambda: gradient_noise.signal_and_noise([[1.0]]), "gram"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()


def test_signal_and_noise_are_those_of_known_gaussians():
    rng = np.random.default_rng(0)
    mean = np.array([3.0, 4.0])  # |mean|² = 25
    found = []
    for _ in range(400):
        g = mean + rng.normal(size=(6, 2)) * [1.0, 2.0]  # noise 1 + 4
        found.append(gradient_noise.signal_and_noise(g @ g.T))
    signal, noise = np.mean(found, 0)
    assert signal == pytest.approx(25, rel=0.03) and noise == pytest.approx(5, rel=0.06)
    g = rng.normal(size=(3, 5))
    by_hand = [g[i] @ g[j] / np.linalg.norm(g[i]) / np.linalg.norm(g[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(gradient_noise.cosines(g @ g.T), by_hand)


def test_random_rewards_leave_the_mean_of_the_advantages_at_zero():
    rewards = [[random.Random(i).random() for i in range(5)], [0.0, 0.0, 1.0, 0.0, 0.0]]
    found = torch.tensor(rewards, dtype=torch.float64) - sequence_level.leave_one_out(rewards)
    torch.testing.assert_close(found.sum(-1), torch.zeros(2, dtype=torch.float64), atol=1e-12, rtol=0)
