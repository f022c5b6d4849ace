"""A teacher and a student for chapters 14 and 15: which models, the text as the teacher reads it, and the real logits of both."""

import dataclasses

import numpy as np
import streamlit as st

from lmviz import display, models
from lmviz.data import examples
from lmviz.data.first_views import distillation as stored
from lmviz.errors import ReaderError
from lmviz.models import series
from lmviz.models.scored import ScoredText
from lmviz.ui import logits, reader, scores, show, strip, token_strip


def teacher() -> str:
    """The best embedded transformer; without one there is nobody to learn from, and the page says so."""
    try:
        return stored.teacher()
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()


def title(name: str) -> str:
    """A model as readers see it, short.

    >>> title("nano@64"), title("nano@0"), title("nano")
    ('nano at step 64', 'nano, untrained', 'nano')
    """
    if "@" in name:
        step = int(name.split("@")[1])
        return f"nano at step {display.number(step)}" if step else "nano, untrained"
    return {series.STUDENT: "the distilled student"}.get(name, name)


def teacher_strip(teacher_name: str, *, page: str = "distillation", heading: str = "−log P of every token under the teacher") -> tuple[ScoredText, int]:
    """The reader's text as the teacher reads it, and the selected token: shared with other chapters if the tokens are the same."""
    chosen = reader.choices()
    if chosen.model == teacher_name:
        scored = scores.reader_scored()
    else:
        if not chosen.text.strip():
            scores.reader_scored()  # says so, and ends the page
        scored = scores.scored(chosen.text, teacher_name)
    heading = f"{heading}, {teacher_name}"
    if models.registry.row(chosen.model).tokenizer == models.registry.row(teacher_name).tokenizer:
        return scored, strip.reader_strip(scored, key=f"{page}_strip", title=heading)
    # subtle: another tokenizer cuts the text at other places, so the shared index means another token; here the page keeps its own
    selected = token_strip.token_strip(
        [token.text for token in scored.tokens], key=f"{page}_own", version=(scored.text, scored.model), selected=int(np.nanargmax(scored.losses)),
        measures=strip.measures(scored), unit=chosen.unit, labels=strip.labels(scored), ids=[token.id for token in scored.tokens], title=heading,
    )  # fmt: skip
    return scored, selected if selected is not None else int(np.nanargmax(scored.losses))


def whose(scored: ScoredText) -> None:
    """Why this page may read with another model than the one chosen above."""
    chosen = reader.choices().model
    if chosen != scored.model:
        title = models.registry.row(chosen).title
        st.caption(
            f"Teacher and student must share their tokens, so this page reads with models of this project: the teacher is {scored.model}, not {display.md_escape(title)}."
        )


def both_logits(scored: ScoredText, student: str) -> tuple[np.ndarray, np.ndarray]:
    """(teacher, student) logits [T, V] of the first `n_kept` tokens: stored for the opening view, else from one run of each, remembered."""
    kept = stored.load()
    if kept is not None and scored.text == examples.OPENING and (kept.teacher, kept.teacher_revision, kept.student) == (scored.model, scored.revision, student):
        return kept.teacher_logits, kept.student_logits
    of_student = dataclasses.replace(scored, model=student, revision=f"student of {scored.revision}")
    return logits.reader_logits(scored).numpy(), logits.reader_logits(of_student).numpy()
