"""The full-length runs that the page opens on, as curves: nano under each loss from one seed, or nano's own run until those are there."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from lmviz import pulls, units
from lmviz.data.recorded import losses
from lmviz.data.recorded.losses import TrainedRun
from lmviz.downstream import Estimate
from lmviz.lab.curve import Curve

NANO_FILE = Path(__file__).parent.parent / "data" / "models" / "nano" / "run.json"
POINTS = 200  # of a training loss that was written down at every step


@cache
def curves() -> tuple[Curve, ...]:
    """The recorded runs, cross-entropy first."""
    series = losses.load()
    if series is None or not series.runs:
        return (from_run_json(json.loads(NANO_FILE.read_text(encoding="utf-8"))),)
    tokens = series.settings["batch"] * series.settings["context"]
    return tuple(from_series(series.runs[name], tokens) for name in sorted(series.runs, key=lambda name: name != "cross_entropy"))


def finals() -> dict[str, Estimate]:
    """Held-out cross-entropy at the end of each recorded run, nats a token, with its 95 % interval; empty if none is recorded."""
    series = losses.load()
    return {name: run.final["held_out_nats"] for name, run in series.runs.items()} if series else {}


def held_out_windows() -> tuple[int, int] | None:
    """On how many held-out windows the recorded runs were measured as they went, and at their end (chapter 10's table); None if none is recorded."""
    series = losses.load()
    return (series.settings["held_out_windows"], next(iter(series.runs.values())).windows) if series and series.runs else None


def from_series(run: TrainedRun, tokens_per_step: int) -> Curve:
    """One run under one loss: its own loss in stretches, and held-out cross-entropy in nats a token of the bundled vocabulary."""
    size = max(1, len(run.step) // POINTS)
    stretches = [slice(i, i + size) for i in range(0, len(run.step), size)]
    return Curve(
        pulls.spelled(run.name), run.name, "token", run.step[-1],
        step=tuple(run.step[s][-1] for s in stretches), training=tuple(sum(run.loss[s]) / len(run.loss[s]) for s in stretches),
        held_step=tuple(run.held_out_step), held_out=tuple(run.held_out_nats), accuracy=tuple(run.accuracy), ece=tuple(run.ece),
        samples=tuple((row["step"], row["text"]) for row in run.sample), tokens_per_step=tokens_per_step,
    )  # fmt: skip


def from_run_json(columns: dict) -> Curve:
    """A bundled model's run: training loss in nats a token, held-out in bits a byte (here: nats a byte)."""
    return Curve(
        "cross-entropy", "cross_entropy", "byte", columns["step"][-1],
        step=tuple(columns["step"]), training=tuple(columns["loss_nats"]),
        held_step=tuple(columns["held_out_step"]), held_out=tuple(units.to_nats(bits) for bits in columns["held_out_bits_per_byte"]),
        tokens_per_step=round(columns["tokens"][-1] / columns["step"][-1]),
    )  # fmt: skip
