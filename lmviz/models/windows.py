"""Rolling windows over a text longer than a model's context. Pure arithmetic on positions.

Each window starts with the start-of-text token and predicts its own tokens; tokens that an earlier window has already
counted are there as context only. Every token is counted exactly once.
"""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """Tokens begin:end are read; those from `counted` on are the ones whose loss this window contributes."""

    begin: int
    counted: int
    end: int


def windows(n_tokens: int, context: int, stride: int | None = None) -> list[Window]:
    """Cut n_tokens into windows of at most `context` tokens that advance by `stride` (default: half a context).

    A small stride gives every token a long context and costs many forward passes; stride = context is the cheapest and
    makes each window forget all that came before it. Raises ValueError unless 1 ≤ stride ≤ context.

    >>> windows(10, context=4, stride=2)
    [Window(begin=0, counted=0, end=4), Window(begin=2, counted=4, end=6), Window(begin=4, counted=6, end=8), Window(begin=6, counted=8, end=10)]
    >>> windows(3, context=8)
    [Window(begin=0, counted=0, end=3)]
    """
    if context < 1:
        raise ValueError(f"context must be at least 1 token, got {context}")
    stride = max(1, context // 2) if stride is None else stride
    if not 1 <= stride <= context:
        raise ValueError(f"stride must be between 1 and the context of {context} tokens, got {stride}")
    cut = [Window(0, 0, min(context, n_tokens))] if n_tokens else []
    while cut and cut[-1].end < n_tokens:
        done = cut[-1].end
        end = min(done + stride, n_tokens)
        cut.append(Window(max(0, end - context), done, end))
    return cut
