"""Counting for the n-gram models: pairs, triples, and in how many different places each was seen.

`python -m lmviz.training.counts --corpus FOLDER --out FOLDER` counts a folder of text in the bundled tokenizer's tokens (a minute for 90 MB).
Source: Chen & Goodman 1999, section 3 (modified Kneser–Ney).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from lmviz.errors import ReaderError
from lmviz.models import files, registry
from lmviz.training.stream import Streams, prepare
from lmviz.training.tokenizer import CONTROL, START


def count(stream: np.ndarray, vocab_size: int, *, keep_pairs: int = 2, keep_triples: int = 2) -> dict[str, np.ndarray]:
    """The arrays that `lmviz.models.ngram` reads. Pairs and triples seen less often than `keep_…` are left out.

    What is left out still counts in the totals and in the discounts, so that its probability goes to the shorter context.
    """
    V, ids = vocab_size, stream.astype(np.int64)
    pairs, pair_counts = np.unique(ids[:-1] * V + ids[1:], return_counts=True)
    triples, triple_counts = np.unique((ids[:-2] * V + ids[1:-1]) * V + ids[2:], return_counts=True)
    # in how many different places: of a pair, the ids before it; of a token likewise
    kinds = np.bincount(np.searchsorted(pairs, triples % (V * V)), minlength=len(pairs))
    counts = {"unigram": np.bincount(ids, minlength=V), "unigram_kinds": np.bincount(pairs % V, minlength=V)}
    for name, number in (("bigram", pair_counts), ("bigram_kinds", kinds)):
        counts |= _columns(name, number, pairs // V, pair_counts >= keep_pairs)
    counts |= _layout("bigram", pairs[pair_counts >= keep_pairs], V)
    counts |= _columns("trigram", triple_counts, triples // V, triple_counts >= keep_triples)
    return counts | _layout("trigram", triples[triple_counts >= keep_triples], V)


def _columns(name: str, number: np.ndarray, contexts: np.ndarray, kept: np.ndarray) -> dict[str, np.ndarray]:
    """Counts (a byte each, the large ones apart), discounts, and the totals of the contexts that have a kept word."""
    distinct, first = np.unique(contexts, return_index=True)
    totals = np.add.reduceat(number, first)[np.isin(distinct, contexts[kept])]
    large = number[kept] >= 255
    return {f"{name}_counts": np.where(large, 255, number[kept]).astype(np.uint8), f"{name}_large_at": np.flatnonzero(large).astype(np.uint32),
            f"{name}_large": number[kept][large].astype(np.uint32), f"{name}_totals": totals.astype(np.uint32), f"{name}_discounts": discounts(number)}  # fmt: skip


def _layout(name: str, keys: np.ndarray, V: int) -> dict[str, np.ndarray]:
    """Where each count belongs: contexts as gaps between sorted keys, how many words each has, and the words."""
    contexts, sizes = np.unique(keys // V, return_counts=True)
    gaps = np.diff(contexts, prepend=0).astype(np.uint32)
    return {f"{name}_context_gaps": gaps, f"{name}_sizes": sizes.astype(np.uint16), f"{name}_words": (keys % V).astype(np.uint16)}


def discounts(number: np.ndarray) -> np.ndarray:
    """[4]: what is taken from a count of 0, 1, 2, and of 3 or more, by how many counts of 1, 2, 3 and 4 there are.

    Y = n1/(n1 + 2 n2); D1 = 1 − 2Y·n2/n1, D2 = 2 − 3Y·n3/n2, D3 = 3 − 4Y·n4/n3. Where a small text lacks one of
    these, the single discount ½ stands in, as it does for a value that falls outside 0 to its count.

    >>> discounts(np.repeat([1, 2, 3, 4], [40, 10, 4, 2])).round(3).tolist()
    [0.0, 0.667, 1.2, 1.667]
    """
    n1, n2, n3, n4 = (int((number == k).sum()) for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:
        return np.array([0.0, 0.5, 0.5, 0.5])
    y = n1 / (n1 + 2 * n2)
    estimates = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.array([0.0] + [d if 0 < d < k else 0.5 for k, d in enumerate(estimates, 1)])


def export(streams: Streams, folder: Path, *, card: str, keep_pairs: int = 2, keep_triples: int = 3) -> None:
    """Count the training stream and write counts.npz, README.md and manifest.json. The start of a text counts as the start of a line."""
    newline = int(streams.train[streams.line_starts[0]])
    lines = np.where(streams.train == CONTROL[START], newline, streams.train)
    counts = count(lines, len(streams.token_lengths), keep_pairs=keep_pairs, keep_triples=keep_triples)

    def fill(target: Path) -> None:
        np.savez_compressed(target / "counts.npz", **counts)
        (target / "README.md").write_text(card, encoding="utf-8")

    files.build(folder, fill)


def card(streams: Streams) -> str:
    """The README of exported counts."""
    return f"""# n-gram counts

Pairs and triples of tokens (the bundled 4,096-entry byte-level BPE) in {len(streams.train):,} tokens of public-domain English prose, and in how
many different places each was seen; read by `lmviz/models/ngram.py` as unigram, bigram and trigram models with interpolated (modified)
Kneser–Ney smoothing. Pairs seen once and triples seen once or twice are not in the file; what they weigh goes to the shorter context,
so every distribution still sums to one. The start of a text is read as the start of a line. Licence: MIT; the texts are in the public domain.

## Works counted

{", ".join(streams.train_works)}

## Works held out

{", ".join(streams.valid_works)}
"""


def main(argv: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m lmviz.training.counts", description="Count the n-grams of a folder of text, held-out works left out.")
    p.add_argument("--corpus", type=Path, required=True, help="a folder of .txt, .jsonl or .jsonl.xz files")
    p.add_argument("--tokens", type=Path, metavar="FOLDER", help="where the tokenised corpus is kept (default: tokens in --out)")
    p.add_argument("--out", type=Path, default=Path("build/ngrams"), help="counts.npz, README.md and manifest.json go to OUT/ngrams")
    options = p.parse_args(argv)
    tokenizer_json = (registry.DATA / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8")
    try:
        streams = prepare(options.corpus, options.tokens or options.out / "tokens", tokenizer_json=tokenizer_json)
        if streams.tokenizer_json != tokenizer_json:
            raise ReaderError("The tokens kept there are another tokenizer's. Give another --out or --tokens.")
    except ReaderError as error:
        print(error, file=sys.stderr)
        return 1
    export(streams, options.out / "ngrams", card=card(streams))
    print(f"{len(streams.train):,} tokens counted; written to {options.out / 'ngrams'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
