"""A model that cannot be loaded: the book goes on with the next one, says so, and lets the reader try again."""

import streamlit as st

from lmviz import models
from lmviz.models import own
from lmviz.ui import runtime


def take() -> None:
    """Leave a model that could not be loaded for the next one. To be called before the choice of model is drawn."""
    if st.session_state.model.startswith(own.PREFIX) and own.row(st.session_state.model) is None:  # many trained since: it gave way
        st.session_state.model = models.names()[0]
        st.session_state.notes = ["The model you trained is no longer kept: many others have been trained since. Train it again, and it will be the same."]
    if (pending := st.session_state.pop("pending_model", None)) is not None:
        st.session_state.model = pending
    name = st.session_state.model
    if "fallen" not in st.session_state:  # a new session: what failed before it came, and would have been its model
        best = models.names()[:1] == [name]
        st.session_state.fallen = {row.name: True for row in _above(name) if best and models.failure(row.name)}
    if models.failure(name) is None or runtime.state(name) == "loading":
        return
    leave(name)
    if (other := runtime.instead_of(name)) is not None:
        st.session_state.model = other


def leave(name: str) -> bool:
    """Remember that this session had to do without a model, and whether it was the reader's; True if there is another to go on with."""
    st.session_state.fallen |= {name: name == st.session_state.model}
    return runtime.instead_of(name) is not None


def options() -> list[str]:
    """The models to choose from, best first; those that failed stay, to be tried again; the present one always."""
    usable = models.names()
    listed = [row.name for row in models.registry.ROWS if row.name in usable or (models.failure(row.name) and row.available())]
    listed += [name for name in st.session_state.get("own_models", []) if own.row(name)]
    listed += st.session_state.get("hub_models", [])
    present = st.session_state.model
    return listed if present in listed else [*listed, present]


def title(name: str) -> str:
    """A model's name in the choice. subtle: it must not change while the model fails, or the browser's choice would be lost."""
    return models.registry.row(name).title


def chosen() -> None:
    """The reader has chosen a model: one that failed is tried again."""
    name = st.session_state.model
    if models.failure(name):
        _try_again(name)


def notes() -> None:
    """For each model this session had to do without: which, why, what is used instead, and a way to try again."""
    st.session_state.fallen = {name: chosen for name, chosen in st.session_state.fallen.items() if models.failure(name)}
    for name, was_chosen in st.session_state.fallen.items():
        if name == st.session_state.model:  # there is no other: the frame shows the trouble itself
            continue
        trouble, failed, used = models.failure(name), models.registry.row(name).title, models.registry.row(st.session_state.model).title
        with st.container(border=True, key=f"fallen_{name}"):
            so = f"{used} reads instead" if was_chosen else "the book goes on without it"
            st.text(f"{failed} cannot be used: {str(trouble).removesuffix('.')}; {so}.")
            if trouble.remedy:
                st.code(trouble.remedy, language=None)
            st.button(f"Try {failed} again", key=f"fallen_again_{name}", on_click=_try_again, args=(name,))


def _try_again(name: str) -> None:
    if st.session_state.fallen.pop(name, True):
        st.session_state.model = name
    runtime.retry(name)


def _above(name: str) -> list[models.registry.ModelRow]:
    """The rows of the table that are better than this one."""
    rows = models.registry.ROWS
    place = next((i for i, row in enumerate(rows) if row.name == name), 0)
    return list(rows[:place])
