"""Scored texts for pages: precomputed, remembered, or computed while the reader sees where they stand."""

import json
import time

import streamlit as st

from lmviz import display, models
from lmviz.data import examples
from lmviz.errors import ReaderError
from lmviz.models.scored import ScoredText
from lmviz.ui import fallback, reader, runtime, show
from lmviz.ui.memory import shared


@shared(16)
def first_view(model: str) -> ScoredText | None:
    """The opening example under a bundled model, computed beforehand (tests compare it with a fresh run)."""
    file = examples.FIRST_VIEWS / f"{model}.json"
    return ScoredText.from_dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def scored(text: str, model: str, **options) -> ScoredText:
    """`scoring.score` of a text, as soon as it can be had. While it is computed a line says what is happening.

    A text that cannot be scored ends the page with a sentence; what was typed stays.
    """
    ready = first_view(model)
    if ready is not None and ready.text == text and not options:
        return ready
    if (kept := runtime.service().peek(model, text, **options)) is not None:
        return kept
    try:
        return _wait(text, model, options)
    except ReaderError as trouble:
        if runtime.trouble(model) is None:
            show.trouble(trouble)
        elif fallback.leave(model):  # the frame says what happened, and the page is drawn without that model
            st.rerun()
        st.stop()


def _wait(text: str, model: str, options: dict) -> ScoredText:
    line = None
    started = time.monotonic()
    with runtime.service().submit(model, text, **options) as ticket:
        while not ticket.wait(0.15):
            line = line or st.empty()
            line.progress(ticket.fraction, _what_happens(ticket, model, time.monotonic() - started))
        result = ticket.result()
    if line is not None:
        line.empty()
    return result


def _what_happens(ticket, model: str, seconds: float) -> str:
    title = models.registry.row(model).title
    if not models.is_loaded(model):
        return f"Loading {title}, once for everybody. This takes a few seconds; the first time of all, about twenty."
    if ticket.place > 1:
        return f"{ticket.place - 1} texts are before yours."
    if ticket.fraction > 0.05 and seconds > 1:
        return f"{title} is reading your text: about {max(1, round(seconds / ticket.fraction - seconds))} s more. Any change stops it."
    return f"{title} is reading your text."


def reader_scored(**options) -> ScoredText:
    """The reader's own text under the reader's model; asks for a text, in a sentence, if there is none."""
    chosen = reader.choices()
    if not chosen.text.strip():
        st.info("There is nothing to read yet. Type a sentence above, or start from an example.")
        st.stop()
    if chosen.is_cut:
        st.info(f"That text has {display.number(chosen.typed_characters)} characters; the first {display.number(len(chosen.text))} are read.")
    result = scored(chosen.text, chosen.model, **options)
    if result.unreadable:
        names = ", ".join(f"U+{ord(c):04X}" for c in result.unreadable[:5])
        st.info(f"The model's vocabulary has no token for {names}; it reads “�” there. The text itself is unchanged.")
    return result
