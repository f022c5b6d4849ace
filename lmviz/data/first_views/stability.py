"""What chapter 8 shows of the opening text before any model is loaded: computed once for each model by `view`, read back by `load`.

Loading needs no torch. A test compares what is stored with a fresh run.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from types import SimpleNamespace

from lmviz.data import examples


@dataclass(frozen=True)
class StabilityView:
    """The costliest token of the opening text: its place, its largest logit, and a `lmviz.forms.Survey` for each dtype."""

    revision: str
    position: int
    highest_logit: float
    surveys: dict


def view(model) -> dict:
    """The view of a model, as plain values for JSON; infinities and NaN as words."""
    import torch

    from lmviz import forms
    from lmviz.models import scoring

    scored = scoring.score(model, examples.OPENING)
    position = int(scored.losses.argmax())
    ids = [token.id for token in scored.tokens]
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    row = model.logits(states[position : position + 1])[0]
    surveys = {name: asdict(forms.survey(row, ids[position], dtype)) for name, dtype in forms.DTYPES.items()}
    return _plain({"revision": model.revision, "position": position, "highest_logit": torch.max(row).item(), "surveys": surveys})


@lru_cache(8)
def load(model: str) -> StabilityView | None:
    """The stored view of a model, if there is one; its surveys have the fields of `lmviz.forms.Survey`."""
    file = examples.FIRST_VIEWS / f"stability-{model}.json"
    if not file.exists():
        return None
    raw = json.loads(file.read_text(encoding="utf-8"))
    surveys = {name: SimpleNamespace(**{key: _tuples(values) for key, values in survey.items()}) for name, survey in raw["surveys"].items()}
    return StabilityView(**{field.name: raw[field.name] for field in fields(StabilityView)} | {"surveys": surveys})


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _tuples(value):
    return tuple(_tuples(inner) for inner in value) if isinstance(value, list) else float(value)
