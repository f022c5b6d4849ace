"""Tokens grouped into words, and a word's loss."""

import math
from collections.abc import Sequence


def word_groups(tokens: Sequence[str]) -> list[int]:
    """The indices of the tokens at which a word starts; a word is the run of tokens up to the next start.

    A word starts with the text, at a token that begins with whitespace, and after a token that ends with
    whitespace, so the punctuation after a word belongs to it. Text written without spaces is one long word.
    An empty token (a later piece of a character that took several tokens) never starts a word.

    >>> word_groups(["The", " c", "at", ".", "\\n", "It", " sat"])
    [0, 1, 4, 5, 6]
    """
    starts, after_space = [], True
    for index, token in enumerate(tokens):
        if index == 0 or token and (after_space or token[0].isspace()):
            starts.append(index)
        if token:
            after_space = token[-1].isspace()
    return starts


def word_sums(values: Sequence[float], starts: Sequence[int]) -> list[float]:
    """The sum of `values` over each word: with losses in nats, the loss of the word, because −log Π P = Σ −log P.

    >>> word_sums([1.0, 2.0, 0.5], [0, 1])
    [1.0, 2.5]
    """
    bounds = [*starts, len(values)]
    return [math.fsum(values[begin:end]) for begin, end in zip(bounds, bounds[1:], strict=False)]
