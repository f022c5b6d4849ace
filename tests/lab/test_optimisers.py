"""Our optimisers step as torch's do: reference torch.optim, five steps from the same weights under the same gradients."""

import pytest
import torch

from lmviz.lab import optimisers
from lmviz.lab.choices import OPTIMISERS, Settings
from lmviz.models.llama import Llama
from lmviz.training.recipes import RECIPES

RATE = 0.05
PAIRS = {
    "sgd": (lambda w: optimisers.SGD(w, RATE), lambda w: torch.optim.SGD(w, lr=RATE, momentum=0.9)),
    "adam": (lambda w: optimisers.Adam(w, RATE), lambda w: torch.optim.Adam(w, lr=RATE, betas=(0.9, 0.95), eps=1e-8)),
    "adamw": (lambda w: optimisers.Adam(w, RATE, 0.1), lambda w: torch.optim.AdamW(w, lr=RATE, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_steps_are_those_of_torch(name):
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((4, 3), (5,))]
    mine, theirs = ([w.clone().requires_grad_() for w in start] for _ in range(2))
    ours, reference = PAIRS[name][0](mine), PAIRS[name][1](theirs)
    for number in range(1, 6):
        gradients = [torch.randn(w.shape, generator=generator, dtype=torch.float64) for w in start]
        scale = 1.0 if number < 4 else 0.5
        reference.param_groups[0]["lr"] = RATE * scale
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient.clone()
        reference.step()
        ours.step(gradients, number, scale)
    for mine_now, theirs_now, before in zip(mine, theirs, start, strict=True):
        torch.testing.assert_close(mine_now, theirs_now, rtol=1e-6, atol=1e-9)
        assert not torch.equal(mine_now, before)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_of_the_page_moves_every_weight(name):
    recipe = RECIPES["smoke"]
    model = Llama(recipe.config)
    model.init_weights(torch.Generator().manual_seed(0))
    before = [w.detach().clone() for w in model.parameters()]
    gradients = [torch.randn(w.shape, generator=torch.Generator().manual_seed(1)) for w in model.parameters()]
    optimisers.optimiser(name, model, Settings(optimiser=name).learning_rate, recipe).step(gradients, 1, 1.0)
    assert all(not torch.equal(w, b) for w, b in zip(model.parameters(), before, strict=True))


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(ValueError, match="name must be one of"):
        optimisers.optimiser("newton", Llama(RECIPES["smoke"].config), 0.1, RECIPES["smoke"])
