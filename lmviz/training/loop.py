"""The training loop: windows → states → loss (chunked cross-entropy, as a rule) → Muon, with checkpoints that a run can go on from.

A batch is cut into one shard a thread, each with single-threaded products: on a machine that is shared this is three
times as fast as splitting every product over the cores, which then wait for each other.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pickle
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lmviz import units
from lmviz.errors import ReaderError
from lmviz.models.llama import Llama, LlamaConfig
from lmviz.training import distil
from lmviz.training.grow import grow
from lmviz.training.objectives import objective
from lmviz.training.optimiser import Optimiser
from lmviz.training.recipes import Recipe, rate
from lmviz.training.stream import Streams, fixed_windows, windows
from lmviz.vocabulary.chunked import cross_entropy as chunked_cross_entropy


@dataclass(frozen=True)
class Task:
    """What a run learns: what its model may see, what a step reads, what is made small, what is measured on held-out text."""

    causal: bool
    batch: Callable[[Recipe, Streams, int], tuple[Tensor, ...]]  # after so many windows → tensors with one row a sequence, as `loss` takes them
    loss: Callable[..., Tensor]  # (recipe, forward, embedding, *batch) → mean nats, or whatever the recipe's loss is measured in
    held_out: Callable[[Recipe, Llama, Streams], dict[str, float]]  # what is written into the log


def train(
    recipe: Recipe,
    streams: Streams,
    folder: Path,
    *,
    task: Task | None = None,
    threads: int = 1,
    compiled: bool = False,
    bfloat16: bool = False,
    save_every_seconds: float = 300.0,
    grown_from: tuple[Path, LlamaConfig | None] | None = None,
    teacher: Llama | None = None,
    snapshots: frozenset[int] = frozenset(),
    stop_at: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    report: Callable[[dict], None] = lambda row: None,
    probe: Callable[[Llama], dict] = lambda model: {},
) -> Llama:
    """Run a recipe to its end, or go on with the run that `folder` holds; returns the model. `task` (None: the next token) says what is learned.

    Writes checkpoint.pt (whole or not at all), log.jsonl (loss in nats, what the task measures, by step), snapshot-STEP.pt.
    `grown_from` is a smaller model's checkpoint and its sizes (or an exported folder, which knows its own, and None): the run
    starts from what that model computes, and reads on.
    `teacher` reads every batch too, and the loss is `losses.distillation` with the recipe's alpha and temperature.
    A file named `decay` in the folder, holding a number, ends the stable phase now: the rate falls to zero over that many
    steps, and stable-STEP.pt keeps the state from before. `stop_at` leaves the run at a step; `should_stop`, asked after each
    step, leaves it there and then. Either way the checkpoint is written first. What `probe` measures joins the rows of the log
    in which held-out text is scored. `bfloat16` multiplies in that type and keeps the weights in float32: several times as fast
    where the CPU has units for it, slower where it has not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    c, task = recipe.config, task or (NEXT_TOKEN if teacher is None else taught(recipe, teacher, compiled=compiled))
    model = Llama(c, causal=task.causal)
    model.init_weights(torch.Generator().manual_seed(recipe.seed))
    optimiser = Optimiser(model, muon_lr=recipe.muon_lr, adam_lr=recipe.adam_lr, weight_decay=recipe.weight_decay, parts=lambda name: fused_rows(name, recipe),
                          products=torch.bfloat16 if bfloat16 else torch.float32)  # fmt: skip
    step, read, decay_from, seconds = 0, 0, None, 0.0
    if (folder / "checkpoint.pt").exists():
        try:
            saved = torch.load(folder / "checkpoint.pt", weights_only=True)
            model.load_state_dict(saved["model"])
            optimiser.load_state_dict(saved["optimiser"])
            step, read, decay_from, seconds = (saved[key] for key in ("step", "read", "decay_from", "seconds"))
            recipe = dataclasses.replace(recipe, steps=saved["steps"], decay=saved["decay"]) if decay_from is not None else recipe
        except (OSError, LookupError, TypeError, ValueError, AttributeError, RuntimeError, EOFError, pickle.UnpicklingError) as unfit:
            raise ReaderError(
                f"The run in {folder} cannot be gone on with: its checkpoint.pt is damaged, of an older format, or of another recipe. Choose another folder, or delete that file to begin anew.",
                remedy=f'rm "{folder / "checkpoint.pt"}"',
            ) from unfit
        _drop_rows_from(folder / "log.jsonl", step)
    elif grown_from is not None:
        state, sizes, tokens = starting_point(*grown_from)
        model.load_state_dict(grow(state, sizes, c, torch.Generator().manual_seed(recipe.seed)))
        read = tokens // c.max_position_embeddings

    def save(name: str = "checkpoint.pt") -> None:
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "read": read, "seconds": seconds}
        state |= {"decay_from": decay_from, "steps": recipe.steps, "decay": recipe.decay}
        torch.save(state, folder / f".{name}")
        os.replace(folder / f".{name}", folder / name)

    parameters = list(model.parameters())
    read_windows = torch.compile(model) if compiled else model

    def forward(ids: Tensor) -> Tensor:
        states = read_windows(ids)
        return states.bfloat16() if bfloat16 else states

    def gradients(shard: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        torch.set_num_threads(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = task.loss(recipe, forward, model.embedding.weight, *shard)
        return loss.detach(), torch.autograd.grad(loss, parameters)

    with ThreadPoolExecutor(threads) as pool, open(folder / "log.jsonl", "a") as log:
        begun = last_save = time.monotonic()
        while step < recipe.steps:
            if step in snapshots:
                torch.save(model.state_dict(), folder / f"snapshot-{step:06d}.pt")
            if decay_from is None and (folder / "decay").exists():
                save(f"stable-{step:06d}.pt")
                decay_from, length = step, int((folder / "decay").read_text())
                recipe = dataclasses.replace(recipe, steps=step + length, decay=length)
            batch = task.batch(recipe, streams, read)
            cut = list(zip(*(tensor.chunk(threads) for tensor in batch)))
            shards = list(pool.map(gradients, cut))
            share = [len(shard[0]) / len(batch[0]) for shard in cut]
            loss = sum(w * float(shard[0]) for w, shard in zip(share, shards))
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss became {loss} at step {step}; a smaller learning rate is needed")
            total = [sum(w * g for w, g in zip(share, same)) for same in zip(*(shard[1] for shard in shards))]
            norm = float(torch.stack([g.norm() for g in total]).norm())
            if norm > recipe.clip:
                total = [g * (recipe.clip / norm) for g in total]
            optimiser.step(total, step + 1, rate(step, recipe, decay_from), pool.map)
            step, read = step + 1, read + recipe.batch
            row = {"step": step, "tokens": read * c.max_position_embeddings, "loss": round(loss, 5), "norm": round(norm, 4)}
            if step % recipe.evaluate_every == 0 or step == recipe.steps:
                row |= {name: round(value, 5) for name, value in task.held_out(recipe, model, streams).items()} | probe(model)
            now = time.monotonic()
            row["seconds"] = round(seconds + now - begun, 1)
            log.write(json.dumps(row) + "\n")
            report(row)
            leaving = step in (recipe.steps, stop_at) or should_stop()
            if leaving or now - last_save > save_every_seconds:
                seconds, begun, last_save = seconds + now - begun, now, now
                log.flush()
                save()
            if leaving:
                break
        if step in snapshots:
            torch.save(model.state_dict(), folder / f"snapshot-{step:06d}.pt")
    return model


def starting_point(where: Path, config: LlamaConfig | None) -> tuple[dict[str, Tensor], LlamaConfig, int]:
    """State, sizes and tokens read of the model a run starts from: a run's checkpoint.pt with its sizes, or an exported folder with run.json."""
    if where.is_dir():
        network = distil.from_folder(where)
        return network.state_dict(), network.config, json.loads((where / "run.json").read_text())["tokens"][-1]
    saved = torch.load(where, weights_only=True)
    return saved["model"], config, saved["read"] * config.max_position_embeddings


def fused_rows(name: str, recipe: Recipe) -> list[int] | None:
    """The rows of each matrix inside a fused one: q, k, v; gate, up."""
    c = recipe.config
    kv = c.num_key_value_heads * c.head_dim
    if name.endswith("qkv.weight"):
        return [c.hidden_size, kv, kv]
    return [c.intermediate_size] * 2 if name.endswith("gate_up.weight") else None


def next_tokens(recipe: Recipe, streams: Streams, read: int) -> tuple[Tensor]:
    """The [B, T + 1] windows of a step."""
    context = recipe.config.max_position_embeddings
    return (torch.from_numpy(windows(streams.train, read, batch=recipe.batch, context=context, seed=recipe.seed, line_starts=streams.line_starts)),)


def next_token_loss(recipe: Recipe, forward: Callable[[Tensor], Tensor], embedding: Tensor, ids: Tensor) -> Tensor:
    """The mean of the recipe's loss over every token of [B, T + 1] windows but the first."""
    states = forward(ids[:, :-1])
    return objective(recipe.loss)(states.reshape(-1, states.shape[-1]), embedding, ids[:, 1:].reshape(-1))


def next_token_held_out(recipe: Recipe, model: Llama, streams: Streams) -> dict[str, float]:
    """Bits per byte on windows spread evenly over the held-out works."""
    ids = fixed_windows(streams.valid, recipe.evaluate_windows, recipe.config.max_position_embeddings)
    return {"valid_bits_per_byte": held_out_bits_per_byte(model, ids, streams.token_lengths)}


NEXT_TOKEN = Task(True, next_tokens, next_token_loss, next_token_held_out)


def taught(recipe: Recipe, teacher: Llama, *, compiled: bool = False) -> Task:
    """The same task under a teacher, who reads every batch too."""
    mean_loss = distil.objective(recipe, teacher, torch.compile(teacher) if compiled else None)

    def loss(recipe: Recipe, forward: Callable[[Tensor], Tensor], embedding: Tensor, ids: Tensor) -> Tensor:
        states = forward(ids[:, :-1])
        return mean_loss(states.reshape(-1, states.shape[-1]), embedding, ids[:, 1:].reshape(-1), ids[:, :-1])

    return dataclasses.replace(NEXT_TOKEN, loss=loss)


@torch.no_grad()
def held_out_bits_per_byte(model: Llama, ids, token_lengths, rows: int = 8) -> float:
    """Bits per byte of the targets in [N, T + 1] windows: nats and bytes pooled, then divided."""
    total_nats = 0.0
    for start in range(0, len(ids), rows):
        batch = torch.from_numpy(ids[start : start + rows])
        states = model(batch[:, :-1])
        targets = batch[:, 1:].reshape(-1)
        total_nats += float(chunked_cross_entropy(states.reshape(len(targets), -1), model.embedding.weight, targets)) * len(targets)
    return units.bits_per_byte(total_nats, int(token_lengths[ids[:, 1:]].sum()))


def _drop_rows_from(log: Path, step: int) -> None:
    """Rows after the checkpoint will be written again."""
    if log.exists():
        kept = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in kept))
