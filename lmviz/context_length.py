"""How much what came before helps: loss by position, loss with a shorter memory, and what windows cost.

NumPy only, except for the two functions that are given a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmviz import units
from lmviz.models.windows import windows

BEFORE = (0, 1, 2, 4, 8, 16, 32, 64, 128)  # tokens before the one predicted: each step doubles the memory
EDGES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)  # positions are grouped from one edge to the next, the last is not in


@dataclass(frozen=True, eq=False)
class Pooled:
    """Losses of G texts in B groups: `nats` [G, B] summed, over `counts` [G, B] tokens."""

    nats: np.ndarray
    counts: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """[B] mean loss in nats: nats and counts are pooled first, then divided. NaN for an empty group."""
        n = self.counts.sum(0)
        return np.where(n > 0, self.nats.sum(0) / np.maximum(n, 1), np.nan)

    @property
    def half_widths(self) -> np.ndarray:
        """[B] half of a 95 % interval of the mean, nats: texts are the sampling unit, not their tokens (Cochran 1977, §6.4). NaN below two texts."""
        used = (self.counts > 0).sum(0)
        residuals = np.where(self.counts > 0, self.nats - self.means * self.counts, 0.0)
        variance = used / np.maximum(used - 1, 1) * (residuals**2).sum(0)
        return np.where(used > 1, 1.96 * np.sqrt(variance) / np.maximum(self.counts.sum(0), 1), np.nan)


def by_position(losses: np.ndarray, edges: Sequence[int] = EDGES) -> tuple[np.ndarray, np.ndarray]:
    """Losses [T] in the order of the text → (summed nats [B], token counts [B]) of positions edges[b] … edges[b+1] − 1.

    Position 0 is the first token; NaN (not scored) and positions after the last edge are left out.

    >>> nats, counts = by_position(np.array([5.0, 4.0, 3.0, 2.0, 1.0]))
    >>> nats[:4].tolist(), counts[:4].tolist()
    ([5.0, 4.0, 5.0, 1.0], [1, 1, 2, 1])
    """
    losses = np.asarray(losses, dtype=np.float64)
    group = np.searchsorted(edges, np.arange(len(losses)), side="right") - 1
    keep = ~np.isnan(losses) & (group < len(edges) - 1)
    n_groups = len(edges) - 1
    return np.bincount(group[keep], weights=losses[keep], minlength=n_groups), np.bincount(group[keep], minlength=n_groups)


def group_names(edges: Sequence[int] = EDGES) -> list[str]:
    """How many tokens came before, for each group of `by_position`.

    >>> group_names((0, 1, 2, 4, 8))
    ['0', '1', '2–3', '4–7']
    """
    return [str(a) if b == a + 1 else f"{a}–{b - 1}" for a, b in zip(edges, edges[1:])]


def memories(n_tokens: int) -> list[int]:
    """The memories worth trying on a text of n_tokens: 0, 1, 2, 4 … and the first that reaches all of it.

    >>> memories(6), memories(1)
    ([0, 1, 2, 4, 5], [0])
    """
    longest = min(max(0, n_tokens - 1), BEFORE[-1])
    return [b for b in BEFORE if b < longest] + [longest]


def memory_windows(before: int) -> tuple[int, int]:
    """(context, stride) that let a token see at most `before` tokens, and at least three quarters of that.

    A stride of 1 would give every token exactly `before`; from 8 on a stride of a quarter costs far fewer passes.

    >>> memory_windows(0), memory_windows(4), memory_windows(64)
    ((1, 1), (5, 1), (65, 16))
    """
    return before + 1, max(1, before // 4) if before >= 8 else 1


def tokens_read(n_tokens: int, context: int, stride: int) -> int:
    """How many tokens pass through the model to score n_tokens with these windows: the cost.

    >>> tokens_read(8, 8, 8), tokens_read(8, 4, 2), tokens_read(8, 4, 1)
    (8, 12, 20)
    """
    return sum(window.end - window.begin for window in windows(n_tokens, context, stride))


@dataclass(frozen=True)
class WindowCost:
    """One choice of windows: what it costs to compute and what it measures."""

    context: int
    stride: int
    n_tokens: int  # of the text
    tokens_read: int  # by the model, some of them more than once
    total_nats: float
    n_bytes: int

    @property
    def bits_per_byte(self) -> float:
        return units.bits_per_byte(self.total_nats, self.n_bytes)


def with_memory(model, texts: Sequence[str], before: int) -> list[np.ndarray]:
    """Losses [T] in nats of each text, when at most `before` of its tokens (and the start token) precede the one predicted."""
    from lmviz.models import scoring

    context, stride = memory_windows(before)
    return [scored.losses for scored in scoring.score_many(model, texts, context=context, stride=stride, top_k=1)]


def with_windows(model, text: str, context: int, stride: int) -> WindowCost:
    """What `text` costs in windows of `context` tokens that advance by `stride`."""
    from lmviz.models import scoring

    scored = scoring.score(model, text, context=context, stride=stride, top_k=1)
    return window_cost(scored)


def window_cost(scored) -> WindowCost:
    """The cost of a text that was scored in windows."""
    return WindowCost(scored.context, scored.stride, len(scored), tokens_read(len(scored), scored.context, scored.stride), scored.total_nats, scored.n_bytes)


def strides(context: int) -> list[int]:
    """The strides offered for a context: all of it, then halves, down to an eighth.

    >>> strides(64)
    [8, 16, 32, 64]
    """
    return sorted({max(1, context // part) for part in (1, 2, 4, 8)})
