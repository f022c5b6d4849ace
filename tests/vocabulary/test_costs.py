"""What is counted is what is alive; what is timed is one step of each head; heads that are trained learn."""

import numpy as np
import pytest
import torch

from lmviz.vocabulary import chunked, costs, heads


def test_bytes_alive_are_counted_by_hand():
    given = torch.zeros(500)
    with costs.LiveBytes() as watch:
        first = given + 1  # 2,000 bytes
        second = torch.cat([first, first])  # 4,000 more
        second.mul_(2).view(10, 100).t()  # in place, and seen another way: nothing new
        del first, second
        third = given.repeat(2)  # 4,000, with the others gone
    assert watch.peak == 6000 and third.shape == (1000,)


def test_what_was_there_before_is_not_counted():
    given = torch.zeros(500)
    with costs.LiveBytes() as watch:
        given.view(5, 100).add_(1)
    assert watch.peak == 0


def test_a_gradient_of_few_rows_counts_as_those_rows():
    weight = torch.zeros(100_000, 4, requires_grad=True)
    with costs.LiveBytes() as watch:
        torch.autograd.grad(torch.nn.functional.embedding(torch.tensor([3, 9]), weight, sparse=True).sum(), weight)
    assert watch.peak < 1_000 < weight.numel()


def test_a_further_token_costs_the_full_softmax_its_rows_and_the_strips_none_of_them():
    V = 8192

    def further(kind: str, n_tokens: int) -> float:
        step, (states, targets) = costs.step_of(kind, V), costs.examples(V, 2 * n_tokens)
        return (costs.peak_bytes(step, states, targets) - costs.peak_bytes(step, states[:n_tokens], targets[:n_tokens])) / n_tokens

    assert 2 * 4 * V <= further("full", 64) <= 4 * 4 * V  # logits, their log-softmax, its gradient: float32
    assert further("chunked", chunked.rows_at_once(V)) <= 4 * 4 * costs.D
    depth = 13  # log₂ V
    assert 4 * depth * costs.D <= further("tree", 512) <= 4 * 4 * depth * costs.D


def test_the_full_softmax_and_the_one_in_strips_are_one():
    inputs = costs.examples(300, 20)
    for a, b in zip(costs.step_of("full", 300)(*inputs), costs.step_of("chunked", 300)(*inputs), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("kind", costs.KINDS)
def test_every_head_has_a_time_and_a_memory(kind):
    cost = costs.measure(kind, 1024, patience=0)
    assert cost.seconds > 0 and cost.n_bytes > 0 and (cost.kind, cost.vocab_size) == (kind, 1024)
    assert costs.tokens_of_a_step(kind, 1024) % 2 == 0


def test_more_tokens_begin_with_the_same_and_frequent_ones_come_often():
    (few_states, few), (states, targets) = costs.examples(1000, 100), costs.examples(1000, 4000)
    assert torch.equal(states[:100], few_states) and torch.equal(targets[:100], few)
    share = float((targets == 0).float().mean())
    assert share == pytest.approx(costs.zipf(1000)[0], abs=0.03)


def test_an_unknown_head_is_refused():
    with pytest.raises(ValueError, match="kind"):
        costs.step_of("soft", 10)
    with pytest.raises(ValueError, match="kind"):
        heads.make("soft", [1, 1], 3)


def task(n=3000, V=40, D=16, seed=0):
    """States, and targets drawn from a softmax that is linear in them; also the entropy of those draws, nats."""
    generator = torch.Generator().manual_seed(seed)
    states, weight = torch.randn(n, D, generator=generator), torch.randn(V, D, generator=generator)
    log_q = (states @ weight.T).log_softmax(1)
    targets = torch.multinomial(log_q.exp(), 1, generator=generator)[:, 0]
    return states, targets, float(-(log_q.exp() * log_q).sum(1).mean())


@pytest.mark.parametrize("kind", heads.KINDS)
def test_every_head_learns_and_none_does_better_than_the_truth(kind):
    states, targets, entropy = task()
    counts = np.bincount(targets, minlength=40) + 1
    head = heads.make(kind, counts, 16)
    held = states[2500:], targets[2500:]
    before = heads.mean_nats(head, *held)
    curve = heads.train(head, states[:2500], targets[:2500], rate=0.1, held=held, marks=(0.5, 1.0))
    after = heads.mean_nats(head, *held)
    assert [n for n, _, _ in curve] == [1024, 2500] and curve[-1][2] == after  # two of five batches, and all
    assert entropy < after < before - 0.2 and 0 < curve[0][1] < curve[1][1]
    everything = head.all_log_probs(states[:3]) if kind != "full" else (heads.with_one(states[:3]) @ head.weight.T).log_softmax(1)
    assert everything.exp().sum(1).tolist() == pytest.approx([1] * 3, abs=1e-5)


def test_the_full_head_s_mean_is_that_of_its_losses_and_its_bias_is_learned():
    states, targets, _ = task(200)
    head = heads.make("full", np.ones(40), 16)
    heads.train(head, states, targets, rate=0.1)
    assert head.mean_loss(states, targets).item() == pytest.approx(head(states, targets).mean().item(), rel=1e-5)
    assert head.weight[:, -1].abs().sum().item() > 0


def test_the_best_rate_is_the_one_of_least_loss():
    states, targets, _ = task(1500)
    learn, judge = (states[:1000], targets[:1000]), (states[1000:], targets[1000:])
    found = heads.best_rate("balanced", np.ones(40), learn, judge, rates=(0.001, 0.1))
    losses = {}
    for rate in (0.001, 0.1):
        head = heads.make("balanced", np.ones(40), 16)
        heads.train(head, *learn, rate=rate)
        losses[rate] = heads.mean_nats(head, *judge)
    assert found == min(losses, key=losses.get)


def test_an_untrained_head_is_the_same_every_time():
    counts = np.arange(1, 50)
    for kind in heads.KINDS:
        first, second = (heads.make(kind, counts, 16).state_dict() for _ in range(2))
        assert all(torch.equal(first[name], second[name]) for name in first)
