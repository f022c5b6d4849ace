"""Chapter 19 and the glossary: sources by part of the book, next steps, and every word with its meaning."""

import streamlit as st

from lmviz import display
from lmviz.data import bibliography, glossary
from lmviz.ui.links import linked

KINDS = {"film": "To watch", "tutorial": "To work through", "book": "To read slowly", "paper": "Papers, oldest first"}


def sources(titles: dict[str, str]) -> None:
    """Every source under its kind, or those of one chapter. `titles` maps page names to what the chapters are called."""
    known = [name for name in titles if any(name in source.chapters for source in bibliography.SOURCES)]
    chosen = linked(st).selectbox(
        "For which chapter?", known, index=None, key="sources_chapter", placeholder="All of them", format_func=lambda name: titles[name]
    )
    for kind, heading in KINDS.items():
        found = [s for s in sorted(bibliography.SOURCES, key=lambda s: s.year) if s.kind == kind and (chosen is None or chosen in s.chapters)]
        if found:
            st.subheader(heading, anchor=False)
            st.markdown("\n".join(line(source) for source in found))


def line(source: bibliography.Source) -> str:
    """A source as a Markdown list item."""
    return f"- {display.md_escape(source.authors)} ({source.year}). [{display.md_escape(source.title)}](<{source.link}>). {display.md_escape(source.where)}. *{source.good_for}*"


def words(titles: dict[str, str]) -> None:
    """The glossary: found by typing, the word a link asked for first."""
    asked = glossary.by_slug().get(st.session_state.asked.get("term", ""))
    if asked is not None:
        with st.container(border=True, key="glossary_asked"):
            st.markdown(entry(asked, titles))
    typed = linked(st).text_input("Find a word", key="glossary_find", placeholder="entropy, calibration, teacher …")
    found = glossary.find(typed) if typed.strip() else list(glossary.TERMS)
    if not found:
        st.markdown(f"No entry has “{display.md_escape(typed[:60])}” in it.")
    st.markdown("\n\n".join(entry(term, titles) for term in found if term is not asked or typed.strip()))


def entry(term: glossary.Term, titles: dict[str, str]) -> str:
    """One word, its meaning, and the chapter that introduces it."""
    where = f" → [{titles[term.chapter]}]({term.chapter})" if term.chapter in titles else ""
    return f"**{term.name}.** {term.meaning}{where}"
