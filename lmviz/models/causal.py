"""`LlamaLM`: our Llama behind the `CausalLM` port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lmviz.errors import ReaderError
from lmviz.models import files, products, weights
from lmviz.models.llama import Llama, Past
from lmviz.models.port import Encoded
from lmviz.models.tokenizer import ByteBPE


class LlamaLM:
    """A causal Llama with a byte-level tokenizer. Stateless and safe to share: every call only reads the weights."""

    dtype = "float32"

    def __init__(self, network: Llama, tokenizer: ByteBPE, *, name: str, revision: str, start_id: int):
        self.network = network.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.name, self.revision, self.start_id = name, revision, start_id
        self.vocab_size = network.config.vocab_size
        self.context = network.config.max_position_embeddings
        self.tokenizer_name = tokenizer.name
        self.n_parameters = network.config.n_parameters
        self._head = network.embedding.weight

    def encode(self, text: str) -> Encoded:
        return self.tokenizer.encode(text)

    def token_bytes(self, token_id: int) -> bytes:
        return self.tokenizer.token_bytes(token_id)

    def states(
        self, batch: Sequence[Sequence[int]], pasts: Sequence[Past | None] | None = None, *, remember: bool = False, tick: Callable[[float], None] | None = None
    ) -> tuple[list[Tensor], list[Past]]:
        """Hidden states [T_i, D] of each sequence; with `remember`, a `Past` per sequence that a later call can go on from."""
        lengths = [len(ids) for ids in batch]
        with torch.inference_mode():
            ids = torch.tensor([i for sequence in batch for i in sequence], dtype=torch.long)
            states, memory = self.network.read(ids, lengths, pasts, remember=remember, tick=tick)
            return list(states.split(lengths)), memory

    def logits(self, states: Tensor, out: Tensor | None = None) -> Tensor:
        """Float32 [N, V]: the states against every row of the embedding (the head is tied to it)."""
        with torch.no_grad():  # not inference mode: what comes out may enter a graph of gradients
            return products.times_transposed(states, self._head)


def load_llama(folder: Path, *, name: str, tokenizer_name: str, control: dict[str, int], start_id: int, remedy: str | None = None,
               tokenizer_file: Path | None = None, verified: Future[None] | None = None) -> LlamaLM:  # fmt: skip
    """A folder of transformers-style files → a ready model, in float32 whatever the file's precision, once it is verified.

    `verified` is a verification already under way. Raises ReaderError if the files are missing, damaged or unfit.
    """
    verified = verified or files.verify_meanwhile(folder, remedy=remedy, needs=files.LLAMA_FILES)
    try:
        config = weights.read_config(folder)
        tokenizer = ByteBPE.from_file(tokenizer_file or folder / "tokenizer.json", tokenizer_name, control)
        if config.vocab_size != tokenizer.vocab_size:
            raise ValueError(f"{tokenizer.vocab_size} tokens for {config.vocab_size} rows")
        tensors = {key: tensor.float() for key, tensor in load_file(folder / "model.safetensors").items()}
        network = products.network(tensors, config)
    except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as broken:
        verified.result()  # the friendlier error, if the files are not what they should be
        raise ReaderError(f"The weights in {folder} cannot be read ({type(broken).__name__}).", remedy=remedy) from broken
    verified.result()
    return LlamaLM(network, tokenizer, name=name, revision=files.sha256(folder / "manifest.json")[:12], start_id=start_id)
