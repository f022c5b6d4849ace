"""A figure is also a sentence: whoever cannot see it hears what it shows."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(p.relative_to(ROOT).as_posix() for folder in ("pages", "lmviz/ui") for p in (ROOT / folder).rglob("*.py"))
SILENT = {
    "line_chart",
    "bar_chart",
    "area_chart",
    "scatter_chart",
    "pyplot",
    "altair_chart",
    "vega_lite_chart",
    "graphviz_chart",
}  # Streamlit's own charts take no sentence


def calls(file: str) -> list[tuple[str, ast.Call]]:
    """(name with its owner, call) of every call of a method in a source."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return [(f"{getattr(n.func.value, 'id', '')}.{n.func.attr}", n) for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]


@pytest.mark.parametrize("file", FILES)
def test_every_figure_has_a_sentence_for_who_cannot_see_it(file):
    for name, call in calls(file):
        method = name.split(".")[1]
        assert method not in SILENT, f"{file}:{call.lineno}"
        if method == "plotly_chart" or name == "charts.draw":
            said = [keyword.value for keyword in call.keywords if keyword.arg == "alt"]
            assert said, f"{file}:{call.lineno} has no alt="
            assert not isinstance(said[0], ast.Constant) or len(str(said[0].value or "").split()) >= 3, f"{file}:{call.lineno} says too little"


def test_the_check_sees_the_figures_of_the_book():
    drawn = [name for file in FILES for name, _ in calls(file) if name.endswith(".plotly_chart") or name == "charts.draw"]
    assert len(drawn) > len([file for file in FILES if file.startswith("pages/")])


@pytest.mark.parametrize("file", sorted(p.name for kind in ("css", "js") for p in (ROOT / "lmviz/ui").glob(f"*.{kind}")))
def test_what_moves_stays_still_for_who_asks_for_less_motion(file):
    source = (ROOT / "lmviz/ui" / file).read_text(encoding="utf-8")
    moves = any(word in source for word in ("transition:", "animation:", "@keyframes", '"smooth"', "'smooth'", "scroll-behavior: smooth", ".animate("))
    assert not moves or "prefers-reduced-motion" in source
