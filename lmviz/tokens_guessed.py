"""The guessing game with tokens for letters: what counts as the same guess, and how a model that plays by the same rule guesses.

A player who types "the" should not be wrong because the token is " the" or "The": spaces at the ends and capitals are
forgiven, to the reader and to the model alike. So the symbols are classes of tokens, and only those made of letters count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmviz.models.port import CausalLM


@dataclass(frozen=True, eq=False)
class TokenReading:
    """A text read token by token, with tokens that are the same guess put together: at which guess each is found, and what it costs."""

    pieces: tuple[str, ...]  # the tokens as they stand in the text
    ranks: tuple[int, ...]
    nats: np.ndarray  # [T] −log of the class's share of all that is made of letters
    n_classes: int


def same(text: str) -> str:
    """What a token, or a typed guess, counts as: without spaces at its ends and without capitals.

    >>> same(" The"), same("the ")
    ('the', 'the')
    """
    return text.strip().lower()


def is_guess(text: str) -> bool:
    """Whether something typed can be a token of a passage: letters a–z only.

    >>> is_guess(" house"), is_guess("it's"), is_guess("")
    (True, False, False)
    """
    return (word := same(text)).isascii() and word.isalpha()


def read(model: CausalLM, text: str) -> TokenReading:
    """Rank and cost of every token of `text`, its classes competing: P(class) is summed over its tokens and divided by what all classes have."""
    import torch

    named = {i: same(model.token_bytes(i).decode("utf-8", "replace")) for i in range(model.vocab_size) if i != model.start_id}
    names = sorted({name for name in named.values() if is_guess(name)})
    place = {name: k for k, name in enumerate(names)}
    members = torch.tensor([place.get(named.get(i, ""), len(names)) for i in range(model.vocab_size)])
    encoded = model.encode(text)
    (states,), _ = model.states([[model.start_id, *encoded.ids[:-1]]])
    probs = torch.softmax(model.logits(states).double(), 1)
    shares = torch.zeros(len(probs), len(names) + 1, dtype=torch.float64).index_add_(1, members, probs)[:, :-1].numpy()
    pieces = tuple(encoded.text_bytes[a:b].decode("ascii") for a, b in zip(encoded.starts, encoded.ends))
    at = [place[same(piece)] for piece in pieces]
    came = shares[np.arange(len(at)), at]
    ranks = tuple(int(1 + np.sum(row > p) + np.sum(row[:k] == p)) for row, p, k in zip(shares, came, at))
    return TokenReading(pieces, ranks, np.log(shares.sum(1)) - np.log(came), len(names))
