"""The fast products are the plain ones: against float64, with and without oneDNN, alone and inside a model."""

import dataclasses

import pytest
import torch

from lmviz.models import products, weights
from lmviz.models.llama import Llama, LlamaConfig, attend_in_blocks

WIDE = LlamaConfig(64, 256, 640, 2, 8, 4, 64)


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("rows", [1, 2, 21, 130])
def test_a_product_is_that_of_float64(monkeypatch, onednn, rows):
    monkeypatch.setattr(products, "HAS_ONEDNN", onednn and products.HAS_ONEDNN)
    generator = torch.Generator().manual_seed(rows)
    x, weight = torch.randn(rows, 576, generator=generator), torch.randn(1000, 576, generator=generator)
    torch.testing.assert_close(products.times_transposed(x, weight).double(), x.double() @ weight.double().T, rtol=0, atol=1e-4)


def tensors_of(config: LlamaConfig) -> dict[str, torch.Tensor]:
    plain = Llama(config)
    plain.init_weights(torch.Generator().manual_seed(0))
    return weights.to_hf({name: tensor.detach() for name, tensor in plain.state_dict().items()}, config)


@pytest.mark.parametrize("lengths", [[1], [2], [40, 3, 9]])
def test_a_packed_network_computes_what_the_plain_one_computes(lengths):
    tensors, plain = tensors_of(WIDE), Llama(WIDE).eval()
    plain.load_state_dict(weights.from_hf(tensors, WIDE))
    packed = products.network(tensors, WIDE)
    assert all(isinstance(layer, products.PackedLayer) for layer in packed.layers) == products.HAS_ONEDNN
    ids = torch.randint(64, (sum(lengths),), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(packed.read(ids, lengths)[0], plain.read(ids, lengths)[0], rtol=0, atol=1e-5)


def test_narrow_networks_stay_as_they_are():
    narrow = dataclasses.replace(WIDE, hidden_size=128)
    assert not any(isinstance(layer, products.PackedLayer) for layer in products.network(tensors_of(narrow), narrow).layers)


def test_a_packed_network_is_laid_out_as_it_was_and_learns():
    tensors = tensors_of(WIDE)
    packed, started = products.network(tensors, WIDE), weights.from_hf(tensors, WIDE)
    own = products.trainable(packed)
    assert all(torch.equal(tensor, started[name]) for name, tensor in own.state_dict().items()) and own.causal == packed.causal
    ids = torch.arange(40)
    with torch.inference_mode():
        before = packed.read(ids, [40])[0]
    own.read(ids, [40])[0].square().sum().backward()
    with torch.no_grad():
        for parameter in own.parameters():
            assert parameter.grad.abs().max() > 0
            parameter.sub_(parameter.grad)
    with torch.inference_mode():
        torch.testing.assert_close(packed.read(ids, [40])[0], before, rtol=0, atol=0)
        assert not torch.allclose(own.read(ids, [40])[0], before, atol=1e-3)


@pytest.mark.parametrize("hidden", [128, 256])
@pytest.mark.parametrize(
    "name", ["model.embed_tokens.weight", "model.norm.weight", "model.layers.1.mlp.up_proj.weight", "model.layers.0.self_attn.q_proj.weight"]
)
def test_tensors_of_another_size_are_refused(hidden, name):
    config = dataclasses.replace(WIDE, hidden_size=hidden)
    tensors = tensors_of(config)
    with pytest.raises((ValueError, RuntimeError), match="size|is \\(|embedding of"):
        products.network(tensors | {name: tensors[name][:-2]}, config)


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
