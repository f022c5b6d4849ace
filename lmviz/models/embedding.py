"""A sentence as one vector: the mean of a model's hidden states over its tokens; and the same sentence read twice with dropout.

Works for our own transformers, those that see to the left and those that see both sides. The start token is read and not
counted. Source of the mean: Reimers & Gurevych (2019); of dropout as a second view: Gao, Yao & Chen (2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lmviz.errors import ReaderError
from lmviz.models.llama import Llama, attend, rms_norm, rotate


def embed(model, texts: Sequence[str], *, dropout: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
    """Float32 [N, D]: one mean state a text. With `dropout` each reading draws its own masks, so that one text twice gives two vectors.

    Raises ReaderError for a model that only counts, or a text without a token; a longer text is cut at the model's context.
    """
    if hasattr(model, "sentence_vectors"):  # a model made for this, with its own way
        return model.sentence_vectors(texts, dropout=dropout, generator=generator)
    if not isinstance(getattr(model, "network", None), Llama):
        raise ReaderError("A model that only counts has no states to average. Choose a transformer.")
    with torch.inference_mode():
        return mean_states(model.network, encoded(model, texts), dropout=dropout, generator=generator).clone()


def encoded(model, texts: Sequence[str]) -> list[list[int]]:
    """Start token and ids of each text, cut at the context."""
    rows = [[model.start_id, *model.encode(text).ids][: model.context] for text in texts]
    if any(len(row) < 2 for row in rows):
        raise ReaderError("One of the texts is empty: it has no token to read.")
    return rows


def mean_states(network: Llama, rows: Sequence[Sequence[int]], *, dropout: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
    """[N, D]: the mean over each row's states but the first; differentiable."""
    lengths = [len(row) for row in rows]
    states = read(network, torch.tensor([i for row in rows for i in row]), lengths, dropout=dropout, generator=generator)
    owner = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(lengths))
    counted = torch.ones(len(states), 1)
    counted[torch.tensor([0, *lengths[:-1]]).cumsum(0)] = 0  # the start tokens
    totals = torch.zeros(len(rows), states.shape[1]).index_add(0, owner, states * counted)
    return totals / (torch.tensor(lengths).unsqueeze(1) - 1)


def read(network: Llama, ids: Tensor, lengths: Sequence[int], *, dropout: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
    """`Llama.read` with dropout where BERT has it: on the embeddings, and on what each half of a layer adds. Packed ids [N] → states [N, D]."""
    c, eps = network.config, network.config.rms_norm_eps

    def dropped(x: Tensor) -> Tensor:
        if dropout == 0:
            return x
        return x * (torch.rand(x.shape, generator=generator) >= dropout) / (1 - dropout)

    positions = torch.cat([torch.arange(n) for n in lengths])
    cos, sin = network.cos[positions].unsqueeze(1), network.sin[positions].unsqueeze(1)
    H, G, d = c.num_attention_heads, c.num_key_value_heads, c.head_dim
    x = dropped(network.embedding(ids))
    for layer in network.layers:
        qkv = layer.qkv(rms_norm(x, layer.attention_norm, eps)).view(-1, H + 2 * G, d)
        rotated = rotate(qkv[:, : H + G], cos, sin)
        attended, _ = attend(rotated[:, :H], rotated[:, H:], qkv[:, H + G :], lengths, [None] * len(lengths), False, network.causal)
        x = x + dropped(layer.add_attention(x, attended.reshape(-1, H * d)) - x)
        x = x + dropped(layer.add_feed_forward(x, eps) - x)
    return rms_norm(x, network.final_norm, eps)
