"""The full-length runs that the page opens on, as curves: nano under each loss from one seed, or nano's own run until those are there."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from lmviz import units
from lmviz.lab.curve import Curve

DATA = Path(__file__).parent.parent / "data"
LOSSES_FILE, NANO_FILE = DATA / "recorded" / "losses.json", DATA / "models" / "nano" / "run.json"


@cache
def curves() -> tuple[Curve, ...]:
    """The recorded runs, cross-entropy first."""
    if LOSSES_FILE.exists():
        runs = json.loads(LOSSES_FILE.read_text(encoding="utf-8"))["runs"]
        order = sorted(runs, key=lambda name: name != "cross_entropy")
        return tuple(from_columns(name, runs[name]) for name in order)
    return (from_run_json(json.loads(NANO_FILE.read_text(encoding="utf-8"))),)


def from_columns(loss: str, columns: dict) -> Curve:
    """One run of losses.json: its own loss and, in nats a token of the bundled vocabulary, held-out cross-entropy."""
    label = loss.replace("_", " ").replace("cross entropy", "cross-entropy")
    return Curve(
        label, loss, "token", columns["step"][-1],
        step=tuple(columns["step"]), training=tuple(columns["loss"]),
        held_step=tuple(columns["held_out_step"]), held_out=tuple(columns["held_out_nats"]),
        accuracy=tuple(columns.get("accuracy", ())), ece=tuple(columns.get("ece", ())),
        samples=tuple((row["step"], row["text"]) for row in columns.get("sample", ())),
        tokens_per_step=round(columns["tokens"][-1] / columns["step"][-1]),
    )  # fmt: skip


def from_run_json(columns: dict) -> Curve:
    """A bundled model's run: training loss in nats a token, held-out in bits a byte (here: nats a byte)."""
    return Curve(
        "cross-entropy", "cross_entropy", "byte", columns["step"][-1],
        step=tuple(columns["step"]), training=tuple(columns["loss_nats"]),
        held_step=tuple(columns["held_out_step"]), held_out=tuple(units.to_nats(bits) for bits in columns["held_out_bits_per_byte"]),
        tokens_per_step=round(columns["tokens"][-1] / columns["step"][-1]),
    )  # fmt: skip
