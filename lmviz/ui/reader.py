"""The reader's choices — text, model, unit, selected token — which follow from chapter to chapter and live in the URL.

The widgets stand in `app.py`, so that their values outlive a change of page; pages only ask. What comes from a URL is
checked here: a bad value is left out, with a sentence. The settings of a single page are in `links.py`.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import streamlit as st

from lmviz import models, settings
from lmviz.data import examples
from lmviz.models import own
from lmviz.ui import links

SHARED_CHARACTERS = 1_000  # a longer text stays out of the URL
LONGEST_QUERY = 6_000  # bytes of all parameters together: proxies cut a URL near 8 KB
UNITS = ("bits", "nats")
PRESENT = "present"
NAMES = {"text", "model", "unit", "token", "view", "term"}  # parameters that are no page's own


@dataclass(frozen=True)
class Choices:
    """What the reader has chosen, checked. `text` is what is scored; `typed_characters` is the length of what was typed."""

    text: str
    model: str
    unit: str
    typed_characters: int

    @property
    def is_cut(self) -> bool:
        return self.typed_characters > len(self.text)


def max_characters() -> int:
    """How much of a text is scored."""
    return max(1, settings.value("LMVIZ_MAX_CHARACTERS"))


def open_session() -> None:
    """Once a session: take the choices from the URL, else the opening example, the best model, bits."""
    if "asked" in st.session_state:
        # subtle: a value goes with its widget where a page draws none, is left in haste, or runs a fragment; so another name keeps it
        for key in ("text", "model", "unit"):
            if (value := _present(key)) is not None:
                st.session_state[f"kept_{key}"] = st.session_state[key] = value
        return
    query = st.query_params
    st.session_state.asked = query.to_dict()  # as it came; the address bar soon holds only what the frame knows
    links.take(st.session_state.asked, NAMES)
    st.session_state.presenting = query.get("view") == PRESENT
    st.session_state.text = query.get("text") or examples.OPENING
    available = models.names() or [models.registry.ROWS[0].name]
    asked = query.get("model", available[0])
    st.session_state.model = asked if asked in available else available[0]
    st.session_state.notes = []
    if asked not in available and models.failure(asked) is None:  # else the frame says what is wrong with it
        st.session_state.notes = [f"The link asks for a model that is not here ({asked[:40]}); {available[0]} is used instead."]
    st.session_state.unit = query.get("unit") if query.get("unit") in UNITS else UNITS[0]
    token = query.get("token", "")
    st.session_state.token = int(token) if token.isascii() and token.isdigit() and len(token) < 6 else None


def _present(key: str):
    """A choice of the reader, whether or not its widget is on this page."""
    return st.session_state[key] if key in st.session_state else st.session_state.get(f"kept_{key}")


def choices() -> Choices:
    """The reader's present choices; the text cut at `max_characters()`."""
    typed = _present("text") or ""
    text = typed[: max_characters()]
    return Choices(text, st.session_state.model, st.session_state.unit, len(typed))


def as_query() -> dict[str, str]:
    """The URL parameters that reproduce this page; defaults and what is too long are left out."""
    chosen = choices()
    query = {}
    if chosen.text != examples.OPENING and 0 < chosen.typed_characters <= SHARED_CHARACTERS and _fits({"text": chosen.text}):
        query["text"] = chosen.text
    if chosen.model != (models.names() or [""])[0] and own.row(chosen.model) is None:  # no link leads to a model that this session trained
        query["model"] = chosen.model
    if chosen.unit != UNITS[0]:
        query["unit"] = chosen.unit
    if st.session_state.get("token") is not None:
        query["token"] = str(st.session_state.token)
    for name, text in links.of_page(st.session_state.get("page", "")).items():
        if _fits(query | {name: text}):
            query[name] = text
    return query


def text_is_shared() -> bool:
    """Whether the reader's text is short enough for a link."""
    chosen = choices()
    return chosen.text == examples.OPENING or not chosen.text or "text" in as_query()


def write_url() -> None:
    """Let the address bar hold what is on the page, and whether it is presented."""
    query = as_query() | ({"view": PRESENT} if st.session_state.get("presenting") else {})
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def share_link() -> str:
    """The address that opens this page with these choices in a fresh browser; for readers, so never the presenter's view."""
    base = (st.context.url or "").split("?")[0]
    if outside := settings.value("LMVIZ_URL"):
        base = f"{outside.rstrip('/')}/{urlsplit(base).path.rstrip('/').rsplit('/', 1)[-1]}"
    query = urlencode(as_query())
    return f"{base}?{query}" if query else base


def _fits(query: dict[str, str]) -> bool:
    return len(urlencode(query, errors="replace")) <= LONGEST_QUERY


def use_text(text: str) -> None:
    """Put a text before the reader, as an example or a swap does. For callbacks."""
    st.session_state.text = text
    st.session_state.token = None


def forget_token() -> None:
    """Another text has other tokens. For callbacks."""
    st.session_state.token = None
