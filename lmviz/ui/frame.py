"""The frame around every page: navigation, the reader's choices, the title, the next and the previous chapter."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import StopException

from lmviz import models
from lmviz.data import examples
from lmviz.errors import ReaderError
from lmviz.ui import fallback, fetching, menu, path, present, reader, runtime, share, show

HERE = Path(__file__).parent
STYLE = f"<style>\n{(HERE / 'frame.css').read_text(encoding='utf-8')}\n</style>"


@dataclass(frozen=True)
class Chapter:
    """One page of the book: its file, its short title, the question it asks; `number` is None for a page that is no chapter."""

    file: str
    title: str
    question: str
    number: int | None
    reads_text: bool = True  # whether the reader's own text stands at its head

    @property
    def name(self) -> str:
        return Path(self.file).stem

    @property
    def heading(self) -> str:
        return f"{self.number} · {self.title}" if self.number else self.title


_titles: dict[str, str] = {}


def titles() -> dict[str, str]:
    """What the chapters are called, by their names in the address; for pages, once the book is open."""
    return dict(_titles)


def open_book(book: dict[str, list[Chapter]]) -> None:
    """Draw the whole page, in its turn: header, choices, title, the page itself, the table of contents on the first page, the way on."""
    with runtime.turns().turn():
        _draw(book)


def _draw(book: dict[str, list[Chapter]]) -> None:
    st.set_page_config(page_title="lmviz", page_icon=str(HERE / "icon.png"), layout="wide", initial_sidebar_state="collapsed")
    st.markdown(STYLE, unsafe_allow_html=True)  # ours, never the reader's; `st.html` would come seconds later on a slow machine, and the page would jump
    reader.open_session()
    fallback.take()
    runtime.warm(st.session_state.model)
    chapters = [chapter for part in book.values() for chapter in part]
    _titles.update({chapter.name: chapter.heading for chapter in chapters if chapter.number})
    st_pages = {chapter.file: st.Page(chapter.file, title=chapter.heading, default=chapter is chapters[0]) for chapter in chapters}
    current = st.navigation({part: [st_pages[c.file] for c in members] for part, members in book.items()}, position="top")
    chapter = next(c for c in chapters if st_pages[c.file].title == current.title)
    place = chapters.index(chapter)
    if way := present.turn():
        st.switch_page(st_pages[chapters[min(max(place + way, 0), len(chapters) - 1)].file])
    present.arrive(chapter.name)
    st.session_state.page = chapter.name
    if present.is_on():
        st.markdown(present.STYLE, unsafe_allow_html=True)  # ours
    shared = _choices()
    _title(book, chapter)
    path.line(chapter.name)
    if chapter.reads_text:
        _text()
    reader.write_url()
    try:
        current.run()
    except StopException:  # the page ended early, with a sentence; the way on is still to be drawn
        pass
    if chapter is chapters[0]:
        _contents(book, st_pages)
    path.keep()
    menu.mend()
    _way_on(chapters, place, st_pages)
    if shared is not None:
        share.link(*shared)
    reader.write_url()  # the page may have moved the selected token


def _choices():
    """One slim row: which model, which unit, a link to share. Returns the open popover and the link in it, or None."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="choices"):
        _model_state()
        st.selectbox("Model", fallback.options(), key="model", label_visibility="collapsed", width=150, format_func=fallback.title, on_change=fallback.chosen,
                     help=models.registry.row(st.session_state.model).about)  # fmt: skip
        fetching.row_popover()
        st.segmented_control("Unit", reader.UNITS, key="unit", label_visibility="collapsed", required=True)
        place = share.popover()
    return None if place is None else (place, share.link(place))


def _model_state() -> None:
    name = st.session_state.model
    state = runtime.state(name)
    if state == "loading":
        st.fragment(_loading_line, run_every=1.5)(name)
    elif state == "failed":
        st.caption(f"{models.registry.row(name).title} could not be loaded")


def _loading_line(name: str) -> None:
    if runtime.state(name) != "loading":
        # The frame goes on: with another model where this one failed; and without this line, which would ask for ever.
        # subtle: a fragment that asks while another draws now and then leaves that one's old picture behind, under the new one
        st.rerun()
    st.caption(f"{models.registry.row(name).title} is warming up …")


def _title(book: dict[str, list[Chapter]], chapter: Chapter) -> None:
    part = next(part for part, members in book.items() if chapter in members)
    if chapter.number:
        st.markdown(f'<p class="kicker"><span>{part} · chapter {chapter.number}</span> · {chapter.title}</p>', unsafe_allow_html=True)  # ours too
    st.title(chapter.question, anchor=False)
    for note in st.session_state.notes:
        st.info(note)
    fallback.notes()
    if (trouble := runtime.trouble(st.session_state.model)) is not None:
        show.trouble(trouble)
    fetching.arrived()
    if not chapter.number and not fetching.on_first_page() and (missing := better_model_missing()) is not None:
        show.trouble(missing)


def better_model_missing() -> ReaderError | None:
    """What the first page says when the best model is not on this machine: which one is used, and how to get the better one."""
    best = models.registry.ROWS[0]
    if best.available() or not models.names() or not models.registry.allowed(best.name):
        return None
    used = models.registry.row(models.names()[0])
    return ReaderError(f"{best.missing} This book works without them, on “{used.title}”, a much smaller model of its own. To fetch {best.title} (94 MB), stop the app, run this, and start it again:",
                       remedy=best.remedy)  # fmt: skip


def _text() -> None:
    """The reader's text, and examples to start from."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="text_row"):
        st.text_area(
            "Your text",
            key="text",
            on_change=reader.forget_token,
            height=70,
            max_chars=100_000,
            placeholder="Type a sentence, then press Ctrl+Enter",
            width="stretch",
        )
        with st.container(key="text_actions", width=150):
            st.button("Read it", type="primary", key="read", width="stretch", help="Ctrl+Enter in the text does the same")
            st.selectbox(
                "Start from an example",
                list(examples.by_title()),
                index=None,
                key="example",
                placeholder="Examples",
                on_change=_use_example,
                label_visibility="collapsed",
            )


def _use_example() -> None:
    if (title := st.session_state.example) is not None:
        reader.use_text(examples.by_title()[title])


def _contents(book: dict[str, list[Chapter]], st_pages: dict) -> None:
    """The table of contents: one column a part, the question of each chapter under its title."""
    parts = {part: chapters for part, members in book.items() if (chapters := [c for c in members if c.number])}
    for column, (part, chapters) in zip(st.columns(max(2, len(parts))), parts.items(), strict=False):
        with column:
            st.subheader(part, anchor=False)
            for chapter in chapters:
                with st.container(key=f"toc_{chapter.name}", gap=None):
                    st.page_link(st_pages[chapter.file], label=f"**{chapter.number} · {chapter.title}**")
                    st.caption(chapter.question)


def _way_on(chapters: list[Chapter], place: int, st_pages: dict) -> None:
    before, after = (chapters[i] if 0 <= i < len(chapters) else None for i in (place - 1, place + 1))
    if present.is_on():
        where = f"{place + 1} of {len(chapters)} · arrow keys or a clicker go on"
        present.bar(chapters[place].name, where, before and before.heading, after and after.heading)
        return
    with st.container(key="way_on"):
        st.divider()
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            if before:
                st.page_link(st_pages[before.file], label=f"← {before.heading}")
            if after:
                st.page_link(st_pages[after.file], label=f"{after.heading} →")
