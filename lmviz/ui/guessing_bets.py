"""Chapter 5, second form: 100 chips over the candidates, paid by four scores."""

from __future__ import annotations

import numpy as np
import streamlit as st

from lmviz import betting, display
from lmviz.betting import CHIPS
from lmviz.data.recorded import guessing as recorded
from lmviz.data.recorded.guessing import Place
from lmviz.figures import guessing as figures
from lmviz.ui import charts, guessing_game, links
from lmviz.ui.links import linked

OTHER = "any other"
PROPER = {"log": "strictly proper", "brier": "strictly proper", "accuracy": "proper, not strictly", "linear": "not proper"}


@st.fragment
def table(model: str, unit: str) -> None:
    """A place in a text, the model's belief, the reader's chips, what each score pays. Nothing here runs a model."""
    player = recorded.best_recorded(model, "places")
    places = recorded.places(player)
    which = linked(st).segmented_control(
        "Where",
        range(len(places)),
        default=0,
        required=True,
        key="guessing_game_place",
        format_func=lambda i: display.md_escape(f"… {' '.join(places[i].before.split()[-3:])} …"),
        label_visibility="collapsed",
    )
    place = places[which]
    names = [*place.names, OTHER]
    honest = betting.honest_chips(place.probs)
    st.markdown(
        f"What comes after “{display.md_escape(place.before)}”? Here is what {guessing_game.title(player)} believes. Place {CHIPS} chips as if its belief were yours; "
        f"what you leave lies on “{OTHER}”."
    )
    keys = [f"guessing_game_chips_{which}_{k}" for k in range(len(names) - 1)]
    for key, chips in zip(keys, _boldest(place), strict=False):
        links.opening(key, int(chips), _chips)
    with st.container(horizontal=True, key="guessing_game_chips"):
        for key, name, p, chips in zip(keys, names, place.probs, _boldest(place), strict=False):
            linked(st, default=int(chips)).number_input(
                f"{display.md_escape(display.visible(name))}  P = {display.probability(p)}", 0, CHIPS, step=1, key=key, width=150
            )
        placed = sum(st.session_state[key] for key in keys)
    with st.container(horizontal=True, vertical_alignment="center", key="guessing_game_presets"):
        for label, chips in {
            "All on the likeliest": _boldest(place),
            "Evenly": betting.honest_chips(np.full(len(names), 1 / len(names))),
            "Honest": honest,
        }.items():
            st.button(label, key=f"guessing_game_preset_{label}", on_click=_place, args=(keys, chips))
    if placed > CHIPS:
        st.markdown(f"You have placed {placed} chips; there are {CHIPS}. Take {placed - CHIPS} back.")
        return
    chips = np.array([*(st.session_state[key] for key in keys), CHIPS - placed])
    st.markdown(f"On “{OTHER}”, to which the model gives {display.probability(place.probs[-1])}, lie **{chips[-1]}** chips.")
    bet = tuple((chips / CHIPS).tolist())
    charts.draw(figures.bets, place.probs, bet, unit, key="guessing_game_bets", alt=alt(place, bet, unit))
    st.markdown(pay_table(place, bet, unit))
    st.markdown(words(place, bet, unit))


def _chips(text: str) -> int:
    if not 0 <= int(text) <= CHIPS:
        raise ValueError("not so many chips")
    return int(text)


def _boldest(place: Place) -> np.ndarray:
    return (betting.best_bet("linear", place.probs) * CHIPS).astype(int)


def _place(keys: list[str], chips) -> None:
    for key, n in zip(keys, chips, strict=False):
        st.session_state[key] = int(n)


def _shown(name: str) -> str:
    return f"“{name}”" if name == OTHER else display.md_escape(display.visible(name))


def pay_table(place: Place, bet: tuple[float, ...], unit: str) -> str:
    """One row a score: the expected pay of the reader's bet, of the honest one, and of the best one."""
    rows = ["| expected pay | your bet | honest bet | best bet |", "|---|---|---|---|"]
    for score in betting.SCORES:
        worth = [betting.expected(score, bet, place.probs), betting.expected(score, place.probs, place.probs), betting.best_expected(score, place.probs)]
        cells = " | ".join(figures.paid(score, figures.in_unit(score, w, unit), unit) for w in worth)
        rows.append(f"| **{figures.SCORE_NAMES[score]}**, {PROPER[score]} | {cells} |")
    return "\n".join(rows)


def words(place: Place, bet: tuple[float, ...], unit: str) -> str:
    """The same by search, chip by chip; and what came."""
    names = [*place.names, OTHER]
    honest = betting.honest_chips(place.probs)
    searched = {score: betting.best_chips(score, place.probs) for score in ("log", "brier", "linear")}
    off = {score: int(np.abs(chips - honest).max()) for score, chips in searched.items()}
    top = int(searched["linear"].argmax())
    came = names[place.came]
    paid = ", ".join(f"{figures.SCORE_NAMES[s]} {figures.paid(s, figures.in_unit(s, betting.pay(s, bet, place.came), unit), unit)}" for s in betting.SCORES)
    near = {score: "exactly on" if not n else f"within {n} {'chip' if n == 1 else 'chips'} a pile of" for score, n in off.items()}
    return (
        "A score is **proper** if no bet earns more than the honest one, strictly so if every other bet earns less. Accuracy looks only at the favourite, so shouting earns as much as honesty; "
        f"the linear score pays for shouting. The best bets are not only derived: laying {CHIPS} whole chips one by one, each where it adds most, ends {near['log']} the honest bet under the log score, {near['brier']} it under Brier's, "
        f"and with all {searched['linear'][top]} on {_shown(names[top])} under the linear one. "
        f"What came in the text was {_shown(came)}; your bet is paid for it: {paid}."
    )


def alt(place: Place, bet: tuple[float, ...], unit: str) -> str:
    parts = []
    for score in betting.SCORES:
        worth = [figures.paid(score, figures.in_unit(score, w, unit), unit) for w in (betting.expected(score, bet, place.probs), betting.expected(score, place.probs, place.probs), betting.best_expected(score, place.probs))]  # fmt: skip
        parts.append(f"{figures.SCORE_NAMES[score]}: yours {worth[0]}, honest {worth[1]}, best {worth[2]}")
    return "Expected pay from an even bet to a bold one under four scores. " + "; ".join(parts) + "."
