"""Nano under five losses, from one seed, on the same windows in the same order: `python -m lmviz.training.series --corpus DIR --out DIR`.

Each loss first gets its best learning rate out of three, by its own value on held-out text after a short run, then its full run.
What is measured on the way, and at the end on windows of works that were held out, is written down for the pages.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lmviz import calibration, losses
from lmviz.models.llama import Llama
from lmviz.training.loop import train
from lmviz.training.objectives import NAMES, per_position
from lmviz.training.recipes import RECIPES, Recipe
from lmviz.training.stream import Streams, fixed_windows, prepare

SCALES = (1 / 3, 1.0, 3.0)  # of both learning rates of the recipe
PROMPT = "The old man"
FULL = dataclasses.replace(RECIPES["nano"], steps=500, decay=150, warmup=40, evaluate_every=50, evaluate_windows=48)
SHORT = dataclasses.replace(FULL, batch=8, steps=100, decay=30, warmup=20, evaluate_every=100)


def scaled(recipe: Recipe, scale: float, loss: str) -> Recipe:
    return dataclasses.replace(recipe, loss=loss, muon_lr=recipe.muon_lr * scale, adam_lr=recipe.adam_lr * scale)


@torch.no_grad()
def predictions(model: Llama, windows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Logits [N·T, V] and targets [N·T] of windows [N, T + 1] of ids."""
    ids = torch.from_numpy(windows)
    states = model(ids[:, :-1])
    return states.reshape(-1, states.shape[-1]) @ model.embedding.weight.T, ids[:, 1:].reshape(-1)


@torch.no_grad()
def measure(model: Llama, windows: np.ndarray, loss: str) -> dict:
    """Over held-out windows: mean cross-entropy (nats), the run's own loss, accuracy, mean confidence, Brier score, calibration error."""
    own, columns = [], []
    for row in range(0, len(windows), 4):
        logits, targets = predictions(model, windows[row : row + 4])
        confidences, correct = calibration.top_predictions(logits, targets)
        columns.append(torch.stack([losses.cross_entropy(logits, targets), losses.squared_error(logits, targets), confidences, correct.to(logits.dtype)]))
        own.append(float(per_position(loss)(logits, targets).mean()))
    nats, squared, confidences, correct = torch.cat(columns, 1)
    return {
        "held_out_nats": round(float(nats.mean()), 5),
        "own_held_out": round(float(np.mean(own)), 5),
        "accuracy": round(float(correct.mean()), 5),
        "confidence": round(float(confidences.mean()), 5),
        "brier": round(float(squared.mean()), 5),
        "ece": round(calibration.expected_calibration_error(confidences, correct), 5),
    }


@torch.no_grad()
def sample(model: Llama, streams: Streams, *, tokens: int = 40, temperature: float = 0.8, seed: int = 7) -> str:
    """What the model writes after PROMPT, drawn at a temperature with a fixed seed."""
    from lmviz.models.tokenizer import ByteBPE
    from lmviz.training.tokenizer import CONTROL, START

    bpe = ByteBPE(streams.tokenizer_json, "lmviz", CONTROL)
    ids = [CONTROL[START], *bpe.encode(PROMPT).ids]
    rng = torch.Generator().manual_seed(seed)
    for _ in range(tokens):
        logits = model(torch.tensor([ids]))[0, -1] @ model.embedding.weight.T
        logits[list(CONTROL.values())] = -torch.inf
        ids.append(int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=rng)))
    return b"".join(bpe.token_bytes(i) for i in ids[1:]).decode("utf-8", "replace")


def search(loss: str, streams: Streams, out: Path, threads: int) -> dict[str, float | None]:
    """Each scale's own held-out loss after a short run; None where the run broke down."""
    tried: dict[str, float | None] = {}
    held_out = fixed_windows(streams.valid, 24, SHORT.config.max_position_embeddings)
    for scale in SCALES:
        try:
            model = train(scaled(SHORT, scale, loss), streams, out / f"try-{scale:.2f}", threads=threads)
            tried[f"{scale:.2f}"] = measure(model, held_out, loss)["own_held_out"]
        except FloatingPointError:
            tried[f"{scale:.2f}"] = None
    return tried


def run(loss: str, streams: Streams, out: Path, *, threads: int = 1) -> dict:
    """Search, train, measure; what is already there is not done again. Returns the record of the run."""
    folder = out / loss
    if (folder / "result.json").exists():
        return json.loads((folder / "result.json").read_text())
    known = folder / "tried.json"
    folder.mkdir(parents=True, exist_ok=True)
    tried = json.loads(known.read_text()) if known.exists() else search(loss, streams, folder, threads)
    known.write_text(json.dumps(tried))
    best = min((value, scale) for scale, value in tried.items() if value is not None)[1]
    recipe = scaled(FULL, next(s for s in SCALES if f"{s:.2f}" == best), loss)
    held_out = fixed_windows(streams.valid, FULL.evaluate_windows, FULL.config.max_position_embeddings)
    model = train(recipe, streams, folder / "run", threads=threads,
                  probe=lambda model: measure(model, held_out, loss) | {"sample": sample(model, streams)})  # fmt: skip
    result = record(folder / "run" / "log.jsonl") | {"tried": tried, "muon_lr": recipe.muon_lr, "adam_lr": recipe.adam_lr, "final": final(model, streams)}
    (folder / "result.json").write_text(json.dumps(result) + "\n")
    return result


def record(log: Path) -> dict:
    """A run's log in columns; training loss and gradient norm every 5 steps, each the mean since the last."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    probed = [row for row in rows if "held_out_nats" in row]
    stretches = [rows[i : i + 5] for i in range(0, len(rows), 5)]
    columns = {key: [row[key] for row in probed] for key in ("held_out_nats", "own_held_out", "accuracy", "confidence", "brier", "ece")}
    return {
        "step": [stretch[-1]["step"] for stretch in stretches],
        "tokens": [stretch[-1]["tokens"] for stretch in stretches],
        "loss": [round(float(np.mean([row["loss"] for row in stretch])), 5) for stretch in stretches],
        "norm": [round(float(np.mean([row["norm"] for row in stretch])), 5) for stretch in stretches],
        "held_out_step": [row["step"] for row in probed],
        **columns,
        "sample": [{"step": row["step"], "text": row["sample"]} for row in probed],
    }


@torch.no_grad()
def final(model: Llama, streams: Streams, *, windows: int = 160, draws: int = 1000) -> dict:
    """The trained model on many held-out windows: means with 95 % bootstrap intervals over windows, before and after temperature scaling.

    The temperature is fitted on every second window; both calibration errors are of the others.
    """
    T = model.config.max_position_embeddings
    held_out = fixed_windows(streams.valid, windows, T)
    half = held_out[::2]
    chosen = torch.randperm(len(half) * T, generator=torch.Generator().manual_seed(0))[:4096]
    logits, targets = zip(*(predictions(model, half[i : i + 8]) for i in range(0, len(half), 8)))
    temperature = calibration.fit_temperature(torch.cat(logits)[chosen], torch.cat(targets)[chosen])
    del logits
    columns = []
    for window in held_out[1::2]:
        z, y = predictions(model, window[None])
        confidences, correct = calibration.top_predictions(z, y)
        cooled, _ = calibration.top_predictions(z / temperature, y)
        columns.append(
            torch.stack(
                [losses.cross_entropy(z, y), losses.cross_entropy(z / temperature, y), losses.squared_error(z, y), confidences, correct.float(), cooled]
            )
        )
    kept = torch.stack(columns)  # [windows, 6, T]
    rng = np.random.default_rng(0)
    resamples = [slice(None), *(torch.from_numpy(rng.integers(len(kept), size=len(kept))) for _ in range(draws))]

    def interval(value) -> dict:
        first, *others = (float(value(kept[chosen])) for chosen in resamples)
        low, high = np.quantile(others, [0.025, 0.975])
        return {"value": round(first, 5), "low": round(float(low), 5), "high": round(float(high), 5)}

    return {
        "temperature": round(temperature, 4),
        "held_out_nats": interval(lambda k: k[:, 0].mean()),
        "held_out_nats_scaled": interval(lambda k: k[:, 1].mean()),
        "brier": interval(lambda k: k[:, 2].mean()),
        "confidence": interval(lambda k: k[:, 3].mean()),
        "accuracy": interval(lambda k: k[:, 4].mean()),
        "ece": interval(lambda k: calibration.expected_calibration_error(k[:, 3].flatten(), k[:, 4].flatten())),
        "ece_scaled": interval(lambda k: calibration.expected_calibration_error(k[:, 5].flatten(), k[:, 4].flatten())),
        "windows": len(kept),
    }


def main(argv: list[str] | None = None) -> None:
    p = argparse.ArgumentParser(prog="python -m lmviz.training.series", description=__doc__.splitlines()[0])
    p.add_argument("--corpus", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True, help="where runs and their records go; a second start goes on from there")
    p.add_argument("--tokens", type=Path, help="a folder with the tokenised corpus")
    p.add_argument("--loss", choices=NAMES, nargs="*", default=list(NAMES))
    p.add_argument("--threads", type=int, default=2)
    options = p.parse_args(argv)
    streams = prepare(options.corpus, options.tokens or options.out / "tokens")
    for loss in options.loss:
        result = run(loss, streams, options.out, threads=options.threads)
        print(loss, result["tried"], result["final"], flush=True)


if __name__ == "__main__":
    main()
