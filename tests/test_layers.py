"""Imports go one way, and cost only what they must: each claim is checked in a process of its own."""

import subprocess
import sys

import pytest

NUMERICS = ["units", "information", "losses", "gradients", "stability", "calibration", "sources"]


def imported_by(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport sys\nprint(*sorted(sys.modules))"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def within(modules: set[str], *names: str) -> set[str]:
    return {module for module in modules for name in names if module == name or module.startswith(name + ".")}


def test_importing_lmviz_imports_nothing_else():
    assert within(imported_by("import lmviz"), "lmviz", "torch", "numpy", "streamlit", "transformers") == {"lmviz"}


@pytest.mark.parametrize(
    "module", ["lmviz.models", "lmviz.models.scored", "lmviz.models.registry", "lmviz.models.files", "lmviz.models.service", "lmviz.__main__"]
)
def test_what_a_first_page_needs_imports_no_torch(module):
    assert not within(imported_by(f"import {module}"), "torch", "transformers", "streamlit", "plotly")


def test_numerics_do_not_import_models_or_what_lies_above():
    modules = imported_by("import importlib\n" + f"for m in {NUMERICS}: importlib.import_module('lmviz.' + m)")
    assert not within(modules, "lmviz.models", "lmviz.figures", "lmviz.ui", "lmviz.training", "streamlit", "plotly", "transformers")


def test_models_import_nothing_that_lies_above_them():
    modules = imported_by(
        "import importlib, pkgutil, lmviz.models as m\nfor i in pkgutil.iter_modules(m.__path__): importlib.import_module('lmviz.models.' + i.name)"
    )
    assert not within(modules, "lmviz.figures", "lmviz.ui", "streamlit", "plotly")


@pytest.mark.smollm2
def test_scoring_never_imports_transformers():
    modules = imported_by("from lmviz import models\nfrom lmviz.models import scoring\nassert len(scoring.score(models.load('smollm2-135m'), 'The cat')) == 2")
    assert within(modules, "torch") and not within(modules, "transformers", "streamlit", "pandas", "gguf")


def test_only_one_file_imports_transformers_and_only_the_ui_streamlit():
    from pathlib import Path

    import lmviz

    root = Path(lmviz.__file__).parent
    importers = {name: {f.relative_to(root).as_posix() for f in root.rglob("*.py") if any(line.split()[:2] in ([w, name] for w in ("import", "from"))
                 or line.strip().startswith(f"from {name}.") for line in f.read_text(encoding="utf-8").splitlines())} for name in ("transformers", "streamlit")}  # fmt: skip
    assert importers["transformers"] <= {"models/hub.py"}
    # the health check speaks Streamlit's own messages, from outside the app: it draws nothing
    assert all(file.startswith("ui/") or file == "health.py" for file in importers["streamlit"])
