"""The board of the guessing game: what is uncovered, a keyboard, and each guess handed to Python, which owns the game.

The browser half is `guess_board.js` and `guess_board.css`. It is never sent a symbol that has not been found.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from lmviz import display

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "lmviz_guess_board",
    html='\n<div class="board"></div>\n',  # subtle: a string of one line would be taken for a file name
    css=(_HERE / "guess_board.css").read_text(encoding="utf-8"),
    js=(_HERE / "make.js").read_text(encoding="utf-8") + (_HERE / "guess_board.js").read_text(encoding="utf-8"),
)
FULL = 27  # guesses at which the colour is full


def guess_board(
    symbols: Sequence[str],
    guesses: Sequence[int],
    *,
    key: str,
    title: str,
    mode: str = "letters",
    hidden: int = 0,
    playing: bool = False,
    wrong: Sequence[str] = (),
    turn: int = 0,
    game: int = 0,
    said: str = "",
    progress: str = "",
    notes: Sequence[str] | None = None,
    most: int | None = None,
    on_guess: Callable[[object], None] | None = None,
    on_arrived: Callable[[object], None] | None = None,
) -> None:
    """Draw the symbols found so far with their guess numbers; with `playing`, take guesses.

    `hidden` is how many symbols are still covered; `wrong` what has been tried for the next one; `turn` counts guesses and
    `game` games, so that a late or doubled guess is known as such. `on_guess` is given {"symbol", "turn", "game"} as the
    browser sent it, `on_arrived` the results a link brought: both are to be checked. A guess number above `most` is shown as ">most".
    """

    def guessed():
        if on_guess and (value := st.session_state[key].guess) is not None:
            on_guess(value)

    def arrived():
        if on_arrived and (value := st.session_state[key].arrived) is not None:
            on_arrived(value)

    data = board_data(symbols, guesses, mode=mode, notes=notes, most=most)
    data |= {"hidden": hidden, "playing": playing, "wrong": list(wrong), "turn": turn, "game": game, "said": said, "progress": progress, "title": title}
    _COMPONENT(key=key, data=data | {"takes_results": on_arrived is not None}, on_guess_change=guessed, on_arrived_change=arrived)


def board_data(symbols, guesses, *, mode: str = "letters", notes=None, most: int | None = None) -> dict:
    """The cells as the browser is sent them.

    >>> board_data("a ", [1, 3])["cells"][1]
    {'text': '·', 'guesses': '3', 'shade': 0.267, 'title': ''}
    """
    if len(symbols) != len(guesses):
        raise ValueError(f"guesses must have one number a symbol, {len(symbols)}, got {len(guesses)}")
    shown = symbols.upper() if isinstance(symbols, str) else [s.upper() if mode == "letters" else s for s in symbols]
    return {
        "mode": mode,
        "cells": [
            {
                "text": display.visible(symbol),
                "guesses": f">{most}" if most and n > most else display.number(int(n)),
                "shade": round(min(1.0, math.log(n) / math.log(FULL)) * 0.8, 3),
                "title": note,
            }
            for symbol, n, note in zip(shown, guesses, notes or [""] * len(guesses), strict=True)
        ],
    }


def valid_guess(value: object, *, mode: str, turn: int, game: int) -> str | None:
    """The symbol of a guess that belongs to this turn of this game, else None: what comes from a browser is not to be trusted.

    >>> valid_guess({"symbol": "e", "turn": 3, "game": 1}, mode="letters", turn=3, game=1)
    'e'
    >>> valid_guess({"symbol": "e", "turn": 2, "game": 1}, mode="letters", turn=3, game=1) is None     # an answer came in between
    True
    """
    if not isinstance(value, dict) or value.get("turn") != turn or value.get("game") != game:
        return None
    symbol = value.get("symbol")
    if not isinstance(symbol, str) or not 1 <= len(symbol) <= 24:
        return None
    if mode == "letters":
        return symbol if len(symbol) == 1 and symbol in "abcdefghijklmnopqrstuvwxyz " else None
    return symbol
