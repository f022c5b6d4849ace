"""The reader's text as a token strip, with the selected token shared by all chapters."""

import numpy as np
import streamlit as st

from lmviz.models.scored import ScoredText
from lmviz.ui import reader, token_strip


def measures(scored: ScoredText) -> dict[str, list[float]]:
    """What the strip can colour by: loss, probability, rank, entropy, and surprise beyond expectation (loss − entropy)."""
    return {
        "loss": scored.losses.tolist(),
        "probability": np.exp(scored.log_probs).tolist(),
        "rank": scored.ranks.tolist(),
        "entropy": scored.entropies.tolist(),
        "surprise": (scored.losses - scored.entropies).tolist(),
    }


def labels(scored: ScoredText) -> list[str | None]:
    """A token that continues a character begun before has no text of its own: it is shown as “…”."""
    return [None if token.text else "…" for token in scored.tokens]


def reader_strip(scored: ScoredText, *, key: str, title: str = "", opening: str = "costliest", **options) -> int:
    """The strip of the reader's text; returns the selected token, which is selected in every other chapter too.

    If the reader has chosen none, it is the costliest, or with `opening="last"` the last. `options` go to `token_strip`.
    """
    slot = f"{key}_selected"
    shared = token_strip.valid_index(st.session_state.get("token"), len(scored))
    first_choice = len(scored) - 1 if opening == "last" else int(np.nanargmax(scored.losses))
    chosen = first_choice if shared is None else shared
    version = (scored.text, scored.model)
    st.session_state[slot], st.session_state[f"{key}_version"] = chosen, version

    def share():
        st.session_state.token = st.session_state[slot]

    token_strip.token_strip(
        [token.text for token in scored.tokens],
        key=key,
        version=version,
        selected=chosen,
        measures=measures(scored),
        unit=options.pop("unit", reader.choices().unit),
        labels=labels(scored),
        ids=[token.id for token in scored.tokens],
        title=title,
        on_select=share,
        **options,
    )
    return chosen
