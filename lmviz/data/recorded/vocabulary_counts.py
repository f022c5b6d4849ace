"""How often each token occurs in the training works, under both tokenizers: what shapes Huffman's trees and the clusters of chapter 16.

    python -m lmviz.data.recorded.vocabulary_counts TOKENS     (TOKENS as for recorded.heads; a few seconds, SmolLM2 need not be loaded)

Ours are counted over all of them; SmolLM2's over slices spread evenly, since its tokenizer must read them anew.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".npz")
SLICES, SLICE = 100, 5_000  # of our tokens


@lru_cache(1)
def load() -> dict[str, np.ndarray]:
    """tokenizer → counts, int64 [V]."""
    with np.load(FILE, allow_pickle=False) as archive:
        return {name: archive[name].astype(np.int64) for name in archive.files}


def smoothed(tokenizer: str, vocab_size: int) -> np.ndarray | None:
    """Counts plus one, so that no token is impossible; None for a vocabulary that was not counted."""
    counts = load().get(tokenizer)
    return counts + 1 if counts is not None and len(counts) == vocab_size else None


def main(tokens: Path) -> None:
    from lmviz.models import files
    from lmviz.models.tokenizer import ByteBPE
    from lmviz.training import stream

    streams = stream.prepare(Path(), tokens)
    ours = ByteBPE(streams.tokenizer_json, "lmviz", files.embedded_control(Path(__file__).parents[1] / "models"))
    theirs = ByteBPE.from_file(files.prepare_smollm2() / "tokenizer.json", "smollm2", files.SMOLLM2_CONTROL)
    counts = np.zeros(theirs.vocab_size, dtype=np.int64)
    for start in np.linspace(0, len(streams.train) - SLICE, SLICES).astype(int):
        text = b"".join(map(ours.token_bytes, streams.train[start : start + SLICE].tolist())).decode("utf-8", "ignore")
        counts += np.bincount(theirs.encode(text).ids, minlength=len(counts))
    np.savez_compressed(FILE, lmviz=np.bincount(streams.train, minlength=ours.vocab_size).astype(np.uint32), smollm2=counts.astype(np.uint32))
    print({name: (int(c.sum()), int((c == 0).sum())) for name, c in {"smollm2": counts}.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
