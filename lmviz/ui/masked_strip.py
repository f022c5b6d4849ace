"""A text as chips, some of which are hidden from the model: the reader hides a token, or shows it again, by clicking it.

The browser half is `masked_strip.js` and `masked_strip.css`; text reaches it as data only and enters the page as text.
Python owns which tokens are hidden: a click only says which chip was clicked.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from lmviz import display, masking
from lmviz.ui.token_strip import LIMITS, valid_index

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "lmviz_masked_strip",
    html='\n<div class="gaps"></div>\n',  # subtle: a string of one line would be taken for a file name
    css=(_HERE / "masked_strip.css").read_text(encoding="utf-8"),
    js=(_HERE / "masked_strip.js").read_text(encoding="utf-8"),
)
STATES = {masking.UNTOUCHED: "", masking.MASKED: "hidden", masking.SWAPPED: "swapped", masking.KEPT: "kept"}


def masked_strip(
    tokens: Sequence[str],
    fates: Sequence[int],
    losses: Sequence[float],
    *,
    key: str,
    title: str,
    unit: str,
    looked_at: int | None = None,
    swapped: Sequence[str | None] | None = None,
    everywhere: bool = False,
    on_click: Callable[[int], None] | None = None,
) -> None:
    """Draw the chips. `fates` are those of `lmviz.masking`, `losses` in nats; `swapped[i]` is what the model reads in place of a swapped token.

    `everywhere` prints the loss of tokens in sight too. With `on_click` chips are buttons, and it is given the index of the one clicked.
    """
    data = strip_data(tokens, fates, losses, title=title, unit=unit, looked_at=looked_at, swapped=swapped, everywhere=everywhere)

    def clicked():
        index = valid_index(st.session_state[key].clicked, len(tokens))
        if index is not None:
            on_click(index)

    callback = {"on_clicked_change": clicked} if on_click else {}
    _COMPONENT(key=key, data=data | {"clickable": on_click is not None}, **callback)


def strip_data(tokens, fates, losses, *, title: str, unit: str, looked_at: int | None = None, swapped=None, everywhere: bool = False) -> dict:
    """What the browser is sent; the colour is full at 12 bits, as in every strip of the book.

    >>> data = strip_data([" a", "b"], [1, 0], [math.log(4), 0.1], title="t", unit="bits")
    >>> data["chips"][0]["state"], data["chips"][0]["value"], data["chips"][1]["value"], data["chips"][0]["says"]
    ('hidden', '2.0', '', [', hidden, costs ', ' bits'])
    """
    if not len(tokens) == len(fates) == len(losses):
        raise ValueError(f"fates and losses must have one entry a token, {len(tokens)}; got {len(fates)} and {len(losses)}")
    swapped = swapped or [None] * len(tokens)
    chips = []
    for token, fate, nats, other in zip(tokens, map(int, fates), map(float, losses), swapped, strict=True):
        text, counted = token or "…", fate != masking.UNTOUCHED
        state = {"": "in sight", "swapped": "is read in its place", "kept": "chosen but left as it is"}.get(STATES[fate], STATES[fate])
        priced = counted or everywhere
        chips.append({
            "pieces": display.pieces(text), "other": None if other is None else display.pieces(other), "state": STATES[fate],
            "value": brief(display.in_unit(nats, unit)) if priced else "",
            "shade": round(max(0.0, min(1.0, nats / LIMITS["loss"])), 4) if counted else 0,
            "says": [f", {state}, costs ", f" {unit}"] if priced else [f", {state}", ""],  # for those who listen: before the number, and after it
        })  # fmt: skip
    return {"title": title, "chips": chips, "looked_at": looked_at}


def brief(amount: float) -> str:
    """A loss in the room below a chip.

    >>> brief(3.456), brief(0.004), brief(math.inf)
    ('3.5', '0.00', '∞')
    """
    if not math.isfinite(amount):
        return display.INFINITY
    return f"{amount:.2f}" if amount < 0.0995 else f"{amount:.1f}"
