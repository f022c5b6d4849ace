"""What chapter 7 shows of the opening text before any model is loaded: computed once for each model by `view`, read back by `load`.

Loading needs no torch. A test compares what is stored with a fresh run.
"""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache

from lmviz.data import examples

WAYS = ("maximum likelihood", "negative log-likelihood", "cross-entropy, one-hot targets", "KL to the data")  # in the order of lmviz.likelihood.WAYS


@dataclass(frozen=True)
class LikelihoodView:
    """One text under one model: for each temperature the mean loss, and the same number computed in four ways; nats a token."""

    revision: str
    temperatures: tuple[float, ...]
    curve: tuple[float, ...]
    ways: tuple[tuple[float, ...], ...]  # [temperatures, 4]


def measure(logits, targets, revision: str) -> LikelihoodView:
    """Every number of a view from logits [T, V] and targets [T]."""
    from lmviz import likelihood

    ways = tuple(likelihood.four_ways(logits, targets, temperature=t) for t in likelihood.TEMPERATURES)
    return LikelihoodView(revision, likelihood.TEMPERATURES, tuple(likelihood.at_temperatures(logits, targets)), ways)


def view(model) -> dict:
    """The opening text under a model, as plain values for JSON."""
    import torch

    ids = model.encode(examples.OPENING).ids
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    return asdict(measure(model.logits(states), torch.tensor(ids), model.revision))


@lru_cache(8)
def load(model: str) -> LikelihoodView | None:
    """The stored view of a model, if there is one."""
    file = examples.FIRST_VIEWS / f"likelihood-{model}.json"
    if not file.exists():
        return None
    raw = json.loads(file.read_text(encoding="utf-8"))
    return LikelihoodView(raw["revision"], tuple(raw["temperatures"]), tuple(raw["curve"]), tuple(map(tuple, raw["ways"])))
