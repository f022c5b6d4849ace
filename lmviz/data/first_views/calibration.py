"""Chapter 11: how sure a model is on held-out passages, and whether it is right; its best temperature. No torch until something is measured."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from lmviz.data import examples

FIT = 6  # passages that choose the temperature
HELD_OUT = 14  # other passages, on which it is judged
CHARACTERS = 420  # of each passage, cut at a word
TEMPERATURES = tuple(2 ** (k / 8) for k in range(-8, 9))  # ½ to 2; 1 is the model as it is
BINS = 15
STEPS = 65_535  # a confidence is stored in so many steps


@dataclass(frozen=True, eq=False)
class Reading:
    """One passage under a model. N tokens, G temperatures."""

    confidences: np.ndarray  # [G, N] of the favourite
    correct: np.ndarray  # [N] whether the favourite came
    total_nats: np.ndarray  # [G]
    logits: object = None  # torch [N, V] and targets [N], kept only to fit the temperature


@dataclass(frozen=True)
class Summary:
    """One reliability diagram and what is computed from the same sample. Lists, so that it can be stored."""

    lower: list[float]
    upper: list[float]
    count: list[int]
    confidence: list[float | None]
    accuracy: list[float | None]
    low: list[float | None]
    high: list[float | None]
    ece_width: float
    ece_mass: float
    brier: dict[str, float]


@dataclass(frozen=True, eq=False)
class CalibrationView:
    """A model on the held-out passages: `temperature` is NaN if none is best. Losses are means, nats a token."""

    revision: str
    temperature: float
    temperatures: tuple[float, ...]  # the grid and the fitted one, in order
    confidences: np.ndarray  # [G, N] held out
    correct: np.ndarray  # [N]
    held_loss: np.ndarray  # [G]
    fit_loss: np.ndarray  # [G]
    n_fit: int
    summaries: dict[str, Summary]  # by "temperature/binning", for BINS bins

    def at(self, temperature: float) -> int:
        """The place of a temperature in `temperatures`."""
        return int(np.argmin(np.abs(np.array(self.temperatures) - temperature)))

    @property
    def best(self) -> float:
        """The fitted temperature, or 1 where there is none."""
        return 1.0 if math.isnan(self.temperature) else self.temperature


def texts() -> list[str]:
    """The beginnings of FIT + HELD_OUT English passages, the fitting ones first."""
    english = [p.text for p in examples.passages() if p.language.startswith("en") and p.register != "code"]
    step = len(english) // (FIT + HELD_OUT)
    return [text[:CHARACTERS].rsplit(" ", 1)[0] for text in english[::step][: FIT + HELD_OUT]]


def read(model, text: str, temperatures: Sequence[float], *, keep: bool = False) -> Reading:
    """Read one passage once; every temperature is a rescaling of the same logits."""
    import torch

    from lmviz import calibration, losses

    ids = model.encode(text).ids[: model.context]
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    logits, targets = model.logits(states, out=torch.empty(len(ids), model.vocab_size)), torch.tensor(ids)
    rows, nats = [], []
    for temperature in temperatures:
        scaled = logits / temperature
        confidences, correct = calibration.top_predictions(scaled, targets)
        rows.append(confidences.double().numpy())
        nats.append(losses.cross_entropy(scaled, targets).double().sum().item())
    return Reading(np.stack(rows), correct.numpy(), np.array(nats), (logits, targets) if keep else None)


def fit(readings: Sequence[Reading]) -> float:
    """`calibration.fit_temperature` on the kept logits; NaN if no temperature is best."""
    import torch

    from lmviz import calibration

    try:
        return calibration.fit_temperature(torch.cat([r.logits[0] for r in readings]), torch.cat([r.logits[1] for r in readings]))
    except ValueError:
        return math.nan


def rescaled(temperature: float) -> tuple[float, ...]:
    """The grid with the fitted temperature in its place."""
    return tuple(sorted({*TEMPERATURES, *([] if math.isnan(temperature) else [temperature])}))


def assemble(revision: str, temperature: float, temperatures: tuple[float, ...], fitting: Sequence[Reading], held: Sequence[Reading]) -> CalibrationView:
    """One view of many readings; the four summaries of its opening picture."""
    confidences, correct = np.concatenate([r.confidences for r in held], axis=1), np.concatenate([r.correct for r in held])
    n_fit = sum(len(r.correct) for r in fitting)
    view = CalibrationView(
        revision, temperature, temperatures, np.round(confidences * STEPS) / STEPS, correct, sum(r.total_nats for r in held) / len(correct),
        sum(r.total_nats for r in fitting) / n_fit, n_fit, {},
    )  # fmt: skip
    for chosen in {1.0, view.best}:
        for binning in ("width", "mass"):
            view.summaries[f"{chosen!r}/{binning}"] = summary(view.confidences[view.at(chosen)], correct, BINS, binning)
    return view


def view(model, tick=lambda fraction: None) -> CalibrationView:
    """Measure a loaded model from nothing."""
    passages = texts()
    work = len(passages) + FIT
    first = []
    for i, text in enumerate(passages[:FIT]):
        first.append(read(model, text, [1.0], keep=True))
        tick((i + 1) / work)
    temperature = fit(first)
    temperatures = rescaled(temperature)
    readings = []
    for i, text in enumerate(passages):
        readings.append(read(model, text, temperatures))
        tick((FIT + i + 1) / work)
    return assemble(model.revision, temperature, temperatures, readings[:FIT], readings[FIT:])


def summary(confidences, correct, bins: int, binning: str) -> Summary:
    """A reliability diagram, both ECEs with as many bins, and the Brier decomposition over these bins."""
    from lmviz import calibration

    diagram = calibration.reliability(confidences, correct, bins=bins, binning=binning)
    columns = {
        name: [None if math.isnan(v) else v for v in getattr(diagram, name).tolist()]
        for name in ("lower", "upper", "count", "confidence", "accuracy", "low", "high")
    }
    errors = {f"ece_{by}": calibration.expected_calibration_error(confidences, correct, bins=bins, binning=by) for by in ("width", "mass")}
    return Summary(**columns, **errors, brier=asdict(calibration.brier_decomposition(confidences, correct, bins=bins, binning=binning)))


def store(name: str, found: CalibrationView) -> None:
    """Write a view beside the others."""
    facts = {
        "revision": found.revision,
        "temperature": found.temperature,
        "n_fit": found.n_fit,
        "summaries": {key: asdict(s) for key, s in found.summaries.items()},
    }
    np.savez_compressed(
        examples.FIRST_VIEWS / f"calibration-{name}.npz", facts=json.dumps(facts), temperatures=np.array(found.temperatures),
        confidences=np.round(found.confidences * STEPS).astype(np.uint16), correct=found.correct, held_loss=found.held_loss, fit_loss=found.fit_loss,
    )  # fmt: skip


@lru_cache(8)
def load(name: str) -> CalibrationView | None:
    """The stored view of a model, or None."""
    file = examples.FIRST_VIEWS / f"calibration-{name}.npz"
    if not file.exists():
        return None
    with np.load(file, allow_pickle=False) as stored:
        facts = json.loads(str(stored["facts"]))
        summaries = {key: Summary(**s) for key, s in facts["summaries"].items()}
        return CalibrationView(
            facts["revision"], float(facts["temperature"]), tuple(stored["temperatures"].tolist()), stored["confidences"] / STEPS, stored["correct"], stored["held_loss"],
            stored["fit_loss"], facts["n_fit"], summaries,
        )  # fmt: skip


@lru_cache(1)
def smoothing_paths() -> dict[str, list[float]]:
    """`smoothing.gap_path` of both conventions at ε = 0.1 and 10 classes, as stored."""
    return json.loads((examples.FIRST_VIEWS / "smoothing.json").read_text(encoding="utf-8"))
