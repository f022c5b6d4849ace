"""The image's steps, in order, in a clean folder: what is copied, that nothing is missing, that it serves the book and its health check knows.

There is no container engine here. Proven: the order of the steps, what .dockerignore lets through, that the pinned packages
are one consistent set that is installed (by pip, asked for what it would do), the preparation of the weights, the start
command and the health check under the image's own environment. Not proven: the base image, the user, PyTorch's index.
"""

import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from lmviz import health, settings
from lmviz.errors import ReaderError
from lmviz.models import files

sys.path.insert(0, str(Path(__file__).parent))
import image  # noqa: E402

ROOT = Path(__file__).parents[2]
STEPS = image.steps((ROOT / "Dockerfile").read_text(encoding="utf-8"))
RULES = (ROOT / ".dockerignore").read_text(encoding="utf-8")


def of(word: str) -> list[image.Step]:
    return [step for step in STEPS if step.word == word]


def repository() -> list[Path]:
    """The files of the repository, as git knows them; without git, those on disk."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file() and ".git" not in p.parts]


def environment() -> dict[str, str]:
    return {name: value for step in of("ENV") for name, value in image.variables(step.rest).items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The image's work folder after its COPY steps."""
    made = tmp_path_factory.mktemp("image") / "book"
    made.mkdir()
    listed = repository()
    for step in of("COPY"):
        image.copy(step, ROOT, listed, RULES, made)
    return made


@pytest.fixture(scope="module")
def inside(folder):
    """The environment of a command in the image; the weights, converted already, stand in for those that `prepare` would convert."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | environment() | {"LMVIZ_CACHE": str(files.cache_dir()), "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def served(command: list[str], port: int, cwd: Path, env: dict[str, str]) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
            return process
        except OSError:
            assert process.poll() is None, "the server has ended"
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the server did not answer")


def ended(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()


def test_the_image_has_what_the_book_needs_and_nothing_else(folder):
    assert {p.name for p in folder.iterdir()} == {"requirements.txt", "app.py", "LICENSE", ".streamlit", "pages", "lmviz"}
    tracked = {f for f in repository() if f.parts[0] in ("pages", "lmviz") and f.suffix != ".pyc"}
    assert tracked == {p.relative_to(folder) for name in ("pages", "lmviz") for p in (folder / name).rglob("*") if p.is_file()}


@pytest.mark.parametrize("path, out", [("tests/conftest.py", True), ("README.md", True), (".git/config", True), (".streamlit/secrets.toml", True),
                                       ("lmviz/__pycache__/a.pyc", True), ("lmviz/ui/frame.py", False), ("app.py", False), (".streamlit/config.toml", False)])  # fmt: skip
def test_what_stays_outside(path, out):
    assert image.ignored(Path(path), RULES) is out


def test_the_container_does_not_run_as_root_and_its_user_is_the_one_of_spaces():
    words = [step.word for step in STEPS]
    assert "--uid 1000 reader" in of("RUN")[0].rest and of("USER")[-1].rest == "reader"
    assert words.index("USER") < len(words) - 1 - words[::-1].index("RUN"), "the weights are prepared by the user who reads them"
    assert all(step.flags.get("chown") == "reader" for step in of("COPY")[1:])


def test_the_python_of_the_image_is_one_that_the_book_runs_on():
    (base,) = of("FROM")
    assert base.rest == "python:3.11-slim" and f">={base.rest[7:11]}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_packages_are_installed_before_the_book_so_that_a_change_of_it_does_not_fetch_them_again():
    order = [step.rest for step in STEPS if step.word in ("COPY", "RUN")]
    last = max(i for i, rest in enumerate(order) if rest.startswith("pip install"))
    assert order.index("requirements.txt ./") < last < order.index("lmviz ./lmviz")


def test_torch_is_the_version_of_the_requirements_so_that_it_is_not_replaced_by_another_build():
    (line,) = [x for x in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if x.startswith("torch")]
    (step,) = [s for s in of("RUN") if "TORCH_INDEX" in s.rest]
    assert step.rest.split()[-1] == line and STEPS.index(step) < STEPS.index(next(s for s in of("RUN") if "-r requirements.txt" in s.rest))


@pytest.mark.parametrize("index, said", [("", []), ("https://example.org/cpu", ["--index-url", "https://example.org/cpu"])])
def test_another_index_is_asked_for_torch_only_where_the_builder_names_one(index, said):
    (step,) = [s for s in of("RUN") if "TORCH_INDEX" in s.rest]
    assert [s.rest for s in of("ARG")] == ["TORCH_INDEX="] and STEPS.index(of("ARG")[0]) < STEPS.index(step)
    expanded = subprocess.run(["sh", "-c", f"echo {step.rest}"], env={"TORCH_INDEX": index}, capture_output=True, text=True).stdout
    assert expanded.split() == ["pip", "install", *said, step.rest.split()[-1]]


@pytest.mark.smollm2
def test_each_pip_step_names_one_consistent_set_that_is_installed(folder):
    for step in of("RUN"):
        if step.rest.startswith("pip install"):
            expanded = subprocess.run(["sh", "-c", f"echo {step.rest}"], env={}, capture_output=True, text=True).stdout  # as without --build-arg
            words = shlex.split(expanded)
            asked = subprocess.run([sys.executable, "-m", *words, "--dry-run", "--no-index"], cwd=folder, capture_output=True, text=True)
            assert asked.returncode == 0 and "Would install" not in asked.stdout, asked.stdout + asked.stderr


def test_every_setting_of_the_image_is_one_that_the_book_knows():
    ours = {name for name in environment() if name.startswith("LMVIZ_")}
    assert ours <= {setting.name for setting in settings.SETTINGS} and {"LMVIZ_FETCH", "LMVIZ_HUB"} <= ours
    assert environment()["HF_HUB_OFFLINE"] == "1" and environment()["LMVIZ_FETCH"] == environment()["LMVIZ_HUB"] == "0"


@pytest.mark.smollm2
def test_the_last_steps_prepare_the_weights_serve_the_book_and_find_it_healthy(folder, inside):
    (prepare,) = [s for s in of("RUN") if s.rest.startswith("python ")]
    done = subprocess.run([sys.executable, *prepare.rest.split()[1:]], cwd=folder, env=inside, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and Path(done.stdout.strip()).is_dir(), done.stderr

    port = free_port()
    command = [a.replace("8501", str(port)).replace("0.0.0.0", "127.0.0.1") for a in of("CMD")[-1].arguments]
    assert len([a for a in of("CMD")[-1].arguments if "8501" in a or "0.0.0.0" in a]) == 2 and of("EXPOSE")[0].rest == "8501"
    url = f"http://127.0.0.1:{port}"
    process = served(command, port, folder, inside)
    try:
        check = [sys.executable, *of("HEALTHCHECK")[0].rest.partition("CMD ")[2].strip('[]"').split('", "')[1:], "--url", url, "--timeout", "60"]
        healthy = subprocess.run(check, cwd=folder, env=inside, capture_output=True, text=True, timeout=120)
        assert healthy.returncode == 0 and "came whole" in healthy.stdout, healthy.stderr
        with urllib.request.urlopen(url) as answer:
            assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Frame-Options"] is None
    finally:
        ended(process)


def test_a_server_whose_page_fails_is_not_healthy_though_the_server_is(tmp_path):
    (tmp_path / "app.py").write_text("import streamlit as st\nst.title('Why cross-entropy?')\nraise ValueError('broken')\n", encoding="utf-8")
    port = free_port()
    command = [
        "streamlit",
        "run",
        "app.py",
        f"--server.port={port}",
        "--server.address=127.0.0.1",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
    ]
    process = served(command, port, tmp_path, dict(os.environ))
    try:
        with pytest.raises(ReaderError, match="fails"):
            health.check(f"http://127.0.0.1:{port}", timeout=60)
    finally:
        ended(process)


def test_where_no_server_is_nothing_is_healthy():
    with pytest.raises(ReaderError, match="does not answer"):
        health.check(f"http://127.0.0.1:{free_port()}", timeout=5)


def test_the_space_s_settings_fit_the_image():
    front = (ROOT / "hosting" / "huggingface.md").read_text(encoding="utf-8").split("---")[1]
    fields = dict(line.split(": ", 1) for line in front.strip().splitlines())
    assert fields["sdk"] == "docker" and fields["app_port"] == of("EXPOSE")[0].rest
    assert {"title", "emoji", "colorFrom", "colorTo", "license"} <= set(fields) and len(fields["short_description"]) <= 60
