"""Huffman's code: the best there is if every token must have a whole number of bits of its own.

Again and again the two least likely nodes become one; a token's bits are the turns on the way down to it. Its expected length lies
between the entropy and one bit more. Source: Huffman 1952, "A Method for the Construction of Minimum-Redundancy Codes", Proc. IRE 40.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np


def lengths(probs: Sequence[float]) -> np.ndarray:
    """Int64 [V]: how many bits each outcome's code word has. Ties go to the node made first, so that equal probs give equal codes.

    Raises ValueError for fewer than two outcomes, or a probability that is negative or not finite.

    >>> lengths([0.5, 0.25, 0.125, 0.125]).tolist()
    [1, 2, 3, 3]
    """
    probs = np.asarray(probs, dtype=np.float64)
    if probs.ndim != 1 or len(probs) < 2:
        raise ValueError(f"probs must be one row of at least 2 probabilities, got shape {probs.shape}")
    if not (np.isfinite(probs).all() and (probs >= 0).all()):
        raise ValueError(f"probs must be finite and not negative, got {probs.min()} to {probs.max()}")
    V = len(probs)
    parent = np.zeros(2 * V - 1, dtype=np.int64)
    heap = [(p, i) for i, p in enumerate(probs.tolist())]
    heapq.heapify(heap)
    for node in range(V, 2 * V - 1):
        (p, a), (q, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[a] = parent[b] = node
        heapq.heappush(heap, (p + q, node))
    depth = np.zeros(2 * V - 1, dtype=np.int64)
    for node in range(2 * V - 3, -1, -1):  # parents have larger numbers than their children
        depth[node] = depth[parent[node]] + 1
    return depth[:V]


def words(code_lengths: Sequence[int]) -> list[str]:
    """The canonical code of these lengths, as strings of 0 and 1: shorter words first, then by token; no word begins another.

    Raises ValueError if no prefix code has these lengths (Kraft's sum above 1).

    >>> words([1, 2, 3, 3])
    ['0', '10', '110', '111']
    """
    if kraft(code_lengths) > 1:
        raise ValueError(f"code_lengths must have a Kraft sum of at most 1, got {kraft(code_lengths)}")
    made = [""] * len(code_lengths)
    word = last = 0
    for token in sorted(range(len(code_lengths)), key=lambda i: (code_lengths[i], i)):
        n = int(code_lengths[token])
        word <<= n - last
        made[token], last = format(word, f"0{n}b"), n
        word += 1
    return made


def kraft(code_lengths: Iterable[int]) -> Fraction:
    """Σ 2^−length, exactly: at most 1 for every prefix code (Kraft 1949), and 1 if none of it is wasted.

    >>> kraft([1, 2, 3, 3])
    Fraction(1, 1)
    """
    exact = [int(n) for n in code_lengths]
    longest = max(exact, default=0)
    return Fraction(sum(1 << (longest - n) for n in exact), 1 << longest)


def encode(ids: Iterable[int], code: Sequence[str]) -> str:
    """The code words of the tokens, one after the other.

    >>> encode([0, 2, 1], ["0", "10", "11"])
    '01110'
    """
    return "".join(code[i] for i in ids)


def decode(bits: str, code: Sequence[str]) -> list[int]:
    """The tokens again: no word begins another, so none needs a mark at its end. Raises ValueError if the bits end inside a word.

    >>> decode("01110", ["0", "10", "11"])
    [0, 2, 1]
    """
    token_of = {word: i for i, word in enumerate(code)}
    ids, word = [], ""
    for bit in bits:
        word += bit
        if word in token_of:
            ids.append(token_of[word])
            word = ""
    if word:
        raise ValueError(f"bits must end where a code word does, got {word!r} left over")
    return ids
