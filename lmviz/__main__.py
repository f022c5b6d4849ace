"""The command line: `python -m lmviz score TEXT|-|FILE`, `models`, `prepare`, `fetch`, `compress FILE`, `decompress FILE`, `train`, `settings`, `healthy`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path

from lmviz import display, models, settings, units
from lmviz.errors import ReaderError
from lmviz.models.service import friendly


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["train"]:
        from lmviz.training import cli

        return cli.main(arguments[1:]) or 0
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ReaderError, MemoryError, RuntimeError) as failed:
        trouble = friendly(failed)
        if not isinstance(trouble, ReaderError):
            raise
        print(f"lmviz: {trouble}" + (f"\n  {trouble.remedy}" if trouble.remedy else ""), file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lmviz", description="Why is cross-entropy the loss used in language modelling?")
    commands = parser.add_subparsers(required=True)
    score = commands.add_parser("score", help="the loss of every token of a text")
    score.add_argument("text", help="the text itself, the name of a UTF-8 file, or - for standard input")
    score.add_argument("--model", help="a name from `models` (default: the best there is)")
    score.add_argument("--top-k", type=int, default=10, help="alternatives per token (default 10)")
    score.add_argument("--no-first-token", action="store_true", help="leave out the first token, which only the start of text precedes")
    score.add_argument("--bits", action="store_true", help="print bits instead of nats")
    score.add_argument("--json", action="store_true", help="everything, as JSON, in nats")
    score.set_defaults(run=_score)
    listing = commands.add_parser("models", help="the models and whether they are here")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_models)
    prepare = commands.add_parser("prepare", help="convert the SmolLM2 weights once, so that the app starts at once")
    prepare.set_defaults(run=_prepare)
    for name, action in (("compress", "a text file as −log₂ P bits of a model"), ("decompress", "the text file again, byte for byte")):
        coding = commands.add_parser(name, help=action)
        coding.add_argument("file", help="a UTF-8 text file" if name == "compress" else "a file that `compress` wrote")
        coding.add_argument(
            "-o", "--output", help="the file to write (default: FILE.lmv)" if name == "compress" else "the file to write (default: FILE without .lmv)"
        )
        coding.add_argument("--force", action="store_true", help="replace the file if it is there already")
        if name == "compress":
            coding.add_argument("--model", help="a name from `models` (default: the best there is)")
            coding.add_argument("--check", action="store_true", help="read the file back and compare: as long again")
        coding.set_defaults(run=_coding, name=name)
    fetching = commands.add_parser("fetch", help="fetch SmolLM2 (94 MB) and convert it; what an earlier attempt left is gone on from")
    fetching.set_defaults(run=_fetch)
    table = commands.add_parser("settings", help="the environment variables that a host of the book may set, and what they are now")
    table.set_defaults(run=_settings)
    healthy = commands.add_parser("healthy", help="open the book's first page on a running server, as a browser does; fails if it does not come")
    healthy.add_argument("--url", default="http://127.0.0.1:8501", help="the server (default http://127.0.0.1:8501)")
    healthy.add_argument("--timeout", type=float, default=20.0, help="seconds (default 20)")
    healthy.set_defaults(run=_healthy)
    commands.add_parser("train", help="train a small model on your own text (see `train --help`)")
    return parser


def _score(options: argparse.Namespace) -> None:
    if options.top_k < 1:
        raise ReaderError(f"--top-k must be at least 1, not {options.top_k}.")
    text = read_text(options.text)
    if not text:
        raise ReaderError("The text is empty: there is nothing to score.")
    model = models.load(options.model)
    from lmviz.models import scoring  # after load, which verifies files while torch is imported

    scored = scoring.score(model, text, top_k=min(options.top_k, model.vocab_size), first_token=not options.no_first_token)
    if options.json:
        print(json.dumps(scored.as_dict(), ensure_ascii=False, allow_nan=False))
        return
    unit, convert = ("bits", units.to_bits) if options.bits else ("nats", lambda nats: nats)
    for token, loss in zip(scored.tokens, scored.losses):
        print(f"{display.number(convert(loss)):>8}  {display.visible(token.text)}")
    print(f"{scored.n_scored} tokens, {scored.n_bytes} bytes under {scored.model} ({scored.dtype})")
    print(f"total {display.number(convert(scored.total_nats))} {unit} · mean {display.number(convert(scored.mean_nats))} {unit} a token · "
          f"perplexity {display.number(scored.perplexity)} · {display.number(scored.bits_per_byte)} bits per byte")  # fmt: skip


def read_text(argument: str) -> str:
    """A text argument: `-` is standard input, an existing file is read, all else is the text itself."""
    if argument == "-":
        return decode(sys.stdin.buffer.read(), "standard input")
    path = Path(argument)
    try:
        if argument and path.is_dir():
            raise ReaderError(f"{argument} is a folder. Name a file in it.")
        is_file = path.is_file()
    except (OSError, UnicodeError):  # too long, or no name a file could have: then it is text
        is_file = False
    if not is_file:
        return argument
    try:
        return decode(path.read_bytes(), argument)
    except OSError as denied:
        raise ReaderError(f"{argument} cannot be read ({denied.strerror}).") from denied


def decode(raw: bytes, name: str) -> str:
    """Bytes as UTF-8 text, or a ReaderError that says where they are not."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as broken:
        raise ReaderError(f"{name} is not UTF-8 text: byte {broken.start + 1} cannot be read. Save it as UTF-8 and try again.") from broken


def _models(options: argparse.Namespace) -> None:
    rows = models.registry.ROWS
    if options.json:
        plain = [{f.name: v for f in fields(row) if not callable(v := getattr(row, f.name))} | {"available": row.available()} for row in rows]
        print(json.dumps(plain, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row.name:14} {'here   ' if row.available() else 'missing'}  {row.about}")


def _coding(options: argparse.Namespace) -> None:
    from lmviz.coding import cli

    getattr(cli, options.name)(options)


def _prepare(options: argparse.Namespace) -> None:
    from lmviz.models import files

    shown = [""]

    def progress(fraction: float, what: str) -> None:
        if what != shown[0]:
            shown[0] = what
            print(f"SmolLM2: {what} …", file=sys.stderr, flush=True)

    if files.find_smollm2_gguf() or files.smollm2_is_converted():
        print(files.prepare_smollm2(progress))
    else:
        raise ReaderError("The SmolLM2 weights are not on this machine.", remedy=files.FETCH)


def _settings(options: argparse.Namespace) -> None:
    print(settings.table())
    changed = [f"{s.name}={settings.value(s.name)}" for s in settings.SETTINGS if settings.value(s.name) != s.default]
    print(f"\nSet here: {', '.join(changed) or 'none'}.")


def _healthy(options: argparse.Namespace) -> None:
    from lmviz import health

    print(health.check(options.url, timeout=options.timeout))


def _fetch(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from lmviz.models import fetch

    with tqdm(unit="B", unit_scale=True, desc="SmolLM2", file=sys.stderr) as bar:

        def report(progress: fetch.Progress) -> None:
            if progress.stage == "fetching":
                if bar.total is None:
                    bar.reset(progress.total_bytes)
                    bar.n = bar.initial = progress.done_bytes  # what an earlier attempt left was not fetched now
                bar.update(progress.done_bytes - bar.n)
            else:
                bar.set_postfix_str(progress.what)

        try:
            folder = fetch.fetch(report)
        except KeyboardInterrupt:
            raise ReaderError("Stopped. What has come so far is kept; the same command goes on from there.") from None
    print(folder)


if __name__ == "__main__":
    sys.exit(main())
