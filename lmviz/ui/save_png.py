"""A button that turns an SVG into a PNG in the reader's own browser: no drawing program on the server."""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "lmviz_save_png",
    html='\n<button type="button" class="save"></button><p class="says" role="status"></p>\n',
    css=(_HERE / "save_png.css").read_text(encoding="utf-8"),
    js=(_HERE / "picture.js").read_text(encoding="utf-8") + (_HERE / "save_png.js").read_text(encoding="utf-8"),
)


def save_png(svg: str, file_name: str, *, key: str, label: str = "Picture, PNG") -> None:
    """A button; pressing it saves `svg`, which must stand on its own, as `file_name` at twice its size (less if that is too large)."""
    _COMPONENT(key=key, data={"svg": svg, "file": file_name, "label": label})
