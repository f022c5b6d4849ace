"""The corpus as two streams of token ids, and which windows of it a step reads.

A start-of-text token stands before each work. Steps read windows in an order that is a pure function of the seed and of
how many were read, so a run that was interrupted goes on with exactly the windows it would have read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmviz.errors import ReaderError
from lmviz.models.tokenizer import ByteBPE
from lmviz.training.corpus import Work, held_out, selection, works
from lmviz.training.tokenizer import CONTROL, START, learn


@dataclass(frozen=True, eq=False)
class Streams:
    """Token ids of the training works and of the works held out; `token_lengths[id]` is a token's length in bytes."""

    train: np.ndarray
    valid: np.ndarray
    line_starts: np.ndarray
    token_lengths: np.ndarray
    tokenizer_json: str
    train_works: tuple[str, ...]
    valid_works: tuple[str, ...]


def prepare(corpus: Path, folder: Path, *, vocab_size: int = 4096, tokenizer_json: str | None = None, most_bytes: int | None = None) -> Streams:
    """Tokenise a corpus once into `folder` (train.npy, valid.npy, tokenizer.json, works.json), or read what is there.

    `most_bytes` takes only so much of the corpus: whole works, in the order of their names' hashes.
    """
    if not (folder / "works.json").exists():
        everything = selection(list(works(corpus)), most_bytes)
        kept = held_out(everything)
        train, valid = [w for w in everything if w.name not in kept], [w for w in everything if w.name in kept]
        if not valid:
            raise ReaderError(f"The folder {corpus} holds one work only; training needs at least two, to keep one for validation.")
        tokenizer_json = tokenizer_json or learn((w.text for w in train), vocab_size)
        bpe = ByteBPE(tokenizer_json, "lmviz", CONTROL)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
        np.save(folder / "train.npy", _ids(train, bpe))
        np.save(folder / "valid.npy", _ids(valid, bpe))
        listed = {"train": [w.name for w in train], "valid": [w.name for w in valid]}
        (folder / "works.json").write_text(json.dumps(listed, indent=1))  # last: its presence says that the rest is whole
    listed = json.loads((folder / "works.json").read_text())
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    bpe = ByteBPE(text, "lmviz", CONTROL)
    lengths = np.array([0 if i in CONTROL.values() else len(bpe.token_bytes(i)) for i in range(bpe.vocab_size)])
    train, valid = (np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("train", "valid"))
    newline = bpe.encode("\n").ids[0]
    return Streams(train, valid, lines(train, newline), lengths, text, tuple(listed["train"]), tuple(listed["valid"]))


def _ids(texts: list[Work], bpe: ByteBPE) -> np.ndarray:
    ids: list[int] = []
    for work in texts:
        ids.append(CONTROL[START])
        ids.extend(bpe.encode(work.text).ids)
    return np.array(ids, dtype=np.uint16)


def windows(stream: np.ndarray, read: int, *, batch: int, context: int, seed: int, line_starts: np.ndarray | None = None) -> np.ndarray:
    """The next [batch, context + 1] ids once `read` windows have been read, each led by the start-of-text token, as in scoring.

    Within an epoch no window is chosen twice; each epoch shifts the cuts. Given `line_starts` (sorted positions), every
    second window is moved on to the next line that starts within a context: readers' texts begin where sentences do.

    >>> rows = [windows(np.arange(100, 200), n, batch=2, context=10, seed=0)[:, 1] for n in (0, 2, 4, 6)]
    >>> len(set(np.concatenate(rows).tolist()))
    8
    """
    per_epoch = (len(stream) - 1) // context - 1
    if per_epoch < batch:
        raise ReaderError(f"The text is too short: {len(stream)} tokens, and a step reads {batch} windows of {context}. Give a larger folder.")
    numbers = np.arange(read, read + batch)
    starts = np.empty(batch, dtype=np.int64)
    for epoch in np.unique(numbers // per_epoch):
        rng = np.random.default_rng([seed, int(epoch)])
        shift = int(rng.integers(context))
        here = numbers // per_epoch == epoch
        starts[here] = rng.permutation(per_epoch)[numbers[here] % per_epoch] * context + shift
    if line_starts is not None and len(line_starts):
        following = line_starts[np.searchsorted(line_starts, starts).clip(max=len(line_starts) - 1)]
        usable = (following >= starts) & (following < starts + context) & (following + context < len(stream)) & (numbers % 2 == 1)
        starts = np.where(usable, following, starts)
    return _led_by_start(stream, starts, context)


def lines(stream: np.ndarray, newline_id: int) -> np.ndarray:
    """Positions of the newline tokens: a window led from there reads a line from its first token."""
    return np.flatnonzero(stream == newline_id)


def _led_by_start(stream: np.ndarray, starts: np.ndarray, context: int) -> np.ndarray:
    cut = np.stack([stream[s : s + context + 1] for s in starts]).astype(np.int64)
    cut[:, 0] = CONTROL[START]
    return cut


def fixed_windows(stream: np.ndarray, count: int, context: int) -> np.ndarray:
    """`count` windows of [context + 1] ids, led by the start token, spread evenly over a stream: the held-out text that is scored during a run."""
    last = len(stream) - context - 1
    if last < 0:
        raise ReaderError(f"The held-out text is too short: {len(stream)} tokens, and a window is {context + 1}.")
    return _led_by_start(stream, np.unique(np.linspace(0, last, count).astype(int)), context)
