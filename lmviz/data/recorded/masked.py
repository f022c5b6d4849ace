"""Chapter 12, what is too slow for a page or needed at once.

`python -m lmviz.data.recorded.masked` writes what the opening page shows and the sum over all texts of two tokens (about a minute).
With `--corpus FOLDER --tokens FOLDER` it also trains: nano's weights go on as a masked model, counting the loss at the chosen
positions or everywhere, three seeds each (about ten minutes of one core). No torch until something is computed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmviz import masking
from lmviz.data import examples
from lmviz.models import files, registry
from lmviz.models.scored import ScoredText

if TYPE_CHECKING:
    from lmviz.models.port import CausalLM, MaskedLM

FILE = Path(__file__).with_name("masked.json")
VIEWS = Path(__file__).with_name("masked_views.json")
PASSAGE, PASSAGE_TOKENS = "lighthouse-cat", 96  # what the rule is drawn on
LEFT = "tiny"  # of the masked model's size, tokens and training text, but it reads what stands before only
START = "nano"  # what the short runs start from and are the size of
OPENING_GAP = 2  # "sat"
SEED = 0
STEPS, BATCH, EVERY, SEEDS = 120, 8, 15, (1, 2, 3)


@dataclasses.dataclass(frozen=True)
class Views:
    """What the page shows before any model is loaded."""

    revision: str
    gap: ScoredText  # the opening text with one token hidden
    turn: ScoredText  # the opening text, each token hidden in turn
    draw: ScoredText  # the passage under the rule, seed SEED
    draw_reads: tuple[str, ...]  # what the model reads in that draw, token by token


@lru_cache(1)
def views() -> Views | None:
    """The stored views, or None if there are none."""
    if not VIEWS.exists():
        return None
    stored = json.loads(VIEWS.read_text(encoding="utf-8"))
    return Views(stored["revision"], *(ScoredText.from_dict(stored[name]) for name in ("gap", "turn", "draw")), tuple(stored["draw_reads"]))


@lru_cache(1)
def load() -> dict | None:
    """The stored experiments: "counting" (the runs) and "two_tokens" (the sums); None if there are none."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else None


def draw(ids, seed: int, vocab_size: int) -> masking.Masking:
    """BERT's rule on one text of the bundled tokenizer; random tokens come from all but the control tokens."""
    control = files.embedded_control(registry.DATA)
    candidates = np.setdiff1d(np.arange(vocab_size), list(control.values()))
    return masking.bert(np.asarray(ids), np.random.default_rng(seed), mask_id=control["<|mask|>"], candidates=candidates)


def reads(model: MaskedLM, drawn: masking.Masking) -> tuple[str, ...]:
    """What the model reads, token by token."""
    return tuple(model.token_bytes(i).decode("utf-8", errors="replace") for i in drawn.inputs.tolist())


def make_views(model: MaskedLM) -> dict:
    """The views as JSON."""
    from lmviz.models import gaps

    opening = model.encode(examples.OPENING).ids
    passage = gaps.first_tokens(model, next(p.text for p in examples.passages() if p.id == PASSAGE), PASSAGE_TOKENS)
    drawn = draw(model.encode(passage).ids, SEED, model.vocab_size)
    made = {
        "gap": gaps.fill(model, examples.OPENING, masking.by_hand(np.array(opening), [OPENING_GAP], mask_id=model.mask_id)),
        "turn": gaps.pseudo(model, examples.OPENING),
        "draw": gaps.fill(model, passage, drawn, top_k=3),
    }
    return {"revision": model.revision, "draw_reads": reads(model, drawn)} | {name: scored.as_dict() for name, scored in made.items()}


def two_tokens(masked: MaskedLM, causal: CausalLM, *, only: int | None = None, rows: int = 256) -> dict[str, float]:
    """Σ over all texts (a, b) of two tokens of what each model makes of them: P(a | _ b)·P(b | a _), and P(a)·P(b | a).

    Control tokens are no text: a and b run over the other ids (with `only`, over the first so many of those).
    """
    import torch

    ids = range(3, masked.vocab_size)[:only]
    first, last = ids[0], ids[-1] + 1

    def table(model, sequences, position: int):
        parts = []
        for start in range(0, len(sequences), rows):
            states = model.states(sequences[start : start + rows])
            states = states[0] if isinstance(states, tuple) else states
            parts.append(model.logits(torch.stack([s[position] for s in states])).log_softmax(1)[:, first:last].double())
        return torch.cat(parts)  # row i: the distribution beside token i

    with torch.inference_mode():
        a_beside_b = table(masked, [(masked.start_id, masked.mask_id, b) for b in ids], 1)
        b_beside_a = table(masked, [(masked.start_id, a, masked.mask_id) for a in ids], 2)
        pseudo = float((a_beside_b.T + b_beside_a).exp().sum())
        b_after_a = table(causal, [(causal.start_id, a) for a in ids], 1)
        a_first = table(causal, [(causal.start_id,)], 0)
        chained = float((a_first.T + b_after_a).exp().sum())
    return {"masked": pseudo, "causal": chained, "n_texts": len(ids) ** 2, "causal_name": causal.name}


def counting(corpus: Path, tokens: Path, *, steps: int = STEPS, seeds=SEEDS) -> dict:
    """Nano's weights trained on as a masked model, the loss counted at the chosen positions or everywhere; held-out nats by step."""
    import torch

    from lmviz import models
    from lmviz.training.loop import train
    from lmviz.training.masked import EVERYWHERE, MASKED_TOKENS
    from lmviz.training.recipes import RECIPES
    from lmviz.training.stream import prepare

    streams = prepare(corpus, tokens)
    recipe = dataclasses.replace(
        RECIPES["masked"], config=RECIPES[START].config, batch=BATCH, steps=steps, decay=steps // 4, evaluate_every=EVERY, evaluate_windows=24, warmup=10
    )
    small = models.load(START)
    runs: dict[str, list] = {"chosen": [], "everywhere": []}
    for seed in seeds:
        for name, task in (("chosen", MASKED_TOKENS), ("everywhere", EVERYWHERE)):
            rows: list[dict] = []
            with tempfile.TemporaryDirectory() as folder:
                start = Path(folder) / "start.pt"
                torch.save({"model": small.network.state_dict(), "read": 0}, start)
                train(dataclasses.replace(recipe, seed=seed), streams, Path(folder), task=task, grown_from=(start, recipe.config), report=rows.append)
            measured = [row for row in rows if "valid_masked_nats" in row]
            runs[name].append({"seed": seed, "step": [r["step"] for r in measured], "masked_nats": [r["valid_masked_nats"] for r in measured],
                               "all_nats": [r["valid_all_nats"] for r in measured]})  # fmt: skip
            print(name, seed, runs[name][-1], file=sys.stderr, flush=True)
    return {
        "started_from": small.revision,
        "steps": steps,
        "tokens_per_step": recipe.tokens_per_step,
        "held_out_windows": recipe.evaluate_windows,
        "runs": runs,
    }


def main() -> None:
    from lmviz import models

    p = argparse.ArgumentParser()
    p.add_argument("--corpus", type=Path)
    p.add_argument("--tokens", type=Path, default=Path("build/train/tokens"))
    p.add_argument("--only-training", action="store_true", help="leave everything else as it is")
    options = p.parse_args()
    stored = load() or {}
    if options.corpus:
        stored["counting"] = counting(options.corpus, options.tokens)
    if not options.only_training:
        masked = models.load_masked()
        VIEWS.write_text(json.dumps(make_views(masked), ensure_ascii=False) + "\n", encoding="utf-8")
        stored["two_tokens"] = two_tokens(masked, models.load(LEFT))
        print(stored["two_tokens"])
    FILE.write_text(json.dumps(stored) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
