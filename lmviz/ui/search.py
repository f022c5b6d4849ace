"""The box on the first page that searches the chapters and the glossary."""

from pathlib import Path

import streamlit as st

from lmviz import display, search
from lmviz.data import glossary
from lmviz.ui.links import linked
from lmviz.ui.memory import shared

ROOT = Path(__file__).parents[2]
MOST_PAGES, MOST_TERMS = 8, 4
LONGEST = 320  # characters of a sentence that is shown


@shared()
def _index() -> tuple[search.Page, ...]:
    return search.index(ROOT)


def box(key: str) -> None:
    """The box and, once something is typed, what was found: pages with the sentence that matched, then entries of the glossary."""
    typed = linked(st).text_input("Find in the book", key=key, max_chars=100, placeholder="temperature, float16, why not squared error …").strip()
    if not typed:
        return
    pages, terms = search.find(_index(), typed)[:MOST_PAGES], search.terms(typed)[:MOST_TERMS]
    if not pages and not terms:
        st.markdown(f"Nothing in the book has “{display.md_escape(typed[:60])}” in it. A single word finds more.")
    if terms:
        st.markdown("\n".join(f"- {entry(term)}" for term in terms))
    for found in pages:
        with st.container(key=f"{key}_{Path(found.file).stem}", gap=None):
            st.page_link(found.file, label=f"**{found.title}** · {found.question}")
            if found.sentence:
                st.caption(display.md_escape(shortened(found.sentence, typed)))


def entry(term: glossary.Term) -> str:
    """A word's meaning, and the way to its entry."""
    return f"**{glossary.link(term.name)}.** {term.meaning}"


def shortened(sentence: str, typed: str) -> str:
    """A long sentence cut to the stretch that holds the first word found."""
    if len(sentence) <= LONGEST:
        return sentence
    at = next((sentence.lower().find(word) for word in typed.lower().split() if word in sentence.lower()), 0)
    start = max(0, min(at - LONGEST // 3, len(sentence) - LONGEST))
    return ("… " if start else "") + sentence[start : start + LONGEST].strip() + (" …" if start + LONGEST < len(sentence) else "")
