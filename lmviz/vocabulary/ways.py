"""The way down a tree to one token, read off any distribution: at each node, how much of what lies below is on the side that is taken.

P(token) is the product of its turns, whatever the tree: the chain rule once more. A tree trained as a head learns the turns themselves;
here they come from a full softmax, so that their product is exactly its answer. No torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Turn:
    """One choice on the way: `turn` is +1 right, −1 left; logarithms are of probabilities, nats.

    Of the side not taken: its part of the whole, how many tokens it holds, and the likeliest of them.
    """

    turn: int
    log_prob: float
    other_log_mass: float
    other_count: int
    other_ids: tuple[int, ...]


def way(log_probs: Sequence[float], nodes: np.ndarray, turns: np.ndarray, leaf: int, *, shown: int = 3) -> list[Turn]:
    """The turns from the root to `leaf`; their log_probs sum to log_probs[leaf].

    log_probs [V] must sum to 1 once exponentiated; nodes and turns [V, depth] are those of a `hierarchical.Tree`.

    >>> nodes, turns = np.array([[0, 0], [0, 1], [0, 1]]), np.array([[-1, 0], [1, -1], [1, 1]])
    >>> [(t.turn, round(math.exp(t.log_prob), 9)) for t in way(np.log([0.5, 0.4, 0.1]), nodes, turns, 2)]
    [(1, 0.5), (1, 0.2)]
    """
    log_probs, nodes, turns = (np.asarray(values) for values in (log_probs, nodes, turns))
    if not 0 <= leaf < len(log_probs) or len(nodes) != len(log_probs):
        raise ValueError(f"leaf must be an id of the {len(log_probs)} log_probs and of the tree's {len(nodes)} leaves, got {leaf}")
    inside, found = np.arange(len(log_probs)), []
    above = np.logaddexp.reduce(log_probs)
    for level in range(int(np.count_nonzero(turns[leaf]))):
        taken = turns[inside, level] == turns[leaf, level]  # all of `inside` share the way so far, so they stand at one node
        others, inside = inside[~taken], inside[taken]
        below = np.logaddexp.reduce(log_probs[inside])
        best = others[np.argsort(-log_probs[others], kind="stable")[:shown]]
        found.append(Turn(int(turns[leaf, level]), float(below - above), float(np.logaddexp.reduce(log_probs[others])), len(others), tuple(best.tolist())))
        above = below
    return found


def log_prob(turns: Sequence[Turn]) -> float:
    """The logarithm of the product of the turns, nats."""
    return math.fsum(turn.log_prob for turn in turns)
