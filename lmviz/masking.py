"""Choosing what a masked model must guess: some positions of a text, most of them replaced before the model reads it.

BERT's rule: 15 % of the positions are chosen. Of those, 80 % are replaced by a mask token, 10 % by a token drawn from the
whole vocabulary, and 10 % are left as they are, so that a model cannot learn to trust whatever is not masked. The loss
counts the chosen positions and no others. Source: Devlin et al. 2019, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHARE, AS_MASK, AS_RANDOM = 0.15, 0.8, 0.1  # of all positions; of the chosen ones
UNTOUCHED, MASKED, SWAPPED, KEPT = 0, 1, 2, 3  # what became of a position; all but the first are chosen
FATES = ("not chosen", "masked", "swapped for a random token", "chosen, but left as it is")


@dataclass(frozen=True, eq=False)
class Masking:
    """What the model reads instead of a text, and what became of each position; both have the shape of the text's ids."""

    inputs: np.ndarray
    fates: np.ndarray

    @property
    def chosen(self) -> np.ndarray:
        """True where the loss counts."""
        return self.fates != UNTOUCHED


def n_chosen(n_positions: int, share: float = SHARE) -> int:
    """How many positions of a text are chosen: the share, rounded, but one at least (as in BERT's own code).

    >>> n_chosen(6), n_chosen(20), n_chosen(1)
    (1, 3, 1)
    """
    if n_positions < 1:
        raise ValueError(f"n_positions must be at least 1, got {n_positions}: nothing can be chosen from an empty text")
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    return max(1, round(n_positions * share))


def bert(ids: np.ndarray, rng: np.random.Generator, *, mask_id: int, candidates: np.ndarray, first: int = 0, share: float = SHARE) -> Masking:
    """Choose positions of each row by BERT's rule and replace them.

    ids [..., T] → inputs and fates [..., T]. Positions before `first` (a start token, say) are never chosen; each row gets
    `n_chosen(T - first)` of the others, any as likely as another. `candidates` are the ids that a random token is drawn from.

    >>> drawn = bert(np.arange(20), np.random.default_rng(0), mask_id=99, candidates=np.arange(20))
    >>> int(drawn.chosen.sum()), bool((drawn.inputs == np.arange(20))[~drawn.chosen].all())
    (3, True)
    """
    ids = np.asarray(ids)
    n_free = ids.shape[-1] - first
    count = n_chosen(n_free, share)
    order = rng.random((*ids.shape[:-1], n_free)).argsort(-1)  # each row shuffled
    fates = np.zeros(ids.shape, dtype=np.int8)
    draw = rng.random(order[..., :count].shape)
    fate = np.where(draw < AS_MASK, MASKED, np.where(draw < AS_MASK + AS_RANDOM, SWAPPED, KEPT))
    np.put_along_axis(fates, order[..., :count] + first, fate, -1)
    inputs = np.where(fates == MASKED, mask_id, ids)
    return Masking(np.where(fates == SWAPPED, rng.choice(candidates, ids.shape), inputs), fates)


def by_hand(ids: np.ndarray, positions: list[int], *, mask_id: int) -> Masking:
    """The positions somebody chose, each replaced by the mask token: ids [T] → inputs and fates [T].

    >>> by_hand(np.array([7, 8, 9]), [1], mask_id=0).inputs.tolist()
    [7, 0, 9]
    """
    ids = np.asarray(ids)
    fates = np.zeros(len(ids), dtype=np.int8)
    outside = [p for p in positions if not 0 <= p < len(ids)]
    if outside:
        raise ValueError(f"positions must lie in 0 … {len(ids) - 1}, got {outside[0]}")
    fates[positions] = MASKED
    return Masking(np.where(fates == MASKED, mask_id, ids), fates)


def each_in_turn(ids: np.ndarray, positions: np.ndarray, *, mask_id: int) -> np.ndarray:
    """One copy of the text per position, with that position masked: ids [T], positions [N] → [N, T].

    >>> each_in_turn(np.array([7, 8, 9]), np.array([0, 2]), mask_id=0).tolist()
    [[0, 8, 9], [7, 8, 0]]
    """
    copies = np.tile(np.asarray(ids), (len(positions), 1))
    copies[np.arange(len(positions)), positions] = mask_id
    return copies
