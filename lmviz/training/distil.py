"""Training a student on a teacher's distributions as well as on the text: the teacher reads every window as it comes by.

The teacher's logits are never stored and never whole: like the student's they live for 512 rows at a time.
`python -m lmviz.training.distil --corpus DIR --out DIR --teacher tiny --plain RESULT` trains the student that stands beside
the series' nano of cross-entropy: same seed, windows, steps and learning rates, another loss.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from lmviz import models
from lmviz.errors import ReaderError
from lmviz.models.llama import Llama
from lmviz.training.objectives import DISTILLATION
from lmviz.training.recipes import RECIPES, Recipe
from lmviz.vocabulary import chunked

ROWS = 512  # of logits at once, the student's and the teacher's


def load_teacher(where: str) -> Llama:
    """A teacher's network, frozen: the name of a bundled model, the folder of an exported one, or a run's checkpoint.pt.

    Raises ReaderError if that is none of these, or is no transformer.
    """
    path = Path(where)
    if path.suffix == ".pt" and path.exists():
        return _from_checkpoint(path)
    if (path / "config.json").exists():
        return from_folder(path)
    if (models.registry.DATA / where / "config.json").exists():
        return from_folder(models.registry.DATA / where)
    model = models.load(where)
    if not isinstance(getattr(model, "network", None), Llama):
        raise ReaderError(f"“{where}” only counts; a teacher must be a transformer, such as nano.")
    return model.network


def tokenizer_of(where: str) -> str:
    """The tokenizer.json of a teacher: its folder's own, or that of the bundled models."""
    own = Path(where) / "tokenizer.json"
    return (own if own.exists() else models.registry.DATA / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8")


def from_options(options: Namespace) -> tuple[Llama | None, str | None]:
    """The teacher and its tokenizer.json, of a command line with --loss, --teacher, --alpha and --temperature; two None without distillation.

    Raises ReaderError for a teacher without distillation, distillation without a teacher, α outside [0, 1] or T ≤ 0.
    """
    if (options.loss == DISTILLATION) != (options.teacher is not None):
        raise ReaderError("--loss distillation and --teacher go together: a teacher is needed, and only then.")
    if not 0 <= options.alpha <= 1 or not 0 < options.temperature < float("inf"):
        raise ReaderError(f"--alpha must be from 0 to 1 and --temperature above 0, not {options.alpha} and {options.temperature}.")
    if options.teacher is None:
        return None, None
    return load_teacher(options.teacher), tokenizer_of(options.teacher)


def objective(recipe: Recipe, teacher: Llama, read: Callable[[Tensor], Tensor] | None = None) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """The mean loss of (states [N, D], embedding [V, D], targets [N], ids [B, T]) under a teacher who reads the same ids.

    `read` is what maps ids to the teacher's states (default: the teacher itself; a compiled one is faster).
    Raises ReaderError if the two vocabularies or contexts cannot be the same.
    """
    theirs, ours = teacher.config, recipe.config
    if theirs.vocab_size != ours.vocab_size or theirs.max_position_embeddings < ours.max_position_embeddings:
        raise ReaderError(f"The teacher has {theirs.vocab_size} tokens and a context of {theirs.max_position_embeddings}; the student needs {ours.vocab_size} and {ours.max_position_embeddings}.")  # fmt: skip
    read = read or teacher

    def mean_loss(states: Tensor, embedding: Tensor, targets: Tensor, ids: Tensor) -> Tensor:
        with torch.no_grad():
            seen = read(ids).reshape(len(targets), -1).to(states.dtype)
        return chunked_distillation(states, embedding, targets, seen, teacher.embedding.weight, alpha=recipe.alpha, temperature=recipe.temperature)

    return mean_loss


def chunked_distillation(states: Tensor, embedding: Tensor, targets: Tensor, teacher_states: Tensor, teacher_embedding: Tensor, *, alpha: float,
                         temperature: float, rows: int = ROWS) -> Tensor:  # fmt: skip
    """Mean of `losses.distillation` in nats, without ever holding [N, V]: forward and gradient in one pass, `rows` at a time.

    states [N, D], embedding [V, D], targets [N], teacher_states [N, E], teacher_embedding [V, E] → scalar, differentiable in
    states and embedding. The gradient is `gradients.distillation`: α (ŷ − 1_y) + (1 − α) T (ŷ_T − teacher_T), over N.

    >>> s, e, y = torch.randn(5, 4), torch.randn(9, 4), torch.tensor([0, 8, 3, 3, 1])
    >>> chunked_distillation(s, e, y, s, e, alpha=0.0, temperature=2.0).item()      # a teacher who knows what the student knows
    0.0
    """
    if not len(states) == len(targets) == len(teacher_states):
        raise ValueError(f"states, targets and teacher_states must have one row each, got {len(states)}, {len(targets)} and {len(teacher_states)}")
    head = teacher_embedding.detach().to(teacher_states.dtype)

    def of_strip(place: slice, logits: Tensor) -> tuple[Tensor, Tensor]:
        y, T = targets[place].unsqueeze(1), temperature
        log_p = logits.log_softmax(1)
        soft = (logits / T).log_softmax(1) if T != 1 else log_p
        taught = ((teacher_states[place] @ head.T).to(logits.dtype) / T).log_softmax(1)
        q = taught.exp()
        loss = (1 - alpha) * T**2 * (q * (taught - soft)).sum(dtype=torch.float64) - alpha * log_p.gather(1, y).sum(dtype=torch.float64)
        gradient = (soft.exp() - q).mul_((1 - alpha) * T)
        return loss, gradient.add_(log_p.exp(), alpha=alpha).scatter_add_(1, y, torch.full_like(logits[:, :1], -alpha))

    return chunked.mean_loss(states, embedding, of_strip, rows)


def from_folder(folder: Path) -> Llama:
    """The network of an exported folder, in float32 and frozen."""
    from safetensors.torch import load_file

    from lmviz.models import weights

    network = Llama(weights.read_config(folder))
    tensors = {key: tensor.float() for key, tensor in load_file(folder / "model.safetensors").items()}
    network.load_state_dict(weights.from_hf(tensors, network.config))
    return network.requires_grad_(False)


def _from_checkpoint(path: Path) -> Llama:
    """A run's checkpoint names no sizes: the recipe with an embedding of that shape and that many layers is the one."""
    saved = torch.load(path, weights_only=True)["model"]
    shape, depth = tuple(saved["embedding.weight"].shape), sum(name.endswith(".down.weight") for name in saved)
    for recipe in RECIPES.values():
        c = recipe.config
        if (c.vocab_size, c.hidden_size) == shape and c.num_hidden_layers == depth:
            network = Llama(c)
            network.load_state_dict(saved)
            return network.requires_grad_(False)
    raise ReaderError(f"{path} has an embedding of {shape} and {depth} layers, which no recipe has. Export the model, and give its folder.")


def main(argv: list[str] | None = None) -> None:
    from lmviz.training.export import export, model_card
    from lmviz.training.loop import train
    from lmviz.training.series import FULL
    from lmviz.training.stream import prepare

    p = argparse.ArgumentParser(prog="python -m lmviz.training.distil", description="Train the student that stands beside the series' plain nano.")
    p.add_argument("--corpus", type=Path, required=True)
    p.add_argument("--tokens", type=Path, help="a folder with the tokenised corpus")
    p.add_argument("--out", type=Path, required=True, help="the run goes to OUT/student-run, the model to OUT/student; a second start goes on from there")
    p.add_argument("--teacher", required=True, metavar="MODEL", help="a bundled model's name, an exported folder, or a checkpoint.pt")
    p.add_argument("--plain", type=Path, help="result.json of the plain run, whose learning rates are taken (default: the recipe's)")
    p.add_argument("--steps", type=int, help="another number of steps; the decay keeps its share")
    p.add_argument("--alpha", type=float, default=Recipe.alpha)
    p.add_argument("--temperature", type=float, default=Recipe.temperature)
    p.add_argument("--threads", type=int, default=2)
    options = p.parse_args(argv)
    options.loss = DISTILLATION
    teacher, tokenizer_json = from_options(options)
    streams = prepare(options.corpus, options.tokens or options.out / "tokens", tokenizer_json=tokenizer_json)
    rates = {key: json.loads(options.plain.read_text())[key] for key in ("muon_lr", "adam_lr")} if options.plain else {}
    recipe = dataclasses.replace(FULL, loss=DISTILLATION, alpha=options.alpha, temperature=options.temperature, **rates)
    if options.steps:
        recipe = dataclasses.replace(recipe, steps=options.steps, decay=max(1, round(FULL.decay / FULL.steps * options.steps)))
    run = options.out / "student-run"
    model = train(recipe, streams, run, threads=options.threads, teacher=teacher, report=lambda row: print(row, flush=True) if row["step"] % 20 == 0 else None)
    measured = json.loads((run / "log.jsonl").read_text().splitlines()[-1])["valid_bits_per_byte"]
    card = model_card(recipe, streams, n_parameters=model.config.n_parameters, tokens=recipe.steps * recipe.tokens_per_step, held_out=f"{measured} (windows)",
                      schedule=f"{recipe.steps} steps, the last {recipe.decay} decaying; teacher {Path(options.teacher).name}, alpha {recipe.alpha}, temperature {recipe.temperature}")  # fmt: skip
    export(model, recipe, streams, options.out / "student", card=card, log=run / "log.jsonl")


if __name__ == "__main__":
    main()
