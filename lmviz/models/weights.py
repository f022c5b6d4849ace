"""Layouts of Llama weights: GGUF → transformers' names → our own fused matrices, and back."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from lmviz.models.llama import LlamaConfig


def convert_gguf(source: Path, target: Path, progress: Callable[[float, str], None]) -> None:
    """A Llama GGUF → model.safetensors (float32, transformers' names), config.json, tokenizer.json."""
    import gguf
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    reader = gguf.GGUFReader(source)
    fact = {name: field.contents() for name, field in reader.fields.items()}
    config = LlamaConfig(
        vocab_size=len(fact["tokenizer.ggml.tokens"]),
        hidden_size=fact["llama.embedding_length"],
        intermediate_size=fact["llama.feed_forward_length"],
        num_hidden_layers=fact["llama.block_count"],
        num_attention_heads=fact["llama.attention.head_count"],
        num_key_value_heads=fact["llama.attention.head_count_kv"],
        max_position_embeddings=fact["llama.context_length"],
        rms_norm_eps=round(fact["llama.attention.layer_norm_rms_epsilon"], 9),
        rope_theta=fact["llama.rope.freq_base"],
    )
    tensors = {}
    for i, tensor in enumerate(reader.tensors):
        progress(0.05 + 0.8 * i / len(reader.tensors), "unpacking the 4-bit weights")
        weight = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).astype("float32"))
        name = hf_name(tensor.name)
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            weight = rotary_halves(weight, config.head_dim)
        tensors[name] = weight.contiguous()
    progress(0.87, "writing the converted weights")
    try:
        save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    except SafetensorError as failed:  # the library hides the system's error in its words
        raise OSError(errno.ENOSPC if "os error 28" in str(failed) else errno.EIO, str(failed)) from failed
    (target / "config.json").write_text(json.dumps(hf_config(config), indent=1))
    (target / "tokenizer.json").write_text(smollm_tokenizer_json(fact["tokenizer.ggml.tokens"], fact["tokenizer.ggml.merges"]), encoding="utf-8")
    progress(0.95, "checking what was written")


def rotary_halves(weight, head_dim: int):
    """Undo llama.cpp's reordering: it keeps rotary pairs side by side, this code and transformers keep two halves."""
    out, width = weight.shape
    return weight.view(out // head_dim, head_dim // 2, 2, width).transpose(1, 2).reshape(out, width)


_GGUF_NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip


def hf_name(gguf_name: str) -> str:
    """The name transformers gives a tensor.

    >>> hf_name("blk.3.ffn_up.weight")
    'model.layers.3.mlp.up_proj.weight'
    """
    if gguf_name.startswith("blk."):
        _, layer, part, kind = gguf_name.split(".")
        return f"model.layers.{layer}.{_GGUF_NAMES[part]}.{kind}"
    return {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}[gguf_name]


def smollm_tokenizer_json(tokens: list[str], merges: list[str]) -> str:
    """SmolLM's byte-level BPE: digits one by one, then GPT-2's splits. No control token is added to the matcher."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    bpe = models.BPE({token: i for i, token in enumerate(tokens)}, [tuple(merge.split(" ", 1)) for merge in merges])
    tokenizer = Tokenizer(bpe)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer.to_str()


def hf_config(config: LlamaConfig, **more) -> dict:
    """A config.json that `transformers.LlamaForCausalLM.from_pretrained` reads."""
    rope = {"rope_theta": config.rope_theta, "rope_type": "default"}
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "tie_word_embeddings": True, "hidden_act": "silu", "attention_bias": False,
            "mlp_bias": False, "rope_parameters": rope, **asdict(config), **more}  # fmt: skip


def read_config(folder: Path) -> LlamaConfig:
    """The sizes in a folder's config.json."""
    raw = json.loads((folder / "config.json").read_text())
    theta = raw.get("rope_theta") or raw["rope_parameters"]["rope_theta"]
    return LlamaConfig(**{field: raw[field] for field in LlamaConfig.__dataclass_fields__ if field != "rope_theta"}, rope_theta=theta)


def from_hf(tensors: dict, config: LlamaConfig) -> dict:
    """transformers' tensors → the state dict of our `Llama`: q, k, v in one matrix, gate and up in another."""
    import torch

    state = {"embedding.weight": tensors["model.embed_tokens.weight"], "final_norm": tensors["model.norm.weight"]}
    for i in range(config.num_hidden_layers):
        layer = layer_from_hf(tensors, i)
        layer["gate_up.weight"] = torch.cat([layer.pop("gate"), layer.pop("up")])
        state |= {f"layers.{i}.{name}": tensor for name, tensor in layer.items()}
    return state


def layer_from_hf(tensors: dict, i: int) -> dict:
    """transformers' tensors of layer i under our names, with q, k, v in one matrix; "gate" and "up", which are large, as they are."""
    import torch

    there = f"model.layers.{i}."
    return {
        "attention_norm": tensors[there + "input_layernorm.weight"],
        "qkv.weight": torch.cat([tensors[f"{there}self_attn.{p}_proj.weight"] for p in "qkv"]),
        "out.weight": tensors[there + "self_attn.o_proj.weight"],
        "feed_forward_norm": tensors[there + "post_attention_layernorm.weight"],
        "gate": tensors[there + "mlp.gate_proj.weight"],
        "up": tensors[there + "mlp.up_proj.weight"],
        "down.weight": tensors[there + "mlp.down_proj.weight"],
    }


def to_hf(state: dict, config: LlamaConfig) -> dict:
    """The inverse of `from_hf`."""
    D, kv, F = config.hidden_size, config.num_key_value_heads * config.head_dim, config.intermediate_size
    tensors = {"model.embed_tokens.weight": state["embedding.weight"], "model.norm.weight": state["final_norm"]}
    for i in range(config.num_hidden_layers):
        there, here = f"model.layers.{i}.", f"layers.{i}."
        q, k, v = state[here + "qkv.weight"].split([D, kv, kv])
        gate, up = state[here + "gate_up.weight"].split([F, F])
        rows = {"self_attn.q_proj": q, "self_attn.k_proj": k, "self_attn.v_proj": v, "self_attn.o_proj": state[here + "out.weight"], "mlp.gate_proj": gate,
                "mlp.up_proj": up, "mlp.down_proj": state[here + "down.weight"], "input_layernorm": state[here + "attention_norm"],
                "post_attention_layernorm": state[here + "feed_forward_norm"]}  # fmt: skip
        tensors |= {f"{there}{name}.weight": weight.contiguous() for name, weight in rows.items()}
    return tensors
