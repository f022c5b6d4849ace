"""Sampled softmax and NCE at the opening text's costliest token, as recorded: `python -m lmviz.data.recorded.sampled_softmax` (seconds)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from lmviz import sampled_softmax

FILE = Path(__file__).with_name("sampled_softmax.json")
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
PROPOSALS = ("unigram", "uniform")
DRAWS = 200


@lru_cache(1)
def load() -> dict | None:
    """The record: model, revision, position, and one survey a proposal; or None."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else None


def proposal(name: str, vocab_size: int) -> np.ndarray:
    """Where negatives are drawn from: how often each token occurs, or all alike. [V], sums to 1."""
    if name == "uniform":
        return np.full(vocab_size, 1 / vocab_size)
    from lmviz import models

    model = models.load(name)
    (states,), _ = model.states([[model.start_id]])
    return model.logits(states)[-1].double().softmax(-1).numpy()


def survey(logits, target: int, name: str) -> dict:
    """One survey of a row of real logits [V]."""
    return sampled_softmax.survey(np.asarray(logits, float), target, proposal(name, len(logits)), COUNTS, draws=DRAWS)


def main() -> None:
    from lmviz import models
    from lmviz.data import examples
    from lmviz.data.first_views import distillation
    from lmviz.models import scoring

    model = models.load(distillation.teacher())
    scored = scoring.score(model, examples.OPENING)
    position = int(np.nanargmax(scored.losses))
    ids = [token.id for token in scored.tokens]
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    row = model.logits(states)[position].numpy()
    found = {"model": model.name, "revision": model.revision, "position": position} | {name: survey(row, ids[position], name) for name in PROPOSALS}
    FILE.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
