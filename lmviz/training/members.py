"""Members of a series as files: the weights and the sizes, without the tokenizer that all of them share.

`python -m lmviz.training.members --run DIR --losses DIR` writes `lmviz/data/models/series/` anew from nano's run and the loss series.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from lmviz.models import files, registry, series, weights
from lmviz.models.llama import LlamaConfig
from lmviz.training.objectives import NAMES
from lmviz.training.recipes import RECIPES
from lmviz.training.tokenizer import CONTROL, PAD, START

STEPS = (16, 64, 256, 512, 1024, 2048, 4096)  # and 0, which the seed gives, and the last, which is nano


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
    print(sum(f.stat().st_size for f in registry.DATA.rglob("*") if f.is_file()) / 1e6, "MB of bundled models")


if __name__ == "__main__":
    main()
