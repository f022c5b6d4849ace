"""Small networks that learned a source of known entropy, one under each loss: `python -m lmviz.data.recorded.known_source` (about a minute).

No torch to read it: chapter 6 draws it at once.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from lmviz.lab.choices import LOSSES, Data, Settings
from lmviz.lab.curve import Curve

FILE = Path(__file__).with_suffix(".json")
DATA = Data("source", source="letters")


def settings(loss: str) -> Settings:
    """The lab's usual choices; only the loss differs."""
    return Settings(loss=loss)


@lru_cache(1)
def load() -> dict[str, Curve]:
    """The curves by loss."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: Curve(**{key: tuple(map(tuple, value)) if key == "samples" else tuple(value) if isinstance(value, list) else value for key, value in row.items()})
            for name, row in rows.items()}  # fmt: skip


def main() -> None:
    from lmviz.lab.run import Run

    rows = {}
    for loss in LOSSES:
        run = Run(settings(loss), DATA)
        while not run.finished:
            run.step()
        rows[loss] = asdict(run.curve())
        print(loss, rows[loss]["held_out"][-1], rows[loss]["floor"], flush=True)
    FILE.write_text(json.dumps(rows, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
