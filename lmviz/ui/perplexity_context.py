"""Chapter 3, what a longer memory is worth: loss by position, loss with a shorter memory, windows over long texts."""

import numpy as np
import streamlit as st

from lmviz import context_length, display
from lmviz.data import examples
from lmviz.data.first_views import perplexity as stored
from lmviz.figures import context
from lmviz.models.scored import ScoredText
from lmviz.models.windows import windows
from lmviz.ui import charts, scores
from lmviz.ui.links import linked

CHEAP = 2_500  # tokens a model may read without being asked: a few seconds
PER_SECOND = 400  # tokens the model reads in a second on a small machine, for the estimate only
WINDOW_TOKENS = 400  # of the reader's text


def helps(scored: ScoredText, unit: str) -> None:
    """Two pictures: the deeper into a text, and the longer the memory, the lower the loss."""
    view = stored.load(scored.model)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Deeper into the text.** Mean loss of the tokens that have so many before them.")
        groups = context_length.group_names()
        nats, counts = context_length.by_position(scored.losses)
        yours = np.where(counts > 0, nats / np.maximum(counts, 1), np.nan)
        pool = view.by_position if view else None
        alt = _alt("Mean loss by position in the text", groups, pool, yours, groups, unit)
        charts.draw(
            context.by_memory,
            tuple(groups),
            pool,
            tuple(yours.tolist()),
            tuple(groups),
            unit,
            "tokens before it, at least",
            key="perplexity_by_position",
            alt=alt,
        )
    with right:
        st.markdown("**A shorter memory, same tokens.** Every token is predicted again from at most so many before it.")
        _shorter_memory(scored, unit)
    st.markdown(_helps_words(view, unit))


@st.fragment
def _shorter_memory(scored: ScoredText, unit: str) -> None:
    view = stored.load(scored.model)
    pool = view.by_memory if view else None
    text = "".join(token.text for token in scored.tokens[: stored.MEMORY_TOKENS])
    memories = context_length.memories(min(len(scored), stored.MEMORY_TOKENS))
    known = st.session_state.setdefault("perplexity_memory", {})
    yours = list(view.opening_memory) if view and text == examples.OPENING else known.get((scored.model, text))
    groups = [str(b) for b in context_length.BEFORE]
    # the last memory of a short text reaches all of it: it stands at the first place that does
    reach = tuple(str(next(b for b in context_length.BEFORE if b >= memory)) for memory in memories)
    place = st.empty()

    def draw(values):
        values = tuple(values or ())
        alt = _alt("Mean loss by memory", groups, pool, values, reach, unit)
        with place:
            charts.draw(
                context.by_memory,
                tuple(groups),
                pool,
                values,
                reach[: len(values)],
                unit,
                "tokens before it, at most",
                key=f"perplexity_by_memory_{len(values)}",
                alt=alt,
            )

    draw(yours)
    if yours is not None:
        return
    if st.session_state.get("perplexity_memory_asked") != (scored.model, text):
        cost = sum(context_length.tokens_read(min(len(scored), stored.MEMORY_TOKENS), *context_length.memory_windows(b)) for b in memories)
        st.button("Take my text's memory away", key="perplexity_memory_run", on_click=_ask, args=(scored.model, text),
                  help=f"The model reads {display.number(cost)} tokens for this, about {max(1, round(cost / PER_SECOND))} s.")  # fmt: skip
        return
    means = []
    for memory in memories:
        width, stride = context_length.memory_windows(memory)
        means.append(float(np.nanmean(scores.scored(text, scored.model, context=width, stride=stride, top_k=1).losses)))
        draw(means)
    known[scored.model, text] = means
    while len(known) > 20:
        known.pop(next(iter(known)))


def _ask(model: str, text: str) -> None:
    st.session_state.perplexity_memory_asked = (model, text)


def _helps_words(view: stored.PerplexityView | None, unit: str) -> str:
    """What the two pictures say together, as far as this model's numbers say it."""
    if view is None:
        return "No average over the bundled passages is stored for this model; your own text is drawn alone."
    position, memory = view.by_position.means, view.by_memory.means
    n_texts = len(view.by_position.nats)
    bands = "The bands are 95 % intervals over passages; one text alone is noisy."
    words = f"Over {n_texts} English passages a first token costs {display.amount(position[0], unit)} and one with 128 or more before it {display.amount(position[-1], unit)}. "
    reach = _reach(memory)
    if reach == 0:
        return (
            words
            + f"But this model looks at nothing before a token: take its memory away and nothing changes. The slope on the left is the passages' own. {bands}"
        )
    words += (
        f"That could be because beginnings are hard. So on the right the tokens stay and only the memory shrinks, in {len(view.by_memory.nats)} passages: "
        f"from {display.amount(memory[-1], unit)} with 128 tokens of memory to {display.amount(memory[3], unit)} with 4 and {display.amount(memory[0], unit)} with none but the start token. "
    )
    if reach < context_length.BEFORE[-1]:
        return words + f"Beyond {reach} token{'s' * (reach > 1)} this model gains nothing more. {bands}"
    shrinking = (np.diff(-np.diff(memory)) < 0).all()
    return words + f"Every step helps{', and each helps less than the one before' if shrinking else ''}. {bands}"


def _reach(memory: np.ndarray) -> int:
    """The memory, in tokens, after which no longer one lowers the mean loss by a hundredth of a nat."""
    return next((before for before, loss in zip(context_length.BEFORE, memory) if loss - memory.min() < 0.01), context_length.BEFORE[-1])


def _alt(what: str, groups: list[str], pool, yours, your_groups, unit: str) -> str:
    def told(names, values) -> str:
        return ", ".join(f"{name} before {display.number(display.in_unit(v, unit))}" for name, v in zip(names, values) if v == v) + "."

    passages = f" Passages: {told(groups, pool.means)}" if pool is not None else ""
    return f"{what}, {unit} a token.{passages}" + (f" Your text: {told(your_groups, yours)}" if len(yours) else "")


@st.fragment
def long_texts(scored: ScoredText) -> None:
    """Context and stride, chosen by the reader: what the windows look like, what they cost, what they measure."""
    model = scored.model
    passage = stored.passage(stored.WINDOW_PASSAGE)
    view = stored.load(model)
    own = len(scored) > stored.WINDOW_CONTEXTS[0]
    which = "passage"
    if not own:
        st.markdown(f"Your text fits into the smallest window, so this is “{passage.title}”, one of the passages that were written for this book.")
    else:
        which = linked(st).segmented_control("Text", ["passage", "yours"], default="passage", required=True, key="perplexity_windows_text", label_visibility="collapsed",
                                     format_func=lambda w: f"“{passage.title}”" if w == "passage" else "Your text")  # fmt: skip
    if which == "passage":
        text = passage.text
        n_tokens = view.windows[0].n_tokens if view else len(scores.scored(text, model))
        costs = {(c.context, c.stride): c for c in view.windows} if view else _costs(model, text)
    else:
        text = "".join(token.text for token in scored.tokens[:WINDOW_TOKENS])
        n_tokens = min(len(scored), WINDOW_TOKENS)
        costs = _costs(model, text)
        if n_tokens == len(scored) <= scored.context:
            costs.setdefault((n_tokens, n_tokens), context_length.WindowCost(n_tokens, n_tokens, n_tokens, n_tokens, scored.total_nats, scored.n_bytes))
    contexts = sorted({c for c, _ in stored.window_settings(n_tokens, scored.context) if c < n_tokens})
    left, right = st.columns(2, gap="large")
    with left:
        width = linked(st).select_slider(
            "Context: tokens in a window", contexts, value=contexts[len(contexts) // 2], key=f"perplexity_windows_context_{which}_{len(contexts)}"
        )
    with right:
        strides = context_length.strides(width)
        stride = linked(st).select_slider("Stride: how far each window moves on", strides, value=max(1, width // 2), key=f"perplexity_windows_stride_{width}")
    cost = context_length.tokens_read(n_tokens, width, stride)
    if (width, stride) not in costs and (
        cost <= CHEAP or st.button(f"Read {display.number(cost)} tokens, about {max(1, round(cost / PER_SECOND))} s", key="perplexity_windows_run")
    ):
        costs[width, stride] = context_length.window_cost(scores.scored(text, model, context=width, stride=stride, top_k=1))
    chosen = costs.get((width, stride))
    cut = windows(n_tokens, width, stride)
    st.markdown(_window_words(cut, cost, n_tokens, chosen, costs))
    left, right = st.columns(2, gap="large")
    with left:
        alt = f"{len(cut)} windows of at most {width} tokens over a text of {n_tokens}; each counts {stride} new ones, the rest of it is context."
        charts.draw(context.window_bars, tuple(cut), n_tokens, key="perplexity_windows_bars", alt=alt)
    with right:
        alt = (
            "Bits per byte against tokens read: "
            + ", ".join(f"context {c} stride {s} {display.number(w.bits_per_byte)} for {w.tokens_read}" for (c, s), w in costs.items())
            + "."
        )
        charts.draw(context.window_costs, tuple(costs.values()), chosen, key="perplexity_windows_costs", alt=alt)


def _costs(model: str, text: str) -> dict[tuple[int, int], context_length.WindowCost]:
    """What this session has measured on a text, kept under its model and text."""
    known = st.session_state.setdefault("perplexity_windows", {})
    while len(known) > 10:
        known.pop(next(iter(known)))
    return known.setdefault((model, text), {})


def _window_words(cut, cost: int, n_tokens: int, chosen: context_length.WindowCost | None, costs: dict) -> str:
    size, step = cut[0].end, (cut[1].end - cut[0].end if len(cut) > 1 else cut[0].end)
    words = (
        f"**{display.number(len(cut))} windows** of {display.number(size)} tokens, each {display.number(step)} further on: the model reads **{display.number(cost)} tokens** to score "
        f"{display.number(n_tokens)}, {display.number(cost / n_tokens, 2)} times the text. "
    )
    if chosen is None:
        return words
    words += f"The text then costs **{display.number(chosen.bits_per_byte, 4)} bits per byte**."
    windowed = [c for c in costs.values() if c.context < c.n_tokens]
    best, worst = min(windowed, key=lambda c: c.total_nats), max(windowed, key=lambda c: c.total_nats)
    if best is not worst:
        words += (
            f" Same text, same model: between {display.number(best.bits_per_byte, 4)} (context {best.context}, stride {best.stride}) and "
            f"{display.number(worst.bits_per_byte, 4)} (context {worst.context}, stride {worst.stride}), depending on nothing but the windows."
        )
    return words
