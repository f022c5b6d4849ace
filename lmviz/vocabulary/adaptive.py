"""Adaptive softmax: a short list of frequent tokens, and clusters of rarer ones that are looked into only when needed, with fewer numbers each.

P(token) is its softmax share in the short list; or the share of its cluster there, times its share within the cluster. Source: Grave et al.
(2017), "Efficient softmax approximation for GPUs"; the head itself is torch's `AdaptiveLogSoftmaxWithLoss`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

DIV = 4.0  # each cluster has so many times fewer numbers a token than the one before it


def expected_cost(cutoffs: Sequence[int], probs: Sequence[float], hidden_size: int, *, div_value: float = DIV) -> float:
    """Multiply-adds a token on average: D·(k + J) for a short list of k and J clusters, and p_i·(D·d_i + d_i·n_i) for cluster i.

    probs are sorted from the most frequent down; cutoffs are the first ranks of the clusters; d_i = ⌊D / div^i⌋, n_i the cluster's size, p_i
    the chance that the token is in it. A cost of counting only: caches and launches are left out, so measured times may differ.

    >>> expected_cost([2], [0.5, 0.25, 0.125, 0.125], 8)
    29.0
    """
    probs = np.asarray(probs, dtype=np.float64)
    V, edges = len(probs), [*cutoffs, len(probs)]
    if not cutoffs or any(a >= b for a, b in zip(edges, edges[1:])) or cutoffs[0] < 1:
        raise ValueError(f"cutoffs must rise from at least 1 to below {V}, got {list(cutoffs)}")
    if (np.diff(probs) > 1e-12).any():
        raise ValueError("probs must be sorted from the most frequent down")
    return _cost(cutoffs, np.concatenate([[0.0], probs.cumsum()]), hidden_size, div_value)


def _cost(cutoffs: Sequence[int], reached: np.ndarray, D: int, div: float) -> float:
    """`expected_cost`, from the probability `reached` by the first ranks together, [V + 1]."""
    edges, cost = [*cutoffs, len(reached) - 1], D * (cutoffs[0] + len(cutoffs))
    for i, (first, end) in enumerate(zip(edges, edges[1:]), start=1):
        narrow = max(1, int(D // div**i))
        cost += (reached[end] - reached[first]) * (D * narrow + narrow * (end - first))
    return float(cost)


def best_cutoffs(probs: Sequence[float], hidden_size: int, *, n_clusters: int = 2, div_value: float = DIV, tried: int = 40) -> list[int]:
    """The cutoffs of least `expected_cost` among ranks spaced evenly on a log scale.

    >>> probs = 1 / np.arange(1, 10_001)
    >>> probs /= probs.sum()
    >>> full = 256 * 10_000
    >>> expected_cost(best_cutoffs(probs, 256), probs, 256) < full / 10
    True
    """
    V = len(probs)
    if not 1 <= n_clusters < V:
        raise ValueError(f"n_clusters must be from 1 to {V - 1}, got {n_clusters}")
    ranks = np.unique(np.geomspace(1, V - 1, min(tried, V - 1)).astype(int)).tolist()
    reached = np.concatenate([[0.0], np.cumsum(probs)])
    return list(min(combinations(ranks, n_clusters), key=lambda cut: _cost(cut, reached, hidden_size, div_value)))


class AdaptiveHead(nn.Module):
    """torch's adaptive softmax for token ids in any order: they are renumbered by how often they occur."""

    def __init__(self, counts: Sequence[float], hidden_size: int, *, cutoffs: Sequence[int] | None = None, div_value: float = DIV):
        super().__init__()
        counts = torch.as_tensor(counts, dtype=torch.float64)
        order = torch.argsort(counts, descending=True, stable=True)
        self.register_buffer("rank", torch.empty_like(order).scatter_(0, order, torch.arange(len(order))))
        self.cutoffs = list(cutoffs) if cutoffs is not None else best_cutoffs((counts[order] / counts.sum()).numpy(), hidden_size, div_value=div_value)
        if hidden_size < div_value ** len(self.cutoffs):
            raise ValueError(f"hidden_size must be at least {div_value:g} to the {len(self.cutoffs)}, or the last cluster has no numbers, got {hidden_size}")
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(hidden_size, len(counts), self.cutoffs, div_value=div_value)

    def forward(self, states: Tensor, targets: Tensor) -> Tensor:
        """Loss of each target, nats [T]."""
        return -self.softmax(states, self.rank[targets]).output

    def all_log_probs(self, states: Tensor) -> Tensor:
        """[T, V], in the order of the token ids; sums to 1."""
        return self.softmax.log_prob(states)[:, self.rank]
