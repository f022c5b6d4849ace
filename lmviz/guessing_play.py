"""A game being played: what has been found, what has been tried, and what a guess changes. Plain values, no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lmviz import tokens_guessed

GIVE_UP = 10  # with tokens: after so many wrong guesses the token is shown, and counts as "later than that"


@dataclass(frozen=True)
class Play:
    """One game: `number` tells games of a session apart, `turn` counts guesses, `said` is the latest news in words."""

    form: str
    passage: str
    number: int
    guesses: tuple[int, ...] = ()
    wrong: tuple[str, ...] = ()
    turn: int = 0
    said: str = ""
    stopped: bool = False

    def over(self, n_symbols: int) -> bool:
        return self.stopped or len(self.guesses) >= n_symbols


def guess(play: Play, symbol: str, symbols: Sequence[str]) -> Play:
    """The game after one guess. A guess that was tried already, or cannot be right by the rules, costs nothing.

    >>> play = guess(guess(Play("letters", "crow", 1), "t", "a c"), "a", "a c")
    >>> play.guesses, play.wrong, play.turn, play.said
    ((2,), (), 2, 'A is right, at guess 2. 1 of 3 letters.')
    """
    if play.over(len(symbols)):
        return play
    letters = play.form == "letters"
    tried = symbol if letters else tokens_guessed.same(symbol)
    shown = {" ": "Space"}.get(tried, tried.upper() if letters else f"“{tried}”")
    if not letters and not tokens_guessed.is_guess(symbol):
        return replace(play, turn=play.turn + 1, said="A token of these passages is made of letters only; that guess was not counted.")
    if tried in play.wrong:
        return replace(play, turn=play.turn + 1, said=f"{shown} was tried already.")
    truth = symbols[len(play.guesses)]
    number = len(play.wrong) + 1
    if tried == (truth if letters else tokens_guessed.same(truth)):
        return _found(play, number, f"{shown} is right, at guess {number}.", symbols)
    if not letters and number == GIVE_UP:
        return _found(play, GIVE_UP + 1, f"{shown} is wrong. After {GIVE_UP} guesses the token is shown: “{truth.strip()}”.", symbols)
    return replace(play, wrong=(*play.wrong, tried), turn=play.turn + 1, said=f"{shown} is wrong.")


def _found(play: Play, number: int, said: str, symbols: Sequence[str]) -> Play:
    guesses = (*play.guesses, number)
    what = "letters" if play.form == "letters" else "tokens"
    return replace(play, guesses=guesses, wrong=(), turn=play.turn + 1, said=f"{said} {len(guesses)} of {len(symbols)} {what}.")
