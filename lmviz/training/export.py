"""A trained model as files that `from_pretrained` of transformers and this project's own loader read: a Llama, or without the causal mask a EuroBERT."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from lmviz.models import files, weights
from lmviz.models.llama import Llama
from lmviz.training.recipes import Recipe
from lmviz.training.stream import Streams
from lmviz.training.tokenizer import CONTROL, MASK, PAD, START


def export(model: Llama, recipe: Recipe, streams: Streams, folder: Path, *, card: str, log: Path | None = None, dtype: torch.dtype = torch.float16) -> None:
    """model.safetensors, config.json, tokenizer.json, tokenizer_config.json, README.md and manifest.json: all of them or none.

    `log` is a run's log.jsonl, from which run.json keeps what a chart of the run needs.
    """
    state = {name: tensor.detach().to(dtype) for name, tensor in model.state_dict().items()}
    if not all(torch.isfinite(tensor).all() for tensor in state.values()):
        raise FloatingPointError(f"a weight is too large for {dtype} or is not a number; export in float32 instead")
    encoder = {} if model.causal else {"architectures": ["EuroBertForMaskedLM"], "model_type": "eurobert", "mask_token_id": CONTROL[MASK]}
    config = weights.hf_config(
        model.config, dtype=str(dtype).removeprefix("torch."), bos_token_id=CONTROL[START], pad_token_id=CONTROL[PAD], eos_token_id=None, **encoder
    )

    def fill(target: Path) -> None:
        save_file(weights.to_hf(state, model.config), target / "model.safetensors", metadata={"format": "pt"})
        (target / "model.safetensors").chmod(0o644)  # save_file keeps it to its owner; data is for everybody
        (target / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        (target / "tokenizer.json").write_text(streams.tokenizer_json, encoding="utf-8")
        names = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": START, "pad_token": PAD, "mask_token": MASK, "clean_up_tokenization_spaces": False}
        (target / "tokenizer_config.json").write_text(json.dumps(names, indent=1) + "\n")
        (target / "README.md").write_text(card, encoding="utf-8")
        if log is not None:
            (target / "run.json").write_text(json.dumps(recorded_run(log)) + "\n")

    files.build(folder, fill)


def recorded_run(log: Path, points: int = 200) -> dict[str, list]:
    """A run in columns: about `points` evenly spaced stretches with their mean training loss (nats), and every held-out measurement."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    size = max(1, len(rows) // points)
    stretches = [rows[i : i + size] for i in range(0, len(rows), size)]
    measured = [row for row in rows if any(name.startswith("valid_") for name in row)]
    columns = [name for name in (measured[0] if measured else ()) if name.startswith("valid_")]
    return {
        "step": [stretch[-1]["step"] for stretch in stretches],
        "tokens": [stretch[-1]["tokens"] for stretch in stretches],
        "loss_nats": [round(sum(row["loss"] for row in stretch) / len(stretch), 4) for stretch in stretches],
        "held_out_step": [row["step"] for row in measured],
        "held_out_tokens": [row["tokens"] for row in measured],
    } | {name.replace("valid_", "held_out_"): [row[name] for row in measured] for name in columns}


def export_tokenizer(streams: Streams, folder: Path) -> None:
    """tokenizer.json and control.json: the control tokens stand apart, so that typed text never produces them."""

    def fill(target: Path) -> None:
        (target / "tokenizer.json").write_text(streams.tokenizer_json, encoding="utf-8")
        (target / "control.json").write_text(json.dumps(CONTROL) + "\n")

    files.build(folder, fill)


def model_card(recipe: Recipe, streams: Streams, *, n_parameters: int, tokens: int, held_out: str, schedule: str, corpus: str = "Whole works of the folder given.",
               rights: str = "those of the texts it was trained on apply.", precision: str = "float32") -> str:  # fmt: skip
    """The README of an exported model: sizes, data, recipe, seed, held-out bits per byte, licence."""
    c = recipe.config
    return f"""---
library_name: transformers
---

# lmviz {recipe.name}

A Llama of {n_parameters / 1e6:.2f} million weights (hidden {c.hidden_size}, {c.num_hidden_layers} layers, {c.num_attention_heads} heads, feed-forward {c.intermediate_size}, context {c.max_position_embeddings},
vocabulary {c.vocab_size}, head tied to the embedding), trained by this project. Weights in float16; trained in {precision}.

- **Held-out bits per byte:** {held_out}
- **Tokens seen:** {tokens:,} ({tokens / len(streams.train):.2f} epochs of {len(streams.train):,}).
- **Recipe:** {recipe.tokens_per_step:,} tokens a step; loss {recipe.loss}; Muon (rate {recipe.muon_lr}, weight decay {recipe.weight_decay}) for the matrices inside the layers, Adam (rate {recipe.adam_lr},
  betas 0.9 and 0.95) for the embedding and the norms; gradient norm clipped at {recipe.clip}; {schedule}; seed {recipe.seed}. Code: `lmviz/training/`.
- **Text starts** after `{START}` (id {CONTROL[START]}); every training window began with it. Control tokens are ids {", ".join(map(str, CONTROL.values()))}; typed text never produces them.
- **Data:** {corpus}
- **Licence:** {rights}
- **Limits:** it knows nothing but these works, and holds their views of the world.

## Works read

{", ".join(streams.train_works)}

## Works held out

{", ".join(streams.valid_works)}
"""
