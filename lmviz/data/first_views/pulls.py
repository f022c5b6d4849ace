"""Chapters 9 and 10, the first view of a model: what they need of the logits of two texts. No torch but in `view`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lmviz import pulls
from lmviz.data import examples
from lmviz.models.scored import ScoredText

MISTAKE = "The sun rises in the east and sets in the east."  # the second "east" is a confident mistake
STEPS = tuple(k / 4 for k in range(49))  # step sizes η from 0 to 12


@dataclass(frozen=True, eq=False)
class Steps:
    """For each token: cross-entropy after steps of size STEPS against its own gradient and against squared error's; and whether autograd agrees."""

    cross_entropy: np.ndarray  # [T, E] nats
    squared_error: np.ndarray  # [T, E] nats
    difference: np.ndarray  # [T] max |closed form − autograd|


@dataclass(frozen=True, eq=False)
class PullsView:
    """What is stored for one model; `revision` names its exact weights."""

    revision: str
    opening: pulls.Evidence
    opening_steps: Steps
    mistake: ScoredText
    mistake_evidence: pulls.Evidence


@lru_cache(8)
def load(model: str) -> PullsView | None:
    """The stored view of a model, or None."""
    file = examples.FIRST_VIEWS / f"pulls-{model}.json"
    if not file.exists():
        return None
    raw = json.loads(file.read_text(encoding="utf-8"))
    steps = Steps(**{name: np.array(values) for name, values in raw["opening_steps"].items()})
    return PullsView(
        raw["revision"],
        pulls.Evidence.from_dict(raw["opening"]),
        steps,
        ScoredText.from_dict(raw["mistake"]),
        pulls.Evidence.from_dict(raw["mistake_evidence"]),
    )


def steps_of(logits, targets) -> Steps:
    """`Steps` of real logits [T, V]."""
    from lmviz import steps

    after = {name: steps.loss_after_step(logits, targets, STEPS, along=name).numpy() for name in ("cross_entropy", "squared_error")}
    return Steps(**after, difference=steps.autograd_difference(logits, targets).double().numpy())


def view(model) -> dict:
    """The view of a loaded model, as plain values for JSON."""
    from lmviz.models import scoring

    opening, mistake = scoring.score_many(model, [examples.OPENING, MISTAKE])
    logits, targets = logits_of(model, opening)
    other_logits, other_targets = logits_of(model, mistake)
    found = steps_of(logits, targets)
    return {
        "revision": model.revision,
        "opening": pulls.from_logits(logits, targets).as_dict(),
        "opening_steps": {name: getattr(found, name).tolist() for name in Steps.__dataclass_fields__},
        "mistake": mistake.as_dict(),
        "mistake_evidence": pulls.from_logits(other_logits, other_targets).as_dict(),
    }


def logits_of(model, scored: ScoredText):
    """Logits [T, V] and targets [T] of a scored text; what `ui.logits` gives a page."""
    import torch

    ids = [token.id for token in scored.tokens]
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    return model.logits(states, out=torch.empty(len(ids), model.vocab_size)), torch.tensor(ids)
