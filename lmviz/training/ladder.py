"""Every model and two file compressors on the same held-out text: the table in `lmviz/data/models/README.md`.

`python -m lmviz.training.ladder --corpus FOLDER nano tiny` measures the named models anew and writes `measured.json` and the table; with `--whole`, over the works whole as well.
"""

from __future__ import annotations

import argparse
import json
import lzma
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from lmviz.errors import ReaderError
from lmviz.training.corpus import Work, works
from lmviz.training.corpus import held_out as kept_for_validation
from lmviz.training.members import STEPS


def excerpts(work: Work, count: int = 4, characters: int = 6000) -> list[str]:
    """`count` passages spread evenly over a work, each from the start of a line; the whole work if it is short.

    >>> [len(passage) for passage in excerpts(Work("w", "g", "word\\n" * 4000), 4, 1000)]
    [1000, 1000, 1000, 1000]
    """
    if len(work.text) <= count * characters:
        return [work.text]
    room = len(work.text) // count
    starts = [work.text.find("\n", i * room) + 1 if i else 0 for i in range(count)]
    return [work.text[start : start + characters] for start in starts]


def ppmd_bits_per_byte(texts: Iterable[str], order: int = 6) -> float:
    """PPMd (variant H, 256 MB), each text by itself; as 7-Zip's own default order."""
    import pyppmd

    return _compressed(texts, lambda raw: pyppmd.compress(raw, max_order=order, mem_size=256 << 20, variant="H"))


def xz_bits_per_byte(texts: Iterable[str]) -> float:
    """xz at its strongest preset, each text by itself."""
    return _compressed(texts, lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))


def _compressed(texts: Iterable[str], compress: Callable[[bytes], bytes]) -> float:
    written = read = 0
    for text in texts:
        raw = text.encode()
        written, read = written + len(compress(raw)), read + len(raw)
    return 8 * written / read


def measure(names: Iterable[str], held_out: list[Work], passage: str, *, already: dict[str, dict] | None = None) -> dict[str, dict]:
    """Bits per byte of the named models on excerpts of the held-out works and on the bundled passage, added to what is `already` known."""
    from lmviz.models import registry, scoring
    from lmviz.training.evaluate import bits_per_byte

    rows = dict(already or {})
    texts = [text for work in held_out for text in excerpts(work)]
    for name in names:
        model = registry.row(name).load()
        rows[name] = {
            "held_out_bits_per_byte": round(bits_per_byte(model, texts), 4),
            "passage_bits_per_byte": round(scoring.score(model, passage).bits_per_byte, 5),
            "n_parameters": model.n_parameters,
        }
    for name, compressor in (("PPMd", ppmd_bits_per_byte), ("xz", xz_bits_per_byte)):
        if name not in rows:
            rows[name] = {"held_out_bits_per_byte": round(compressor(work.text for work in held_out), 4)}
    return rows


MADE_BY = (
    ("tokenizer and nano", f"python -m lmviz train --corpus FOLDER --preset nano --out build/nano --snapshots {' '.join(map(str, STEPS))}"),
    ("n-grams", "python -m lmviz.training.counts --corpus FOLDER"),
    (
        "tiny, grown from nano",
        "python -m lmviz train --corpus FOLDER --preset tiny --out build/tiny --tokens build/nano/tokens --grow-from build/nano/run/checkpoint.pt --bfloat16",
    ),
    (
        "masked, started from tiny",
        "python -m lmviz train --corpus FOLDER --preset masked --out build/masked --tokens build/nano/tokens --grow-from lmviz/data/models/tiny --bfloat16",
    ),
    ("five losses", "python -m lmviz.training.series --corpus FOLDER --tokens build/nano/tokens --out build/losses"),
    (
        "student of tiny",
        "python -m lmviz.training.distil --corpus FOLDER --tokens build/nano/tokens --out build/student --teacher tiny --plain build/losses/cross_entropy/result.json",
    ),
    ("steps and losses as files", "python -m lmviz.training.members --run build/nano/run --losses build/losses"),
    ("this table", "python -m lmviz.training.ladder --corpus FOLDER nano tiny trigram bigram unigram uniform --whole"),
)
LONGEST = 2048  # tokens of a window over whole works: SmolLM2 could read 8,192, at twice the price


def measure_whole(names: Iterable[str], held_out: list[Work], already: dict[str, dict]) -> dict[str, dict]:
    """The same over the works whole, every window of them (minutes a model, SmolLM2 most of an hour): added to what is `already` known of the named models."""
    from lmviz.models import registry
    from lmviz.training.evaluate import bits_per_byte

    texts = [work.text for work in held_out]
    whole = {}
    for name in names:
        model = registry.row(name).load()
        whole[name] = {"whole_works_bits_per_byte": round(bits_per_byte(model, texts, context=min(model.context, LONGEST)), 4)}
    return {name: row | whole.get(name, {}) for name, row in already.items()}


def main(argv: list[str] | None = None) -> int:
    from lmviz.models import registry

    p = argparse.ArgumentParser(
        prog="python -m lmviz.training.ladder", description="Measure models on the works held out, and write the table of the bundled models."
    )
    p.add_argument("models", nargs="*", metavar="MODEL", help="whose numbers are measured anew; the others keep theirs")
    p.add_argument("--corpus", type=Path, required=True, help="the folder of text that the models were trained on; the works held out are found in it")
    p.add_argument("--whole", action="store_true", help="over every byte of those works too: minutes a model")
    p.add_argument("--out", type=Path, default=registry.DATA, help="where measured.json is kept and README.md is written")
    options = p.parse_args(argv)
    try:
        for name in options.models:
            registry.row(name)
        everything = list(works(options.corpus))
    except ReaderError as error:
        print(error, file=sys.stderr)
        return 1
    names = kept_for_validation(everything)
    held_out = [work for work in everything if work.name in names]
    file = options.out / "measured.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    rows = measure(options.models, held_out, (registry.DATA / "validation.txt").read_text(encoding="utf-8"), already=known)
    rows = measure_whole(options.models, held_out, rows) if options.whole else rows
    file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (options.out / "README.md").write_text(readme(rows, held_out), encoding="utf-8")
    return 0


def readme(rows: dict[str, dict], held_out: list[Work]) -> str:
    """The table, dearest first."""

    def numbers(row: dict) -> str:
        return f"{row['n_parameters']:,}" if "n_parameters" in row else "–"

    names = ", ".join(work.name for work in held_out)

    def whole(name: str, row: dict) -> float | None:
        return row["held_out_bits_per_byte"] if name in ("PPMd", "xz") else row.get("whole_works_bits_per_byte")

    def said(found: float | None) -> str:
        return "–" if found is None else f"{found:.3f}"

    ordered = sorted(rows.items(), key=lambda item: -(whole(*item) or item[1]["held_out_bits_per_byte"]))
    lines = [
        f"| {name} | {numbers(row)} | {said(None if name in ('PPMd', 'xz') else row['held_out_bits_per_byte'])} | {said(whole(name, row))} |"
        for name, row in ordered
    ]
    return "\n".join(
        [
            "# The bundled models",
            "",
            "Bits per byte on works that no model was trained on; lower is better.",
            "",
            "| model | numbers it holds | excerpts | whole works |",
            "|---|---|---|---|",
            *lines,
            "",
            "Excerpts: four of 6,000 characters from each of the twelve held-out works; whole works: every byte of all twelve, pooled. Models read both in",
            f"overlapping windows of their own context, at most {LONGEST:,} tokens over whole works. PPMd (order 6) and xz (-9e) compress each work by itself; they learn as they read, the models learned before.",
            "SmolLM2 has read most of the public-domain books there are, so these works may not be new to it. The n-grams and transformers here share one tokenizer.",
            "`validation.txt` is a passage of three of the held-out works; `measured.json` records what it costs each model, and a test checks that it still does.",
            "",
            f"Held out: {names}.",
            "",
            "## Made by",
            "",
            "Each from a folder of text, in this order; a run that was interrupted goes on from its last checkpoint. Where the weights shipped were trained in stages,",
            "as tiny was, their card says how.",
            "",
            *(f"- {what}: `{command}`" for what, command in MADE_BY),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
