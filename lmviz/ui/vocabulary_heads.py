"""Chapter 16's recorded heads: four of them trained on the same frozen states."""

import numpy as np
import streamlit as st

from lmviz import display, models
from lmviz.data.recorded import heads as record
from lmviz.figures import vocabulary as figures
from lmviz.ui import charts

PROSE = {"full": "the full softmax", "balanced": "the balanced tree", "huffman": "Huffman’s tree", "adaptive": "adaptive softmax"}


@st.fragment
def heads(unit: str) -> None:
    """Held-out loss of four heads on the same states, against the time of their training."""
    found = {name: row for name, row in record.load().items() if "heads" in row}
    name = next(iter(found))
    if len(found) > 1:
        name = st.segmented_control("States of", list(found), default=name, required=True, key="vocabulary_states", format_func=_title)
    row = found[name]
    st.markdown(heads_intro(row))
    charts.draw(figures.reached, row, unit, key="vocabulary_heads", alt=heads_alt(row, unit))
    with st.container(key="vocabulary_table"):
        st.markdown(heads_table(row, unit))
    st.markdown(heads_words(row, unit))


def _title(name: str) -> str:
    return display.md_escape(models.registry.row(name).title)


def heads_intro(row: dict) -> str:
    n_tokens = row["heads"]["full"]["curve"][-1][0]
    return (
        f"{_title(row['model'])} read {display.number(n_tokens)} tokens of old novels, and its hidden states, {row['hidden_size']} numbers each, were kept. On these very states four heads over its {display.number(row['vocab_size'])} tokens were trained from nothing, "
        f"by the same optimiser, each token read once; measured on {display.number(row['n_held'])} tokens of other novels. One seed; the rate of learning was chosen for each head."
    )


def heads_alt(row: dict, unit: str) -> str:
    parts = [
        f"{label} {display.amount(row['heads'][kind]['curve'][-1][2], unit)} after {display.number(row['heads'][kind]['curve'][-1][1], 2)} s"
        for kind, (label, *_) in figures.HEADS.items()
    ]
    return f"Held-out loss against training time: {'; '.join(parts)}. The model's own head: {display.amount(row['own_nats'], unit)}."


def heads_table(row: dict, unit: str) -> str:
    """Parameters, work, time and loss of each head, as Markdown; narrow enough for a phone."""
    full = row["heads"]["full"]["curve"][-1][2]
    lines = [f"| head | numbers, millions | multiply-adds a token, thousands | training, s | loss, {unit} | against full |", "|---|---:|---:|---:|---:|---:|"]
    for kind, (label, *_) in figures.HEADS.items():
        head = row["heads"][kind]
        _, seconds, nats = head["curve"][-1]
        gap = "" if kind == "full" else display.number(display.in_unit(nats - full, unit), 2, sign=True)
        millions, thousands = display.number(head["n_parameters"] / 1e6), display.number(head["multiply_adds"] / 1e3)
        lines.append(f"| {label} | {millions} | {thousands} | {display.number(seconds, 2)} | {display.number(display.in_unit(nats, unit))} | {gap} |")
    return "\n".join(lines)


def heads_words(row: dict, unit: str) -> str:
    """Who reached what, and when; every comparison is computed, so that another record is described as it is."""
    last = {kind: row["heads"][kind]["curve"][-1] for kind in figures.HEADS}
    gap = {
        kind: f"{display.amount(abs(nats - last['full'][2]), unit, 2)} {'above' if nats > last['full'][2] else 'below'} it"
        for kind, (_, _, nats) in last.items()
    }
    best = min(last, key=lambda kind: last[kind][2])
    tree = min(("balanced", "huffman"), key=lambda kind: last[kind][2])
    quicker = last["full"][1] / last[tree][1]
    cuts = " and ".join(display.number(cut) for cut in row["heads"]["adaptive"]["cutoffs"])
    return (
        f"After all tokens {PROSE[best]} is lowest. The better of the trees, {PROSE[tree]}, was through in {display.number(last[tree][1], 2)} s, {display.number(quicker, 2)} times as fast as the full softmax, and ends {gap[tree]}. "
        f"{by_then_words(row, *last[tree][1:], unit)} A tree must tell two crowds apart with one vector at each point, and crowds made by id or by frequency have little in common.\n\n"
        f"Adaptive softmax, cut at ranks {cuts}, where counted multiply-adds are fewest, keeps {display.number(row['heads']['full']['n_parameters'] / row['heads']['adaptive']['n_parameters'], 2)} times fewer numbers than the full softmax and ends {gap['adaptive']}. "
        f"The model’s own head, trained together with its body on far more text, has {display.amount(row['own_nats'], unit)}."
    )


def full_after(row: dict, seconds: float) -> float | None:
    """Held-out nats of the full softmax after so many seconds, on the straight line between two measured points; None before the first."""
    curve = row["heads"]["full"]["curve"]
    if not curve[0][1] <= seconds <= curve[-1][1]:
        return None
    return float(np.interp(np.log(seconds), np.log([s for _, s, _ in curve]), [nats for *_, nats in curve]))


def by_then_words(row: dict, seconds: float, tree_nats: float, unit: str) -> str:
    """Where the full softmax was when the tree was through, and how much it had to learn from."""
    n_first, at_first, _ = row["heads"]["full"]["curve"][0]
    if (by_then := full_after(row, seconds)) is not None:
        verdict = "so here the tree does not even save time" if by_then < tree_nats else "so in the same time the tree gets further"
        then = f"In those seconds the full softmax had read fewer tokens and was at {display.amount(by_then, unit)}, {verdict}."
    elif seconds < at_first:
        then = f"In those seconds the full softmax had not read {display.number(n_first)} tokens."
    else:
        then = "The full softmax was through sooner."
    n_tokens, _, full_nats = row["heads"]["full"]["curve"][-1]
    share = row["heads"]["full"]["n_parameters"] / n_tokens
    little = ": little text favours a tree, whose first turns learn from every token" if tree_nats < full_nats else ""
    return f"{then} The full softmax has {display.number(share, 2)} numbers to learn for each token that it read{little}."
