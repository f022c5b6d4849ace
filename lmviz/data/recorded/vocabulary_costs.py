"""Time and memory of four heads against the size of the vocabulary, as recorded: `python -m lmviz.data.recorded.vocabulary_costs` (half a minute of one core)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
ROUNDS = 2  # the quicker counts: on a busy machine the least time is nearest to what the work costs


@lru_cache(1)
def load() -> dict:
    """`hidden_size`, and `costs`: rows of kind, vocab_size, seconds and n_bytes a token."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def main() -> None:
    from dataclasses import asdict

    from lmviz.vocabulary import costs

    rows: dict[tuple[str, int], dict] = {}
    for _ in range(ROUNDS):
        for V in costs.SIZES:
            for kind in costs.KINDS:
                row = asdict(costs.measure(kind, V))
                if (kept := rows.get((kind, V))) is None or row["seconds"] < kept["seconds"]:
                    rows[kind, V] = row
            print(V, [f"{rows[kind, V]['seconds']:.2e} {rows[kind, V]['n_bytes']:.0f}" for kind in costs.KINDS], flush=True)
    listed = [row | {"seconds": float(f"{row['seconds']:.4g}"), "n_bytes": round(row["n_bytes"], 1)} for row in rows.values()]
    FILE.write_text(json.dumps({"hidden_size": costs.D, "costs": listed}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
