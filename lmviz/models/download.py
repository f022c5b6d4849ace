"""One file from an address to a place: resumable, stoppable, bounded, and checked by SHA-256 before it stands there. Standard library only."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lmviz.errors import ReaderError
from lmviz.models import files

PIECE = 1 << 16
SILENCE = 10.0  # seconds without a byte before the connection counts as lost
TRIES = 4  # in a row without a new byte


class Stopped(Exception):
    """Somebody asked for it to stop; what has come so far is kept."""


class NoRoom(ReaderError):
    """The disk is full or may not be written: another source would not help."""


@dataclass(frozen=True)
class Source:
    """Where a file can be had: its address (never shown: it may hold a password), its SHA-256, and how this machine gets there."""

    url: str
    sha256: str
    certificates: str | None = None  # a file of trusted certificates
    proxy: str | None = None

    def __repr__(self) -> str:
        return f"Source({self.sha256[:12]})"


def download(source: Source, target: Path, *, most_bytes: int, progress: Callable[[int, int | None], None] = lambda done, total: None,
             stopped: Callable[[], bool] = lambda: False, pause: float = 1.0) -> None:  # fmt: skip
    """Bring the file to `target`, whole and of the right SHA-256, or not at all; `progress(done, total)` counts bytes.

    What has come stays in `target`.part until it is whole, and a later call goes on from there. Lost connections are taken
    up again. Raises ReaderError (offline, not there, not the published file, too large), NoRoom, Stopped.
    """
    if target.exists() and files.sha256(target) == source.sha256:
        return
    part = target.with_name(target.name + ".part")
    opener = _opener(source)
    in_vain = 0
    while True:
        before = _size(part)
        try:
            _go_on(opener, source, part, most_bytes, progress, stopped)
            break
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code not in (408, 429) and answer.code < 500:
                raise ReaderError(f"The server answers that it has no such file or will not give it (HTTP {answer.code}).") from None
            trouble = f"the server answers with HTTP {answer.code}"
        except (OSError, http.client.HTTPException) as lost:  # URLError, timeouts and TLS's own errors are OSErrors; the disk's have become NoRoom
            trouble = "the connection broke off" if _size(part) else "the server could not be reached"
            if isinstance(getattr(lost, "reason", None), ssl.SSLCertVerificationError):
                raise ReaderError("The server could not prove who it is (its certificate is not trusted here).") from None
        in_vain = in_vain + 1 if _size(part) <= before else 0
        if in_vain >= TRIES:
            raise ReaderError(f"It could not be fetched: {trouble}, {TRIES} times in a row. What has come so far is kept.")
        _wait(pause * in_vain, stopped)
    if files.sha256(part) != source.sha256:
        part.unlink()
        raise ReaderError("What came is not the published file: its SHA-256 differs. It was thrown away.")
    os.replace(part, target)


def _go_on(opener: urllib.request.OpenerDirector, source: Source, part: Path, most_bytes: int, progress, stopped) -> None:
    """One connection: ask for what is missing, and write it behind what is there. Raises ConnectionError if it ends too soon."""
    have = _size(part)
    request = urllib.request.Request(_plain(source.url), headers={"Accept-Encoding": "identity", "User-Agent": "lmviz"})
    if (password := _authorization(source.url)) is not None:
        request.add_unredirected_header("Authorization", password)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = opener.open(request, timeout=SILENCE)
    except urllib.error.HTTPError as refused:
        if refused.code != 416 or not have:
            raise
        refused.close()
        if refused.headers.get("Content-Range", "").endswith(f"/{have}"):
            return  # all of it is here
        part.unlink()  # of another length than the server's: begin anew
        raise ConnectionError from None
    with answer:
        if have and not (answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")):
            have = 0  # the server does not go on, it begins again
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        if (total or 0) > most_bytes:
            raise ReaderError(f"The file has {total / 1e6:.0f} MB, more than the {most_bytes / 1e6:.0f} MB that were expected. It was not fetched.")
        with _written(part, "ab" if have else "wb") as out:
            progress(have, total)
            while piece := answer.read(PIECE):
                have += len(piece)
                if have > most_bytes:
                    part.unlink()
                    raise ReaderError(f"The file is longer than the {most_bytes / 1e6:.0f} MB that were expected. It was thrown away.")
                _write(out, piece, part)
                progress(have, total)
                if stopped():
                    raise Stopped
    if total is not None and have < total:
        raise ConnectionError("the connection ended before the file did")


def _written(part: Path, mode: str):
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        return open(part, mode, buffering=0)
    except OSError as failed:
        raise _no_room(failed, part) from failed


def _write(out, piece: bytes, part: Path) -> None:
    try:
        out.write(piece)
    except OSError as failed:
        raise _no_room(failed, part) from failed


def _no_room(failed: OSError, part: Path) -> NoRoom:
    return NoRoom(str(files.cannot_write(failed, part.parent, "the fetched file needs room")))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _wait(seconds: float, stopped: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if stopped():
            raise Stopped
        time.sleep(0.05)


def _opener(source: Source) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=source.certificates))]
    if source.proxy:
        handlers.append(urllib.request.ProxyHandler({"http": source.proxy, "https": source.proxy}))
    return urllib.request.build_opener(*handlers)


def _plain(url: str) -> str:
    """The address without a password in it.

    >>> _plain("https://me:secret@example.org/a.whl?b#sha256=00")
    'https://example.org/a.whl?b'
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https", "file"):
        raise ReaderError(f"The file's address begins with “{parts.scheme[:20]}”, which cannot be read from here.")
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _authorization(url: str) -> str | None:
    parts = urllib.parse.urlsplit(url)
    if parts.username is None:
        return None
    pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
