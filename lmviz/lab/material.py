"""What a run reads, as token ids: one stream to learn from, and windows of text it never sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from lmviz import sources
from lmviz.data import examples
from lmviz.lab.choices import Data
from lmviz.models.tokenizer import ByteBPE, utf8
from lmviz.sources import MarkovSource
from lmviz.training.tokenizer import CONTROL, START, learn

START_ID, FIRST_BYTE = CONTROL[START], len(CONTROL)
VOCABULARY = FIRST_BYTE + 256
HELD_OUT_WINDOWS = 48
SYMBOLS = 60_000  # of a source, to learn from
_ALPHABET = " abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, eq=False)
class Material:
    """`train` [N] ids; `held_out` [n, context + 1] ids, each window led by the start token. `symbol_ids[k]` is the id of symbol k of `source`."""

    train: np.ndarray
    held_out: np.ndarray
    source: MarkovSource | None = None
    symbol_ids: tuple[int, ...] = ()


@cache
def tokenizer() -> ByteBPE:
    """Every byte a token, and the three control tokens that typed text never produces."""
    return ByteBPE(learn([], VOCABULARY), "bytes", CONTROL)


@cache
def byte_ids() -> np.ndarray:
    """The id of each of the 256 bytes."""
    ids = np.zeros(256, dtype=np.int64)
    for token in range(FIRST_BYTE, VOCABULARY):
        ids[tokenizer().token_bytes(token)[0]] = token
    return ids


def ids_of(text: str) -> np.ndarray:
    """A text as ids, one a byte."""
    return byte_ids()[np.frombuffer(utf8(text), dtype=np.uint8)]


def material(data: Data, context: int) -> Material:
    """Cut the data into what is learned from and what is kept: whole passages, the last tenth of a text, later symbols of a source.

    >>> m = material(Data("source", source="weather"), 32)
    >>> sorted({chr(b) for b in tokenizer().decode(m.train[:200])}), m.held_out.shape
    (['r', 's'], (48, 33))
    """
    if data.kind == "source":
        return _from_source(data.source, context)
    if data.kind == "passages":
        train = ids_of("\n\n".join(learned_passages()))
        kept = ids_of("\n\n".join(kept_passages()))
    else:
        everything = ids_of(data.text)
        cut = min(len(everything) - len(everything) // 10, len(everything) - context - 1)
        train, kept = everything[:cut], everything[cut:]
    return Material(train, led_by_start(kept, _spread(len(kept), context), context))


def prose() -> list[str]:
    """The bundled English passages that are not code."""
    return [p.text for p in examples.passages() if p.language.startswith("en") and p.register != "code"]


def kept_passages() -> list[str]:
    return prose()[::8]


def learned_passages() -> list[str]:
    return [text for i, text in enumerate(prose()) if i % 8]


@cache
def source_of(name: str) -> MarkovSource:
    """A source whose symbols are single letters; "letters" has the pairs of letters that the bundled passages have."""
    if name == "letters":
        text = " ".join("".join(c if c in _ALPHABET else " " for c in " ".join(prose()).lower()).split())
        return sources.fit([_ALPHABET.index(c) for c in text], tuple(_ALPHABET), pseudocount=0.5)
    preset = sources.PRESETS[name]
    return sources.markov(preset.transition, tuple(symbol[0] for symbol in preset.symbols))


def _from_source(name: str, context: int) -> Material:
    source = source_of(name)
    symbol_ids = np.array([ids_of(symbol)[0] for symbol in source.symbols])
    drawn = symbol_ids[sources.sample(source, SYMBOLS + HELD_OUT_WINDOWS * (context + 1), generator=torch.Generator().manual_seed(0)).numpy()]
    kept = drawn[SYMBOLS:]
    return Material(drawn[:SYMBOLS], led_by_start(kept, _spread(len(kept), context), context), source, tuple(symbol_ids.tolist()))


def _spread(length: int, context: int) -> np.ndarray:
    return np.unique(np.linspace(0, length - context - 1, HELD_OUT_WINDOWS).astype(int))


def led_by_start(stream: np.ndarray, starts: np.ndarray, context: int) -> np.ndarray:
    """[n, context + 1] windows; the first id of each gives way to the start token, as when a text is scored."""
    windows = stream[starts[:, None] + np.arange(context + 1)]
    windows[:, 0] = START_ID
    return windows
