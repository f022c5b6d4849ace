"""`python -m lmviz compress FILE` and `decompress FILE`: a text file into a coded one and back, with a progress bar."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from pathlib import Path

from lmviz import display, models
from lmviz.coding import coder, compressors, container
from lmviz.errors import ReaderError

SUFFIX = ".lmv"


def compress(options: argparse.Namespace) -> None:
    """FILE → FILE.lmv, read back from the disk and compared if `--check` asks for it."""
    from lmviz.__main__ import decode

    source = Path(options.file)
    target = Path(options.output or f"{source}{SUFFIX}")
    text = decode(_read(source), str(source))
    _free(target, options.force)
    model = models.load(options.model)
    n_tokens = len(model.encode(text))
    with bar(f"{source.name} → {target.name}", n_tokens) as progress:
        made = coder.run(coder.encoding(model, text), n_tokens, progress)
    _write(target, made.blob)
    if options.check:
        with bar("reading it back", n_tokens) as progress:
            if coder.decode(model, _read(target), progress=progress) != text:
                raise ReaderError(f"{target} does not hold the text of {source}. Keep {source}.")
    others = ", ".join(f"{name} {display.number(size)}" for name, size in compressors.sizes(text).items())
    print(f"{display.number(len(text.encode()))} bytes → {display.number(len(made.blob))} bytes with {model.name}: "
          f"{display.number(made.n_payload)} of code ({display.number(len(made.bits))} bits for {display.number(n_tokens)} tokens) and {made.n_head} of head.")  # fmt: skip
    print(f"Others, in bytes: {others}. The model itself is in none of these files: whoever reads {target.name} needs “{model.name}”, too.")


def decompress(options: argparse.Namespace) -> None:
    """FILE.lmv → FILE, with the model that the file names."""
    source = Path(options.file)
    target = Path(options.output or source.with_suffix("")) if options.output or source.suffix == SUFFIX else None
    if target is None:
        raise ReaderError(f"{source} does not end in {SUFFIX}: say with -o where the text should go.")
    blob = _read(source)
    header, _ = container.unpack(blob)
    _free(target, options.force)
    model = models.load(header.model)
    with bar(f"{source.name} → {target.name}", header.n_tokens) as progress:
        text = coder.decode(model, blob, progress=progress)
    _write(target, text.encode("utf-8"))
    print(f"{display.number(len(blob))} bytes → {display.number(header.n_bytes)} bytes with {header.model}; the checksum fits.")


@contextmanager
def bar(title: str, n_tokens: int):
    """A progress bar on standard error; gives the function that moves it."""
    from tqdm import tqdm

    with tqdm(total=n_tokens, desc=title, unit=" tokens", file=sys.stderr, mininterval=0.5) as shown:
        yield lambda done, n: shown.update(1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as denied:
        raise ReaderError(f"{path} cannot be read ({denied.strerror}).") from denied


def _write(path: Path, raw: bytes) -> None:
    try:
        path.write_bytes(raw)
    except OSError as denied:
        raise ReaderError(f"{path} cannot be written ({denied.strerror}).") from denied


def _free(path: Path, force: bool) -> None:
    """Minutes of work are not to end at a file that is in the way: look first."""
    if path.exists() and not force:
        raise ReaderError(f"{path} is there already. Name another file with -o, or replace it with --force.")
    if not path.parent.is_dir():
        raise ReaderError(f"There is no folder {path.parent} to write to.")
