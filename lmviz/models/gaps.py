"""A masked model reads a text: what could stand at each position, with some of them hidden, or with each hidden in turn.

Hiding each token in turn and adding up the losses gives the **pseudo-log-likelihood**: Σ_t log P(w_t | all the others).
Source: Salazar et al. 2020, "Masked Language Model Scoring", equation 2; Wang & Cho 2019 for what it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from lmviz import masking
from lmviz.errors import ReaderError
from lmviz.models.port import MaskedLM
from lmviz.models.scored import ScoredText
from lmviz.models.scoring import Rows, assemble, read_rows

BATCH_TOKENS = 2048  # tokens that go through the layers together


def fill(model: MaskedLM, text: str, hidden: masking.Masking, *, top_k: int = 10) -> ScoredText:
    """What the model, reading `hidden.inputs` in place of the text, says of every position's true token: log P, entropy, rank, best guesses.

    At a hidden position that is a guess; at the others the model sees the answer, so what stands there is mostly copied.
    Raises ValueError if the masking is of another length than the text, ReaderError if the text is longer than the model reads.
    """
    encoded = model.encode(text)
    if len(hidden.inputs) != len(encoded):
        raise ValueError(f"hidden must have one entry for each of the {len(encoded)} tokens of the text, got {len(hidden.inputs)}")
    _check_length(model, len(encoded))
    rows = []
    if len(encoded):
        (states,) = model.states([(model.start_id, *hidden.inputs.tolist())])
        rows = [read_rows(model, states[1:], torch.tensor(encoded.ids), top_k)]
    return assemble(model, text, encoded, rows, True, model.context, model.context, top_k)


def in_turn(model: MaskedLM, ids: Sequence[int], positions: Sequence[int], *, top_k: int = 10) -> Rows:
    """Each of the positions hidden by itself, the rest of the text in sight: one copy of the text a position, many copies at once."""
    ids = np.asarray(ids)
    copies = masking.each_in_turn(ids, np.asarray(positions), mask_id=model.mask_id)
    states = []
    size = max(1, BATCH_TOKENS // (len(ids) + 1))
    for start in range(0, len(copies), size):
        batch = [(model.start_id, *row) for row in copies[start : start + size].tolist()]
        states += [s[1 + position] for s, position in zip(model.states(batch), positions[start : start + size])]
    return read_rows(model, torch.stack(states), torch.tensor(ids[list(positions)]), top_k)


def pseudo(model: MaskedLM, text: str, *, top_k: int = 10, tick: Callable[[float], None] | None = None) -> ScoredText:
    """Every token hidden in turn: `total_nats` is minus the pseudo-log-likelihood, `perplexity` the pseudo-perplexity.

    T tokens cost T readings of the text. `tick(fraction)` is called between batches, and may raise to stop.
    Raises ReaderError if the text is longer than the model reads.
    """
    encoded = model.encode(text)
    _check_length(model, len(encoded))
    parts = []
    for positions in chunks(len(encoded)):
        parts.append(in_turn(model, encoded.ids, positions, top_k=top_k))
        if tick:
            tick((positions[-1] + 1) / len(encoded))
    return together(model, text, parts, top_k=top_k)


def together(model: MaskedLM, text: str, parts: list[Rows], *, top_k: int = 10) -> ScoredText:
    """The `ScoredText` of a text whose positions were read by `in_turn`, a chunk at a time."""
    return assemble(model, text, model.encode(text), parts, True, model.context, model.context, top_k)


def chunks(n_tokens: int) -> list[range]:
    """The positions of a text cut into batches that go through the layers together, so that others get their turn in between.

    >>> chunks(3), len(chunks(200)) > 10
    ([range(0, 3)], True)
    """
    size = max(1, BATCH_TOKENS // (n_tokens + 1))
    return [range(start, min(start + size, n_tokens)) for start in range(0, n_tokens, size)]


def first_tokens(model: MaskedLM, text: str, most: int) -> str:
    """The text itself, or what its first `most` tokens spell, cut between characters."""
    encoded = model.encode(text)
    if len(encoded) <= most:
        return text
    return encoded.text_bytes[: encoded.ends[most - 1]].decode("utf-8", errors="ignore")


def _check_length(model: MaskedLM, n_tokens: int) -> None:
    if n_tokens > model.context - 1:
        raise ReaderError(f"The text has {n_tokens} tokens; this model reads {model.context - 1} at once. A shorter text will do.")
