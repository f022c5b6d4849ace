"""The fast products are the plain ones: against float64, with and without oneDNN, alone and inside a model."""

import pytest
import torch

from lmviz.models import products
from lmviz.models.llama import Llama, LlamaConfig, attend_in_blocks


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("rows", [1, 2, 21, 130])
def test_a_product_is_that_of_float64(monkeypatch, onednn, rows):
    monkeypatch.setattr(products, "HAS_ONEDNN", onednn and products.HAS_ONEDNN)
    generator = torch.Generator().manual_seed(rows)
    x, weight = torch.randn(rows, 576, generator=generator), torch.randn(1000, 576, generator=generator)
    torch.testing.assert_close(products.times_transposed(x, weight).double(), x.double() @ weight.double().T, rtol=0, atol=1e-4)


@pytest.mark.parametrize("lengths", [[1], [2], [40, 3, 9]])
def test_a_packed_network_computes_what_it_computed_before(lengths):
    network = Llama(LlamaConfig(64, 256, 640, 2, 8, 4, 64)).eval()
    network.init_weights(torch.Generator().manual_seed(0))
    ids = torch.randint(64, (sum(lengths),), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before, _ = network.read(ids, lengths)
        products.pack(network)
        assert all(isinstance(layer, products.PackedLayer) for layer in network.layers) == products.HAS_ONEDNN
        torch.testing.assert_close(network.read(ids, lengths)[0], before, rtol=0, atol=1e-5)


def test_narrow_networks_stay_as_they_are():
    network = Llama(LlamaConfig(64, 128, 352, 2, 4, 4, 64))
    products.pack(network)
    assert not any(isinstance(layer, products.PackedLayer) for layer in network.layers)


def test_what_a_head_gives_may_enter_a_graph_of_gradients(small):
    (states,), _ = small.states([[5, 9, 42]])
    z = small.logits(states).requires_grad_()
    z.logsumexp(-1).sum().backward()
    torch.testing.assert_close(z.grad, z.detach().softmax(-1))


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("rows", [4, 7, 64])
def test_attention_in_blocks_is_attention_with_its_gradients(causal, rows):
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(2, 3, 21, 8, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(3))
    mine = attend_in_blocks(q, k, v, causal, rows)
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
    torch.testing.assert_close(mine, plain)
    for a, b in zip(torch.autograd.grad(mine.square().sum(), (q, k, v)), torch.autograd.grad(plain.square().sum(), (q, k, v))):
        torch.testing.assert_close(a, b)
