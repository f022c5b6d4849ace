"""Whole works from a folder of .txt and .jsonl(.xz) files, and which of them are kept for validation.

Works are held out whole: a passage of a book is easier for a model that has read the rest of the book, so a split by
paragraphs flatters it.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lmviz.errors import ReaderError


@dataclass(frozen=True)
class Work:
    """One whole text; `group` is the file it came from (or the folder, for a .txt)."""

    name: str
    group: str
    text: str


def works(folder: Path) -> Iterator[Work]:
    """Every work of a folder, in the order of file names: one a .txt file, one a line of a .jsonl or .jsonl.xz file."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ReaderError(f"There is no folder {folder}. Give --corpus a folder that holds .txt, .jsonl or .jsonl.xz files.")
    found = False
    for file in sorted(folder.iterdir()):
        if file.suffix == ".txt":
            found = True
            yield Work(file.stem, folder.name, _read(file))
        elif file.name.endswith((".jsonl", ".jsonl.xz")):
            found = True
            yield from _lines(file)
    if not found:
        raise ReaderError(f"The folder {folder} holds no .txt, .jsonl or .jsonl.xz file.")


def held_out(corpus: Iterable[Work], per_group: int = 6, smallest: int = 100_000, largest: int = 1_000_000) -> frozenset[str]:
    """The names of the works kept for validation: in each group, the `per_group` works whose names hash lowest.

    A work qualifies by its length in characters. At most half of a group is taken, and at least one work in all.

    >>> corpus = [Work(str(i), "g", "x" * 200_000) for i in range(20)]
    >>> len(held_out(corpus)), held_out(corpus) == held_out(reversed(corpus))
    (6, True)
    """
    groups: dict[str, list[Work]] = {}
    everything: list[Work] = []
    for work in corpus:
        groups.setdefault(work.group, []).append(work)
        everything.append(work)
    names: set[str] = set()
    for members in groups.values():
        eligible = sorted((w for w in members if smallest <= len(w.text) <= largest), key=_hash)
        names.update(w.name for w in eligible[: min(per_group, len(members) // 2)])
    if not names and len(everything) > 1:
        names.add(min(everything, key=_hash).name)
    return frozenset(names)


def selection(corpus: list[Work], most_bytes: int | None) -> list[Work]:
    """All works, or the first few by the hash of their names that stay within `most_bytes`, but two at least.

    >>> [w.name for w in selection([Work("a", "g", "x" * 9), Work("b", "g", "x" * 9), Work("c", "g", "x" * 9)], 20)]
    ['b', 'c']
    """
    if most_bytes is None:
        return corpus
    taken: list[Work] = []
    room = most_bytes
    for work in sorted(corpus, key=_hash):
        room -= len(work.text.encode())
        if room >= 0 or len(taken) < 2:
            taken.append(work)
    return sorted(taken, key=lambda work: corpus.index(work))


def _hash(work: Work) -> str:
    return hashlib.sha256(work.name.encode()).hexdigest()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as broken:
        raise ReaderError(f"{file.name} is not UTF-8 text (byte {broken.start}). Save it as UTF-8 and try again.") from broken


def _lines(file: Path) -> Iterator[Work]:
    opened = lzma.open(file, "rt", encoding="utf-8") if file.suffix == ".xz" else open(file, encoding="utf-8")
    group = file.name.split(".jsonl")[0]
    with opened as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                text = row["text"]
            except (ValueError, KeyError, TypeError) as broken:
                raise ReaderError(f'Line {number} of {file.name} is not an object with a "text".') from broken
            yield Work(str(row.get("work", f"{group}-{number}")), group, text)
