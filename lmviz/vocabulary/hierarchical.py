"""Hierarchical softmax: a token is a way down a tree, its probability the product of the turns. O(depth · D) a token instead of O(V · D).

Every inner node has a vector w and a number b; at a state h the way to the right is taken with probability σ(w·h + b), to the left
with the rest. A prefix code is such a tree: its words are the ways down. Source: Morin & Bengio (2005); Huffman trees: Mikolov et al. (2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, logsigmoid

from lmviz import checks
from lmviz.coding import huffman

DEEPEST = 62  # turns; Huffman's tree of n counted tokens is never deeper than 1.44 · log₂ n


@dataclass(frozen=True, eq=False)
class Tree:
    """V leaves. Leaf v passes the inner nodes `nodes[v]` [depth], turning `turns[v]`: +1 right, −1 left, 0 once it has arrived."""

    nodes: Tensor  # int64 [V, deepest]; 0 where there is no further node
    turns: Tensor  # float32 [V, deepest]
    n_inner: int

    @property
    def depths(self) -> Tensor:
        """How many choices lead to each leaf, int64 [V]."""
        return (self.turns != 0).sum(1)

    def path(self, leaf: int) -> list[tuple[int, int]]:
        """The way to a leaf, from the root: (inner node, turn) pairs."""
        d = int(self.depths[leaf])
        return list(zip(self.nodes[leaf, :d].tolist(), (int(turn) for turn in self.turns[leaf, :d]), strict=True))


def tree(words: Sequence[str]) -> Tree:
    """The tree whose ways down are the words of a complete prefix code; node 0 is the root, deeper nodes have larger numbers.

    Raises ValueError unless Kraft's sum is 1 and no word begins another: then some choice would lead nowhere.

    >>> tree(["0", "10", "11"]).path(2)
    [(0, 1), (1, 1)]
    """
    if len(words) < 2 or huffman.kraft(map(len, words)) != 1:
        raise ValueError(f"words must be a complete prefix code of at least 2 words, got {len(words)} with Kraft's sum {huffman.kraft(map(len, words))}")
    lengths = np.array([len(word) for word in words])
    deepest = int(lengths.max())
    if deepest > DEEPEST:
        raise ValueError(f"words must have at most {DEEPEST} letters, got {deepest}")
    code = np.array([int("1" + word, 2) for word in words])  # the 1 in front tells "0" from "00"; a node's number halved is its parent's
    left = lengths[:, None] - np.arange(deepest)  # turns still to take at each depth; none once the leaf is reached
    on_way = left > 0
    ancestors = code[:, None] >> left.clip(min=0)
    inner = np.unique(ancestors[on_way])
    if len(inner) != len(words) - 1 or np.isin(code, inner).any():
        raise ValueError("words must be a prefix code: no word may begin another")
    nodes = np.where(on_way, np.searchsorted(inner, ancestors), 0)
    turns = np.where(on_way, 2 * (code[:, None] >> (left - 1).clip(min=0) & 1) - 1, 0)
    return Tree(torch.from_numpy(nodes), torch.from_numpy(turns.astype(np.float32)), len(inner))


def balanced(n_leaves: int) -> Tree:
    """All leaves at depth ⌊log₂ V⌋ or one more, in the order of their ids.

    >>> balanced(5).depths.tolist()
    [2, 2, 2, 3, 3]
    """
    if n_leaves < 2:
        raise ValueError(f"n_leaves must be at least 2, got {n_leaves}")
    short = n_leaves.bit_length() - 1
    deep = 2 * (n_leaves - (1 << short))  # leaves that do not fit at the shorter depth
    return tree(huffman.words([short] * (n_leaves - deep) + [short + 1] * deep))


def of_counts(counts: Sequence[float]) -> Tree:
    """Huffman's tree: frequent tokens near the root, so that the expected depth lies within one of their entropy in bits."""
    total = float(sum(counts))
    return tree(huffman.words(huffman.lengths([count / total for count in counts])))


def log_probs(states: Tensor, targets: Tensor, tree: Tree, weight: Tensor, bias: Tensor, *, sparse: bool = False) -> Tensor:
    """log P(target | state), nats [T]: Σ over the way of log σ(±(w·h + b)). states [T, D], targets [T], weight [V − 1, D], bias [V − 1].

    Touches depth rows of `weight` a target, never V; with `sparse` its gradient holds those rows only. Raises ValueError for a target that is no leaf.
    """
    targets = checks.ids_tensor(targets, "targets", len(tree.nodes))
    turns = tree.turns[targets].to(states.dtype)
    deepest = int(torch.count_nonzero(turns, 1).max())  # of these targets
    nodes, turns = tree.nodes[targets, :deepest], turns[:, :deepest]  # [T, depth]
    z = torch.einsum("td,tkd->tk", states, embedding(nodes, weight, sparse=sparse)) + bias[nodes]
    return torch.where(turns != 0, logsigmoid(turns * z), 0.0).sum(1)


def all_log_probs(states: Tensor, tree: Tree, weight: Tensor, bias: Tensor) -> Tensor:
    """The distribution over all leaves, [T, V], which sums to 1: at every node the two turns do. O(V · depth): for checks, not for training."""
    z = states @ weight.T + bias
    total = z.new_zeros(len(states), len(tree.nodes))
    for level in range(tree.nodes.shape[1]):
        turn = tree.turns[:, level].to(z.dtype)
        total += torch.where(turn != 0, logsigmoid(turn * z[:, tree.nodes[:, level]]), 0.0)
    return total


class HierarchicalHead(nn.Module):
    """The numbers of a tree: V − 1 vectors and biases, trained by −`log_probs`. Starts with every turn at one half.

    With `sparse` the gradient of the vectors holds only rows on the way: for optimisers that can use it, as Adagrad can.
    """

    def __init__(self, tree: Tree, hidden_size: int, *, sparse: bool = False):
        super().__init__()
        self.sparse = sparse
        self.tree = tree
        self.weight = nn.Parameter(torch.zeros(tree.n_inner, hidden_size))
        self.bias = nn.Parameter(torch.zeros(tree.n_inner))

    def forward(self, states: Tensor, targets: Tensor) -> Tensor:
        """Loss of each target, nats [T]."""
        return -log_probs(states, targets, self.tree, self.weight, self.bias, sparse=self.sparse)

    def all_log_probs(self, states: Tensor) -> Tensor:
        """[T, V]"""
        return all_log_probs(states, self.tree, self.weight, self.bias)
