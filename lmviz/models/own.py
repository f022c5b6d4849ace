"""Models that readers have trained: a small table in memory, for as long as they are there. No torch.

A name is never given twice, so nothing that was cached for one model is shown for another. Only who has the name can ask for the
model: it is in no list of `models.names()`, and so no link can lead to it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from threading import Lock

from lmviz import models
from lmviz.models.port import CausalLM
from lmviz.models.registry import ModelRow

PREFIX = "yours-"
MOST = 24  # kept at once, everybody's together; the oldest gives way. Each has at most a few megabytes


@dataclass(frozen=True)
class _Kept:
    row: ModelRow
    present: Callable[[], bool]


_kept: OrderedDict[str, _Kept] = OrderedDict()
_numbers = count(1)
_lock = Lock()


def keep(make: Callable[[str], CausalLM], *, title: str, about: str, tokenizer: str, present: Callable[[], bool] = lambda: True) -> str:
    """Keep a reader's model; returns its name. `make(name)` gives the model, `present()` says whether its reader is still there.

    Models of readers who have gone, and the oldest beyond MOST, are let go.
    """
    name = f"{PREFIX}{next(_numbers)}"
    model = make(name)
    row = ModelRow(name, title, "transformer", about, "yours", "trained in this session", tokenizer, lambda: True, lambda: model)
    with _lock:
        gone = [other for other, kept in _kept.items() if not kept.present()]
        _kept[name] = _Kept(row, present)
        gone += [other for other in _kept if other not in gone][:-MOST]
        for other in gone:
            _kept.pop(other, None)
            models.unload(other)
    models.load(name)
    return name


def row(name: str) -> ModelRow | None:
    """The row of a kept model, or None."""
    kept = _kept.get(name)
    return kept.row if kept else None


def let_go(name: str) -> None:
    """Forget a model."""
    with _lock:
        _kept.pop(name, None)
        models.unload(name)
