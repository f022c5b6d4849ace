"""A snippet as a notebook, against the notebook format and against Python itself."""

import ast
import inspect
import json

import nbformat
import pytest

from lmviz import losses, notebooks, units

SNIPPET = """import math

def area(r):
    text = '''one

    two'''

    return math.pi * r * r


for r in (1, 2):

    print(area(r))
# the end
"""


def test_the_cells_are_the_snippet_and_each_is_whole_statements():
    parts = notebooks.cells(SNIPPET)
    assert len(parts) == 3
    assert ast.dump(ast.parse("\n\n".join(parts))) == ast.dump(ast.parse(SNIPPET))
    for part in parts:
        ast.parse(part)


def test_the_notebook_is_valid_and_holds_title_command_code_and_sources():
    text = notebooks.notebook("10 · The alternatives", SNIPPET, [losses.hinge, units.to_bits])
    book = nbformat.reads(text, as_version=4)
    nbformat.validate(book)
    assert [cell.source for cell in book.cells if cell.cell_type == "code"] == notebooks.cells(SNIPPET)
    words = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    assert words.startswith("# 10 · The alternatives") and "pip install -r requirements.txt" in words
    assert inspect.getsource(losses.hinge) in words and "`lmviz.units.to_bits`" in words


def test_the_same_chapter_gives_the_same_file_with_unique_cells():
    made = [notebooks.notebook("1", SNIPPET, [losses.hinge]) for _ in range(2)]
    assert made[0] == made[1]
    names = [cell["id"] for cell in json.loads(made[0])["cells"]]
    assert len(set(names)) == len(names)


def test_what_is_not_python_is_refused():
    with pytest.raises(SyntaxError):
        notebooks.notebook("1", "print(")
