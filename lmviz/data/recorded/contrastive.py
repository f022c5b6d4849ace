"""SimCSE on the bundled masked model, as recorded: `python -m lmviz.data.recorded.contrastive` (about a minute of one core).

Three seeds; before, during and after: alignment of the bundled pairs, uniformity of their first sentences, InfoNCE over the pairs. The
vectors of the opening pairs are kept too, so that the chapter opens without torch. None of the pairs is trained on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from lmviz import contrastive
from lmviz.data import sentence_pairs

FILE = Path(__file__).with_name("contrastive.json")
SEEDS = (0, 1, 2)
EVERY = 5  # steps between two measurements
STEPS, RATE = 60, 1e-4
TEMPERATURE = 0.05  # at which InfoNCE over the pairs is measured


@lru_cache(1)
def load() -> dict | None:
    """The record, or None if nothing has been recorded."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else None


def measure(model, pairs=sentence_pairs.PAIRS) -> dict[str, float]:
    """Alignment, uniformity, InfoNCE in nats and how often the right partner is nearest, over the pairs."""
    from lmviz.models.embedding import embed

    anchors, positives = (embed(model, side).numpy() for side in zip(*pairs, strict=True))
    steps = contrastive.info_nce(anchors, positives, temperature=TEMPERATURE)
    found = {
        "alignment": contrastive.alignment(anchors, positives),
        "uniformity": contrastive.uniformity(anchors),
        "nats": steps.mean_nats,
        "accuracy": steps.accuracy,
    }
    return {name: round(value, 5) for name, value in found.items()}


def vectors(model) -> dict[str, list]:
    """Vectors of the opening pairs, to four digits after the point."""
    from lmviz.models.embedding import embed

    anchors, positives = zip(*sentence_pairs.PAIRS[: sentence_pairs.OPENING], strict=True)
    return {name: [[round(float(x), 4) for x in row] for row in embed(model, texts)] for name, texts in (("anchors", anchors), ("positives", positives))}


def run(model, settings, *, every: int = EVERY, told: Callable[[dict], None] = lambda row: None) -> tuple[dict, object]:
    """One run on a copy of the model: its record, and the trained model."""
    from lmviz.training import simcse

    own = simcse.trainee(model)
    loss, measured = [], [{"step": 0} | measure(own)]
    for step in simcse.train(own, sentence_pairs.training(), settings):
        loss.append(round(step.loss, 5))
        if step.step % every == 0 or step.step == settings.steps:
            measured.append({"step": step.step} | measure(own))
            told(measured[-1])
    return {"seed": settings.seed, "loss": loss, "measured": measured}, own


def main() -> None:
    import torch

    from lmviz import models
    from lmviz.training import simcse

    torch.set_num_threads(1)
    model = models.load_masked()
    runs, after = [], None
    for seed in SEEDS:
        settings = simcse.Settings(steps=STEPS, lr=RATE, seed=seed)
        record, trained = run(model, settings, told=lambda row: print(row, flush=True))
        runs.append(record)
        after = after or vectors(trained)
    facts = {
        "model": model.name,
        "revision": model.revision,
        "settings": asdict(settings) | {"seed": list(SEEDS)},
        "n_training": len(sentence_pairs.training()),
    }
    FILE.write_text(json.dumps(facts | {"runs": runs, "before": vectors(model), "after": after}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
