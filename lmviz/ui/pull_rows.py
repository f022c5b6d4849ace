"""A sentence once for each loss: a table of tokens by losses, coloured by how hard each loss pulls the true token.

The browser half is `pull_rows.js` and `pull_rows.css`; text reaches it as data only and enters the page as text.
"""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from lmviz import display

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "lmviz_pull_rows",
    html='\n<div class="rows"></div>\n',  # subtle: a string of one line would be taken for a file name
    css=(_HERE / "pull_rows.css").read_text(encoding="utf-8"),
    js=(_HERE / "pull_rows.js").read_text(encoding="utf-8"),
)


def pull_rows(
    tokens: Sequence[str], rows: Sequence[tuple[str, Sequence[float]]], *, chances: Sequence[float], key: str, title: str, selected: int | None = None
) -> None:
    """Draw the table: one column a token with its probability, one row (name, pulls [T]) a loss."""
    _COMPONENT(key=key, data=rows_data(tokens, rows, chances=chances, title=title, selected=selected))


def rows_data(tokens, rows, *, chances, title: str, selected: int | None = None) -> dict:
    """What the browser is sent; colours are full at a pull of 1 either way.

    >>> data = rows_data([" a"], [("focal", [0.256])], chances=[0.5], title="")
    >>> data["tokens"], data["chances"], data["rows"]
    ([['·', 'a']], ['0.50'], [{'name': 'focal', 'shades': [0.256], 'texts': ['0.26']}])
    """
    for name, values in [*rows, ("chances", chances)]:
        if len(values) != len(tokens):
            raise ValueError(f"{name} must have one number a token, {len(tokens)}, got {len(values)}")
    return {
        "title": title,
        "tokens": [display.pieces(token) for token in tokens],
        "chances": [display.probability(p) for p in chances],
        "selected": selected,
        "rows": [
            {"name": name, "shades": [round(min(1.0, abs(float(v))), 4) for v in values], "texts": [brief(v) for v in values]} for name, values in rows
        ],
    }  # fmt: skip


def brief(pull: float) -> str:
    """A pull to two places; "0" only where nothing pulls at all.

    >>> brief(0.99962), brief(0.0), brief(0.0004), brief(-0.1), brief(1.0)
    ('1.00', '0', '<0.01', '−0.10', '1.00')
    """
    pull = float(pull)
    if pull == 0:
        return "0"
    if abs(pull) < 0.005:
        return "<0.01" if pull > 0 else f"{display.MINUS}0.00"
    return f"{pull:.2f}".replace("-", display.MINUS)
