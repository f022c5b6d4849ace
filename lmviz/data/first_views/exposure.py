"""What chapter 13 shows of the opening text before any model is loaded: both roads by greedy decoding. A test compares with a fresh run."""

import json
from functools import lru_cache

from lmviz import roads
from lmviz.data import examples


def view(model) -> dict:
    """The opening text under a model, as plain values for JSON."""
    taken = roads.opening_prompt(len(model.encode(examples.OPENING).ids))
    return roads.walked(model, examples.OPENING, taken).as_dict()


@lru_cache(8)
def load(model: str) -> roads.Roads | None:
    """The stored view of a model, if there is one."""
    file = examples.FIRST_VIEWS / f"exposure-{model}.json"
    return roads.Roads.from_dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
