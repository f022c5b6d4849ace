"""The real logits behind a page: one model run a text, remembered, so that every slider answers without another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from lmviz import models
from lmviz.errors import ReaderError
from lmviz.models.scored import ScoredText
from lmviz.ui import runtime, show
from lmviz.ui.memory import Memory

if TYPE_CHECKING:
    import torch

LONGEST = 300  # tokens; a longer text gives its first ones, and the page says so
MOST_BYTES = 64 << 20  # kept in all, for every reader together


def n_bytes(logits: torch.Tensor) -> int:
    return logits.nbytes


_kept = Memory(MOST_BYTES, n_bytes)


def n_kept(scored: ScoredText) -> int:
    """How many of the text's tokens have logits here: all of them, or the first LONGEST, or the first window of a small model."""
    return min(len(scored), LONGEST, scored.context or LONGEST)


def reader_logits(scored: ScoredText, *, positions: Sequence[int] | None = None) -> torch.Tensor:
    """Float32 logits [T, V] of a scored text, T = `n_kept(scored)`; row t scores every candidate for token t. Or the rows `positions`, [N, V].

    Computed at most once on the worker's thread and shared by all readers: never write into what comes back.
    A model that cannot be loaded ends the page, or the fragment, with a sentence. Raises ValueError for a position not in 0 … T − 1.
    """
    T = n_kept(scored)
    if positions is not None and not all(0 <= t < T for t in positions):
        raise ValueError(f"positions must be from 0 to {T - 1}, got {list(positions)}")
    logits = _remembered(scored, T)
    return logits if positions is None else logits[list(positions)]


def _remembered(scored: ScoredText, T: int) -> torch.Tensor:
    ids = tuple(token.id for token in scored.tokens[:T])
    key = (scored.model, scored.revision, ids)
    if (known := _kept.get(key)) is not None:
        return known
    title = models.registry.row(scored.model).title
    loading = not models.is_loaded(scored.model)
    try:
        with st.spinner(f"Loading {title}, once for everybody …" if loading else f"{title} is reading your text …"):
            return _kept.once(key, lambda: runtime.service().call(lambda: _computed(scored.model, ids)))
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()


def _computed(name: str, ids: tuple[int, ...]) -> torch.Tensor:
    """Token t is scored in the row of the token before it, token 0 in the row of the start token: this is the shift."""
    import torch

    model = models.load(name)
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    # subtle: a tensor born inside inference_mode cannot take part in autograd, and chapter 9 needs it to
    return model.logits(states, out=torch.empty(len(ids), model.vocab_size))
