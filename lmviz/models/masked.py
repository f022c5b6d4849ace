"""`MaskedLlama`: a Llama without the causal mask, behind the `MaskedLM` port.

Nothing else differs: the same layers, files and checks. transformers reads the files as `EuroBertForMaskedLM`, which is
the same encoder. Source: Boizard et al. 2025 (EuroBERT); Devlin et al. 2019 (the task).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lmviz.models.causal import load_llama
from lmviz.models.llama import Llama
from lmviz.models.port import Encoded
from lmviz.models.products import times_transposed
from lmviz.models.tokenizer import ByteBPE


class MaskedLlama:
    """An encoder with a byte-level tokenizer. Stateless and safe to share: every call only reads the weights."""

    dtype = "float32"

    def __init__(self, network: Llama, tokenizer: ByteBPE, *, name: str, revision: str, start_id: int, mask_id: int):
        if network.causal:
            raise ValueError("network must see both sides: a Llama made with causal=False")
        self.network = network.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.name, self.revision, self.start_id, self.mask_id = name, revision, start_id, mask_id
        self.vocab_size = network.config.vocab_size
        self.context = network.config.max_position_embeddings
        self.tokenizer_name = tokenizer.name
        self.n_parameters = network.config.n_parameters

    def encode(self, text: str) -> Encoded:
        return self.tokenizer.encode(text)

    def token_bytes(self, token_id: int) -> bytes:
        return self.tokenizer.token_bytes(token_id)

    def states(self, batch: Sequence[Sequence[int]], *, tick: Callable[[float], None] | None = None) -> list[Tensor]:
        """Hidden states [T_i, D] of each sequence; every row has seen all of its sequence and nothing of the others."""
        lengths = [len(ids) for ids in batch]
        with torch.inference_mode():
            ids = torch.tensor([i for sequence in batch for i in sequence], dtype=torch.long)
            states, _ = self.network.read(ids, lengths, tick=tick)
            return list(states.split(lengths))

    def logits(self, states: Tensor, out: Tensor | None = None) -> Tensor:
        """Float32 [N, V]: the states against every row of the embedding (the head is tied to it)."""
        with torch.no_grad():
            return times_transposed(states, self.network.embedding.weight)


def load_masked(folder: Path, *, name: str, tokenizer_name: str, control: dict[str, int], remedy: str | None = None) -> MaskedLlama:
    """A folder of transformers-style files → a ready model, verified, in float32. Raises ReaderError as `load_llama` does."""
    read = load_llama(folder, name=name, tokenizer_name=tokenizer_name, control=control, start_id=control["<|start|>"], remedy=remedy)
    read.network.causal = False  # the very same files; only what a position may see differs
    return MaskedLlama(read.network, read.tokenizer, name=name, revision=read.revision, start_id=control["<|start|>"], mask_id=control["<|mask|>"])
