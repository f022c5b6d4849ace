"""“Take it with you”: every figure of a chapter as SVG, PNG, CSV or JSON, made in the reader's browser from the figure itself."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from lmviz import export, models
from lmviz.errors import ReaderError
from lmviz.ui import reader, runtime

_HERE = Path(__file__).parent
UNKNOWN = "named in the figure"
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
            _COMPONENT(key=f"{name}_take_figures", data={"facts": list(map(list, known.items())), "file": f"lmviz-{name}"})
            if scored:
                _tokens(scored, known, name)


def facts(title: str, of: Sequence[str] | None, *, text: str = "") -> dict[str, str]:
    """What the head of a file says; several models are separated by semicolons."""
    names = [reader.choices().model] if of is None else list(of)
    rows = {row.name: row for row in (*models.registry.ROWS, *models.registry.MASKED_ROWS)}
    start = dict.fromkeys(export.START.get(rows[n].tokenizer if n in rows else "lmviz", UNKNOWN) for n in names)
    revisions, dtypes = zip(*map(_identity, names), strict=True) if names else ([UNKNOWN], [UNKNOWN])
    return export.facts(title, "; ".join(names) or UNKNOWN, revision="; ".join(revisions), dtype="; ".join(dict.fromkeys(dtypes)),
                        start="; ".join(start) or UNKNOWN, unit=reader.choices().unit, text=text)  # fmt: skip


def _identity(name: str) -> tuple[str, str]:
    """Revision and dtype of a model, from what is stored of it or from the model itself."""
    from lmviz.ui import scores  # subtle: scores shows trouble by the module that offers this

    if (stored := scores.first_view(name)) is not None:
        return stored.revision, stored.dtype
    load = models.load_masked if name in models.masked_names() else models.load
    try:
        model = runtime.service().call(lambda: load(name))
    except ReaderError:
        return UNKNOWN, UNKNOWN
    return model.revision, model.dtype


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
