"""A text and a file of −log₂ P bits, with a model between them.

subtle: floats depend on how they were computed. A model that reads a whole text at once gives, in the last digits, other logits than
one that reads token by token, and a decoder can only read token by token. A last digit is enough to move a share by one unit, and from
there on everything decoded is garbage. So the encoder does exactly what the decoder will do: both run `predictions`, the same calls
in the same order on one thread. That is why writing a file takes as long as reading it, and neither is fast.

Source: Delétang et al. 2024, "Language Modeling Is Compression"; Bellard's NNCP (2019) for the need of equal arithmetic on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from lmviz.coding import arithmetic, container, quantise
from lmviz.errors import ReaderError
from lmviz.models.port import CausalLM
from lmviz.models.windows import windows

CONTEXT = 2048  # most ids that one window of a model holds here, though it could hold more: a step costs more the more it looks back on

Progress = Callable[[int, int], None]  # told how many tokens of how many are done; may raise to stop


@dataclass(frozen=True)
class Coded:
    """A coded text: the file, and how its bits came about."""

    blob: bytes
    bits: tuple[int, ...]  # the payload before it is filled up to whole bytes
    settled: tuple[int, ...]  # [T] how many bits could be written once token t was read; the rest come later
    costs: tuple[float, ...]  # [T] −log₂ of the share each token really had, bits
    n_spelled: int = 0  # characters that are spelled out in the head

    @property
    def n_payload(self) -> int:
        return -(-len(self.bits) // 8)

    @property
    def n_head(self) -> int:
        """Bytes of the file that are not payload: names, lengths, checksums."""
        return len(self.blob) - self.n_payload


def encode(model: CausalLM, text: str, *, context: int | None = None, progress: Progress | None = None) -> bytes:
    """The text as a file of Σ −log₂ P bits (less than 2 more, and `quantise.precision_loss` a token) and a head of some 50 bytes.

    P is what `scoring.score(model, text, context=…)` says, in windows of `context` (default: the model's, at most CONTEXT).
    Takes one step of the model a token. Raises ReaderError for text that cannot be encoded or is too long.
    """
    return run(encoding(model, text, context=context), len(model.encode(text)), progress).blob


def decode(model: CausalLM, blob: bytes, *, progress: Progress | None = None) -> str:
    """The text of a file that `encode` wrote with the same model; ReaderError if it is any other file, or damaged."""
    return run(decoding(model, blob), container.unpack(blob)[0].n_tokens, progress)


def run(steps: Generator, n_tokens: int, progress: Progress | None = None):
    """Drive `encoding` or `decoding` to its end and return its result."""
    done = 0
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return finished.value
        done += 1
        if progress:
            progress(done, n_tokens)


def encoding(model: CausalLM, text: str, *, context: int | None = None) -> Generator[None, None, Coded]:
    """`encode` in steps: yields after every token, so that others can use the model in between; returns a `Coded`."""
    encoded = model.encode(text)
    ids = encoded.ids
    if len(ids) > container.MOST_TOKENS:
        raise ReaderError(f"The text has {len(ids)} tokens; a file holds at most {container.MOST_TOKENS}. Compress it in parts.")
    context = min(CONTEXT, model.context) if context is None else context
    spelled = _spelled(_read_back(model, ids).decode("utf-8"), text)
    coder, settled, costs, first_check = arithmetic.Encoder(), [], [], bytes(container.FIRST_CHECK)
    ask = predictions(model, len(ids), context)
    for place, token in enumerate(ids):
        shares = quantise.counts(next(ask) if not place else ask.send(ids[place - 1]))
        first_check = first_check if place else _check_of(shares.tobytes(), container.FIRST_CHECK)
        coder.encode(int(shares[:token].sum()), int(shares[token]), quantise.SCALE)
        settled.append(len(coder.bits))
        costs.append(float(quantise.SCALE - np.log2(shares[token])))
        yield
    bits = coder.finish()
    header = container.Header(
        model.name, model.revision, context, len(ids), len(encoded.text_bytes), _check_of(encoded.text_bytes, container.TEXT_CHECK), first_check, spelled
    )
    return Coded(container.pack(header, arithmetic.to_bytes(bits)), tuple(bits), tuple(settled), tuple(costs), len(spelled))


def decoding(model: CausalLM, blob: bytes) -> Generator[int, None, str]:
    """`decode` in steps: yields each token's id as it becomes known; returns the text."""
    header, payload = container.unpack(blob)
    if header.model != model.name:
        raise ReaderError(f"This file was written with the model “{header.model[:60]}”, and only that model can read it; this is “{model.name}”.")
    if header.revision != model.revision:
        raise ReaderError(
            f"This file was written with other weights of “{model.name}” (revision {header.revision[:40]}; here it is {model.revision}). Only those can read it."
        )
    if header.context > model.context:
        raise container.damaged()
    decoder, ids = arithmetic.Decoder(payload), []
    ask = predictions(model, header.n_tokens, header.context)
    for place in range(header.n_tokens):
        shares = quantise.counts(next(ask) if not place else ask.send(ids[-1]))
        if not place and _check_of(shares.tobytes(), container.FIRST_CHECK) != header.first_check:
            raise ReaderError(
                f"“{model.name}” computes slightly other probabilities here than where the file was written, and then it cannot be read. "
                "Decompress it on the machine, and with the versions, that wrote it."
            )
        ends = np.cumsum(shares)
        token = int(np.searchsorted(ends, decoder.target(quantise.SCALE), side="right"))
        decoder.consume(int(ends[token] - shares[token]), int(shares[token]), quantise.SCALE)
        ids.append(token)
        yield token
    return _text(model, ids, header)


def predictions(model: CausalLM, n_tokens: int, context: int) -> Generator[np.ndarray, int, None]:
    """Float32 logits [V] for each of n_tokens in turn; `send` each token before the next is asked for. Both ends of a file run this.

    The windows are those of scoring: where one is full, the next begins half a window back with the start token and reads on.
    """
    ids: list[int] = []
    for window in windows(n_tokens, context):
        read = [model.start_id, *ids[window.begin : window.counted]]
        past, fresh = None, read
        for _ in range(window.counted, window.end):
            with one_thread():
                (states,), (past,) = model.states([fresh], None if past is None else [past], remember=True)
                row = model.logits(states[-1:]).numpy()[0]
            ids.append((yield row))
            read.append(ids[-1])
            fresh = read if past is None else ids[-1:]  # a model without memory reads the window again


@contextmanager
def one_thread():
    """One thread while the model computes: how a sum is split among threads is part of its last digit."""
    import torch

    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _read_back(model: CausalLM, ids) -> bytes:
    return b"".join(map(model.token_bytes, ids))


def _spelled(read: str, text: str) -> tuple[tuple[int, str], ...]:
    """Where the text as the model reads it differs from the text: (place, true character)."""
    if len(read) != len(text):
        raise ReaderError("The model's tokenizer does not keep this text as it is, so it cannot be restored from a file.")
    return tuple((place, true) for place, (seen, true) in enumerate(zip(read, text)) if seen != true)


def _text(model: CausalLM, ids: list[int], header: container.Header) -> str:
    """The decoded text, or a ReaderError: never a text whose checksum is not the file's."""
    try:
        characters = list(_read_back(model, ids).decode("utf-8"))
        for place, true in header.spelled:
            characters[place] = true
        raw = "".join(characters).encode("utf-8")
    except (UnicodeError, IndexError):
        raw = b""
    if len(raw) != header.n_bytes or _check_of(raw, container.TEXT_CHECK) != header.text_check:
        raise ReaderError(
            f"The text that came out is not the one that went in, so it is not shown: somewhere “{model.name}” computed a probability differently. "
            "Decompress it on the machine, and with the versions, that wrote it."
        )
    return raw.decode("utf-8")


def _check_of(raw: bytes, n_bytes: int) -> bytes:
    return hashlib.sha256(raw).digest()[:n_bytes]
