"""The trained half of chapter 6: networks that learned a source whose entropy is known, as recorded."""

import streamlit as st

from lmviz import display
from lmviz.data.recorded import known_source as recorded
from lmviz.figures import training_curves
from lmviz.lab.choices import SIZES
from lmviz.ui import charts

SHOWN = ("cross_entropy", "label_smoothing", "squared_error", "focal")  # the hinge's scores are no probabilities: it would hide the others


def networks(unit: str) -> None:
    """Held-out cross-entropy of four small networks above the entropy rate, and what is left of KL under each loss."""
    curves = recorded.load()
    size = SIZES[recorded.settings("cross_entropy").size]
    st.markdown(
        "The same with a neural network, trained as language models are, by following a gradient. The source is a chain of letters, each drawn by what the letter before it is in this book's passages. "
        f"Five networks of one start read it in the same order, {display.number(size.steps)} steps of {display.number(size.batch * size.context)} symbols; only the loss they are trained on differs."
    )
    drawn = tuple(curves[name] for name in SHOWN)
    alt = "Cross-entropy above the entropy rate at the end: " + ", ".join(f"{c.label} {display.amount(c.kl, unit, 2)}" for c in drawn) + " a symbol."
    charts.draw(_held_out, drawn, unit, key="entropy_networks", alt=alt)
    st.markdown(words(curves, unit))


def _held_out(curves: tuple, unit: str):
    return training_curves.training_curves(curves, "held_out", unit=unit)


def words(curves: dict, unit: str) -> str:
    """What each loss leaves above the floor."""
    own, floor = curves["cross_entropy"], curves["cross_entropy"].floor
    others = sorted((curves[name] for name in SHOWN[1:]), key=lambda c: c.kl)
    left = ", ".join(f"{c.label} {display.amount(c.kl, unit, 2)}" for c in others)
    return (
        f"The floor is exact: :violet[**{display.amount(floor, unit)}**] a symbol. Cross-entropy brings its network to :orange[**{display.amount(own.held_out[-1], unit)}**], and what is left is KL, "
        f"{display.amount(own.kl, unit, 2)}. The others leave more or less by the same measure: {left}. "
        f"The hinge, which asks for an order and not for probabilities, ends at {display.amount(curves['hinge'].held_out[-1], unit)}, far above the picture. One seed each; chapter 17 lets you run it again."
    )
