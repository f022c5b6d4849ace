"""Nano under five losses from one seed, as recorded: `python -m lmviz.data.recorded.losses RUNS` gathers the runs of `lmviz.training.series`.

No torch: a page reads this before anything is loaded.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lmviz.downstream import Estimate

FILE = Path(__file__).with_name("losses.json")
EARLY = 50  # steps whose mean gradient norm is "early in training"


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """One loss. `loss` is the run's own training loss; everything else is measured alike for all. Nats a token where it is a loss.

    `final` maps held_out_nats, held_out_nats_scaled, brier, accuracy, confidence, ece, ece_scaled to an `Estimate` over held-out windows.
    `tried` maps each scale of the recipe's learning rates to the run's own loss on held-out text after a short run; None: it broke down.
    """

    name: str
    step: list[int]
    loss: list[float]
    norm: list[float]
    held_out_step: list[int]
    held_out_nats: list[float]
    accuracy: list[float]
    ece: list[float]
    sample: list[dict]
    tried: dict[str, float | None]
    muon_lr: float
    adam_lr: float
    temperature: float
    final: dict[str, Estimate]
    windows: int

    @property
    def early_norm(self) -> float:
        """Mean norm of the gradient, before clipping, over the first `EARLY` steps."""
        early = [norm for step, norm in zip(self.step, self.norm, strict=True) if step <= EARLY]
        return sum(early) / len(early)

    @property
    def scale(self) -> str:
        """The scale of the learning rates that was chosen."""
        return min((value, scale) for scale, value in self.tried.items() if value is not None)[1]


@dataclass(frozen=True, eq=False)
class Series:
    """The runs by loss, and what they have in common: seed, steps, tokens a step, context, parameters."""

    settings: dict
    runs: dict[str, TrainedRun]


@lru_cache(1)
def load() -> Series | None:
    """The recorded series, or None if it is not there."""
    if not FILE.exists():
        return None
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    runs = {}
    for name, row in stored["runs"].items():
        final = dict(row["final"])
        temperature, windows = final.pop("temperature"), final.pop("windows")
        columns = {
            key: row[key] for key in ("step", "loss", "norm", "held_out_step", "held_out_nats", "accuracy", "ece", "sample", "tried", "muon_lr", "adam_lr")
        }
        runs[name] = TrainedRun(name, **columns, temperature=temperature, windows=windows, final={key: Estimate(**value) for key, value in final.items()})
    return Series(stored["settings"], runs)


def gather(folder: Path) -> dict:
    """The records in `folder`/LOSS/result.json as one."""
    from lmviz.training import series
    from lmviz.training.objectives import NAMES

    runs = {name: json.loads((folder / name / "result.json").read_text()) for name in NAMES if (folder / name / "result.json").exists()}
    full, config = series.FULL, series.FULL.config
    settings = {"seed": full.seed, "steps": full.steps, "decay": full.decay, "batch": full.batch, "context": config.max_position_embeddings,
                "n_parameters": config.n_parameters, "vocab_size": config.vocab_size, "held_out_windows": full.evaluate_windows}  # fmt: skip
    return {"settings": settings, "runs": runs}


if __name__ == "__main__":
    FILE.write_text(json.dumps(gather(Path(sys.argv[1]))) + "\n", encoding="utf-8")
