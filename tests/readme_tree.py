"""The tree of the README: one line a file, taken from each file's own first line. `python tests/readme_tree.py` rewrites it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
START, END = "<!-- tree -->", "<!-- /tree -->"
FOLDERS = [
    "pages/*",
    "lmviz",
    "lmviz/models",
    "lmviz/coding",
    "lmviz/vocabulary",
    "lmviz/lab",
    "lmviz/training",
    "lmviz/figures",
    "lmviz/ui",
    "lmviz/data",
    "lmviz/data/recorded",
]


def first_line(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.splitlines()[0] if docstring else ""


def tree() -> str:
    lines = ["```", f"{'app.py':44}{first_line(ROOT / 'app.py')}"]
    for pattern in FOLDERS:
        for folder in sorted(ROOT.glob(pattern)):
            if not folder.is_dir() or folder.name.startswith("_"):
                continue
            for file in sorted(folder.glob("*.py")):
                if file.name != "__init__.py" or folder.name == "lmviz":
                    lines.append(f"{file.relative_to(ROOT).as_posix():44}{first_line(file)}")
    lines += [f"{'lmviz/data/…':44}passages, tokenizer, weights, counts, first views: each folder has its own README or is made by a script here"]
    lines += [f"{'tests/':44}mirrors lmviz/ and pages/; browser/ drives Chromium; bench/ measures", "```"]
    return "\n".join(line.rstrip() for line in lines)


def written(readme: str) -> str:
    """The README with the tree of today."""
    return re.sub(f"{START}.*?{END}", lambda _: f"{START}\n{tree()}\n{END}", readme, flags=re.S)


if __name__ == "__main__":
    (ROOT / "README.md").write_text(written((ROOT / "README.md").read_text(encoding="utf-8")), encoding="utf-8")
