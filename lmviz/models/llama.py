"""A Llama, small enough to read: the forward pass behind every transformer in this book.

Several texts are *packed* end to end into one [N, D] matrix, so no arithmetic is spent on padding; only attention looks
at one text at a time. A `Past` (the keys and values of what was read before) lets a text go on from where another
stopped. The same module trains the bundled models and runs SmolLM2, and equals `transformers` to 1e-4 nats by test.

Sources: Touvron et al. 2023 (Llama); Su et al. 2021 (rotary positions); Zhang & Sennrich 2019 (RMSNorm);
Shazeer 2020 (SwiGLU); Ainslie et al. 2023 (grouped-query attention).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIP = 512  # rows of a long text that go through the feed-forward together: small enough for the cache, large enough for BLAS


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a Llama; the names are those of transformers' LlamaConfig."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10_000.0

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads

    @property
    def n_parameters(self) -> int:
        """All weights: the embedding (which is also the head), the layers, the norms."""
        D, kv = self.hidden_size, self.num_key_value_heads * self.head_dim
        layer = D * (D + 2 * kv) + D * D + 3 * D * self.intermediate_size + 2 * D
        return self.vocab_size * D + self.num_hidden_layers * layer + D


@dataclass(frozen=True, eq=False)
class Past:
    """What a model remembers of `length` positions: per layer, rotated keys and values, each [H_kv, length, head_dim]."""

    length: int
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    def prefix(self, length: int) -> Past:
        """The memory of the first `length` positions: a view, nothing is copied."""
        if not 0 <= length <= self.length:
            raise ValueError(f"length must be 0 to {self.length}, got {length}")
        return Past(length, tuple(k[:, :length] for k in self.keys), tuple(v[:, :length] for v in self.values))

    @property
    def n_bytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in (*self.keys, *self.values))


class Matrix(nn.Linear):
    """x @ Wᵀ, W all zeros until `init_weights` or a file fills it. (nn.Linear's own random start would import torch's compiler: a second.)"""

    def __init__(self, n_in: int, n_out: int):
        super().__init__(n_in, n_out, bias=False)

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)


class Layer(nn.Module):
    """One block: attention, then a gated feed-forward, each added to what came in."""

    def __init__(self, c: LlamaConfig):
        super().__init__()
        kv = c.num_key_value_heads * c.head_dim
        self.attention_norm = nn.Parameter(torch.ones(c.hidden_size))
        self.qkv = Matrix(c.hidden_size, c.hidden_size + 2 * kv)  # one product instead of three
        self.out = Matrix(c.hidden_size, c.hidden_size)
        self.feed_forward_norm = nn.Parameter(torch.ones(c.hidden_size))
        self.gate_up = Matrix(c.hidden_size, 2 * c.intermediate_size)
        self.down = Matrix(c.intermediate_size, c.hidden_size)

    def add_attention(self, x: Tensor, attended: Tensor) -> Tensor:
        return x + self.out(attended)

    def add_feed_forward(self, x: Tensor, eps: float) -> Tensor:
        gate, up = self.gate_up(rms_norm(x, self.feed_forward_norm, eps)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Llama(nn.Module):
    """ids → states. The head is the embedding matrix, transposed (tied): logits = states @ embedding.T.

    With `causal=False` every position sees the whole text, before it and after it: the encoder of a masked model.
    """

    def __init__(self, config: LlamaConfig, *, causal: bool = True):
        super().__init__()
        self.config = config
        self.causal = causal
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size, _weight=torch.zeros(config.vocab_size, config.hidden_size))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.final_norm = nn.Parameter(torch.ones(config.hidden_size))
        cos, sin = rotary_table(config)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def init_weights(self, generator: torch.Generator) -> None:
        """Normal(0, 0.02), output projections smaller by √(2·layers) (Radford et al. 2019): same generator, same weights."""
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                scale = math.sqrt(2 * len(self.layers)) if name.endswith(("out.weight", "down.weight")) else 1.0
                nn.init.normal_(parameter, std=0.02 / scale, generator=generator)

    def forward(self, ids: Tensor) -> Tensor:
        """[B, T] ids → [B, T, D] states; the form that training uses."""
        B, T = ids.shape
        states, _ = self.read(ids.reshape(-1), [T] * B)
        return states.view(B, T, -1)

    def read(self, ids: Tensor, lengths: Sequence[int], pasts: Sequence[Past | None] | None = None, *, remember: bool = False,
             tick: Callable[[float], None] | None = None) -> tuple[Tensor, list[Past]]:  # fmt: skip
        """Packed ids [N] of texts of the given lengths → their states [N, D], after the final norm.

        `pasts[i]` is the memory of what came before text i. With `remember`, also returns a new `Past` per text.
        `tick(fraction)` is called after every layer: it may show progress, or raise to stop.
        """
        c, eps = self.config, self.config.rms_norm_eps
        if not self.causal and (remember or any(pasts or [])):
            raise ValueError("pasts and remember need a causal model: here, what is read later changes what was read before")
        pasts = pasts or [None] * len(lengths)
        positions = torch.cat([torch.arange(n) + (past.length if past else 0) for n, past in zip(lengths, pasts)])
        cos, sin = self.cos[positions].unsqueeze(1), self.sin[positions].unsqueeze(1)  # [N, 1, head_dim]
        H, G, d = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        kept: list[list[tuple[Tensor, Tensor]]] = []

        x = self.embedding(ids)
        for depth, layer in enumerate(self.layers):
            qkv = layer.qkv(rms_norm(x, layer.attention_norm, eps)).view(-1, H + 2 * G, d)
            rotated = rotate(qkv[:, : H + G], cos, sin)
            before = [(p.keys[depth], p.values[depth]) if p else None for p in pasts]
            attended, memory = attend(rotated[:, :H], rotated[:, H:], qkv[:, H + G :], lengths, before, remember, self.causal)
            x = layer.add_attention(x, attended.reshape(-1, H * d))
            whole = len(x) <= 2 * STRIP or self.training
            x = layer.add_feed_forward(x, eps) if whole else torch.cat([layer.add_feed_forward(strip, eps) for strip in x.split(STRIP)])
            kept.append(memory)
            if tick:
                tick((depth + 1) / len(self.layers))
        states = rms_norm(x, self.final_norm, eps)
        if not remember:
            return states, []
        new = [Past((p.length if p else 0) + n, tuple(m[i][0] for m in kept), tuple(m[i][1] for m in kept)) for i, (n, p) in enumerate(zip(lengths, pasts))]
        return states, new


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Each row divided by its root mean square, then weighted. (torch's own `rms_norm` takes twice as many steps on a CPU.)"""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def rotary_table(c: LlamaConfig) -> tuple[Tensor, Tensor]:
    """cos and sin of position × frequency, each [context, head_dim]; the two halves of a head turn together."""
    cpu = torch.device("cpu")  # also when a model is sketched on "meta": computed, not stored
    frequencies = c.rope_theta ** (-torch.arange(0, c.head_dim, 2, dtype=torch.float32, device=cpu) / c.head_dim)
    angles = torch.arange(c.max_position_embeddings, dtype=torch.float32, device=cpu).unsqueeze(1) * frequencies
    angles = torch.cat([angles, angles], dim=1)
    return angles.cos(), angles.sin()


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each head vector [N, heads, d] by the angle of its position, so that q·k depends on distance alone."""
    half, cos, sin = heads.shape[-1] // 2, cos.to(heads.dtype), sin.to(heads.dtype)
    turned = heads * cos  # (a, b) → (a cos − b sin, b cos + a sin)
    turned[..., :half].addcmul_(heads[..., half:], sin[..., :half], value=-1)
    turned[..., half:].addcmul_(heads[..., :half], sin[..., half:])
    return turned


def attend(q: Tensor, k: Tensor, v: Tensor, lengths: Sequence[int], before: Sequence[tuple[Tensor, Tensor] | None], remember: bool,
           causal: bool = True) -> tuple[Tensor, list]:  # fmt: skip
    """Attention inside each text: q [N, H, d], k and v [N, G, d] → [N, H, d] (and each text's keys and values).

    Causal: a position sees itself and what came before it. Otherwise it sees all of its text. Neighbours of one length go as one batch.
    """
    (H, d), G = q.shape[1:], k.shape[1]
    outputs, memory, start, first = [], [], 0, 0
    while first < len(lengths):
        n, past = lengths[first], before[first]
        count = 1 if past else sum(1 for _ in takewhile(lambda i: lengths[i] == n and not before[i], range(first, len(lengths))))  # noqa: B023
        rows, start, first = slice(start, start + count * n), start + count * n, first + count
        queries, keys, values = (t[rows].view(count, n, -1, d).transpose(1, 2) for t in (q, k, v))  # [count, heads, n, d]
        if past:
            keys, values = (torch.cat([old.unsqueeze(0), new], 2) for old, new in zip(past, (keys, values)))
        if remember:  # copies (with a past they are that already): a view would keep the whole pack alive
            memory += zip(*([t if past else t.clone(memory_format=torch.contiguous_format) for t in kept] for kept in (keys, values)))
        if past and n == 1:  # one position sees all there is: two small products, without the machinery for long texts
            scores = (queries.reshape(G, H // G, d) @ keys[0].transpose(1, 2)) / math.sqrt(d)
            mixed = (scores.softmax(-1) @ values[0]).view(1, H, 1, d)
        elif q.dtype == torch.bfloat16 and H == G and not past:
            mixed = attend_in_blocks(queries, keys, values, causal)
        else:
            mask = None
            if past:  # subtle: is_causal aligns top-left; with a past the last query must see the last key
                mask = torch.ones(n, keys.shape[2], dtype=torch.bool).tril(keys.shape[2] - n)
            mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=causal and not past, enable_gqa=H != G)
        outputs.append(mixed.transpose(1, 2).reshape(count * n, H, d))
    return torch.cat(outputs) if len(outputs) > 1 else outputs[0], memory


def attend_in_blocks(q: Tensor, k: Tensor, v: Tensor, causal: bool, rows: int = 256) -> Tensor:
    """The same attention for training in bfloat16, [B, H, T, d] each: `rows` queries at a time, of one text or of several short ones, as plain products.

    torch's fused attention multiplies small heads in float32; with bfloat16 units, plain products are 2.4 to 3 times as fast.
    """
    (_, H, T, d), mixed = q.shape, []
    together = max(1, rows // T)
    for queries, keys, values in zip(*(t.split(together) for t in (q / math.sqrt(d), k, v))):
        queries, keys, values = (t.reshape(-1, T, d) for t in (queries, keys, values))
        blocks = []
        for start in range(0, T, rows):
            block = queries[:, start : start + rows]
            seen = start + block.shape[1] if causal else T
            future = torch.full((block.shape[1], seen), -torch.inf if causal else 0.0, dtype=q.dtype).triu(start + 1)
            scores = torch.baddbmm(future, block, keys[:, :seen].transpose(1, 2))
            blocks.append(scores.softmax(-1) @ values[:, :seen])
        mixed.append(torch.cat(blocks, 1).view(-1, H, T, d))
    return torch.cat(mixed)
