"""“The code” of every chapter: what the snippet prints, and what the notebook prints, is what the page shows."""

import contextlib
import io
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from streamlit.testing.v1 import AppTest

from lmviz import display, notebooks
from lmviz.lab import recorded as lab
from lmviz.ui import frame

ROOT = Path(__file__).parents[2]
PAGES = {path.stem: path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "pages").glob("*/*.py")) if ".code(" in path.read_text(encoding="utf-8")}


def nats(x):
    return display.amount(abs(x), "nats")


def percent(x):
    return display.number(100 * x, 2)


def two(x):
    return display.number(x, 2)


three = display.number

# how the page says each number that the snippet prints: (the line it is printed on, which number of that line, in what form)
SAID = {
    "chain_rule": [(0, 0, two), (1, 0, nats), (2, 0, three)],
    "heatmap": [(0, 0, nats), (1, 0, percent), (2, 0, nats)],
    "perplexity": [(0, 0, nats), (1, 0, three), (3, 0, three)],
    "compression": [(0, 0, three), (1, 0, int), (1, 1, int), (3, 0, int)],
    "guessing_game": [(0, 0, int), (0, 1, int)],
    "entropy": [(0, 0, nats), (1, 0, nats), (2, 0, nats), (3, 0, nats), (4, 0, nats)],
    "likelihood": [(0, 0, nats), (0, 3, nats), (1, 0, nats)],
    "stability": [(0, 0, nats)],
    "gradient": [(1, 0, three), (3, 0, nats)],
    "losses": [(0, 0, two), (1, 0, two), (4, 0, two)],
    "calibration": [(0, 0, three), (1, 0, nats), (1, 1, three)],
    "masked": [(0, 0, nats), (1, 0, three), (2, 0, three)],
    "exposure": [(4, 0, three), (5, 0, three)],
    "distillation": [(0, 0, nats), (1, 0, nats), (2, 0, nats)],
    "contrastive": [(0, 0, nats)],
    "vocabulary": [(1, 0, nats), (1, 1, nats)],
    "training": [],  # below: its runs end in numbers that stand in a table
    "downstream": [(1, 0, three), (2, 0, three), (1, 1, percent)],
}


def opened(name: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params.update({"model": "nano", "unit": "nats"})
    at.session_state[f"{name}_code"] = True  # the expander is open
    at.run()
    at.switch_page(PAGES[name]).run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    """All that the page says: its sentences, its figures in words, what its components show."""
    parts = [element.value for kind in (at.markdown, at.caption, at.text) for element in kind]
    return "\n".join([*parts, *(c.proto.alt for c in at.get("plotly_chart")), *(json.dumps(json.loads(c.proto.json), ensure_ascii=False) for c in at.get("bidi_component"))])  # fmt: skip


def snippet_of(at: AppTest) -> str:
    return next(block.value for block in at.code if "from lmviz" in block.value and "print(" in block.value)


def printed(code: str) -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "snippet", "exec"), {"__name__": "snippet"})
    return out.getvalue().splitlines()


def numbers(line: str) -> list[float]:
    return [float(found) for found in re.findall(r"(?<![\w@-])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w@])", line)]


def test_every_chapter_with_code_is_checked_here():
    assert set(PAGES) <= set(SAID)


@pytest.mark.parametrize("name", sorted(set(PAGES) - {"training"}))
def test_the_snippet_prints_what_the_page_says(name):
    at = opened(name)
    words, lines = said(at), printed(snippet_of(at))
    for line, place, form in SAID[name]:
        number = numbers(lines[line])[place]
        shown = str(form(number)).replace(display.MINUS, "")
        assert shown in words.replace(display.MINUS, ""), (lines[line], shown)


def test_the_snippet_of_the_training_chapter_names_the_ends_of_the_recorded_runs():
    at = opened("training")
    first, *_ = notebooks.cells(snippet_of(at))[1:]  # the last cell trains for minutes; test_training.py runs it after a short run
    lines = printed("from lmviz.lab import recorded\n" + first)
    assert len(lines) == len(lab.curves()) > 1
    words = said(at)
    assert all(three(numbers(line)[-1]) in words for line in lines)


def test_the_notebook_of_a_chapter_runs_as_jupyter_runs_it_and_prints_the_numbers_of_the_page():
    at = opened("chain_rule")
    written = notebooks.notebook(frame.titles()["chain_rule"], snippet_of(at), [display.number])
    book = nbformat.reads(written, as_version=4)
    NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    lines = "".join(output.text for cell in book.cells if cell.cell_type == "code" for output in cell.outputs).splitlines()
    words = said(at)
    for line, place, form in SAID["chain_rule"]:
        assert form(numbers(lines[line])[place]) in words


@pytest.mark.parametrize("name", ["chain_rule", "losses"])
def test_the_page_offers_the_notebook(name):
    (button,) = [b for b in opened(name).get("download_button") if "notebook" in b.proto.label]
    assert button.proto.id.endswith(f"{name}_code_notebook")
