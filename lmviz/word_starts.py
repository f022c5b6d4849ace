"""What follows a word, in terms that two models with different vocabularies share: punctuation, or a space and a first letter.

Two tokenizers cut a text in different places, so their next-token distributions do not compare. But where a word has just ended,
both models say how likely it is that a comma follows, or a space and a "t": sums over their own tokens. The divergence of
these coarse distributions is at most that of the full ones (data processing; Cover & Thomas 2006, section 2.8).
"""

from __future__ import annotations

from lmviz.models.port import CausalLM, Encoded

OTHER, CONTINUES = "other", "continues"  # CONTINUES: a letter, so the word has not ended after all


def kind(token: bytes) -> str:
    """The class of a token that comes right after a letter: by its first byte, or its second if the first is a space.

    >>> kind(b" the"), kind(b"ing"), kind(b", "), kind(b" 7"), kind("é".encode())
    (' t', 'continues', ',', 'other', 'continues')
    """
    if not token:
        return OTHER
    if _is_letter(token[0]):
        return CONTINUES
    if token[0] == ord(" "):
        return token[:2].decode() if len(token) > 1 and chr(token[1]).isascii() and chr(token[1]).isalpha() else OTHER
    return chr(token[0]) if chr(token[0]).isprintable() and not chr(token[0]).isdigit() or token[0] == ord("\n") else OTHER


def kinds(*vocabularies: list[bytes]) -> tuple[list[str], list[list[int]]]:
    """The classes that every one of the vocabularies has tokens for, OTHER last, and for each vocabulary the class of each token, −1 for CONTINUES.

    >>> kinds([b" a", b",", b"x", b"7"], [b" a", b";"])
    ([' a', 'other'], [[0, 1, -1, 1], [0, 1]])
    """
    named = [[kind(token) for token in vocabulary] for vocabulary in vocabularies]
    shared = sorted(set.intersection(*map(set, named)) - {OTHER, CONTINUES})
    place = {name: i for i, name in enumerate(shared)} | {CONTINUES: -1}
    return [*shared, OTHER], [[place.get(name, len(shared)) for name in names] for names in named]


def word_ends(text: bytes, after: int = 0) -> list[int]:
    """The offsets > `after` where a letter stands before and none follows, the text's own end left out.

    >>> word_ends(b"The cat, sat")
    [3, 7]
    """
    return [j for j in range(after + 1, len(text)) if _is_letter(text[j - 1]) and not _is_letter(text[j])]


def at_word_ends(model: CausalLM, encoded: Encoded, ends: list[int], classes: list[int], n_classes: int):
    """log P of each class at each of the offsets `ends`, given that the word has ended: float64 [len(ends), n_classes].

    The offsets must be token borders (they are, where a letter and something else meet, unless a token holds both). Raises ValueError otherwise.
    """
    import torch

    rows = {end: i for i, end in enumerate(encoded.ends)}
    if missing := [end for end in ends if end not in rows]:
        raise ValueError(f"ends must be token borders of {model.name}, got {missing[:3]}")
    (states,), _ = model.states([[model.start_id, *encoded.ids]])
    logits = model.logits(states[[rows[end] + 1 for end in ends]]).double()
    of = torch.tensor(classes)
    ended = of >= 0
    return torch.stack([logits[:, ended][:, of[ended] == c].logsumexp(-1) for c in range(n_classes)], -1).log_softmax(-1)


def _is_letter(byte: int) -> bool:
    return byte >= 0x80 or chr(byte).isalpha()
