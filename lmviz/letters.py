"""What a model of tokens thinks of the next letter: the probabilities of all tokenisations of the text so far, added up.

A text that has been read up to some letter is the beginning of many token sequences: after "light" the model may be in
the middle of " lighthouse", or have finished " light". `P(text so far)` is the sum over the shortest token sequences that
cover it; the next letter's probability is a ratio of two such sums. Exact, but for readings too unlikely to follow.
Source: Vieira et al. (2024), *From Language Models over Tokens to Language Models over Characters*, sec. 3.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lmviz.guessing import ALPHABET
from lmviz.models.port import CausalLM

KEPT = 1e-3  # a reading that holds a smaller share of the probability is not followed
MOST = 6  # readings begun at one place


@dataclass(frozen=True, eq=False)
class LetterReading:
    """A text read letter by letter, nats: log P of every letter of the alphabet at every place, as the model gives them.

    They sum to less than 1: the rest is for what the alphabet lacks, capitals and commas above all.
    """

    text: str
    alphabet: str
    log_probs: np.ndarray  # [L, A]
    n_forwards: int

    @property
    def among(self) -> np.ndarray:
        """log P of every letter once the model is told that only the alphabet may come, [L, A]: each row divided by its sum."""
        return self.log_probs - np.logaddexp.reduce(self.log_probs, axis=1, keepdims=True)

    @property
    def targets(self) -> np.ndarray:
        """[L] place of each letter in the alphabet."""
        return np.array([self.alphabet.index(letter) for letter in self.text])


class Spellings:
    """The vocabulary in the order of its bytes, so that all tokens that begin alike stand together."""

    def __init__(self, model: CausalLM):
        spelled = sorted((model.token_bytes(i), i) for i in range(model.vocab_size) if i != model.start_id)
        self.bytes = [raw for raw, _ in spelled]
        self.ids = np.array([i for _, i in spelled])

    def beginning_with(self, prefix: bytes) -> slice:
        """The tokens whose bytes begin with `prefix`, as a stretch of the sorted vocabulary."""
        return slice(bisect_left(self.bytes, prefix), bisect_left(self.bytes, prefix + b"\xff"))

    def exactly(self, raw: bytes) -> list[int]:
        """The places of the tokens that are spelled so: none, or one, or (rarely) more."""
        place = bisect_left(self.bytes, raw)
        found = []
        while place < len(self.bytes) and self.bytes[place] == raw:
            found.append(place)
            place += 1
        return found


@dataclass(eq=False)
class Reading:
    """One way to have cut the text before `start` into tokens: its log-probability and what follows it."""

    start: int
    log_prob: float
    state: object  # what the model needs to go on
    next_probs: np.ndarray  # [V] in the order of `Spellings`


def read(model: CausalLM, text: str, *, alphabet: str = ALPHABET, kept: float = KEPT, most: int = MOST, tick: Callable[[float], None] | None = None) -> LetterReading:  # fmt: skip
    """Log-probability of every letter of `alphabet` at every place of `text`, [L, A], given all letters before it. Nats.

    Readings whose share of P(text so far) is below `kept` are not followed; `kept=0` with a large `most` is exact.
    Raises ValueError for a text with a letter outside the alphabet, or an alphabet beyond ASCII.
    """
    if not alphabet.isascii() or (outside := set(text) - set(alphabet)):
        raise ValueError(f"text must be written in the alphabet {alphabet!r}, which must be ASCII, got {sorted(outside) if alphabet.isascii() else alphabet!r}")
    spellings, raw = Spellings(model), text.encode("ascii")
    usual = model.encode(text)  # the model's own way to cut the text is always followed, however unlikely
    own = {end: (model.start_id, *usual.ids[: k + 1]) for k, end in enumerate(usual.ends)} | {0: (model.start_id,)}
    readings = [_begun(model, spellings, None, model.start_id, 0, 0.0)]
    forwards, rows = 1, np.empty((len(raw), len(alphabet)))
    for i in range(len(raw)):  # log-probabilities of readings are kept relative to P(text so far)
        row = np.zeros(len(alphabet))
        for reading in readings:
            for a, letter in enumerate(alphabet.encode("ascii")):
                row[a] += np.exp(reading.log_prob) * _mass(reading, spellings, raw[reading.start : i] + bytes([letter]))
        with np.errstate(divide="ignore"):
            rows[i] = np.log(row)
        here = row[alphabet.index(text[i])]
        if here == 0:
            rows[i + 1 :] = np.nan  # the model holds the text for impossible: nothing can be said of what comes after
            break
        begun = []
        for reading in readings:  # those that can end in a token exactly here start anew
            for place in spellings.exactly(raw[reading.start : i + 1]):
                if reading.next_probs[place] > 0:
                    log_prob = reading.log_prob + float(np.log(reading.next_probs[place]))
                    followed = (*reading.state[0], int(spellings.ids[place])) == own.get(i + 1)
                    if followed or np.exp(log_prob) > kept * here:
                        begun.append((not followed, -log_prob, int(spellings.ids[place]), reading.state))
        begun = sorted(begun, key=lambda b: b[:2])[:most]
        longer = [(r, np.exp(r.log_prob) * _mass(r, spellings, raw[r.start : i + 1], longer=True)) for r in readings]
        alive = [(r, mass) for r, mass in longer if mass > kept * here or (r.state[0] == own.get(r.start) and mass > 0)]
        # subtle: what is not followed any more also leaves P(text so far), or every later letter would pay for it
        so_far = sum(mass for _, mass in alive) + sum(np.exp(-b[1]) for b in begun)
        started = [_begun(model, spellings, state, token, i + 1, -cost - np.log(so_far)) for _, cost, token, state in begun]
        readings = [replace(r, log_prob=r.log_prob - np.log(so_far)) for r, _ in alive] + started
        forwards += len(begun)
        if tick:
            tick((i + 1) / len(raw))
    return LetterReading(text, alphabet, rows, forwards)


def _mass(reading: Reading, spellings: Spellings, prefix: bytes, longer: bool = False) -> float:
    """Probability that the token after a reading begins with `prefix` (and, if `longer`, goes on after it)."""
    if not prefix:
        return 1.0
    stretch = spellings.beginning_with(prefix)
    if longer:
        stretch = slice(stretch.start + len(spellings.exactly(prefix)), stretch.stop)
    return float(reading.next_probs[stretch].sum())


def _begun(model: CausalLM, spellings: Spellings, state, token: int, start: int, log_prob: float) -> Reading:
    """A reading that has just taken `token`: one step of the model."""
    before, past = state if state is not None else ((), None)
    if past is None:  # the first token, or a model whose past is no more than its ids
        (states,), pasts = model.states([[*before, token]], remember=True)
    else:
        (states,), pasts = model.states([[token]], [past], remember=True)
    z = model.logits(states[-1:])[0].double().numpy()
    probs = np.exp(z - z.max())
    return Reading(start, log_prob, ((*before, token), pasts[0] if pasts else None), (probs / probs.sum())[spellings.ids])
