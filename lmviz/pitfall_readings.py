"""One text counted rightly and in every wrong way of `pitfalls`, under a real model. Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MOST_TOKENS = 200  # of a text: whole logits of more would not fit a small machine
PADDED_TO = 32  # a batch is as long as its longest text; here, the next multiple of this


@dataclass(frozen=True)
class Readings:
    """One text under one model, counted rightly and wrongly; all perplexities per token. `starts` by name, "" for no start token."""

    n_tokens: int
    n_padding: int
    start: str
    right: float
    padding_scored: float
    no_shift: float
    two_shifts: float
    softmax_twice: float
    starts: dict[str, float]


def readings(model, text: str) -> Readings:
    """The first MOST_TOKENS tokens of `text` under a `CausalLM`, counted in every way above: three short passes. The start token pads.

    Raises ValueError for a text without tokens.
    """
    from lmviz.pitfalls import padding_scored, perplexity, shifted, softmax_twice

    ids = list(model.encode(text).ids[: min(MOST_TOKENS, model.context - PADDED_TO)])
    if not ids:
        raise ValueError("text must hold at least one token, got none")
    n, n_padding = len(ids), -len(ids) % PADDED_TO
    start, *others = sorted(model.tokenizer.control.items(), key=lambda control: (control[1] != model.start_id, control[1]))
    logits = _logits(model, [model.start_id, *ids, *[model.start_id] * n_padding])  # row i: what is expected after i of them
    right = perplexity(logits[:n], ids)
    starts = {start[0]: right} | {name: perplexity(_logits(model, [i, *ids[:-1]]), ids) for name, i in others[:1]}
    starts[""] = perplexity(_logits(model, ids)[:-1], ids[1:])
    return Readings(
        n_tokens=n, n_padding=n_padding, start=start[0], right=right, padding_scored=padding_scored(logits[: n + n_padding], ids, model.start_id),
        no_shift=shifted(logits[: n + 1], ids, 0), two_shifts=shifted(logits[: n + 1], ids, 2), softmax_twice=softmax_twice(logits[:n], ids), starts=starts,
    )  # fmt: skip


def _logits(model, ids: Sequence[int]) -> torch.Tensor:
    (states,), _ = model.states([list(ids)])
    return model.logits(states)
