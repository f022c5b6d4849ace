"""How close does a real file come to the summed cross-entropy, how does it compare with PPMd and xz, and what does a token cost in time?

    python tests/bench/bench_coding.py [--models nano trigram …] [--passages N] [--json FILE]

Every bundled passage (or the first N) is written, read back and compared byte for byte, one file a passage. "over" is bits of code minus
Σ −log₂ P as `scoring.score` says, all passages together; "stated" the most it may be: two bits a file, and the precision of whole numbers.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lmviz import coding, models, units  # noqa: E402
from lmviz.coding import coder, compressors, quantise  # noqa: E402
from lmviz.data import examples  # noqa: E402
from lmviz.models import scoring  # noqa: E402


def measure(name: str, texts: list[str]) -> dict:
    """Totals over the texts under one model."""
    model = models.load(name)
    row = {"bits": 0, "ideal_bits": 0.0, "stated_bits": 0.0, "payload_bytes": 0, "file_bytes": 0, "tokens": 0, "score_s": 0.0, "write_s": 0.0, "read_s": 0.0}
    for text in texts:
        began = time.perf_counter()
        scored = scoring.score(model, text, top_k=1)
        scored_at = time.perf_counter()
        made = coder.run(coding.encoding(model, text), len(scored))
        written_at = time.perf_counter()
        if coding.decode(model, made.blob) != text:
            raise SystemExit(f"{name} did not give back {text[:60]!r}")
        read_at = time.perf_counter()
        row["bits"] += len(made.bits)
        row["ideal_bits"] += units.to_bits(scored.total_nats)
        row["stated_bits"] += 2 + len(scored) * quantise.precision_loss(model.vocab_size)
        row["payload_bytes"] += made.n_payload
        row["file_bytes"] += len(made.blob)
        row["tokens"] += len(scored)
        for key, seconds in zip(("score_s", "write_s", "read_s"), (scored_at - began, written_at - scored_at, read_at - written_at)):
            row[key] += seconds
    return row


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", nargs="+", default=["unigram", "trigram", "nano"])
    parser.add_argument("--passages", type=int, default=None)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    texts = [passage.text for passage in examples.passages()][: options.passages]
    n_bytes = sum(len(text.encode()) for text in texts)
    sizes = [compressors.sizes(text) for text in texts]
    results = {"passages": len(texts), "bytes": n_bytes, "others": {name: sum(size[name] for size in sizes) for name in sizes[0]}, "models": {}}
    print(f"{len(texts)} passages, {n_bytes} bytes, one file each")
    for name, size in results["others"].items():
        print(f"{name:14} {size:8} bytes {8 * size / n_bytes:6.3f} bits a byte")
    for name in options.models:
        row = results["models"][name] = measure(name, texts)
        over, code = row["bits"] - row["ideal_bits"], row["payload_bytes"]
        print(
            f"{name:14} {code:8} bytes {8 * code / n_bytes:6.3f} bits a byte (files with heads: {row['file_bytes']}); of PPMd {code / results['others']['PPMd']:.2f}, of xz {code / results['others']['xz']:.2f}"
        )
        print(f"{'':14} over {over:+.1f} bits, stated at most {row['stated_bits']:.1f} ({'met' if over <= row['stated_bits'] else 'missed'}); "
              f"ms a token: scored at once {1000 * row['score_s'] / row['tokens']:.2f}, written {1000 * row['write_s'] / row['tokens']:.2f}, read {1000 * row['read_s'] / row['tokens']:.2f}", flush=True)  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
