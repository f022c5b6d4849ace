"""Chapter 2's second half: two texts, or two models, side by side and aligned by bytes."""

import math

import streamlit as st

from lmviz import compare, display, models, units
from lmviz.data import examples
from lmviz.figures import comparison
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, links, reader, scores, show, strip, token_strip
from lmviz.ui.links import linked

TEXTS, MODELS = "two texts", "two models"
NOTHING = units.to_nats(0.005)  # a difference no reader would call one


@st.fragment
def side_by_side(scored: ScoredText, unit: str) -> None:
    """Choose what to compare with; two strips whose selections follow each other; what differs, stretch by stretch."""
    others = [name for name in models.names() if name != scored.model]
    what = TEXTS
    if others:
        what = linked(st).segmented_control("Compare", (TEXTS, MODELS), default=TEXTS, required=True, key="heatmap_compare")
    second = _another_model(scored, others) if what == MODELS else _another_text(scored)
    if second is None:
        return
    names = (_title(scored.model), _title(second.model)) if what == MODELS else ("your text", "the other text")
    spans = compare.align(scored, second)
    _strips(scored, second, spans, names, unit)
    st.markdown(verdict(scored, second, spans, names, unit))
    if what == MODELS:
        show.tokenizer_note({scored.model: len(scored), second.model: len(second)})
    charts.draw(comparison.differences, spans, unit=unit, names=names, key="heatmap_differences", alt=differences_alt(spans, names, unit))


def _another_model(scored: ScoredText, others: list[str]) -> ScoredText | None:
    name = linked(st).selectbox("Your text, read by", others, key="heatmap_other_model", format_func=_title, width=260)
    return None if name is None else _ready(scored.text, name)


def _another_text(scored: ScoredText) -> ScoredText | None:
    default = compare.OTHER_ORDER if scored.text == examples.OPENING else ""
    if links.opening("heatmap_other", default) == compare.OTHER_ORDER:
        st.session_state.heatmap_other = default
    linked(st, default=default).text_area(
        "The other text", key="heatmap_other", height=70, max_chars=reader.max_characters(), placeholder="Type a second text, then press Ctrl+Enter"
    )
    with st.container(horizontal=True, key="heatmap_variants"):
        for label, text in variants(scored.text).items():
            st.button(label, key=f"heatmap_variant_{label}", on_click=_use, args=(text,))
    other = st.session_state.heatmap_other[: reader.max_characters()]
    return _ready(other, scored.model) if other.strip() else None


def variants(text: str) -> dict[str, str]:
    """Second texts made from the first: each changes one thing. Only those that differ from it.

    >>> variants("The cat")
    {'lower case': 'the cat', 'CAPITALS': 'THE CAT', 'words backwards': 'cat The'}
    """
    made = {"lower case": text.lower(), "CAPITALS": text.upper(), "words backwards": " ".join(reversed(text.split()))}
    return {label: changed[: reader.max_characters()] for label, changed in made.items() if changed != text}


def _use(text: str) -> None:
    st.session_state.heatmap_other = text


def _ready(text: str, model: str) -> ScoredText:
    """The second text scored; the opening's is at hand without a model."""
    kept = scores.first_view(f"heatmap-{model}")
    return kept if kept is not None and kept.text == text else scores.scored(text, model)


def _strips(a: ScoredText, b: ScoredText, spans: tuple[compare.Span, ...], names: tuple[str, str], unit: str) -> None:
    """Two strips on one scale; selecting a token in one selects what stands at the same bytes in the other.

    Both start at the token selected in the chapter's own strip, and go there again when it moves.
    """
    start = token_strip.valid_index(st.session_state.get("heatmap_strip_selected"), len(a))
    starts = {"first": start, "second": None if start is None else compare.partner(spans, start)}
    version = (a.text, a.model, b.text, b.model, start)
    for column, scored, name, side, of_b in zip(st.columns(2, gap="medium"), (a, b), names, ("first", "second"), (False, True), strict=True):
        other = "second" if side == "first" else "first"

        def follow(side=side, other=other, of_b=of_b):
            chosen = st.session_state[f"heatmap_{side}_selected"]
            st.session_state[f"heatmap_{other}_selected"] = None if chosen is None else compare.partner(spans, chosen, of_b=of_b)

        with column:
            st.markdown(f"**{display.md_escape(name)}** · {display.amount(scored.total_nats, unit)} · {display.number(scored.bits_per_byte)} bits per byte")
            token_strip.token_strip(
                [t.text for t in scored.tokens], key=f"heatmap_{side}", version=version, selected=starts[side], measures=strip.measures(scored), unit=unit, labels=strip.labels(scored),
                ids=[t.id for t in scored.tokens], title=name, on_select=follow, height=300 if max(len(a), len(b)) > 120 else None,
            )  # fmt: skip


def verdict(a: ScoredText, b: ScoredText, spans: tuple[compare.Span, ...], names: tuple[str, str], unit: str) -> str:
    """Which costs less, by how much, and where most of the difference lies."""
    first, second = (display.md_escape(name) for name in names)
    difference = b.total_nats - a.total_nats
    n_same = sum(len(span.a_text.encode()) for span in spans if span.same)
    moved = sorted((s for s in spans if abs(s.difference_nats) > NOTHING), key=lambda s: -abs(s.difference_nats))[:1]
    says = (
        f"They are cut alike at {display.number(len(spans) - 1)} places, which leaves {display.number(len(spans))} stretches to compare. "
        if a.text == b.text
        else f"They share {display.number(n_same)} of {display.number(len(a.text.encode()))} bytes. "
    )
    if abs(difference) < NOTHING:
        says += f"In all, {first} and {second} cost the same. "
    else:
        dear, cheap = (second, first) if difference > 0 else (first, second)
        says += f"{dear[:1].upper()}{dear[1:]} costs **{display.amount(abs(difference), unit)} more** than {cheap}. "
    if moved:
        texts = [moved[0].a_text] if moved[0].same else [moved[0].a_text, moved[0].b_text]
        where = " → ".join(f"**{display.md_escape(display.visible(text[:60]))}**" for text in texts)
        says += f"The widest gap is at {where}: {display.amount(moved[0].difference_nats, unit, sign=True)}."
    return says


def differences_alt(spans: tuple[compare.Span, ...], names: tuple[str, str], unit: str) -> str:
    widest = max(spans, key=lambda s: -1 if math.isnan(s.difference_nats) else abs(s.difference_nats))
    return (
        f"Bars of loss in {names[1]} minus loss in {names[0]} for {len(spans)} stretches. "
        f"Widest at {display.visible(widest.a_text[:40])}: {display.amount(widest.difference_nats, unit, sign=True)}."
    )


def _title(model: str) -> str:
    return models.registry.row(model).title
