"""What every page of the book has in common; parametrised over the folder, so that table and folder cannot drift."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
PAGES = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "pages").glob("*/*.py"))
REFERENCE = {"pages/lab/sources.py", "pages/lab/glossary.py"}  # to look things up in: they argue for nothing
CHAPTERS = [p for p in PAGES if not p.startswith("pages/start/")]
WITHOUT_TEXT = set(re.findall(r'Chapter\(\s*"(pages/[^"]+)"[^)]*reads_text=False', (ROOT / "app.py").read_text(encoding="utf-8")))


def open_page(page: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.run()
    if page != "pages/start/contents.py":
        at.switch_page(page).run()
    return at


def test_the_table_of_contents_and_the_folder_hold_the_same_pages():
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    assert sorted(re.findall(r'Chapter\(\s*"(pages/[^"]+)"', source)) == PAGES


def test_no_page_lies_flat_in_the_folder_where_streamlits_old_router_would_find_it():
    assert not list((ROOT / "pages").glob("*.py"))


def test_page_addresses_are_unique():
    stems = [Path(p).stem for p in PAGES]
    assert len(set(stems)) == len(stems)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs_on_the_opening_example(page):
    at = open_page(page)
    assert not at.exception
    assert len(at.title) == 1 and at.title[0].value.endswith("?")


@pytest.mark.parametrize("page", [p for p in CHAPTERS if p not in REFERENCE])
def test_the_chapter_ends_with_its_limits_its_prediction_its_code_and_its_sources(page):
    at = open_page(page)
    headings = [h.value for h in at.subheader]
    assert any(h.startswith("Why") for h in headings), headings
    assert "Where it stops" in headings and "Predict, then check" in headings
    assert [e.label for e in at.expander][-2:] == ["The code", "Sources"]


@pytest.mark.parametrize("page", [p for p in CHAPTERS if p not in WITHOUT_TEXT])
@pytest.mark.parametrize("text", ["x", "  \n", "one", "😀", "\x04\x06", "<|endoftext|>", "*a* $b$ :red[c]\n\n# d"])
def test_any_text_gets_a_whole_page_and_no_traceback(page, text):
    at = open_page(page)
    at.text_area(key="text").set_value(text).run()
    assert not at.exception
    assert at.text_area(key="text").value == text


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_a_short_script_without_functions_of_its_own(page):
    source = (ROOT / page).read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert len(source.splitlines()) <= 110


@pytest.mark.parametrize("page", PAGES)
def test_every_widget_of_a_page_has_a_key_that_starts_with_its_name(page):
    calls = [n for n in ast.walk(ast.parse((ROOT / page).read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    keys = [k.value.value for n in calls for k in n.keywords if k.arg == "key" and isinstance(k.value, ast.Constant)]
    assert all(key.startswith(Path(page).stem) for key in keys), keys


FIRST_PAINT = """
import sys
from streamlit.testing.v1 import AppTest
import lmviz.ui.runtime as runtime
runtime.warm = lambda name: None            # the background warm-up is what may import torch
page, model = sys.argv[1:]
at = AppTest.from_file("app.py", default_timeout=120)
if model:
    at.query_params["model"] = model
at.run()
if page:
    at.switch_page(page).run()
assert not at.exception, at.exception
heavy = sorted({"torch", "transformers"} & set(sys.modules))
assert not heavy, heavy
"""
QUICK = [
    "reading/chain_rule",
    "reading/heatmap",
    "reading/perplexity",
    "reading/guessing_game",
    "beyond/distillation",
    "beyond/contrastive",
    "beyond/exposure",
    "lab/training",
]
OF_SMOLLM2 = ["reading/compression", "why/gradient", "why/losses", "why/calibration", "lab/downstream"]  # what is stored for it opens these


@pytest.mark.parametrize(
    "page, model",
    [
        ("", ""),
        *((page, "") for page in QUICK),
        *(pytest.param(page, "", marks=pytest.mark.smollm2) for page in OF_SMOLLM2),
        ("beyond/masked", "nano"),
        ("beyond/vocabulary", "nano"),
    ],
)
def test_the_first_paint_needs_no_torch(page, model):
    done = subprocess.run([sys.executable, "-c", FIRST_PAINT, page and f"pages/{page}.py", model], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
