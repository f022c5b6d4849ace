"""Chapter 19 and the glossary."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz.data import bibliography, glossary
from lmviz.ui import frame, library
from tests.pages.conftest import open_chapter

ROOT = Path(__file__).parents[2]
BOOK = next(
    node.value for node in ast.parse((ROOT / "app.py").read_text(encoding="utf-8")).body if isinstance(node, ast.Assign) and node.targets[0].id == "BOOK"
)
CHAPTERS = {Path(call.args[0].value).stem for call in ast.walk(BOOK) if isinstance(call, ast.Call)}


def opened(page: str, **query) -> AppTest:
    return open_chapter(page, **query)


def test_every_term_leads_to_a_chapter_of_the_book_and_every_source_to_some():
    assert {term.chapter for term in glossary.TERMS} <= CHAPTERS
    assert all(source.chapters and set(source.chapters) <= CHAPTERS for source in bibliography.SOURCES)


def test_no_two_terms_share_a_name_a_spelling_or_an_address():
    spelled = [spelling.lower() for term in glossary.TERMS for spelling in (term.name, *term.also)]
    assert len(spelled) == len(set(spelled)) and len(glossary.by_slug()) == len(glossary.TERMS)


def test_the_sources_page_lists_all_of_them_and_those_of_one_chapter():
    at = opened("pages/lab/sources.py")
    text = " ".join(m.value for m in at.markdown)
    assert all(source.link in text for source in bibliography.SOURCES)
    at.selectbox(key="sources_chapter").set_value("losses").run()
    text = " ".join(m.value for m in at.markdown)
    assert all((source.link in text) == ("losses" in source.chapters) for source in bibliography.SOURCES)


@pytest.mark.parametrize("term", ["perplexity", "kl-divergence"])
def test_a_link_from_a_word_shows_that_entry_first(term):
    at = opened("pages/lab/glossary.py", term=term)
    entries = [m.value for m in at.markdown if m.value.startswith("**")]
    assert entries[0] == library.entry(glossary.by_slug()[term], frame.titles())


def test_a_made_up_term_in_the_address_shows_the_whole_glossary():
    at = opened("pages/lab/glossary.py", term="<script>")
    assert any("**accuracy.**" in m.value for m in at.markdown)


def test_typing_finds_entries_and_says_when_there_is_none():
    at = opened("pages/lab/glossary.py")
    at.text_input(key="glossary_find").set_value("teacher").run()
    shown = at.markdown[-1].value
    assert "**distillation.**" in shown and "**PPMd.**" not in shown
    at.text_input(key="glossary_find").set_value("[x](http://a) zebra").run()
    assert any("No entry has" in m.value and "[x]" not in m.value for m in at.markdown)
