"""Words lead to the glossary: each chapter links the terms it introduces, once, and no link leads nowhere."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from lmviz import search
from lmviz.data import glossary

ROOT = Path(__file__).parents[1]
PAGES = {p.stem: p for p in sorted((ROOT / "pages").glob("*/*.py"))}
LINK = re.compile(r"\[([^\[\]]+)\]\(glossary\?term=([^)\s]*)\)")


def links(file: Path) -> list[tuple[str, str]]:
    """(word shown, entry) of every link in the strings of a source."""
    constants = [n.value for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [found for text in constants for found in LINK.findall(text)]


def linked_on(page: str) -> Counter:
    modules = search.own_modules(ast.parse(PAGES[page].read_text(encoding="utf-8")))
    files = [PAGES[page], *(ROOT / "lmviz/ui" / f"{name}.py" for name in modules)]
    return Counter(entry for file in files for _, entry in links(file))


@pytest.mark.parametrize("page", sorted({term.chapter for term in glossary.TERMS}))
def test_a_chapter_links_each_term_that_it_introduces_exactly_once(page):
    found = linked_on(page)
    assert {term.slug: found[term.slug] for term in glossary.TERMS if term.chapter == page} == {t.slug: 1 for t in glossary.TERMS if t.chapter == page}


def test_every_link_to_the_glossary_leads_to_an_entry_whose_name_the_word_is():
    found = [link for folder in ("pages", "lmviz/ui") for file in (ROOT / folder).rglob("*.py") for link in links(file)]
    assert len(found) >= len(glossary.TERMS)
    for word, entry in found:
        term = glossary.by_slug()[entry]
        assert word.lower().removesuffix("s") in {name.lower().removesuffix("s") for name in (term.name, *term.also)}, (word, entry)
