"""Small things every chapter shows: trouble, source code, sources, and a question to predict."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import streamlit as st

from lmviz import display, models, notebooks, settings
from lmviz.errors import ReaderError
from lmviz.ui import present, runtime, take_away


def trouble(error: ReaderError) -> None:
    """One clear sentence, and the command that mends it if there is one. The text is shown literally."""
    with st.container(border=True):
        st.text(str(error))
        if error.remedy:
            st.code(error.remedy, language=None)


def training_is_off() -> bool:
    """Whether the host lets no reader train; then the page says so, where the button would be."""
    off = not settings.value("LMVIZ_TRAINING_SLOTS")
    if off:
        st.caption("Training is switched off on this host: what the page shows was recorded. On a machine of your own, it is on.")
    return off


@contextmanager
def training_turn(bar) -> Iterator[None]:
    """A reader's turn to train: only so many at once as the host allows, or everybody's reading would wait for every step. `bar` says so meanwhile."""
    slots = runtime.training_slots()
    while not slots.acquire(timeout=0.5):
        bar.progress(0.0, "Another reader's run comes first …")
    try:
        yield
    finally:
        slots.release()


def stop_button(key: str) -> None:
    """A button that ends the long run of a fragment; what that had reached stays.

    It must stand outside the fragment: a press inside would wait for the run to end, and only a run of the whole page ends it.
    """
    st.button("Stop", key=key)


def tokenizer_words(n_tokens: Mapping[str, int]) -> str:
    """What must be said where models with different tokenizers meet, from `n_tokens` (model → tokens of the same text); empty if all share one."""
    rows = {row.name: row for row in (*models.registry.ROWS, *models.registry.MASKED_ROWS)}
    cutting: dict[tuple[str, int], list[str]] = {}
    for name, n in n_tokens.items():
        row = rows.get(name) or models.registry.row(name)
        cutting.setdefault((row.tokenizer, n), []).append(display.md_escape(row.title))
    if len({tokenizer for tokenizer, _ in cutting}) < 2:
        return ""
    if len({n for _, n in cutting}) == 1:
        parts = [f"{_and(titles)}" for titles in cutting.values()]
        said = f"{'; '.join(parts)}: {display.number(n)} tokens each, but not the same ones, for their tokenizers differ."
    else:
        parts = [f"{_and(titles)} {'cuts' if len(titles) == 1 else 'cut'} this text into {display.number(n)} tokens" for (_, n), titles in cutting.items()]
        said = f"{', '.join(parts)}: their tokenizers differ."
    return (
        f"{said[0].upper()}{said[1:]} A token of one is not a token of the other, so losses and perplexities per token do not "
        "compare between them. Bits per byte do: the bytes are the same for all."
    )


def tokenizer_note(n_tokens: Mapping[str, int]) -> None:
    """`tokenizer_words` as a note, where there is something to say."""
    if words := tokenizer_words(n_tokens):
        st.caption(words)


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def source_of(*functions: Callable) -> None:
    """The real source of the functions that computed what is on the page."""
    for function in functions:
        module = inspect.getmodule(function).__name__
        st.caption(f"`{module}.{function.__name__}`")
        st.code(notebooks.source(function), language="python")


def code(snippet: str, *functions: Callable, key: str, of: Sequence[str] | None = None) -> None:
    """“The code”: a snippet that reproduces the number on screen, the same as a notebook, then the source behind it.

    Before it “Take it with you”: figures and numbers as files. `of` names the models they are of: None for the reader's, none at
    all where the figures name them.
    """
    take_away.offer(*_chapter(), of=of)
    with st.expander("The code", key=key, on_change="rerun") as opened:
        if opened.open:
            st.markdown("This reproduces the numbers above, on your text:")
            st.code(snippet, language="python")
            title, name = _chapter()
            st.download_button("As a notebook, .ipynb", lambda: notebooks.notebook(title, snippet, functions), f"lmviz-{name}.ipynb", "application/x-ipynb+json", key=f"{key}_notebook", on_click="ignore")  # fmt: skip
            st.markdown("And this is what computed them:")
            source_of(*functions)


def _chapter() -> tuple[str, str]:
    """What the open chapter is called: its heading, and its name in the address."""
    from lmviz.ui import frame  # subtle: the frame shows trouble by this module

    name = st.session_state.get("page", "chapter")
    return frame.titles().get(name, name), name


def text_line(text: str) -> str:
    """The line of a snippet that gives it the reader's text; a long one is read from a file."""
    if len(text) <= 400:
        return f"text = {text!r}"
    return 'text = open("text.txt", encoding="utf-8").read()  # your text, saved under this name'


def sources(*lines: str) -> None:
    """“Sources”: one Markdown line each."""
    with st.expander("Sources"):
        st.markdown("\n".join(f"- {line}" for line in lines))


def predict(question: str, options: Sequence[str], answer: int, because: str, why_not: Sequence[str] = (), *, key: str) -> None:
    """“Predict, then check”: the answer, computed by the caller, is shown once the reader has chosen.

    `options` are shown literally, apart from Markdown escapes; `question`, `because` and `why_not`, which says of each option
    what is wrong with it, are Markdown of ours.
    """
    st.subheader("Predict, then check", anchor=False)
    choice = st.radio(question, range(len(options)), index=None, format_func=lambda i: display.md_escape(options[i]), key=key)
    revealed = present.question()
    if choice is not None or revealed:
        right = display.md_escape(options[answer])
        verdict = f"{right}." if choice is None else "Yes." if choice == answer else f"No: {right}."
        reason = why_not[choice] if choice not in (None, answer) and why_not else ""
        st.markdown(f"**{verdict}** {reason} {because}")
