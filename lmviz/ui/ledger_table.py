"""The ledger as a table that scrolls inside itself."""

import pandas as pd
import streamlit as st

from lmviz import display, ledger
from lmviz.models.scored import ScoredText
from lmviz.ui import charts

LOG = {"bits": "−log₂", "nats": "−ln"}


def rows(scored: ScoredText, unit: str) -> pd.DataFrame:
    """One row a scored token: token, P, cost, running products in float32 and float64, running cost; ready to read."""
    book = ledger.ledger(scored.log_probs)
    tokens = [display.visible(token.text) if token.text else "…" for token, counts in zip(scored.tokens, scored.scored, strict=True) if counts]
    return pd.DataFrame(
        {
            "token": tokens,
            "P": [display.probability(p) for p in book.probs],
            f"{LOG[unit]} P": [display.number(display.in_unit(x, unit)) for x in book.losses],
            f"Σ {unit}": [display.number(display.in_unit(x, unit)) for x in book.total_nats],  # before the products: a phone shows five columns
            "Π float32": [display.number(p, 2) if p else "0 exactly" for p in book.products_float32],
            "Π float64": [display.number(p, 2) if p else "0 exactly" for p in book.products_float64],
        }
    )


def show(scored: ScoredText, unit: str) -> None:
    """Draw the table, the closing line under it: total → mean → perplexity → bits per byte."""
    table = charts.built(rows, scored, unit)
    widths = dict(zip(table.columns, (74, 76, 64, 60, 82, 82), strict=True))
    st.dataframe(
        table,
        column_config={name: st.column_config.TextColumn(width=width) for name, width in widths.items()},
        hide_index=True,
        height=min(38 + 35 * scored.n_scored, 388),
        key="ledger_table",
        width="stretch",
        alt="The ledger, one row a token",
    )
    st.markdown(
        f"{display.amount(scored.total_nats, unit)} in all ÷ {display.number(scored.n_scored)} tokens = "
        f":orange[**{display.amount(scored.mean_nats, unit)}**] a token → perplexity **{display.number(scored.perplexity)}**; "
        f"÷ {display.number(scored.n_bytes)} bytes = {display.number(scored.bits_per_byte)} bits per byte."
    )
