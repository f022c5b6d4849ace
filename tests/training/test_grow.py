"""A grown model is, at first, the model it grew from; then its halves go different ways."""

import pytest
import torch

from lmviz.models.llama import Llama
from lmviz.training.grow import grow
from lmviz.training.recipes import llama

SMALL, LARGE = llama(16, 2, 2, 24, 12, 50), llama(32, 5, 4, 40, 20, 50)


def models():
    small, large = Llama(SMALL), Llama(LARGE)
    small.init_weights(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for p in small.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    large.load_state_dict(grow(small.state_dict(), SMALL, LARGE, torch.Generator().manual_seed(2)))
    return small, large


def test_the_grown_model_has_the_logits_of_the_small_one():
    small, large = models()
    ids = torch.randint(50, (3, 12), generator=torch.Generator().manual_seed(3))
    assert torch.allclose(large(ids) @ large.embedding.weight.T, small(ids) @ small.embedding.weight.T, atol=1e-4)


def test_the_two_halves_receive_different_gradients():
    _, large = models()
    ids = torch.randint(50, (3, 12), generator=torch.Generator().manual_seed(3))
    (large(ids) @ large.embedding.weight.T).logsumexp(-1).sum().backward()
    left, right = large.embedding.weight.grad.chunk(2, 1)
    assert not torch.allclose(left, right, rtol=0.1)


@pytest.mark.parametrize("wrong", [llama(24, 2, 4, 24, 12, 50), llama(32, 1, 4, 24, 12, 50), llama(32, 2, 4, 60, 12, 50), llama(32, 2, 4, 24, 12, 51)])
def test_sizes_that_cannot_compute_the_same_are_refused(wrong):
    with pytest.raises(ValueError, match="after must have"):
        grow(Llama(SMALL).state_dict(), SMALL, wrong, torch.Generator())
