"""Chapter 2's two doors: a file in, files out."""

import streamlit as st

from lmviz import display, export, models, uploads
from lmviz.errors import ReaderError
from lmviz.models.scored import ScoredText
from lmviz.ui import heatmap, reader, save_png, show
from lmviz.ui.links import linked

TYPED = 100_000  # characters the text box holds


def doors(scored: ScoredText, unit: str) -> None:
    """“Read a file” and “Save”, each closed until it is wanted; what an upload had to say stands below, once."""
    with st.container(horizontal=True, key="heatmap_files"):
        with st.popover("Read a file"):
            st.file_uploader("A .txt or .md file, up to 1 MB", type=["txt", "md"], key="heatmap_upload", on_change=_take_upload)
        with st.popover("Save", key="heatmap_save", on_change="rerun") as door:
            if door.open:
                _save(scored, unit)
    note = st.session_state.pop("heatmap_note", None)
    if isinstance(note, ReaderError):
        show.trouble(note)
    elif note is not None:
        st.info(note)


def _take_upload() -> None:
    """An uploaded file becomes the reader's text; one that cannot be read leaves a sentence and the text as it was."""
    upload = st.session_state.get("heatmap_upload")
    if upload is None:
        return
    try:
        text = uploads.text_from(upload.getvalue(), upload.name)
    except ReaderError as trouble:
        st.session_state.heatmap_note = trouble
        return
    if len(text) > TYPED:
        st.session_state.heatmap_note = f"The file has {display.number(len(text))} characters; the first {display.number(TYPED)} are in the text box."
    reader.use_text(text[:TYPED])


def _save(scored: ScoredText, unit: str) -> None:
    st.download_button("Table, CSV", lambda: export.to_csv(scored), "lmviz.csv", "text/csv", key="heatmap_csv", on_click="ignore", width="stretch")
    st.download_button(
        "Everything, JSON", lambda: export.to_json(scored), "lmviz.json", "application/json", key="heatmap_json", on_click="ignore", width="stretch"
    )
    measure = linked(st).selectbox("Coloured by", list(export.MEASURES), key="heatmap_save_measure")
    picture = export.to_svg(scored, measure=measure, unit=unit, title=f"{models.registry.row(scored.model).title} reads “{heatmap.shown([scored.text])}”")
    st.download_button("Picture, SVG", picture, "lmviz.svg", "image/svg+xml", key="heatmap_svg", on_click="ignore", width="stretch")
    save_png.save_png(picture, "lmviz.png", key="heatmap_png")
