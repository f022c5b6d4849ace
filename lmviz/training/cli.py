"""`python -m lmviz train`: text in, a model of one's own out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

from lmviz.errors import ReaderError
from lmviz.training import objectives
from lmviz.training.recipes import RECIPES


def main(argv: list[str] | None = None) -> int:
    """Train a preset on a folder of text and export it; returns the exit status."""
    options = parser().parse_args(argv)
    try:
        run(options)
    except ReaderError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="lmviz train", description="Train a small language model on a folder of text, and export it.")
    p.add_argument("--corpus", type=Path, required=True, help="a folder of .txt, .jsonl or .jsonl.xz files; whole works are kept for validation")
    p.add_argument("--preset", choices=list(RECIPES), default="smoke", help="smoke: under a minute; nano and tiny: the bundled models (hours)")
    p.add_argument("--out", type=Path, default=Path("build/train"), help="where the model and the checkpoints go; a second run goes on from there")
    p.add_argument("--steps", type=int, help="another number of steps; the decay keeps its share")
    p.add_argument("--seed", type=int, help="another seed")
    p.add_argument(
        "--grow-from", type=Path, metavar="CHECKPOINT", help="start from what a nano's checkpoint.pt computes (a tiny is twice as wide), or an exported folder"
    )
    p.add_argument(
        "--loss",
        choices=(*objectives.NAMES, objectives.DISTILLATION),
        default="cross_entropy",
        help="what is made small; the held-out number is always cross-entropy",
    )
    p.add_argument(
        "--teacher", metavar="MODEL", help="for --loss distillation: a bundled model's name, an exported folder, or a checkpoint.pt; its tokenizer is used"
    )
    p.add_argument("--alpha", type=float, default=0.5, help="for distillation: the weight of the text itself, 0 to 1; the rest is the teacher's (default 0.5)")
    p.add_argument("--temperature", type=float, default=1.0, help="for distillation: what softens teacher and student (default 1)")
    p.add_argument("--tokens", type=Path, metavar="FOLDER", help="where the tokenised corpus is kept (default: tokens in --out)")
    p.add_argument("--snapshots", type=int, nargs="*", default=[], metavar="STEP", help="steps whose weights are kept (run/snapshot-STEP.pt)")
    p.add_argument("--threads", type=int, default=2, help="shards of a batch that are computed at once")
    p.add_argument("--bfloat16", action="store_true", help="multiply in bfloat16: several times as fast on a CPU with units for it, slower on others")
    p.add_argument("--compile", action="store_true", help="torch.compile: a minute to start, then about a fifth faster; needs a C++ compiler")
    return p


def run(options: argparse.Namespace) -> Path:
    """Prepare, train with a progress bar, measure, export; returns the folder of the exported model."""
    import torch
    from tqdm import tqdm

    from lmviz.models.causal import load_llama
    from lmviz.models.masked import load_masked
    from lmviz.training import distil, masked
    from lmviz.training.corpus import works
    from lmviz.training.evaluate import bits_per_byte
    from lmviz.training.export import export, export_tokenizer, model_card
    from lmviz.training.loop import train
    from lmviz.training.stream import prepare
    from lmviz.training.tokenizer import CONTROL, START

    recipe = RECIPES[options.preset]
    fills_gaps = recipe.kind == "masked"
    if fills_gaps and options.loss != "cross_entropy":
        raise ReaderError("A masked model is trained with cross-entropy only: leave --loss out.")
    if options.steps is not None:
        share = recipe.decay / recipe.steps
        recipe = dataclasses.replace(
            recipe, steps=options.steps, decay=max(1, round(share * options.steps)), warmup=min(recipe.warmup, options.steps // 10 + 1)
        )
    if options.seed is not None:
        recipe = dataclasses.replace(recipe, seed=options.seed)
    recipe = dataclasses.replace(recipe, loss=options.loss, alpha=options.alpha, temperature=options.temperature)
    teacher, tokenizer_json = distil.from_options(options)
    began = time.monotonic()
    print(f"reading {options.corpus}", file=sys.stderr)
    streams = prepare(options.corpus, options.tokens or options.out / "tokens", vocab_size=recipe.config.vocab_size, most_bytes=recipe.most_bytes,
                      tokenizer_json=tokenizer_json)  # fmt: skip
    # a small text may have fewer pairs to join than were asked for: the model gets the vocabulary there is
    recipe = dataclasses.replace(recipe, config=dataclasses.replace(recipe.config, vocab_size=len(streams.token_lengths)))
    print(f"{len(streams.train):,} tokens to learn from, {len(streams.valid):,} held out", file=sys.stderr)
    if tokenizer_json is not None and streams.tokenizer_json != tokenizer_json:
        raise ReaderError(
            "The teacher reads other tokens than those kept here. Give another --out or --tokens, so that the text is cut as the teacher cuts it."
        )
    grown_from = (options.grow_from, dataclasses.replace(RECIPES["nano"].config, vocab_size=recipe.config.vocab_size)) if options.grow_from else None
    with tqdm(total=recipe.steps, unit="step") as bar:
        latest: dict[str, float] = {}

        def report(row: dict) -> None:
            bar.update(row["step"] - bar.n)
            latest.update({key.replace("valid_", "held-out ").replace("_", " "): row[key] for key in row if key == "loss" or key.startswith("valid_")})
            bar.set_postfix({name: f"{value:.3f}" for name, value in latest.items()}, refresh=False)

        model = train(
            recipe, streams, options.out / "run", threads=options.threads, compiled=options.compile, bfloat16=options.bfloat16, snapshots=frozenset(options.snapshots), report=report, teacher=teacher, task=masked.MASKED_TOKENS if fills_gaps else None,
            grown_from=grown_from,
        )  # fmt: skip
    folder = options.out / recipe.name

    # what was run may be less than the recipe: see `decay` in `loop.train`
    log = options.out / "run" / "log.jsonl"
    last, saved = json.loads(log.read_text().splitlines()[-1]), torch.load(options.out / "run" / "checkpoint.pt", weights_only=True)
    schedule = f"{last['step']} steps, the last {saved['decay']} decaying"
    if grown_from is not None:
        before = last["tokens"] - last["step"] * recipe.tokens_per_step
        schedule = f"started from what {options.grow_from.name} had learned from {before:,} tokens; then {schedule}"

    def card(held_out: str) -> str:
        return (masked.model_card if fills_gaps else model_card)(recipe, streams, n_parameters=sum(p.numel() for p in model.parameters()), tokens=last["tokens"],
                          held_out=held_out, schedule=schedule,
                          precision="float32, with products in bfloat16" if options.bfloat16 else "float32")  # fmt: skip

    export_tokenizer(streams, options.out / "tokenizer")
    export(model, recipe, streams, folder, card=card("being measured"), log=log)
    texts = [work.text for work in works(options.corpus) if work.name in streams.valid_works]
    every = max(1, sum(map(len, texts)) // 100_000)
    if fills_gaps:
        found = masked.measure(load_masked(folder, name=recipe.name, tokenizer_name="own", control=CONTROL), texts, every=every)
        measured = f"{found['nats']:.4f} nats a hidden token"
    else:
        loaded = load_llama(folder, name=recipe.name, tokenizer_name="own", control=CONTROL, start_id=CONTROL[START])
        measured = f"{bits_per_byte(loaded, texts, every=every):.4f}"
    share = "every window" if every == 1 else f"one window in {every}"
    export(model, recipe, streams, folder, card=card(f"{measured} over {len(texts)} whole works ({share})"), log=log)
    print(
        f"{measured}{'' if fills_gaps else ' bits per byte'} on {len(texts)} works it never read; written to {folder} in {time.monotonic() - began:.0f} s",
        file=sys.stderr,
    )
    return folder
