"""The sentences and the interactions of chapter 16: the way down a tree, what heads cost, why the full softmax is used."""

import math
from functools import partial

import streamlit as st

from lmviz import display, models
from lmviz.data.recorded import vocabulary_costs as costs_record
from lmviz.data.recorded import vocabulary_counts as counts
from lmviz.data.recorded import vocabulary_ways as ways_record
from lmviz.errors import ReaderError
from lmviz.figures import vocabulary as figures
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, logits, runtime, show, wrong
from lmviz.ui.remember import remembered
from lmviz.vocabulary import growth, ways

TREES = {"balanced": "halving the vocabulary", "huffman": "by frequency (Huffman)"}
LIVE_SIZES = (1_024, 4_096, 16_384, 65_536, 262_144)
FROM = 4_096  # slopes are fitted from here on: below, starting an operation costs more than what it does
LLAMA = {"name": "Llama 3.1 405B", "vocab_size": 128_000, "hidden_size": 16_384, "n_parameters": 405e9}  # Llama Team (2024), table 3


def answer(scored: ScoredText, unit: str) -> str:
    """The question of the chapter, answered for the whole text."""
    V = scored.vocab_size
    return (
        f"To say what one token costs, a softmax scores all {display.number(V)}. Down a **tree of choices**, each between two sides, about log₂ {display.number(V)} = "
        f"**{display.number(math.log2(V))}** are enough. Here is the way to the token you select."
    )


def steps_of(scored: ScoredText, selected: int, kind: str) -> tuple[ways_record.Step, ...]:
    """The way to one token of a scored text: recorded for the opening text, else read off the real logits and remembered."""
    if (kept := ways_record.recorded(scored.model, scored.revision, kind, scored.text, selected)) is not None:
        return kept
    row, leaf = logits.reader_logits(scored, positions=[selected])[0], scored.tokens[selected].id

    def compute():
        return ways_record.computed(models.load(scored.model), kind, row.double().log_softmax(-1).numpy(), leaf)

    return remembered(("way", scored.model, scored.revision, scored.text, selected, kind), compute, "Looking for the way …")


def is_counted(scored: ScoredText) -> bool:
    """Whether there is a Huffman tree for this vocabulary."""
    return counts.smoothed(models.registry.row(scored.model).tokenizer, scored.vocab_size) is not None


@st.fragment
def the_way(scored: ScoredText, selected: int, unit: str) -> None:
    """The tree, and the way down it to the selected token."""
    if selected >= logits.n_kept(scored):
        st.info(f"Only the first {logits.n_kept(scored)} tokens of so long a text can be looked up here.")
        return
    picture, kind = st.container(), "balanced"
    if is_counted(scored):
        kind = st.segmented_control(
            "Tree", list(TREES), default="balanced", required=True, key="vocabulary_tree", format_func=TREES.get, label_visibility="collapsed"
        )
    steps = steps_of(scored, selected, kind)
    token = display.visible(scored.tokens[selected].text or "…")
    with picture:
        charts.draw(figures.way, steps, display.plotly_escape(token), unit, key="vocabulary_way", alt=way_alt(steps, token, unit))
    st.markdown(way_words(steps, token, kind, scored.vocab_size, unit))


def way_alt(steps: tuple[ways_record.Step, ...], token: str, unit: str) -> str:
    turns = ", ".join(display.number(display.in_unit(-step.log_prob, unit), 2) for step in steps)
    return f"The way to {token}: {len(steps)} choices, which cost {turns} {unit}."


def way_words(steps: tuple[ways_record.Step, ...], token: str, kind: str, vocab_size: int, unit: str) -> str:
    """How to read the tree, and what the way costs in all."""
    total, dear = -ways.log_prob(steps), max(range(len(steps)), key=lambda k: -steps[k].log_prob)
    kept_away = " ".join(display.md_escape(display.visible(text)) for text in steps[dear].others[:2])
    order = (
        "The sides are halves of the vocabulary in the order of its ids."
        if kind == "balanced"
        else "Often seen tokens hang high, rare ones deep: Huffman’s tree of chapter 4."
    )
    return (
        f"At each point all tokens that are still possible are on one of two sides; a line is as thick as what it leads to is likely, and grey names stand for the side not taken. "
        f":violet[**{display.md_escape(token)}**] is **{len(steps)} choices** away, and they cost :orange[**{display.amount(total, unit)}**] together, exactly its −log P: these turns are read off the model’s own softmax. "
        f"Number {dear + 1} cost most, {display.amount(-steps[dear].log_prob, unit, 2)}, since it led away from {kept_away}. {order} "
        f"A head that is a tree learns such turns itself, with one vector a point, and looks at {len(steps)} vectors for this token instead of {display.number(vocab_size)}."
    )


def costs() -> None:
    """Time and memory against V: the recorded curves, and the reader's own points beside them."""
    _costs()
    show.stop_button("vocabulary_stop")


@st.fragment
def _costs() -> None:
    found = costs_record.load()
    own = st.session_state.get("vocabulary_own", [])
    for column, (field, alt) in zip(st.columns(2, gap="medium"), costs_alts(found["costs"]).items()):
        charts.draw(figures.costs, found["costs"], own, field, key=f"vocabulary_{field}", alt=alt, place=column)
    st.markdown(costs_words(found["costs"], found["hidden_size"]))
    if st.button("Measure it on this machine", key="vocabulary_measure"):
        measure_here()
        st.rerun()
    if own:
        st.markdown(own_words(own))


def measure_here() -> None:
    """Point by point on the worker's thread, other readers going in between; what was measured stays if the reader stops it."""
    todo = [(kind, V) for V in LIVE_SIZES for kind in figures.COSTS]
    line = st.progress(0.0, "Getting ready …")
    st.session_state["vocabulary_own"] = rows = []
    try:
        for done, (kind, V) in enumerate(todo):
            line.progress(done / len(todo), f"{figures.COSTS[kind][0]}, V = {display.number(V)}: {done + 1} of {len(todo)}.")
            rows.append(runtime.service().call(partial(_measured, kind, V)))
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()
    line.empty()


def _measured(kind: str, vocab_size: int) -> dict:
    from dataclasses import asdict

    from lmviz.vocabulary import costs as numeric

    return asdict(numeric.measure(kind, vocab_size))


def exponents(rows: list[dict], field: str) -> dict[str, float]:
    """kind → the exponent of V that fits best, from V = FROM on; kinds with fewer than two points are left out."""
    found = {}
    for kind in figures.COSTS:
        line = [(row["vocab_size"], row[field]) for row in rows if row["kind"] == kind and row["vocab_size"] >= FROM]
        if len(line) > 1:
            found[kind] = growth.exponent(*zip(*line))
    return found


def costs_alts(rows: list[dict]) -> dict[str, str]:
    """field → its chart in words."""
    last = [row for row in rows if row["vocab_size"] == max(row["vocab_size"] for row in rows)]
    sayings = {"seconds": ("Time of a token", _micro), "n_bytes": ("Memory of a further token", _kilo)}
    found = {}
    for field, (noun, say) in sayings.items():
        each = "; ".join(f"{figures.COSTS[row['kind']][0]} {say(row)}" for row in last)
        found[field] = f"{noun} against the vocabulary. At {display.number(last[0]['vocab_size'])} tokens: {each}."
    return found


def costs_words(rows: list[dict], hidden_size: int) -> str:
    """What was measured, the fitted slopes, and what they mean."""
    seconds, n_bytes = exponents(rows, "seconds"), exponents(rows, "n_bytes")
    sizes = sorted({row["vocab_size"] for row in rows if row["vocab_size"] >= FROM})
    log_slope = growth.exponent(sizes, [math.log2(V) for V in sizes])
    at = {row["kind"]: row for row in rows if row["vocab_size"] == sizes[-1]}
    return (
        f"Each point is a training step: the loss and all gradients, on states of {hidden_size} numbers and tokens as rare as words are. Both scales are logarithmic, so a straight line is a power of V and its slope the exponent. Fitted from V = {display.number(FROM)} on: "
        f"time of the full softmax grows as V to the **{_slope(seconds['full'])}**, of the tree to the **{_slope(seconds['tree'])}**, where log₂ V itself would be {_slope(log_slope)}; adaptive softmax, {_slope(seconds['adaptive'])}. {_more_than_linear(seconds['full'])}"
        f"At {display.number(sizes[-1])} tokens the full softmax needs {_micro(at['full'])} and the tree {_micro(at['tree'])}. "
        f"\n\nMemory for each further token grows as V to the {_slope(n_bytes['full'])} under the full softmax, to {_kilo(at['full'])} at the largest size. Computed **in strips**, the same softmax needs {_kilo(at['chunked'])}, and V to the {_slope(n_bytes['chunked'])} means that it does not grow: "
        "the table of logits is never written down, a few rows of it at a time are used and forgotten. Loss and gradients are the same but for rounding."
    )


def _more_than_linear(exponent: float) -> str:
    if exponent <= 1.05:
        return ""
    return "(More than 1, although the sums grow as V exactly: a head that no longer fits the processor’s caches waits for memory.) "


def own_words(own: list[dict]) -> str:
    """The reader's own measurement in words; it may have been stopped."""
    n = len(LIVE_SIZES) * len(figures.COSTS)
    head = f"Your own points, {len(own)} of {n}, are the large open ones." if len(own) < n else "Your own points are the large open ones."
    fitted = exponents(own, "seconds")
    if not {"full", "tree"} <= fitted.keys():
        return head
    return f"{head} Here time grows as V to the {_slope(fitted['full'])} for the full softmax and to the {_slope(fitted['tree'])} for the tree."


def _slope(value: float) -> str:
    return f"{value:.2f}".replace("-", display.MINUS).replace(f"{display.MINUS}0.00", "0.00")


def _micro(row: dict) -> str:
    return f"{display.number(row['seconds'] * 1e6)} µs"


def _kilo(row: dict) -> str:
    return f"{display.number(row['n_bytes'] / 1e3)} kB"


def why_full(scored: ScoredText) -> str:
    """The honest reasons, with numbers."""
    rows = {row["kind"]: row for row in costs_record.load()["costs"] if row["vocab_size"] == 65_536}
    share = LLAMA["vocab_size"] * LLAMA["hidden_size"] / LLAMA["n_parameters"]
    return (
        f"**The head is a small part of a large model.** Bodies have grown far more than vocabularies. In {LLAMA['name']} the head is {display.number(LLAMA['vocab_size'])} × {display.number(LLAMA['hidden_size'])} numbers, "
        f"{display.number(100 * share, 2)}\u2009% of the multiply-adds of a token: who makes it free saves that much.\n\n"
        "**One large product is what the machines are best at.** A tree gathers scattered rows, a few numbers of work for each one fetched; a matrix product uses each number fetched for every token of the batch.\n\n"
        "**The whole distribution is wanted.** To write, to rank, to distil or to calibrate, one asks what else could have come. A tree is quick at the price of one token; the favourite of all needs all leaves, or a search.\n\n"
        f"**Its memory was the real trouble, and that is solved.** At V = 65\u202f536 each token of a step cost {_kilo(rows['full'])}; in strips it costs {_kilo(rows['chunked'])}, with the same loss and the same gradients. "
        "So nothing has to be given up for it."
    )


def prediction(scored: ScoredText) -> tuple[str, list[str], int, str, list[str]]:
    """Which tree asks for fewer choices on this text; or, for a vocabulary without counts, what doubling it costs."""
    n = logits.n_kept(scored)
    if not is_counted(scored):
        V = scored.vocab_size
        options = ["one more", "twice as many", f"{display.number(V)} more"]
        because = f"Each choice halves what is left, so one more choice tells twice as many apart: log₂ {display.number(2 * V)} = log₂ {display.number(V)} + 1. A full softmax has {display.number(V)} scores more."
        now, then = (display.number(math.log2(size), 3) for size in (V, 2 * V))
        why_not = [
            "",
            f"Twice as many would be for a vocabulary squared: {now} choices now, {then} after.",
            f"So many more are the leaves, not the turns on the way to one: {now} turns now, {then} after.",
        ]
        return "The vocabulary doubles. How many more choices does the balanced tree need for a token?", options, 0, because, why_not
    tokenizer = models.registry.row(scored.model).tokenizer
    totals = [int(ways_record.depths(kind, tokenizer, scored.vocab_size)[[token.id for token in scored.tokens[:n]]].sum()) for kind in TREES]
    options = ["the balanced tree", "Huffman’s tree", "both alike"]
    right = 2 if totals[0] == totals[1] else int(totals[1] < totals[0])
    because = (
        f"Balanced {display.number(totals[0])} choices for {display.number(n)} tokens, Huffman’s {display.number(totals[1])}. The loss read off either is the same; what differs is how often one has to ask. "
        "Huffman’s tree asks least on the text it was counted on, old novels, and rare tokens cost it more than the balanced tree."
    )
    frequent = [f"{display.number(total / n, 3)} choices a token" for total in totals]
    reasons = [f"The balanced tree asks {frequent[0]}, whatever the token; Huffman’s {frequent[1]}, since it puts frequent tokens near the root.",
               f"Huffman’s tree asks {frequent[1]} here, the balanced one {frequent[0]}: it asks least on the text it was counted on, and yours is another.",
               f"They differ by {display.number(abs(totals[0] - totals[1]))} choices: {frequent[0]} balanced, {frequent[1]} Huffman’s."]  # fmt: skip
    why_not = wrong.others(right, reasons)
    return "All the tokens of your text, one after the other: which tree asks for fewer choices?", options, right, because, why_not


def code(scored: ScoredText, selected: int) -> None:
    """“The code” of the chapter; torch comes in only for who opens it."""
    functions = ()
    if st.session_state.get("vocabulary_code"):
        from lmviz.vocabulary import adaptive, chunked, costs, hierarchical

        functions = (ways.way, hierarchical.log_probs, hierarchical.all_log_probs, adaptive.expected_cost, chunked.readings, costs.measure)
    show.code(snippet(scored, selected), *functions, key="vocabulary_code")


def snippet(scored: ScoredText, selected: int) -> str:
    return f"""from lmviz import models
from lmviz.vocabulary import hierarchical, ways

model = models.load({scored.model!r})
{show.text_line(scored.text)}
ids = model.encode(text).ids
(states,), _ = model.states([[model.start_id, *ids[:-1]]])

t = {selected}                                   # the selected token
log_probs = model.logits(states)[t].double().log_softmax(-1).numpy()
tree = hierarchical.balanced(model.vocab_size)
turns = ways.way(log_probs, tree.nodes.numpy(), tree.turns.numpy(), ids[t])
print(len(turns), "choices")
print(-ways.log_prob(turns), -log_probs[ids[t]])      # what they cost together, and −log P: nats
"""
