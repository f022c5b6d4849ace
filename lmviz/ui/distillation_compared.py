"""Chapter 14, the recorded comparison: one student taught by the text, one by text and teacher."""

import streamlit as st

from lmviz import display
from lmviz.data.recorded import students as recorded
from lmviz.figures import distillation as figures
from lmviz.ui import charts


def compared(unit: str) -> None:
    """The recorded comparison of two students, if it has been made."""
    found = recorded.load()
    if found is None:
        return
    st.subheader("Does it help?", anchor=False)
    plain, distilled, gain = found["plain"], found["distilled"], found["saved"]
    st.markdown(
        f"Two nanos, one seed, the same windows in the same order, {display.number(found['steps'])} steps each. One learned from the text alone; the other from text and {found['teacher']}, α = {found['alpha']}, T = {found['temperature']}. "
        f"Measured on {display.number(found['n_tokens'])} tokens of {found['n_passages']} passages that none of the three has read:"
    )
    with st.container(key="distillation_students"):
        st.markdown(compared_table(found, unit))
    alt = f"One point for each of {found['n_passages']} passages; the mean saving is {display.number(gain['value'], sign=True)} bits per byte, 95 % interval {display.number(gain['low'], sign=True)} to {display.number(gain['high'], sign=True)}."
    charts.draw(figures.saved, found["per_passage"], gain["value"], gain["low"], gain["high"], key="distillation_saved", alt=alt)
    clear = "is not told apart from none" if gain["low"] <= 0 <= gain["high"] else "helps" if gain["low"] > 0 else "hurts"
    st.markdown(
        f"Distillation saves {display.number(gain['value'], sign=True)} bits per byte, 95\u2009% interval {display.number(gain['low'], sign=True)} to {display.number(gain['high'], sign=True)} over passages: on this text it **{clear}**. "
        f"The distilled student stands {display.amount(distilled['divergence'], unit)} a token from its teacher, the plain one {display.amount(plain['divergence'], unit)}. The teacher had read {display.number(found['teacher_tokens'])} tokens and each student {display.number(found['tokens'])}, so part of what it hands on is text that its student never saw. "
        "One seed was run, with the learning rates that suited the plain student best: the interval holds for these two models, not for the method."
    )


def compared_table(found: dict, unit: str) -> str:
    """Teacher, plain student and distilled student, as Markdown."""
    names = {"teacher_itself": f"teacher, {found['teacher']}", "plain": "student, text alone", "distilled": "student, distilled"}
    lines = [
        f"| | bits per byte | loss, {unit} a token | KL from the teacher, {unit} | favourite came | favourite is the teacher's |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for key, label in names.items():
        row = found[key]
        nats, kl = (display.number(display.in_unit(row[name], unit)) for name in ("nats", "divergence"))
        right, same = (f"{100 * row[name]:.1f}\u2009%" for name in ("accuracy", "agreement"))
        lines.append(f"| {label} | {row['bits_per_byte']:.4f} | {nats} | {kl} | {right} | {same} |")
    return "\n".join(lines)
