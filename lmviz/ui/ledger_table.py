"""The ledger as a table that scrolls inside itself."""

import pandas as pd
import streamlit as st

from lmviz import display
from lmviz.ledger import Ledger
from lmviz.models.scored import ScoredText


def rows(scored: ScoredText, book: Ledger, unit: str) -> pd.DataFrame:
    """One row a scored token: token, P, cost, running products in float32 and float64, running cost; ready to read."""
    tokens = [display.visible(token.text) if token.text else "…" for token, counts in zip(scored.tokens, scored.scored, strict=True) if counts]
    return pd.DataFrame(
        {
            "token": tokens,
            "P": [display.probability(p) for p in book.probs],
            "−log P": [display.number(display.in_unit(x, unit)) for x in book.losses],
            "Π float32": [display.number(p, 2) if p else "0 exactly" for p in book.products_float32],
            "Π float64": [display.number(p, 2) if p else "0 exactly" for p in book.products_float64],
            f"Σ {unit}": [display.number(display.in_unit(x, unit)) for x in book.total_nats],
        }
    )


def show(scored: ScoredText, book: Ledger, unit: str, *, selected: int | None = None) -> None:
    """Draw the table, the closing line under it: total → mean → perplexity → bits per byte."""
    st.dataframe(
        rows(scored, book, unit),
        hide_index=True,
        height=min(38 + 35 * len(book.probs), 388),
        key="ledger_table",
        width="stretch",
        alt="The ledger, one row a token",
    )
    st.markdown(
        f"{display.amount(scored.total_nats, unit)} in all ÷ {display.number(scored.n_scored)} tokens = "
        f":orange[**{display.amount(scored.mean_nats, unit)}**] a token → perplexity **{display.number(scored.perplexity)}**; "
        f"÷ {display.number(scored.n_bytes)} bytes = {display.number(scored.bits_per_byte)} bits per byte."
    )
