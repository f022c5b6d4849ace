"""The sentences and the small interactions of chapter 2: numbers become words here."""

import math

import numpy as np
import streamlit as st

from lmviz import display, landing, units
from lmviz.figures import concentration, loss_line
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, show, strip, token_strip, wrong
from lmviz.ui.links import linked

FEW_LINES = 75  # tokens that need no scrolling
LISTED = 8  # costliest tokens in the list
TINY = units.to_nats(0.005)  # a difference no reader would call one
ENOUGH = 5  # words cut into pieces, before their means say anything


def shown_strip(scored: ScoredText) -> int:
    """The heatmap; a text of more than a few lines scrolls inside it, so that the curve stays in sight."""
    height = {"height": 284} if len(scored) > FEW_LINES else {}
    return strip.reader_strip(scored, key="heatmap_strip", title="What each token cost", **height)


def answer(scored: ScoredText, unit: str) -> str:
    """The question of the chapter, answered with this text's numbers."""
    place = landing.costliest(scored.losses, 1)[0]
    n = landing.n_costliest(scored.n_scored)
    share = concentration.percent(landing.share_of_costliest(scored.losses))
    tenth = (
        "The costliest tenth of the tokens, which is one token here,"
        if n == 1
        else f"The costliest tenth of the tokens, {display.number(n)} of {display.number(scored.n_scored)},"
    )
    return (
        f"The biggest surprise is {token(scored, place)}: :orange[**{display.amount(scored.losses[place], unit)}**], a chance of "
        f"{display.one_in(math.exp(scored.log_probs[place]))}. {tenth} carries **{share}** of the total of {display.amount(scored.total_nats, unit)}."
    )


def token(scored: ScoredText, place: int) -> str:
    """A token's name in running text."""
    text = scored.tokens[place].text
    return f":violet[**{display.md_escape(display.visible(text))}**]" if text else f"a later piece of a character (token {display.number(place + 1)})"


def line(scored: ScoredText, selected: int, unit: str) -> None:
    """The curve under the text. A click on it selects a token, in the strip as well."""

    def go_there():
        points = st.session_state["heatmap_line"]["selection"]["points"]
        place = token_strip.valid_index(int(points[0]["x"]) - 1, len(scored)) if points else None
        if place is not None:
            st.session_state.token = place

    clicks = {"on_select": go_there, "selection_mode": "points"}
    charts.draw(loss_line.loss_line, scored, unit=unit, selected=selected, key="heatmap_line", alt=line_alt(scored, unit), chart=clicks)


def line_alt(scored: ScoredText, unit: str) -> str:
    peaks = ", ".join(f"{display.visible(scored.tokens[i].text)} {display.amount(scored.losses[i], unit)}" for i in landing.costliest(scored.losses, 3))
    return f"Loss and expected cost of each of {len(scored)} tokens along the text. Highest: {peaks}."


def here(scored: ScoredText, place: int, unit: str) -> str:
    """The selected token, in words: what it cost, what was expected, where it stood in the list."""
    loss, entropy = float(scored.losses[place]), float(scored.entropies[place])
    if math.isnan(loss):
        return f"{token(scored, place)} is not scored: nothing precedes it."
    beyond = loss - entropy
    gap = (
        "just what it expected to pay"
        if abs(beyond) < TINY
        else f"{display.amount(abs(beyond), unit)} {'more' if beyond > 0 else 'less'} than it expected to pay"
    )
    return (
        f"Selected: {token(scored, place)}, :orange[{display.amount(loss, unit)}]. Before it came the model was open to surprises worth "
        f":blue[{display.amount(entropy, unit)}] on average, its entropy there; it paid {gap}. "
        f"What came was number {display.number(int(scored.ranks[place]))} on its list of {display.number(scored.vocab_size)}."
    )


def costliest(scored: ScoredText, unit: str) -> None:
    """The dearest tokens or words as a list: each is a stop that arrow keys reach, and choosing one selects it in the strip."""
    by = linked(st).segmented_control("The costliest", ("tokens", "words"), default="tokens", required=True, key="heatmap_by")
    texts = [t.text for t in scored.tokens]
    if by == "words":
        rows = landing.costliest_words(texts, scored.losses, LISTED)
    else:
        rows = [(i, i + 1, float(scored.losses[i])) for i in landing.costliest(scored.losses, LISTED)]
    selected = st.session_state.get("heatmap_strip_selected")
    key = f"heatmap_costliest_{by}"
    st.session_state[key] = next((first for first, end, _ in rows if selected is not None and first <= selected < end), None)

    def go_there():
        st.session_state.token = st.session_state[key]

    labels = {first: f"**{display.md_escape(display.visible(shown(texts[first:end])))}**   {display.amount(nats, unit)}" for first, end, nats in rows}
    st.radio("Go to", [first for first, _, _ in rows], index=None, format_func=labels.get, key=key, on_change=go_there, label_visibility="collapsed",
             captions=[context(texts, first, end) for first, end, _ in rows])  # fmt: skip
    following = _next_costliest(scored)
    if following is not None:
        st.button("Next costliest", key="heatmap_next", shortcut="Alt+N", on_click=_select, args=(following,))


def shown(texts: list[str]) -> str:
    text = "".join(texts).strip() or "".join(texts) or "…"
    return text if len(text) <= 40 else text[:39] + "…"


def _next_costliest(scored: ScoredText) -> int | None:
    """The token that cost next less than the selected one; after the last, the costliest again."""
    order = landing.costliest(scored.losses, len(scored))
    selected = st.session_state.get("heatmap_strip_selected")
    if len(order) < 2:
        return None
    return order[(order.index(selected) + 1) % len(order)] if selected in order else order[0]


def _select(place: int) -> None:
    st.session_state.token = place


def context(texts: list[str], first: int, end: int, most: int = 22) -> str:
    """The text around a stretch, for Markdown, with the stretch in bold: “…it twice, and ate the **piano**.”

    >>> context(["The", " cat", "."], 1, 2).replace("\N{WORD JOINER}", "")
    'The **cat**\\\\.'
    """
    before, inside, after = "".join(texts[:first]), "".join(texts[first:end]), "".join(texts[end:])
    left = ("…" if len(before) > most else "") + before[-most:] + inside[: len(inside) - len(inside.lstrip())]
    right = inside[len(inside.rstrip()) :] + after[:most] + ("…" if len(after) > most else "")
    # subtle: beside a letter, ** opens bold type only before a letter; a word joiner counts as one
    marked = f"**\N{WORD JOINER}{display.md_escape(shown([inside]))}\N{WORD JOINER}**"
    return display.md_escape(left.replace("\n", " ")) + marked + display.md_escape(right.replace("\n", " "))


def concentrated(scored: ScoredText, unit: str) -> str:
    """How unevenly this text's loss is spread, over tokens and over ranks."""
    buckets = landing.rank_buckets(scored.ranks, scored.losses)
    favourite, n = buckets[0], scored.n_scored
    if not 0 < scored.total_nats < math.inf:
        return "Nothing here costs anything finite, so there is nothing to share out."
    if np.allclose(scored.entropies[scored.scored], math.log(scored.vocab_size)):
        return "The rank is where a token stands when all are sorted by their chance. This model gives every token the same chance, so all of them share first place."
    deep = sum(b.n_tokens for b in buckets[3:])
    deep_share = math.fsum(b.total_nats for b in buckets[3:]) / scored.total_nats
    return (
        f"The model writes down every token it knows, likeliest first; the rank is where the one that came stands. Here **{concentration.percent(favourite.n_tokens / n)}** of the tokens "
        f"were its first choice, and they carry {concentration.percent(favourite.total_nats / scored.total_nats)} of the loss. Beyond rank 100 came "
        f"{concentration.percent(deep / n)} of the tokens, with **{concentration.percent(deep_share)}** of the loss."
    )


def pieces(scored: ScoredText, unit: str) -> str:
    """First pieces of words against later ones, if the text has enough of them."""
    costs = landing.piece_costs([t.text for t in scored.tokens], scored.losses)
    if costs.n_first < ENOUGH:
        number = "no word" if costs.n_first == 0 else "one word" if costs.n_first == 1 else f"{costs.n_first} words"
        return (
            "A rare word is cut into pieces, and its first piece usually pays for the rest: once it is there, few words begin like that. "
            f"Your text has {number} in pieces, too few to measure that. A longer passage has enough."
        )
    ratio = costs.first_nats / costs.later_nats
    return (
        f"A rare word is cut into pieces, and its first piece usually pays for the rest. In your text {display.number(costs.n_first)} words are in pieces: their first piece costs "
        f":orange[**{display.amount(costs.first_nats, unit)}**] on average, a later one :orange[**{display.amount(costs.later_nats, unit)}**]"
        + (f", {display.number(ratio, 2)} times less." if ratio > 1 else ".")
        + " Switch on *words* in the strip to see them added up."
    )


def prediction(scored: ScoredText) -> tuple[str, list[str], int, str, list[str]]:
    """Did the model pay what it expected? Computed from this text."""
    paid, expected = scored.total_nats, float(np.nansum(scored.entropies[scored.scored]))
    ratio = paid / expected if expected else math.inf
    right = 0 if ratio < 0.95 else 1 if ratio <= 1.05 else 2
    moral = (
        "It was easier than what the model had thought possible.",
        "That is what happens, on average, with text of a model's own making.",
        "On text of its own making the two would agree on average; the rest is the price of not being its author.",
    )[right]
    because = f"Its entropies add up to {display.amount(expected, 'bits')}, and it paid {display.amount(paid, 'bits')}: {display.number(ratio)} times as much. {moral}"
    question = "At every step the model expected to pay its entropy. Over your whole text, did it pay what it expected?"
    return (
        question,
        ["less than it expected, by more than 5 %", "about what it expected, within 5 %", "more than it expected, by more than 5 %"],
        right,
        because,
        wrong.by_range(
            [0.95, 1.05],
            right,
            lambda edge: display.amount(expected * edge, "bits"),
            display.amount(paid, "bits"),
            under="Each token that the model had held for unlikely adds its whole cost at once.",
            over="Where the favourite comes, it pays less than it expected, and such tokens are many.",
        ),
    )


def snippet(scored: ScoredText) -> str:
    """Code that gives the chapter's numbers; a long text is read from a file."""
    return f"""from lmviz import export, landing, models
from lmviz.models import scoring

{show.text_line(scored.text)}
scored = scoring.score(models.load({scored.model!r}), text)
place = landing.costliest(scored.losses, 1)[0]
print(scored.tokens[place].text, scored.losses[place])   # the biggest surprise, nats
print(landing.share_of_costliest(scored.losses))         # what the costliest tenth carries
print(scored.losses[place] - scored.entropies[place])    # surprise beyond expectation, nats
print(export.to_csv(scored))
"""
