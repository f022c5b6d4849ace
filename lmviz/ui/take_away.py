"""“Take it with you”: every figure of a chapter as SVG, PNG, CSV or JSON, made in the reader's browser from the figure itself."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from lmviz import export, models
from lmviz.errors import ReaderError
from lmviz.ui import reader, runtime

_HERE = Path(__file__).parent
UNNAMED = "named in the figure"
NOT_STATED = "–"
_COMPONENT = st.components.v2.component(
    "lmviz_take_away",
    html="""
<label class="pick">Figure <select></select></label>
<div class="kinds"><button type="button" class="save">Picture, SVG</button><button type="button" class="save">Picture, PNG</button><button
 type="button" class="save">Numbers, CSV</button><button type="button" class="save">Numbers, JSON</button></div>
<p class="says" role="status"></p>
""",
    css=(_HERE / "save_png.css").read_text(encoding="utf-8") + (_HERE / "take_away.css").read_text(encoding="utf-8"),
    js=(_HERE / "picture.js").read_text(encoding="utf-8") + (_HERE / "take_away.js").read_text(encoding="utf-8"),
)


def offer(title: str, name: str, *, of: Sequence[str] | None = None) -> None:
    """The expander of the chapter `name`; `of` names the models in its figures (None: the reader's; empty: the figures say)."""
    with st.expander("Take it with you", key=f"{name}_take", on_change="rerun") as opened:
        if opened.open:
            scored = _reader_scored() if of is None else None
            known = facts(title, of, text=scored.text if scored else "")
            st.markdown(
                "A figure of this page as it stands now, in your unit, as a picture or as the numbers that were drawn. Each file says at its head "
                "of which model, revision and number format it is, what stood before the first token, and the unit."
            )
            drawn = known | ({"runs recorded beforehand": "of the models that the figure names"} if of is None else {})
            _COMPONENT(key=f"{name}_take_figures", data={"facts": list(map(list, drawn.items())), "file": f"lmviz-{name}"})
            if scored:
                _tokens(scored, known, name)


def facts(title: str, of: Sequence[str] | None, *, text: str = "") -> dict[str, str]:
    """What the head of a file says; several models are separated by semicolons."""
    names = [reader.choices().model] if of is None else list(of)
    revisions, dtypes, starts = zip(*map(_identity, names), strict=True) if names else ([UNNAMED],) * 3
    each, dtype, start = "; ".join(revisions), "; ".join(dict.fromkeys(dtypes)), "; ".join(dict.fromkeys(starts))
    return export.facts(title, "; ".join(names) or UNNAMED, revision=each, dtype=dtype, start=start, unit=reader.choices().unit, text=text)


def _identity(name: str) -> tuple[str, str, str]:
    """Revision, dtype and start token of a model, from what is stored of it or from the model itself."""
    from lmviz.ui import scores  # subtle: scores shows trouble by the module that offers this

    masked = name in models.masked_names()
    try:
        start = export.START[(models.registry.masked_row(name) if masked else models.registry.row(name)).tokenizer]
        known = scores.first_view(name) or runtime.service().call(lambda: models.load_masked(name) if masked else models.load(name))
    except (ReaderError, KeyError):  # a model that is not of the book's table: its own page names it
        return (NOT_STATED,) * 3
    return known.revision, known.dtype, start


def _reader_scored():
    """The reader's text as it was scored for this page, if it was: nothing is computed here."""
    from lmviz.ui import scores

    chosen = reader.choices()
    stored = scores.first_view(chosen.model)
    return stored if stored is not None and stored.text == chosen.text else runtime.service().peek(chosen.model, chosen.text)


def _tokens(scored, known: dict[str, str], name: str) -> None:
    st.markdown("Every token of your text, with its loss, its rank and the entropy where it stood; these numbers are in nats, and the loss also in bits:")
    with st.container(horizontal=True):
        st.download_button("Tokens, CSV", lambda: export.header(known) + export.to_csv(scored), f"lmviz-{name}-tokens.csv", "text/csv", key=f"{name}_take_csv", on_click="ignore")  # fmt: skip
        st.download_button("Tokens, JSON", lambda: export.to_json(scored, known), f"lmviz-{name}-tokens.json", "application/json", key=f"{name}_take_json", on_click="ignore")  # fmt: skip
