"""The frame around every page: navigation, the reader's choices, the title, the next and the previous chapter."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from lmviz import models
from lmviz.data import examples
from lmviz.errors import ReaderError
from lmviz.models import own
from lmviz.ui import fallback, fetching, reader, runtime, show

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
    """Draw the whole page: header, choices, title, the page itself, the table of contents on the first page, the way on."""
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
    _choices()
    _title(book, chapter)
    if chapter.reads_text:
        _text()
    reader.write_url()
    current.run()
    if chapter is chapters[0]:
        _contents(book, st_pages)
    _way_on(chapters, chapter, st_pages)
    reader.write_url()  # the page may have moved the selected token


def _choices() -> None:
    """One slim row: which model, which unit, a link to share."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="choices"):
        _model_state()
        st.selectbox("Model", fallback.options(), key="model", label_visibility="collapsed", width=150, format_func=fallback.title, on_change=fallback.chosen,
                     help=models.registry.row(st.session_state.model).about)  # fmt: skip
        fetching.row_popover()
        st.segmented_control("Unit", reader.UNITS, key="unit", label_visibility="collapsed", required=True)
        with st.popover("Share", key="share", on_change="rerun") as share:
            if not share.open:
                return
            st.markdown("This link opens the page as you see it, with your text, model, unit and selected token.")
            st.code(reader.share_link(), language=None, wrap_lines=True)
            if len(st.session_state.text or "") > reader.SHARED_CHARACTERS:
                st.caption(f"Your text is longer than {reader.SHARED_CHARACTERS} characters, so it is not in the link.")
            if own.row(st.session_state.model):
                st.caption("The model you trained lives in this session only: the link opens with the usual one.")


def _model_state() -> None:
    name = st.session_state.model
    state = runtime.state(name)
    if state == "loading":
        st.fragment(_loading_line, run_every=1.5)(name)
    elif state == "failed":
        st.caption(f"{models.registry.row(name).title} could not be loaded")


def _loading_line(name: str) -> None:
    title, state = models.registry.row(name).title, runtime.state(name)
    if state == "failed":
        st.rerun()  # the frame goes on with another model
    st.caption(f"{title} is warming up …" if state == "loading" else f"{title} is ready")


def _title(book: dict[str, list[Chapter]], chapter: Chapter) -> None:
    part = next(part for part, members in book.items() if chapter in members)
    if chapter.number:
        st.markdown(f'<p class="kicker">{part} · chapter {chapter.number} · {chapter.title}</p>', unsafe_allow_html=True)  # ours too
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
    if best.available() or not models.names():
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


def _way_on(chapters: list[Chapter], chapter: Chapter, st_pages: dict) -> None:
    place = chapters.index(chapter)
    st.divider()
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        if place:
            st.page_link(st_pages[chapters[place - 1].file], label=f"← {chapters[place - 1].heading}")
        if place + 1 < len(chapters):
            st.page_link(st_pages[chapters[place + 1].file], label=f"{chapters[place + 1].heading} →")
