"""Language models behind one small port. `names()` and `load()` are all that most callers need.

Importing this package imports neither torch nor transformers; loading a model does.
"""

from __future__ import annotations

import gc
import os
import sys
from collections import defaultdict
from threading import Lock

from lmviz.errors import ReaderError
from lmviz.models import registry
from lmviz.models.port import CausalLM, MaskedLM

# Before torch is first imported: how long its threads spin before they sleep while they wait for each other. On a busy
# machine the long default made 64 texts take nine times as long (65 s against 7.6 s); not to spin at all made one sentence
# take a third longer on a quiet one (85 ms against 60). A thousand turns, some microseconds, cost nothing on either.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

_loaded: dict[str, CausalLM | MaskedLM] = {}
_failures: dict[str, ReaderError] = {}
_locks: defaultdict[str, Lock] = defaultdict(Lock)  # one a model: who loads one does not keep others from theirs


def names() -> list[str]:
    """The models this machine can load now, best first; one that was tried and failed is left out until it is tried again."""
    return [row.name for row in registry.ROWS if row.name not in _failures and registry.allowed(row.name) and row.available()]


def failure(name: str) -> ReaderError | None:
    """Why the last attempt to load that model failed; None if it did not, or none was made."""
    return _failures.get(name)


def forget_failure(name: str) -> None:
    """Let a model that could not be loaded be offered, and tried, again."""
    _failures.pop(name, None)


def masked_names() -> list[str]:
    """The masked models this machine can load now, best first."""
    return [row.name for row in registry.MASKED_ROWS if row.available()]


def load(name: str | None = None) -> CausalLM:
    """The model of that name (None: the best there is), loaded once a process and shared by every caller.

    Raises ReaderError if there is no such model, or its weights are missing or damaged.
    """
    if name is None:
        available = names()
        if not available:
            raise ReaderError("No model is on this machine.", remedy=registry.ROWS[0].remedy)
        name = available[0]
    return _load(registry.row(name))


def load_masked(name: str | None = None) -> MaskedLM:
    """The masked model of that name (None: the best there is), loaded once a process and shared; raises as `load` does."""
    return _load(registry.masked_row(name or registry.MASKED_ROWS[0].name))


def import_torch() -> None:
    """Import torch without looking for garbage meanwhile, and never look through what it made: none of it is garbage, and looking takes half a second."""
    if "torch" in sys.modules:
        return
    enabled = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        if enabled:
            gc.enable()
    gc.freeze()


def _load(row: registry.ModelRow) -> CausalLM | MaskedLM:
    name = row.name
    if (ready := _loaded.get(name)) is not None:
        return ready
    with _locks[name]:
        if name not in _loaded:
            if not row.available():
                raise ReaderError(row.missing, remedy=row.remedy)
            import_torch()
            try:
                _loaded[name] = row.load()
            except ReaderError as trouble:
                _failures[name] = trouble
                raise
            forget_failure(name)
        return _loaded[name]


def is_loaded(name: str) -> bool:
    return name in _loaded


def unload(name: str) -> None:
    """Let go of a loaded model; whoever is using it may finish."""
    _loaded.pop(name, None)
