"""The README says what is."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _tree_module():
    spec = importlib.util.spec_from_file_location("readme_tree", ROOT / "tests" / "readme_tree.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tree_in_the_readme_is_the_tree_there_is():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert _tree_module().written(readme) == readme, "run: python tests/readme_tree.py"


def test_every_module_says_in_its_first_line_what_it_is():
    silent = [f for f in (ROOT / "lmviz").rglob("*.py") if f.name != "__init__.py" and not _tree_module().first_line(f)]
    assert not silent


def test_the_files_the_readme_points_to_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / target).exists(), target


def test_the_commands_of_the_readme_are_targets_of_the_makefile():
    readme, makefile = (ROOT / "README.md").read_text(encoding="utf-8"), (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.M))
    assert set(re.findall(r"^make ([a-z]+)", readme, flags=re.M)) <= targets


def test_continuous_integration_runs_make_test_and_nothing_less():
    assert "exec make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
