"""The phone menu, mended for who listens to it: `menu.js` takes away roles that do not fit."""

from pathlib import Path

import streamlit as st

_COMPONENT = st.components.v2.component(
    "lmviz_menu",
    html='\n<span hidden class="menu"></span>\n',  # subtle: a string of one line would be taken for a file name
    js=(Path(__file__).parent / "menu.js").read_text(encoding="utf-8"),
)


def mend() -> None:
    """To be called once on every page, at its end."""
    _COMPONENT(key="menu", data={"mend": True})
