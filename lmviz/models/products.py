"""The products that a model spends its time on, by the fastest float32 routine that this build of torch has.

torch's plain product asks MKL, which uses about half of what an AMD processor can do; oneDNN's is as fast on either make.
Measured on two cores with AVX-512: 180 against 430 GFLOP/s for 128 rows of SmolLM2's head, 7.1 against 2.4 ms for one row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmviz.models import weights
from lmviz.models.llama import Llama, LlamaConfig, rms_norm

HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
NARROWEST_PACKED = 256  # hidden size; smaller models gain nothing


def times_transposed(rows: Tensor, weight: Tensor) -> Tensor:
    """rows [N, D] @ weight [V, D] transposed, [N, V], for reading only: no gradient comes back."""
    if not HAS_ONEDNN:
        return rows @ weight.T
    return torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], "")


class PackedLinear(nn.Module):
    """x @ Wᵀ with W reordered once into oneDNN's own layout: 1.2–1.8 times faster on small batches, the same numbers.

    What follows a product in a `Layer` is done while its result is still in registers: σ(z)·z, ·other or +other.
    """

    def __init__(self, weight: Tensor):
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight)

    def forward(self, x: Tensor, then: str = "none") -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, None, then, [], "")

    def combine(self, x: Tensor, other: Tensor, how: str) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise.binary(x, other, self.packed, None, how)


class PackedLayer(nn.Module):
    """A `Layer` with packed matrices: the same function, for reading only. `parts` as `weights.layer_from_hf` gives them."""

    def __init__(self, parts: dict[str, Tensor]):
        super().__init__()
        self.attention_norm, self.feed_forward_norm = parts["attention_norm"].clone(), parts["feed_forward_norm"].clone()
        self.qkv, self.out, self.gate, self.up, self.down = (PackedLinear(parts[name]) for name in ("qkv.weight", "out.weight", "gate", "up", "down.weight"))

    def add_attention(self, x: Tensor, attended: Tensor) -> Tensor:
        return self.out.combine(attended, x, "add")

    def add_feed_forward(self, x: Tensor, eps: float) -> Tensor:
        normed = rms_norm(x, self.feed_forward_norm, eps)
        return self.down.combine(self.up.combine(normed, self.gate(normed, "swish"), "mul"), x, "add")


def network(tensors: dict[str, Tensor], config: LlamaConfig) -> Llama:
    """transformers' tensors → a network for reading, packed where that pays. Raises KeyError, RuntimeError or ValueError where they do not fit the sizes.

    What is packed is copied once, straight from the file: half the time that it takes by way of a `Layer`.
    """
    with torch.device("meta"):
        llama = Llama(config)
    if not HAS_ONEDNN or config.hidden_size < NARROWEST_PACKED:
        llama.load_state_dict(weights.from_hf(tensors, config), assign=True)
        return llama.requires_grad_(False)
    # copies: as a view of the file, they would keep all of it mapped into memory
    llama.embedding.weight = nn.Parameter(tensors["model.embed_tokens.weight"].clone(), requires_grad=False)
    llama.final_norm = nn.Parameter(tensors["model.norm.weight"].clone(), requires_grad=False)
    D, F, V = config.hidden_size, config.intermediate_size, config.vocab_size
    wanted = {name: parameter.shape for name, parameter in llama.layers[0].named_parameters()} | {"gate": (F, D), "up": (F, D)}
    if llama.embedding.weight.shape != (V, D) or llama.final_norm.shape != (D,):
        raise ValueError(f"an embedding of {tuple(llama.embedding.weight.shape)} and a norm of {tuple(llama.final_norm.shape)} for {V} tokens and {D} channels")
    for i in range(config.num_hidden_layers):
        parts = weights.layer_from_hf(tensors, i)
        for name, tensor in parts.items():
            if tensor.shape != wanted[name]:
                raise ValueError(f"{name} of layer {i} is {tuple(tensor.shape)}, not {tuple(wanted[name])}")
        llama.layers[i] = PackedLayer(parts)
    return llama


def trainable(network: Llama) -> Llama:
    """A copy of its own with ordinary float32 matrices, every one open to gradients; what was packed is laid out as it was, bit for bit."""
    state = dict(network.state_dict())
    for i, layer in enumerate(network.layers):
        if isinstance(layer, PackedLayer):
            qkv, out, gate, up, down = (getattr(layer, name).packed.to_dense() for name in ("qkv", "out", "gate", "up", "down"))
            parts = {"qkv.weight": qkv, "out.weight": out, "gate_up.weight": torch.cat([gate, up]), "down.weight": down}
            parts |= {"attention_norm": layer.attention_norm, "feed_forward_norm": layer.feed_forward_norm}
            state |= {f"layers.{i}.{name}": tensor for name, tensor in parts.items()}
    own = Llama(network.config, causal=network.causal)
    own.load_state_dict(state)
    return own
