"""One scoring service for the whole process, and the warm-up of the model behind it."""

import atexit
import gc
from contextlib import asynccontextmanager
from threading import Lock, Semaphore, Thread

from lmviz import models, settings
from lmviz.errors import ReaderError
from lmviz.models.service import Service
from lmviz.ui.memory import shared
from lmviz.ui.turns import Turns

_lock = Lock()
_warming: dict[str, Thread] = {}


@asynccontextmanager
async def lifespan(app):
    """What happens once, when the server starts: the best model begins to load before the first reader comes.

    subtle: the folder `pages/` must not wake Streamlit's older router, which would tell the first reader of a cold server
    who follows a link to a chapter "Page not found". It is the class attribute that `st.navigation` sets, only sooner.
    """
    from streamlit.runtime.pages_manager import PagesManager

    PagesManager.uses_pages_directory = False
    if available := models.names():
        warm(available[0])
    yield


@shared()
def training_slots() -> Semaphore:
    """One for each reader who may train at the same time in chapters 13 and 15; chapter 17 has a workshop of its own."""
    return Semaphore(max(1, settings.value("LMVIZ_TRAINING_SLOTS")))


@shared()
def turns() -> Turns:
    """In which order readers' pages are drawn."""
    return Turns()


@shared()
def service() -> Service:
    """The queue in front of the models, shared by every reader."""
    made = Service()
    atexit.register(made.close)
    return made


@atexit.register
def _finish_warming() -> None:
    # subtle: a background thread that is inside torch when Python goes away brings the whole process down with an abort
    for thread in list(_warming.values()):
        thread.join(30)


def warm(name: str) -> None:
    """Start loading a model in the background, once; returns at once. First paint never waits for it. One that failed waits for `retry`."""
    with _lock:
        if name in _warming or models.is_loaded(name) or models.failure(name):
            return
        _warming[name] = Thread(target=_warm, args=(name,), name=f"lmviz-warm-{name}", daemon=True)
        _warming[name].start()


def _warm(name: str) -> None:
    try:
        model = models.load(name)
        service().call(lambda: model.logits(model.states([[model.start_id]])[0][0]))  # the first trip is the slowest
    except ReaderError:
        pass  # `models.failure` keeps it, and the frame tells
    finally:
        with _lock:
            _warming.pop(name, None)
    gc.collect()
    gc.freeze()  # a model's million objects never die: leave them out of later collections


def retry(name: str) -> None:
    """Try once more to load a model that could not be loaded."""
    models.forget_failure(name)
    warm(name)


def state(name: str) -> str:
    """One of "ready", "loading", "failed", "cold"."""
    if models.is_loaded(name):
        return "ready"
    if name in _warming:
        return "loading"
    return "failed" if models.failure(name) else "cold"


def trouble(name: str) -> ReaderError | None:
    """Why a model could not be loaded."""
    return None if models.is_loaded(name) else models.failure(name)


def instead_of(name: str) -> str | None:
    """The model to use where this one cannot be loaded: the next in the table, else the best of all; None if there is no other."""
    others = [other for other in models.names() if other != name]
    order = [row.name for row in models.registry.ROWS]
    later = [other for other in others if name in order and order.index(other) > order.index(name)]
    return next(iter(later or others), None)
