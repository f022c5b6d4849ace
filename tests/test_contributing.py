"""CONTRIBUTING.md does what it says: its chapter, its loss and its model are added to a copy of the project, and its commands are run there."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECTIONS = dict(re.findall(r"^## A (\w+)\n(.*?)(?=^## |\Z)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M | re.S))
BLOCK = re.compile(r"^```python (\S+) (new|end|below)(?: ([^\n]+))?\n(.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for name in ("app.py", "pyproject.toml", "lmviz", "pages", "tests", ".streamlit"):
        take = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        take(ROOT / name, folder / name, **({"ignore": shutil.ignore_patterns("__pycache__")} if take is shutil.copytree else {}))
    return folder


def add(section: str, folder: Path) -> None:
    """Every block of a section, into the copy, at the place that the block names."""
    for path, how, anchor, code in BLOCK.findall(SECTIONS[section]):
        file = folder / path
        if how == "new":
            assert not file.exists()
            file.write_text(code, encoding="utf-8")
        elif how == "end":
            file.write_text(file.read_text(encoding="utf-8") + "\n\n" + code, encoding="utf-8")
        else:
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            place = [i for i, line in enumerate(lines) if anchor in line]
            assert len(place) == 1, (path, anchor, len(place))
            file.write_text("".join(lines[: place[0] + 1]) + code + "".join(lines[place[0] + 1 :]), encoding="utf-8")


def run(section: str, folder: Path) -> str:
    """The section's command, in the copy; what it printed."""
    command = shlex.split(re.search(r"^```sh\n(.*?)^```$", SECTIONS[section], re.M | re.S)[1])
    assert command[0] == "python"
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, *command[1:]], cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("section", ["chapter", "loss", "model"])
def test_no_recipe_asks_for_ten_lines_in_a_file(section):
    blocks = BLOCK.findall(SECTIONS[section])
    assert blocks and all(len(code.splitlines()) < 10 for *_, code in blocks)
    assert all(ast.parse(code) for *_, how, _, code in blocks if how != "below")


def test_a_chapter_added_as_described_passes_what_every_chapter_must(copy):
    add("chapter", copy)
    said = run("chapter", copy)
    assert int(re.search(r"(\d+) passed", said)[1]) >= 5 and "failed" not in said


def test_a_loss_added_as_described_has_the_gradient_that_autograd_finds(copy):
    add("loss", copy)
    said = run("loss", copy)
    assert int(re.search(r"(\d+) passed", said)[1]) >= 5 and "failed" not in said


def test_a_model_added_as_described_reads_a_text_and_is_less_sure_than_the_one_it_is_made_of(copy):
    add("model", copy)
    calm = json.loads(run("model", copy))
    from lmviz import models
    from lmviz.models import scoring

    nano = scoring.score(models.load("nano"), "The cat sat on the mat")
    assert calm["model"] == "calm" and len(calm["log_probs"]) == len(nano)
    assert sum(calm["entropies"]) > float(nano.entropies.sum())
