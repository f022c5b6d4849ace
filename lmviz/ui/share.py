"""The Share popover: the link to what is on the page, as text and as a QR code made here, and the way into the presenter's view."""

from urllib.parse import urlsplit

import streamlit as st

from lmviz.models import own
from lmviz.ui import present, reader

SCANNED = 900  # characters: a longer link makes a code too fine for a phone at arm's length
LOCAL = {"localhost", "127.0.0.1", "0.0.0.0", "::1"}


def popover():
    """The popover's button; returns the place to fill with `link`, or None while it is closed."""
    with st.popover("Share", key="share", on_change="rerun") as door:
        return st.empty() if door.open else None


def link(place, drawn: str | None = None) -> str:
    """Fill the open popover; nothing is drawn again if the link is the one that was `drawn` before. Returns the link."""
    address = reader.share_link()
    if address == drawn:
        return address
    with place.container():
        st.markdown("This link opens the page as you see it: your text, model, unit, selected token and the page’s settings.")
        st.code(address, language=None, wrap_lines=True)
        code, beside = st.columns([3, 4] if not present.is_on() else [1, 1], vertical_alignment="center")
        with code:
            if 0 < len(address) <= SCANNED:
                st.image(qr(address), width=420 if present.is_on() else 240, alt="QR code of the link above")
            elif address:
                st.caption("The link is too long for a QR code that a phone could read.")
        with beside:
            if present.is_on():
                st.button("Leave the presenter's view", key="share_leave", on_click=present.leave, width="stretch")
            else:
                st.button("Present", key="share_present", on_click=present.begin, width="stretch",
                          help="Large type and nothing else. Arrow keys or a clicker go on, Esc leaves.")  # fmt: skip
            if not reader.text_is_shared():
                st.caption("Your text is too long for a link, so it is not in it.")
            if own.row(st.session_state.model):
                st.caption("The model you trained lives in this session only: the link opens with the usual one.")
            if urlsplit(address).hostname in LOCAL:
                st.caption(
                    "This address leads to the machine it is opened on. For others, open the book under the name that they can reach, and share from there."
                )
    return address


def qr(address: str) -> str:
    """The QR code of an address as a picture for `st.image`: black on white in every theme, with the margin that readers need."""
    import segno

    return segno.make(address, error="m", micro=False).svg_data_uri(scale=8, border=4, light="white")
