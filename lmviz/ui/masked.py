"""The sentences and the interactions of chapter 12: gaps that the reader makes, guessed from both sides."""

import math

import numpy as np
import streamlit as st

from lmviz import display, masking, models
from lmviz.data import examples
from lmviz.data.recorded import masked as recorded
from lmviz.errors import ReaderError
from lmviz.figures import masked as figures
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, links, masked_strip, reader, scores, show
from lmviz.ui.remember import remembered

READ = 120  # tokens; hiding each in turn reads the text so many times


def reader_text() -> str:
    """The reader's text, or as much of it as this chapter reads; asks for one, or for the model, in a sentence."""
    chosen = reader.choices()
    if not models.masked_names():
        row = models.registry.MASKED_ROWS[0]
        show.trouble(ReaderError(row.missing, remedy="git checkout -- lmviz/data"))
        st.stop()
    if not chosen.text.strip():
        st.info("There is nothing to read yet. Type a sentence above, or start from an example.")
        st.stop()
    if chosen.text == examples.OPENING:
        return chosen.text
    text = remembered(("first", chosen.text), lambda: _first(chosen.text), "Reading your text …")
    if text != chosen.text:
        st.info(f"This chapter reads a text once for each of its tokens. Yours is long; its first {READ} tokens are used.")
    return text


def left() -> str:
    """Who reads from the left only: the next-token model of the masked one's size; where this host does not offer it, the smaller one."""
    return recorded.LEFT if recorded.LEFT in models.names() else recorded.START


def _first(text: str) -> str:
    from lmviz.models import gaps

    return gaps.first_tokens(models.load_masked(), text, READ)


def seen_with_gaps(text: str, positions: tuple[int, ...]) -> ScoredText:
    """What the masked model says of every position of the text with those hidden."""
    views = recorded.views()
    if views and views.gap.text == text and positions == (recorded.OPENING_GAP,):
        return views.gap

    def compute():
        from lmviz.models import gaps

        model = models.load_masked()
        hidden = masking.by_hand(np.array(model.encode(text).ids), list(positions), mask_id=model.mask_id)
        return gaps.fill(model, text, hidden)

    return remembered(("gaps", text, positions), compute, "The masked model is reading your text …")


def opening_gap(scored: ScoredText) -> int:
    """A token worth hiding at first: of the longest, the one nearest the middle."""
    middle = (len(scored) - 1) / 2
    return max(range(len(scored)), key=lambda i: (len(scored.tokens[i].text), -abs(i - middle)))


def hidden_positions(text: str) -> list[int]:
    """The positions the reader has hidden, the one clicked last at the end; a new text starts with one of its own."""
    if st.session_state.get("masked_text") != text:
        st.session_state["masked_text"] = text
        opening = recorded.OPENING_GAP if text == examples.OPENING else opening_gap(seen_with_gaps(text, ()))
        st.session_state["masked_hidden"] = st.session_state["masked_opening"] = [opening]
    if (asked := links.asked("masked_hidden")) is not None:
        n = len(seen_with_gaps(text, ()))
        places = [int(place) for place in asked.split(",") if place.isascii() and place.isdigit() and len(place) < 6]
        st.session_state["masked_hidden"] = list(dict.fromkeys(i for i in places if i < n))
    hidden = st.session_state["masked_hidden"]
    links.note("masked_hidden", ",".join(map(str, hidden)), ",".join(map(str, st.session_state["masked_opening"])))
    return hidden


def toggle(index: int) -> None:
    """Hide a token, or show it again. For the strip's callback."""
    hidden = st.session_state["masked_hidden"]
    st.session_state["masked_hidden"] = [i for i in hidden if i != index] if index in hidden else [*hidden, index]


def look_at() -> None:
    """Look at another gap. For the callback of its pills."""
    index = st.session_state.get("masked_look")
    if index is not None:
        st.session_state["masked_hidden"] = [*(i for i in st.session_state["masked_hidden"] if i != index), index]


@st.fragment
def gap(text: str, unit: str) -> None:
    """The strip, and the guesses at the gap that was clicked last: from both sides, and from the left only."""
    hidden = hidden_positions(text)
    position = hidden[-1] if hidden else None
    seen = seen_with_gaps(text, tuple(sorted(hidden)))
    tokens = [token.text for token in seen.tokens]
    fates = [masking.MASKED if i in hidden else masking.UNTOUCHED for i in range(len(tokens))]
    masked_strip.masked_strip(
        tokens, fates, seen.losses.tolist(), key="masked_strip", title="Your text; click a token to hide it from the model, or to show it again",
        unit=unit, looked_at=position, on_click=toggle,
    )  # fmt: skip
    if position is None:
        st.markdown("Nothing is hidden, so there is nothing to guess. **Click a token above** to hide it.")
        return
    one_sided = scores.scored(text, left())
    st.markdown(answer(seen, one_sided, position, unit))
    one, two = st.columns(2, gap="medium")
    most = figures.room((seen, position), (one_sided, position))
    with one:
        st.markdown("**From both sides**: the masked model")
        charts.draw(figures.guess, seen, position, most, "in the gap", key="masked_both", alt=guess_alt(seen, position, "from both sides"))
    with two:
        st.markdown(f"**From the left only**: {one_sided.model}, a next-token model")
        charts.draw(figures.guess, one_sided, position, most, "coming next", key="masked_left", alt=guess_alt(one_sided, position, "from the left only"))
    if len(hidden) > 1:
        several(seen, hidden, unit)


def answer(seen: ScoredText, left: ScoredText, position: int, unit: str) -> str:
    """The question of the chapter, answered at one gap."""
    token = display.md_escape(display.visible(seen.tokens[position].text or "…"))
    both, one = float(seen.losses[position]), float(left.losses[position])
    verdict = "Reading on helps here" if both < one else "Here reading on does not help"
    return (
        f"Hidden: :violet[**{token}**]. Who sees what stands on both sides gives it {display.one_in(math.exp(-both))}, a loss of :orange[**{display.amount(both, unit)}**]; "
        f"who reads from the left, {display.one_in(math.exp(-one))} and **{display.amount(one, unit)}**. {verdict}. Click any token to hide it, or to show it again."
    )


def guess_alt(scored: ScoredText, position: int, how: str) -> str:
    best = ", ".join(
        f"{display.visible(text)} {display.probability(math.exp(p))}"
        for text, p in zip(scored.top_texts[position][:3], scored.top_log_probs[position], strict=False)
    )
    return f"Bars of what could stand in the gap, {how}. Best: {best}. The hidden token had {display.probability(math.exp(scored.log_probs[position]))}."


def several(seen: ScoredText, hidden: list[int], unit: str) -> None:
    """More than one gap: which to look at, and the loss over all of them."""
    order = sorted(hidden)
    st.session_state["masked_look"] = hidden[-1]
    st.pills("Look at the gap", order, key="masked_look", on_change=look_at, required=True,
             format_func=lambda i: f"{i + 1}: {display.md_escape(display.visible(seen.tokens[i].text or '…'))}")  # fmt: skip
    losses = seen.losses[order]
    right = sum(seen.ranks[i] == 1 for i in order)
    st.markdown(
        f"**The loss of a masked model is the mean over what is hidden**: {len(order)} tokens, {display.amount(float(losses.sum()), unit)} in all, "
        f":orange[**{display.amount(float(losses.mean()), unit)}**] each; {right} of {len(order)} guessed right. All gaps are guessed at once, each without knowing what fills the others."
    )
