"""Four heads on the same frozen states, trained in the same way: the full softmax, two trees, clusters by frequency.

Adagrad, because it moves only what has a gradient: for it, a head whose gradient is stored in full and one whose gradient holds a few rows
take the same steps. Source: Duchi, Hazan & Singer (2011), "Adaptive Subgradient Methods".
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lmviz.vocabulary import adaptive, chunked, hierarchical
from lmviz.vocabulary.adaptive import AdaptiveHead
from lmviz.vocabulary.hierarchical import HierarchicalHead

KINDS = ("full", "balanced", "huffman", "adaptive")
BATCH = 512
RATES = (0.003, 0.01, 0.03, 0.1)


class FullHead(nn.Module):
    """The softmax over all V tokens, a vector and a number each; starts with all tokens alike."""

    def __init__(self, n_classes: int, hidden_size: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_classes, hidden_size + 1))  # the last column is the bias

    def forward(self, states: Tensor, targets: Tensor) -> Tensor:
        """Loss of each target, nats [T]."""
        return nn.functional.cross_entropy(with_one(states) @ self.weight.T, targets, reduction="none")

    def mean_loss(self, states: Tensor, targets: Tensor) -> Tensor:
        """The mean of `forward`, gradient and loss in one pass. All rows at once: a batch is small, and fewer products are quicker than many."""
        return chunked.cross_entropy(with_one(states), self.weight, targets, rows=len(states))


def with_one(states: Tensor) -> Tensor:
    """[T, D + 1]: a last number that is always 1, whose weight is a bias."""
    return torch.cat([states, states.new_ones(len(states), 1)], 1)


def make(kind: str, counts: Sequence[float], hidden_size: int) -> nn.Module:
    """An untrained head over len(counts) tokens; `counts` shape Huffman's tree and the clusters. The same one every time."""
    if kind == "full":
        return FullHead(len(counts), hidden_size)
    if kind in ("balanced", "huffman"):
        tree = hierarchical.balanced(len(counts)) if kind == "balanced" else hierarchical.of_counts(counts)
        return HierarchicalHead(tree, hidden_size, sparse=True)
    if kind != "adaptive":
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    head = AdaptiveHead(counts, hidden_size)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in head.parameters():  # torch starts from its global random state
            bound = parameter.shape[1] ** -0.5
            parameter.uniform_(-bound, bound, generator=generator)
    return head


def train(
    head: nn.Module, states: Tensor, targets: Tensor, *, rate: float, held: tuple[Tensor, Tensor] | None = None, marks: Sequence[float] = (1.0,), seed: int = 0
) -> list[tuple[int, float, float]]:
    """Train a head in place by one pass of Adagrad over the tokens, in a shuffled order.

    Returns (tokens read, seconds of this thread's processor time, mean nats on `held`) after each fraction of `marks`; nothing without `held`.
    """
    optimiser = torch.optim.Adagrad(head.parameters(), lr=rate)
    batches = torch.randperm(len(states), generator=torch.Generator().manual_seed(seed)).split(BATCH)
    stops = {max(1, round(mark * len(batches))) for mark in marks} if held else set()
    found, n_read, seconds = [], 0, 0.0
    for number, rows in enumerate(batches, start=1):
        began = time.thread_time()
        with torch.sparse.check_sparse_tensor_invariants(False):  # said aloud, or torch warns
            optimiser.zero_grad()
            _mean_loss(head, states[rows].float(), targets[rows]).backward()
            optimiser.step()
        seconds, n_read = seconds + time.thread_time() - began, n_read + len(rows)
        if number in stops:
            found.append((n_read, seconds, mean_nats(head, *held)))
    return found


def _mean_loss(head: nn.Module, states: Tensor, targets: Tensor) -> Tensor:
    return head.mean_loss(states, targets) if isinstance(head, FullHead) else head(states, targets).mean()


@torch.no_grad()
def mean_nats(head: nn.Module, states: Tensor, targets: Tensor) -> float:
    """Mean loss of a head, nats."""
    parts = [head(s.float(), y).sum(dtype=torch.float64) for s, y in zip(states.split(BATCH), targets.split(BATCH))]
    return float(sum(parts) / len(targets))


def best_rate(kind: str, counts: Sequence[float], learn: tuple[Tensor, Tensor], judge: tuple[Tensor, Tensor], rates: Sequence[float] = RATES) -> float:
    """The learning rate, of `rates`, after which the loss on `judge` is least: rising while that helps."""
    best, least = rates[0], float("inf")
    for rate in sorted(rates):
        head = make(kind, counts, learn[0].shape[1])
        train(head, *learn, rate=rate)
        if not (nats := mean_nats(head, *judge)) < least:
            break
        best, least = rate, nats
    return best


def multiply_adds(kind: str, counts: Sequence[float], hidden_size: int) -> float:
    """What the loss of one token takes on average, tokens coming as `counts` say: V·D for the full softmax, depth·D for a tree.

    >>> [multiply_adds(kind, [8, 4, 2, 1, 1], 10) for kind in ("full", "huffman")]
    [50.0, 18.75]
    """
    p = np.asarray(counts, dtype=np.float64) / np.sum(counts)
    if kind == "full":
        return float(len(p) * hidden_size)
    if kind == "adaptive":
        ranked = np.sort(p)[::-1]
        return adaptive.expected_cost(adaptive.best_cutoffs(ranked, hidden_size), ranked, hidden_size)
    tree = hierarchical.balanced(len(p)) if kind == "balanced" else hierarchical.of_counts(counts)
    return float(p @ tree.depths.numpy() * hidden_size)
