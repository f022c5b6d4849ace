"""Two students on held-out text, as recorded: `python -m lmviz.data.recorded.students` (about a minute), once both are among the bundled models.

Plain is the series' nano of cross-entropy, distilled is `student`: one seed, the same windows, the same number of steps. How the student was
taught stands in its card, which `lmviz.training.distil` wrote. No torch until something is measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from lmviz import units
from lmviz.data import examples
from lmviz.errors import ReaderError

FILE = Path(__file__).with_name("students.json")
PLAIN, DISTILLED = "nano-cross_entropy", "student"
TOKENS = 255  # of each passage: with the start token, one window of every model here
DRAWS = 2000  # of the bootstrap over passages
CARD = re.compile(r"(\d+) steps, the last \d+ decaying; teacher (\S+), alpha ([\d.]+), temperature ([\d.]+);")


@lru_cache(1)
def load() -> dict | None:
    """The record, or None if nothing has been recorded."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else None


def passages() -> list[str]:
    """Every bundled passage in English prose: no model here has read any."""
    return [p.text for p in examples.passages() if p.language.startswith("en") and p.register != "code"]


def read(teacher, student, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """One row a passage: tokens, bytes, total nats of the student, total KL(teacher ‖ student) in nats, favourites that came, favourites shared."""
    import torch

    from lmviz import losses

    rows = []
    with torch.inference_mode():
        for text in texts:
            encoded = teacher.encode(text)
            ids = encoded.ids[:TOKENS]
            taught, said = (model.logits(model.states([[model.start_id, *ids[:-1]]])[0][0]) for model in (teacher, student))
            targets = torch.tensor(ids)
            # losses.distillation with α = 0 and T = 1 is KL(teacher ‖ student)
            divergence = losses.distillation(said, taught, targets, alpha=0.0, temperature=1.0).double().sum()
            nats = losses.cross_entropy(said, targets).double().sum()
            favourites = said.argmax(1)
            rows.append([len(ids), encoded.ends[len(ids) - 1], nats, divergence, (favourites == targets).sum(), (favourites == taught.argmax(1)).sum()])
    names = ("tokens", "bytes", "nats", "divergence", "right", "shared")
    return dict(zip(names, np.array([[float(v) for v in row] for row in rows]).T, strict=True))


def pooled(rows: dict[str, np.ndarray]) -> dict[str, float]:
    """Sums over passages, then divided: bits per byte, nats and KL a token, shares."""
    n = rows["tokens"].sum()
    return {
        "bits_per_byte": units.bits_per_byte(rows["nats"].sum(), int(rows["bytes"].sum())),
        "nats": rows["nats"].sum() / n,
        "divergence": rows["divergence"].sum() / n,
        "accuracy": rows["right"].sum() / n,
        "agreement": rows["shared"].sum() / n,
    }


def saved(plain: dict[str, np.ndarray], distilled: dict[str, np.ndarray], *, draws: int = DRAWS, seed: int = 0) -> dict[str, float]:
    """Bits per byte that the second saves, pooled, with a 95 % bootstrap interval over passages: both read the same ones in each draw."""
    bits, n_bytes = units.to_bits(plain["nats"] - distilled["nats"]), plain["bytes"]
    chosen = np.random.default_rng(seed).integers(len(bits), size=(draws, len(bits)))
    low, high = np.quantile(bits[chosen].sum(1) / n_bytes[chosen].sum(1), [0.025, 0.975])
    return {"value": float(bits.sum() / n_bytes.sum()), "low": float(low), "high": float(high)}


def compare(teacher, plain, distilled, texts: Sequence[str]) -> dict:
    """The record without what the cards say."""
    rows = {name: read(teacher, model, texts) for name, model in (("teacher_itself", teacher), ("plain", plain), ("distilled", distilled))}
    per_passage = units.to_bits(rows["plain"]["nats"] - rows["distilled"]["nats"]) / rows["plain"]["bytes"]
    return {
        "n_passages": len(texts),
        "n_tokens": int(rows["plain"]["tokens"].sum()),
        "revisions": {name: model.revision for name, model in (("teacher", teacher), ("plain", plain), ("distilled", distilled))},
        **{name: {key: round(float(value), 5) for key, value in pooled(found).items()} for name, found in rows.items()},
        "saved": {key: round(value, 5) for key, value in saved(rows["plain"], rows["distilled"]).items()},
        "per_passage": [round(float(v), 5) for v in per_passage],
    }


def taught(card: str) -> dict:
    """What a student's card says of its training. Raises ReaderError if it says nothing of the kind.

    >>> taught("…; 700 steps, the last 210 decaying; teacher tiny, alpha 0.5, temperature 2.0; seed 1. …")
    {'steps': 700, 'teacher': 'tiny', 'alpha': 0.5, 'temperature': 2.0}
    """
    found = CARD.search(card)
    if not found:
        raise ReaderError("The student's card does not say how it was taught; lmviz.training.distil writes one that does.")
    steps, teacher, alpha, temperature = found.groups()
    return {"steps": int(steps), "teacher": teacher, "alpha": float(alpha), "temperature": float(temperature)}


def main() -> None:
    from lmviz import models
    from lmviz.data.recorded import losses
    from lmviz.models import series
    from lmviz.training.recipes import RECIPES

    folder = series.FOLDER / series.STUDENT
    if series.row(DISTILLED) is None or not (folder / "README.md").exists():
        raise ReaderError(f"There is no student in {folder}.")
    facts = taught((folder / "README.md").read_text(encoding="utf-8"))
    plain = losses.load().runs["cross_entropy"].step[-1]
    if plain != facts["steps"]:
        raise ReaderError(f"The plain nano ran for {plain} steps and the student for {facts['steps']}: they cannot be compared.")
    teacher_run = json.loads((models.registry.DATA / facts["teacher"] / "run.json").read_text(encoding="utf-8"))
    facts |= {"tokens": facts["steps"] * RECIPES["nano"].tokens_per_step, "teacher_tokens": teacher_run["tokens"][-1]}
    found = facts | compare(models.load(facts["teacher"]), models.load(PLAIN), models.load(DISTILLED), passages())
    FILE.write_text(json.dumps(found) + "\n", encoding="utf-8")
    print(found["saved"], found["plain"], found["distilled"])


if __name__ == "__main__":
    main()
