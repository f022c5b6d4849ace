"""A larger model that starts out as a smaller one: twice as wide, deeper, and computing exactly the same function.

Training then goes on from what the small model already knew. The residual stream holds every channel twice, [x, x]; a
matrix W that reads it becomes [W/2 + N, W/2 − N], so that the noise N cancels at the start and yet lets the two halves
learn different things. New layers add nothing at first, since their output matrices are zero.
Source: Chen, Goodfellow & Shlens 2016 (Net2Net); Chen et al. 2022 (bert2BERT).
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from lmviz.models.llama import Llama, LlamaConfig

NOISE = 0.5  # of the root mean square of the matrix it is added to


def grow(small: dict[str, Tensor], before: LlamaConfig, after: LlamaConfig, generator: torch.Generator) -> dict[str, Tensor]:
    """The state of a `Llama` of sizes `after` that computes what the state `small`, of sizes `before`, computes.

    Of the same sizes (the context may differ), that is the state itself. Otherwise raises ValueError unless `after` is twice as wide with twice the heads, at least as deep, and has 1 to 2 times the feed-forward width.
    """
    if dataclasses.replace(before, max_position_embeddings=after.max_position_embeddings) == after:
        return small
    D, F, H, L = before.hidden_size, before.intermediate_size, before.num_attention_heads, before.num_hidden_layers
    if (after.hidden_size, after.num_attention_heads, after.num_key_value_heads) != (2 * D, 2 * H, 2 * H) or before.num_key_value_heads != H:
        raise ValueError(f"after must have hidden size {2 * D} and {2 * H} heads with keys and values of their own, got {after}")
    if not (F <= after.intermediate_size <= 2 * F and after.num_hidden_layers >= L and after.vocab_size == before.vocab_size):
        raise ValueError(f"after must have {F} to {2 * F} feed-forward units, at least {L} layers and {before.vocab_size} tokens, got {after}")
    model = Llama(after)
    model.init_weights(generator)
    grown = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    copies = torch.arange(after.intermediate_size) % F  # which small unit each large one is
    twice = torch.arange(2 * D) % D

    def reading(weight: Tensor, sources: Tensor) -> Tensor:
        """Columns of a matrix for inputs that are copies of `sources`: a copied input's weight is shared out, ± noise."""
        number = torch.bincount(sources)
        wide = (weight / number)[:, sources]
        noise = torch.randn(weight.shape, generator=generator) * weight.square().mean().sqrt() * NOISE * (number > 1)
        sign = torch.where(torch.arange(len(sources)) < len(number), 1.0, -1.0)
        return wide + noise[:, sources] * sign

    embedding = small["embedding.weight"]
    grown["embedding.weight"] = torch.cat([embedding, embedding], 1)
    grown["final_norm"] = small["final_norm"][twice] / 2  # the head would count everything twice
    places = [round(i * (after.num_hidden_layers - 1) / max(L - 1, 1)) for i in range(L)]  # the old layers, spread out
    for depth in range(after.num_hidden_layers):
        here = f"layers.{depth}."
        if depth not in places:
            grown[here + "out.weight"].zero_()
            grown[here + "down.weight"].zero_()
            continue
        old = {name.split(".", 2)[2]: tensor for name, tensor in small.items() if name.startswith(f"layers.{places.index(depth)}.")}
        rows = old["qkv.weight"].split(D)
        grown[here + "qkv.weight"] = torch.cat([reading(part[twice], twice) for part in rows])
        grown[here + "out.weight"] = reading(old["out.weight"][twice], twice)
        grown[here + "gate_up.weight"] = torch.cat([reading(part[copies], twice) for part in old["gate_up.weight"].split(F)])
        grown[here + "down.weight"] = reading(old["down.weight"][twice], copies)
        for norm in ("attention_norm", "feed_forward_norm"):
            grown[here + norm] = old[norm][twice]
    return grown
