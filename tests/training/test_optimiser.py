"""Muon and Adam against references: the SVD, and torch's own Adam."""

import pytest
import torch
from torch import nn

from lmviz.training.optimiser import Optimiser, orthogonal


@pytest.mark.parametrize("shape", [(6, 6), (12, 5), (5, 12)])
def test_orthogonal_keeps_the_singular_vectors_and_levels_the_singular_values(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    u, values, vh = torch.linalg.svd(matrix, full_matrices=False)
    inside = u.T @ orthogonal(matrix) @ vh.T
    levelled = values / values.norm()
    for _ in range(5):
        levelled = 3.4445 * levelled - 4.7750 * levelled**3 + 2.0315 * levelled**5  # the quintic of Jordan et al., on numbers
    assert torch.allclose(inside, torch.diag(levelled), atol=1e-3)
    assert levelled.max() / levelled.min() < 0.4 * values.max() / values.min()


def test_a_zero_gradient_has_no_direction():
    assert torch.equal(orthogonal(torch.zeros(3, 4)), torch.zeros(3, 4))


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(6, 4)
        self.norm = nn.Parameter(torch.ones(4))


def test_the_embedding_and_the_norms_move_as_under_torch_adam():
    torch.manual_seed(0)
    mine, theirs = Toy(), Toy()
    theirs.load_state_dict(mine.state_dict())
    optimiser = Optimiser(mine, muon_lr=0.1, adam_lr=0.01, weight_decay=0.0, parts=lambda name: None)
    reference = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.9, 0.95), eps=1e-10)
    for number in range(1, 6):
        gradients = [torch.randn_like(p) for p in mine.parameters()]
        for p, g in zip(theirs.parameters(), gradients):
            p.grad = g.clone()
        optimiser.step(gradients, number, 1.0)
        reference.step()
    for a, b in zip(mine.parameters(), theirs.parameters()):
        assert torch.allclose(a, b, atol=1e-5)


def test_the_parts_of_a_fused_matrix_are_orthogonalised_one_by_one():
    torch.manual_seed(0)
    model = nn.Linear(4, 8, bias=False)
    before, gradient = model.weight.detach().clone(), torch.randn(8, 4)
    Optimiser(model, muon_lr=1.0, adam_lr=0.0, weight_decay=0.0, parts=lambda name: [4, 4]).step([gradient], 1, 1.0)
    expected = torch.cat([orthogonal(1.95 * gradient[:4]), orthogonal(1.95 * gradient[4:])])
    assert torch.allclose(before - model.weight, expected, atol=1e-4)
