"""Chapter 17, the choices before a run: data, losses, size; the rest in a closed drawer."""

import math

import streamlit as st

from lmviz import display, uploads
from lmviz.errors import ReaderError
from lmviz.lab import choices
from lmviz.lab.choices import MOST_RUNS, Data, Settings
from lmviz.lab.workshop import Experiment
from lmviz.ui import show, training_lab, training_words
from lmviz.ui.links import linked

KINDS = {"passages": "the bundled passages", "text": "a text of your own", "source": "a source of known entropy"}
LABELS = {loss: Settings(loss=loss).label for loss in choices.LOSSES}


def controls(experiment: Experiment | None) -> None:
    """What to train on what, and the button that starts it; while `experiment` is on its way, how far it is."""
    kind = linked(st).selectbox("Learn from", list(KINDS), key="training_data", format_func=KINDS.get)
    source = "letters"
    if kind == "source":
        source = linked(st).segmented_control("Source", choices.SOURCES, default="letters", required=True, key="training_source", label_visibility="collapsed")
    if kind == "text":
        _own_text()
    losses = linked(st).pills(
        "Make small", list(LABELS), selection_mode="multi", default=["cross_entropy", "squared_error"], key="training_losses", format_func=LABELS.get, wrap=True
    )
    size = linked(st).segmented_control("For about", list(choices.SIZES), default="10 s", required=True, key="training_size")
    place = st.container(key="training_go")
    with st.expander("More choices"):
        _more()
    chosen = _settings(losses, size)
    with place:
        if experiment is not None:
            training_lab.progress(experiment)
        else:
            _button(chosen, kind, source)
    if (trouble := st.session_state.pop("training_trouble", None)) is not None:
        show.trouble(trouble)


def _button(chosen: list[Settings], kind: str, source: str) -> None:
    if show.training_is_off():
        return
    label = "Train" if len(chosen) < 2 else f"Train {len(chosen)} side by side"
    possible = 1 <= len(chosen) <= MOST_RUNS
    st.button(label, type="primary", key="training_start", width="stretch", disabled=not possible, on_click=_start, args=(chosen, kind, source))
    if possible:
        st.caption(training_words.expected(chosen, training_lab.workshop().queue_length))
    else:
        st.caption(f"Up to {MOST_RUNS} at once, please." if chosen else "Choose at least one loss.")


def _own_text() -> None:
    """Paste or upload; what there is, is said."""
    with st.popover("Paste or upload it", width="stretch"):
        st.text_area(
            "A text to learn from", key="training_text", height=140, max_chars=choices.MOST_BYTES, placeholder="A page at least; a whole book is better"
        )
        st.file_uploader("or a .txt or .md file, up to 1 MB", type=["txt", "md"], key="training_upload")
    try:
        st.caption(f"{display.number(len(_given().text.encode('utf-8', 'replace')))} bytes; the last tenth is held out.")
    except ReaderError as trouble:
        st.caption(display.md_escape(str(trouble)))


def _given() -> Data:
    """The reader's text as data; an upload goes before what was pasted."""
    upload = st.session_state.get("training_upload")
    text = uploads.text_from(upload.getvalue(), upload.name) if upload is not None else st.session_state.get("training_text") or ""
    if not text.strip():
        raise ReaderError("Nothing there yet.")
    return choices.own_text(text)


def _more() -> None:
    optimiser = linked(st).segmented_control("Optimiser", choices.OPTIMISERS, default="muon", required=True, key="training_optimiser",
                                     format_func=choices.OPTIMISER_NAMES.get)  # fmt: skip
    linked(st).select_slider("Learning rate", choices.RATES, value=choices.USUAL_RATE[optimiser], key=f"training_rate_{optimiser}")
    linked(st).slider("ε of label smoothing", 0.0, 0.5, 0.1, 0.01, key="training_smoothing")
    linked(st).slider("Temperature of what it writes", 0.1, 2.0, 0.8, 0.1, key="training_temperature")
    linked(st).toggle("Clip gradients longer than 1", value=True, key="training_clip", help="Without it, a rate that is too high ends in numbers that are none")
    linked(st).number_input("Seed", 1, 999, 1, key="training_seed")


def _settings(losses: list[str], size: str) -> list[Settings]:
    """The runs that would be started."""
    state = st.session_state
    clip = 1.0 if state.training_clip else math.inf
    common = {"optimiser": state.training_optimiser, "learning_rate": state[f"training_rate_{state.training_optimiser}"], "size": size, "clip": clip}
    common |= {"smoothing": state.training_smoothing, "temperature": state.training_temperature, "seed": state.training_seed}
    return [Settings(loss=loss, **common) for loss in LABELS if loss in losses]


def _start(chosen: list[Settings], kind: str, source: str) -> None:
    try:
        training_lab.start(chosen, _given() if kind == "text" else Data(kind, source=source))
    except ReaderError as trouble:
        st.session_state.training_trouble = trouble
