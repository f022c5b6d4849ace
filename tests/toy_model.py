"""A language model small enough to check by hand: bytes as tokens, each expected from nothing but the one before it."""

from types import SimpleNamespace

import torch

from lmviz.models.port import Encoded

START, OTHER = 256, 257


class Toy:
    """A bigram table of random logits over 258 ids; what it expects after `OTHER` is not what it expects after `START`."""

    name, revision, dtype, tokenizer_name = "toy", "1", "float32", "bytes"
    vocab_size, context, start_id = 258, 512, START
    tokenizer = SimpleNamespace(control={"<start>": START, "<other>": OTHER})

    def __init__(self, seed: int = 0):
        self.table = 3 * torch.randn(258, 258, generator=torch.Generator().manual_seed(seed))
        self.tokens_read = 0

    def encode(self, text):
        raw = text.encode()
        return Encoded(tuple(raw), tuple(range(len(raw))), tuple(range(1, len(raw) + 1)), raw)

    def token_bytes(self, token_id):
        return bytes([token_id]) if token_id < 256 else b"<control>"

    def states(self, batch, pasts=None, *, remember=False, tick=None):
        self.tokens_read += sum(map(len, batch))
        return [torch.tensor(list(ids)).unsqueeze(1) for ids in batch], [None] * len(batch)

    def logits(self, states, out=None):
        z = self.table[states[:, 0]]
        return z if out is None else out.copy_(z)
