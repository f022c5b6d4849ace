"""Search over the chapters and the glossary."""

import ast
from functools import lru_cache
from pathlib import Path

import pytest

from lmviz import search
from lmviz.data import glossary

ROOT = Path(__file__).parents[1]


@lru_cache(1)
def book() -> tuple[search.Page, ...]:
    return search.index(ROOT)


def test_the_index_holds_every_page_of_the_folder_once():
    assert sorted(page.file for page in book()) == sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "pages").glob("*/*.py"))


@pytest.mark.parametrize("page", book(), ids=lambda page: page.file)
def test_a_sentence_that_stands_on_a_page_leads_to_it(page):
    sentence = max(page.sentences, key=lambda s: len(s) if "…" not in s else 0)
    assert page.file in [found.file for found in search.find(book(), " ".join(search.words(sentence)[: search.MOST_WORDS]))]


@pytest.mark.parametrize("page", book(), ids=lambda page: page.file)
def test_a_page_is_the_first_to_be_found_by_its_own_title(page):
    assert search.find(book(), page.title)[0].file == page.file


def test_every_sentence_found_holds_a_word_that_was_asked_for():
    for typed in ("temperature", "Huffman", "squared error", "overflow", "gradients"):
        found = search.find(book(), typed)
        assert found
        for page in found:
            said = search.words(page.sentence) or search.words(page.title + " " + page.question)
            assert any(said_word.startswith(word) for said_word in said for word in search.words(typed))


def test_a_word_of_one_chapter_finds_that_chapter_first():
    assert search.find(book(), "overflow float16")[0].file == "pages/why/stability.py"
    assert search.find(book(), "temperature")[0].file == "pages/why/calibration.py"
    assert search.find(book(), "in-batch negatives")[0].file == "pages/beyond/contrastive.py"


@pytest.mark.parametrize("typed", ["", "   ", "?!", "**", "xyzzyplugh", "perplexity xyzzyplugh", "(((", "\\", "\x00"])
def test_what_nobody_wrote_is_not_found(typed):
    assert search.find(book(), typed) == []


def test_plurals_find_singulars_and_the_other_way_round():
    assert {f.file for f in search.find(book(), "perplexities")} == {f.file for f in search.find(book(), "perplexity")}


def test_no_code_no_key_and_no_docstring_is_taken_for_a_sentence():
    source = '"""A docstring of a module, with many words."""\ndef code(x):\n    "doc"\n    return "this is a snippet of many words."\nst.latex("a b c d e f g")\nshow.code("from a import b c d e", key="k")\nst.markdown("These are the words that readers see.")'
    assert list(search.sentences(ast.parse(source))) == ["These are the words that readers see."]


def test_terms_come_from_the_glossary():
    assert [t.name for t in search.terms("dark knowledge")] == ["dark knowledge"]
    assert search.terms("") == [] and search.terms("xyzzyplugh") == []
    assert all(term in glossary.TERMS for term in search.terms("the"))
