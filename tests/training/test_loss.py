"""The chunked loss against torch's own cross-entropy, in value and in both gradients."""

import pytest
import torch
import torch.nn.functional as F

from lmviz import losses
from lmviz.training import objectives
from lmviz.vocabulary.chunked import cross_entropy as chunked_cross_entropy


@pytest.mark.parametrize("n, rows", [(1, 512), (7, 3), (12, 4), (600, 512)])
def test_chunked_loss_and_gradients_are_those_of_cross_entropy(n, rows):
    g = torch.Generator().manual_seed(n)
    states = torch.randn(n, 16, generator=g, requires_grad=True)
    embedding = torch.randn(50, 16, generator=g, requires_grad=True)
    targets = torch.randint(50, (n,), generator=g)
    reference = F.cross_entropy(states @ embedding.T, targets)
    expected = torch.autograd.grad(reference, (states, embedding))
    loss = chunked_cross_entropy(states, embedding, targets, rows=rows)
    got = torch.autograd.grad(loss, (states, embedding))
    assert torch.allclose(loss, reference, atol=1e-6)
    for mine, theirs in zip(got, expected):
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_the_upstream_gradient_scales_both_gradients():
    states, embedding = torch.randn(5, 4, requires_grad=True), torch.randn(9, 4, requires_grad=True)
    targets = torch.tensor([0, 8, 3, 3, 1])
    once = torch.autograd.grad(chunked_cross_entropy(states, embedding, targets), (states, embedding))
    thrice = torch.autograd.grad(3 * chunked_cross_entropy(states, embedding, targets), (states, embedding))
    for a, b in zip(once, thrice):
        assert torch.allclose(3 * a, b, atol=1e-6)


def test_enormous_logits_stay_finite():
    states, embedding = torch.full((2, 1), 1e4), torch.tensor([[1.0], [-1.0]])
    assert chunked_cross_entropy(states, embedding, torch.tensor([0, 1])).item() == pytest.approx(1e4)


def test_a_row_without_a_target_is_refused():
    with pytest.raises(ValueError, match="targets"):
        chunked_cross_entropy(torch.zeros(3, 2), torch.zeros(5, 2), torch.tensor([1, 2]))


@pytest.mark.parametrize("name", objectives.NAMES)
def test_every_objective_is_the_mean_of_its_loss_and_has_a_gradient_in_the_head(name):
    g = torch.Generator().manual_seed(2)
    states, embedding, targets = torch.randn(6, 4, generator=g), torch.randn(9, 4, generator=g, requires_grad=True), torch.tensor([0, 8, 3, 3, 1, 5])
    loss = objectives.objective(name)(states, embedding, targets)
    assert float(loss.detach()) == pytest.approx(float(getattr(losses, name)(states @ embedding.detach().T, targets).mean()), abs=1e-5)
    assert torch.autograd.grad(loss, embedding)[0].abs().sum() > 0


@pytest.mark.parametrize("name", objectives.NAMES)
def test_an_objective_in_strips_has_the_gradients_of_the_whole(name):
    generator = torch.Generator().manual_seed(3)
    N = 2 * objectives.ROWS + 7
    states, embedding = torch.randn(N, 5, generator=generator), torch.randn(11, 5, generator=generator)
    targets = torch.randint(11, (N,), generator=generator)
    per_position = objectives.per_position(name)

    def gradients_of(loss):
        inputs = [states.clone().requires_grad_(), embedding.clone().requires_grad_()]
        value = loss(*inputs)
        return value, *torch.autograd.grad(3 * value, inputs)

    got = gradients_of(lambda s, e: objectives.objective(name)(s, e, targets))
    for mine, whole in zip(got, gradients_of(lambda s, e: per_position(s @ e.T, targets).mean())):
        assert torch.allclose(mine, whole, atol=1e-6)


def test_an_unknown_objective_lists_the_known_ones():
    with pytest.raises(ValueError, match="hinge"):
        objectives.objective("accuracy")
