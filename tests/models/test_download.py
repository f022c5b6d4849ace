"""One file over a line that breaks: a server of our own on this machine misbehaves in every way that is known."""

import hashlib
import http.server
import os
import threading
from dataclasses import dataclass, field

import pytest

from lmviz.errors import ReaderError
from lmviz.models import download, files
from lmviz.models.download import NoRoom, Source, Stopped

CONTENT = os.urandom(400_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behaviour:
    content: bytes = CONTENT
    cuts: list[int] = field(default_factory=list)  # after how many bytes each of the first answers breaks off
    codes: list[int] = field(default_factory=list)  # what the first answers say instead of giving the file
    understands_ranges: bool = True
    says_length: bool = True
    asked: list[str | None] = field(default_factory=list)  # the Range of each request
    logins: list[str | None] = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_GET(self):
        b = self.behaviour
        asked = self.headers.get("Range")
        b.asked.append(asked)
        b.logins.append(self.headers.get("Authorization"))
        if b.codes:
            self.send_error(b.codes.pop(0))
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and b.understands_ranges else 0
        if start >= len(b.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(b.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(b.content) - 1}/{len(b.content)}")
        if b.says_length:
            self.send_header("Content-Length", str(len(b.content) - start))
        self.end_headers()
        self.wfile.write(b.content[start:][: b.cuts.pop(0) if b.cuts else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    behaviour = Behaviour()
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("H", (Handler,), {"behaviour": behaviour}))
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    behaviour.url = f"http://127.0.0.1:{httpd.server_port}/file.whl"
    behaviour.httpd = httpd
    yield behaviour
    httpd.shutdown()
    httpd.server_close()


def get(server, target, **options):
    download.download(Source(server.url, options.pop("sha256", SHA)), target, **{"most_bytes": 1_000_000, "pause": 0.01} | options)


def left(target):
    return sorted(f.name for f in target.parent.iterdir())


def test_a_file_comes_whole_and_every_byte_is_counted(server, tmp_path):
    seen = []
    get(server, tmp_path / "x", progress=lambda done, total: seen.append((done, total)))
    assert (tmp_path / "x").read_bytes() == CONTENT and left(tmp_path / "x") == ["x"]
    assert seen[0] == (0, len(CONTENT)) and seen[-1] == (len(CONTENT), len(CONTENT)) and seen == sorted(seen)
    get(server, tmp_path / "x")
    assert len(server.asked) == 1  # what is here is not fetched again


def test_a_connection_that_breaks_twice_is_taken_up_where_it_broke(server, tmp_path):
    server.cuts += [100_000, 50_000]
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_call_goes_on_from_what_an_earlier_one_kept(server, tmp_path):
    def stop():
        return (tmp_path / "x.part").stat().st_size >= 2 * download.PIECE

    with pytest.raises(Stopped):
        get(server, tmp_path / "x", stopped=stop)
    kept = (tmp_path / "x.part").stat().st_size
    assert 2 * download.PIECE <= kept < len(CONTENT) and left(tmp_path / "x") == ["x.part"]
    get(server, tmp_path / "x")
    assert server.asked[-1] == f"bytes={kept}-" and (tmp_path / "x").read_bytes() == CONTENT


def test_a_server_that_cannot_resume_begins_again_and_the_file_is_right(server, tmp_path):
    server.understands_ranges = False
    server.cuts += [100_000]
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_server_that_does_not_say_how_long_the_file_is_will_do(server, tmp_path):
    server.says_length = False
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_part_that_was_complete_needs_no_byte_more_and_one_that_is_too_long_is_begun_anew(server, tmp_path):
    (tmp_path / "x.part").write_bytes(CONTENT)
    get(server, tmp_path / "x")
    assert server.asked == [f"bytes={len(CONTENT)}-"] and (tmp_path / "x").read_bytes() == CONTENT
    (tmp_path / "y.part").write_bytes(CONTENT + b"more")
    get(server, tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == CONTENT


def test_another_file_than_the_published_one_is_thrown_away(server, tmp_path):
    server.content = bytes(len(CONTENT))
    with pytest.raises(ReaderError, match="SHA-256 differs"):
        get(server, tmp_path / "x")
    assert left(tmp_path / "x") == []


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_file_that_is_not_there_is_said_at_once(server, tmp_path, code):
    server.codes += [code]
    with pytest.raises(ReaderError, match=f"HTTP {code}"):
        get(server, tmp_path / "x")
    assert len(server.asked) == 1


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.codes += [503, 429]
    get(server, tmp_path / "x")
    assert len(server.asked) == 3


def test_a_server_that_dies_for_good_is_a_sentence_and_what_came_is_kept(server, tmp_path):
    server.cuts += [100_000]
    server.codes += []
    seen = []

    def progress(done, total):
        seen.append(done)
        if done:
            server.codes[:] = [500] * 50

    with pytest.raises(ReaderError, match="HTTP 500.*times in a row.*kept"):
        get(server, tmp_path / "x", progress=progress)
    assert (tmp_path / "x.part").read_bytes() == CONTENT[:100_000]


def test_a_machine_without_a_network_is_a_sentence(server, tmp_path):
    server.httpd.shutdown()
    server.httpd.server_close()
    with pytest.raises(ReaderError, match="could not be reached"):
        get(server, tmp_path / "x")


@pytest.mark.parametrize("says_length", [True, False])
def test_more_bytes_than_expected_never_fill_the_disk(server, tmp_path, says_length):
    server.says_length = says_length
    with pytest.raises(ReaderError, match="that were expected"):
        get(server, tmp_path / "x", most_bytes=150_000)
    assert left(tmp_path / "x") == []


def test_a_full_disk_is_said_and_no_other_server_is_asked(server, tmp_path, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, piece):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_written", lambda part, mode: Full())
    with pytest.raises(NoRoom, match="The disk is full"):
        get(server, tmp_path / "x")
    assert len(server.asked) == 1


def test_a_stop_is_heard_while_it_waits_to_try_again(server, tmp_path):
    server.codes += [503] * 5
    with pytest.raises(Stopped):
        get(server, tmp_path / "x", pause=60, stopped=lambda: bool(server.asked))


def test_a_password_in_the_address_is_sent_to_the_server_and_shown_to_nobody(server, tmp_path):
    source = Source(server.url.replace("//", "//me:s%40crt@"), SHA)
    download.download(source, tmp_path / "x", most_bytes=1_000_000)
    assert server.logins == ["Basic bWU6c0BjcnQ="] and "crt" not in repr(source)


def test_a_wheel_in_a_folder_of_this_machine_will_do(tmp_path):
    (tmp_path / "wheel").write_bytes(CONTENT)
    download.download(Source((tmp_path / "wheel").as_uri(), SHA), tmp_path / "x", most_bytes=1_000_000)
    assert files.sha256(tmp_path / "x") == SHA


def test_an_address_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ReaderError, match="begins with “ftp”"):
        download.download(Source("ftp://127.0.0.1/x", SHA), tmp_path / "x", most_bytes=1, pause=0)
