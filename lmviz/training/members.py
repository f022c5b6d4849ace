"""Members of a series as files: the weights and the sizes, without the tokenizer that all of them share.

`python -m lmviz.training.members --run DIR --losses DIR` writes `lmviz/data/models/series/` anew from nano's run and the loss series.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from lmviz.models import files, registry, scoring, series, weights
from lmviz.models.llama import LlamaConfig
from lmviz.training import series as training_series
from lmviz.training.objectives import NAMES
from lmviz.training.recipes import RECIPES
from lmviz.training.tokenizer import CONTROL, PAD, START

STEPS = (16, 64, 256, 1024, 4096)  # and 0, which the seed gives, and the last, which is nano


def write(state: dict[str, torch.Tensor], config: LlamaConfig, folder: Path) -> None:
    """model.safetensors in float16, config.json and the manifest: all of them or none. `LlamaForCausalLM.from_pretrained` reads the folder."""
    half = {name: tensor.detach().to(torch.float16) for name, tensor in state.items()}
    if not all(torch.isfinite(tensor).all() for tensor in half.values()):
        raise FloatingPointError("a weight is too large for float16 or is not a number")
    described = weights.hf_config(config, dtype="float16", bos_token_id=CONTROL[START], pad_token_id=CONTROL[PAD], eos_token_id=None)

    def fill(target: Path) -> None:
        save_file(weights.to_hf(half, config), target / "model.safetensors", metadata={"format": "pt"})
        (target / "model.safetensors").chmod(0o644)  # save_file keeps it to its owner; data is for everybody
        (target / "config.json").write_text(json.dumps(described, indent=1) + "\n")

    files.build(folder, fill)


def members() -> list[str]:
    """Every member there is, by its name as a model."""
    student = [series.STUDENT] if series.row(series.STUDENT) else []
    return [*(f"nano@{step}" for step in series.steps() if step != series.last_step()), *(f"nano-{loss}" for loss in series.losses()), *student]


def measure() -> dict[str, dict]:
    """What the bundled validation passage costs each member, bits per byte; a test checks that it still does."""
    passage = (registry.DATA / "validation.txt").read_text(encoding="utf-8")
    return {name: {"passage_bits_per_byte": round(scoring.score(registry.row(name).load(), passage).bits_per_byte, 5)} for name in members()}


def card(measured: dict[str, dict]) -> str:
    """The README of the series: what each member is, how it was trained, what it costs."""
    rows = "\n".join(f"| {name} | {registry.row(name).about} | {row['passage_bits_per_byte']:.3f} |" for name, row in measured.items())
    full, r = training_series.FULL, RECIPES["nano"]
    return f"""# Nano in series

Networks of nano's sizes ({r.config.n_parameters:,} weights, float16) on nano's tokenizer. `LlamaForCausalLM.from_pretrained` reads each folder; text starts after id {CONTROL[START]}.

| model | what it is | bits per byte on `../validation.txt` |
|---|---|---|
{rows}

- **Steps** (`nano@STEP`): nano's own run, saved as it learned: {r.tokens_per_step:,} tokens a step. Step 0 has no file: it is what seed {r.seed} gives. The last step is `../nano`.
- **Losses** (`nano-LOSS`): seed {full.seed}, the same windows in the same order, {full.steps} steps of {full.tokens_per_step:,} tokens ({full.steps * full.tokens_per_step:,} in all), the last {full.decay} decaying; label smoothing
  0.1, focal γ = 2, hinge margin 1; each at the best of three learning rates. Recorded in `lmviz/data/recorded/losses.json`. The hinge's scores are no probabilities; its network is shipped as it came out.
- **Data, works held out, licence**: as `../nano/README.md`. Weights: MIT.
- **Made by** `python -m lmviz.training.series`, then `python -m lmviz.training.members`.
"""


def main(argv: list[str] | None = None) -> None:
    p = argparse.ArgumentParser(prog="python -m lmviz.training.members", description=__doc__.splitlines()[0])
    p.add_argument("--run", type=Path, nargs="*", default=[], help="folders with nano's snapshot-STEP.pt")
    p.add_argument("--losses", type=Path, help="the folder that the loss series was trained in")
    options = p.parse_args(argv)
    config = RECIPES["nano"].config
    for step in STEPS:
        for found in (folder / f"snapshot-{step:06d}.pt" for folder in options.run):
            if found.exists():
                write(torch.load(found, weights_only=True), config, series.FOLDER / "steps" / str(step))
    for loss in NAMES if options.losses else ():
        if (options.losses / loss / "result.json").exists():
            state = torch.load(options.losses / loss / "run" / "checkpoint.pt", weights_only=True)["model"]
            write(state, config, series.FOLDER / "losses" / loss)
    measured = measure()
    (series.FOLDER / "measured.json").write_text(json.dumps(measured, indent=1) + "\n")
    (series.FOLDER / "README.md").write_text(card(measured), encoding="utf-8")
    print(sum(f.stat().st_size for f in registry.DATA.rglob("*") if f.is_file()) / 1e6, "MB of bundled models")


if __name__ == "__main__":
    main()
