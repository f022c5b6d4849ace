"""Nano in series: one run saved as it learned, and one start trained under five losses. Torch-free until a model is loaded.

A member is a model like any other: `models.load("nano@256")`, `models.load("nano-hinge")`. They share nano's sizes and tokenizer.
"""

from __future__ import annotations

import json
from functools import cache

from lmviz import pulls
from lmviz.errors import ReaderError
from lmviz.models import registry
from lmviz.models.port import CausalLM

FOLDER = registry.DATA / "series"
LOSSES = ("cross_entropy", "label_smoothing", "focal", "squared_error", "hinge")
STUDENT = "student"


@cache
def steps() -> list[int]:
    """The steps of nano's own run that are kept: 0, then about evenly on a log scale, and the last, which is nano itself."""
    kept = [int(folder.name) for folder in (FOLDER / "steps").glob("[0-9]*") if (folder / "manifest.json").exists()]
    return sorted({0, *kept, last_step()})


@cache
def last_step() -> int:
    """The step at which nano's run ended."""
    return json.loads((registry.DATA / "nano" / "run.json").read_text())["step"][-1]


def losses() -> list[str]:
    """The losses under which nano was trained from one seed, in the same order of data, for the same number of tokens."""
    return [name for name in LOSSES if (FOLDER / "losses" / name / "manifest.json").exists()]


def load_step(step: int) -> CausalLM:
    """Nano as it was after that many steps."""
    from lmviz import models

    return models.load("nano" if step == last_step() else f"nano@{step}")


def load_loss(loss: str) -> CausalLM:
    """Nano trained under that loss."""
    from lmviz import models

    return models.load(f"nano-{loss}")


def row(name: str) -> registry.ModelRow | None:
    """The row of a member, or None if that is no member's name."""
    if name.startswith("nano@") and name[5:].isdigit():
        step = int(name[5:])
        if step in steps():
            return _row(name, f"nano after {step} steps", f"nano as it was after {step} of {last_step()} steps.", lambda: _load_step(step))
    loss = name.removeprefix("nano-")
    if loss != name and loss in losses():
        words = pulls.spelled(loss)
        return _row(name, f"nano, {words}", f"A nano trained on {words}.", lambda: _load(f"losses/{loss}", name))
    if name == STUDENT and (FOLDER / STUDENT / "manifest.json").exists():
        return _row(name, "student", "A nano that learned from tiny's distributions as well as from text.", lambda: _load(STUDENT, name))
    return None


def _row(name, title, about, load) -> registry.ModelRow:
    return registry.ModelRow(name, title, "transformer", about, "MIT", "trained by this project on public-domain prose", "lmviz", lambda: True, load)


def _load_step(step: int) -> CausalLM:
    if step == last_step():
        return registry.row("nano").load()
    return _load_untrained() if step == 0 else _load(f"steps/{step}", f"nano@{step}")


def _load(part: str, name: str) -> CausalLM:
    from lmviz.models import files
    from lmviz.models.causal import load_llama

    control = files.embedded_control(registry.DATA)
    return load_llama(FOLDER / part, name=name, tokenizer_name="lmviz", control=control, start_id=control["<|start|>"],
                      tokenizer_file=registry.DATA / "tokenizer" / "tokenizer.json", remedy="git checkout -- lmviz/data")  # fmt: skip


def _load_untrained() -> CausalLM:
    """Step 0 needs no file: it is what the seed gives."""
    import torch

    from lmviz.models import files
    from lmviz.models.causal import LlamaLM
    from lmviz.models.llama import Llama
    from lmviz.models.tokenizer import ByteBPE
    from lmviz.training.recipes import RECIPES

    recipe = RECIPES["nano"]
    network = Llama(recipe.config)
    network.init_weights(torch.Generator().manual_seed(recipe.seed))
    control = files.embedded_control(registry.DATA)
    try:
        tokenizer = ByteBPE.from_file(registry.DATA / "tokenizer" / "tokenizer.json", "lmviz", control)
    except (OSError, ValueError) as broken:
        raise ReaderError("The bundled tokenizer cannot be read.", remedy="git checkout -- lmviz/data") from broken
    return LlamaLM(network, tokenizer, name="nano@0", revision=f"seed-{recipe.seed}", start_id=control["<|start|>"])
