"""The sentences and the interactions of chapter 5: a game played by a model to look at, and one to play."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import streamlit as st

from lmviz import display, guessing, guessing_play, models, results
from lmviz.data.guessing import passage, passages, shannon_1951
from lmviz.data.recorded import guessing as recorded
from lmviz.errors import ReaderError
from lmviz.figures import guessing as figures
from lmviz.figures.guessing import Player
from lmviz.guessing_play import GIVE_UP, Play
from lmviz.ui import charts, guess_board
from lmviz.ui.links import linked

PLAY, FINISHED, POOL, NOTE, NUMBER = (f"guessing_game_{name}" for name in ("play", "finished", "pool", "note", "number"))
FORMS = {"letters": "Letters", "tokens": "Tokens"}
SYMBOL = {"letters": "letter", "tokens": "token"}
CAP = {"letters": None, "tokens": GIVE_UP}


def symbols_of(form: str, id: str) -> tuple[str, ...]:
    """What is to be guessed in a passage: its letters, or its tokens on the tokenizer of the embedded models."""
    if form == "letters":
        return tuple(passage(id).text)
    return recorded.game(recorded.best_recorded("", "tokens"), id, "tokens").symbols


def length(form: str, id: str) -> int | None:
    """How many symbols a passage has; None if there is no such passage or form: what `results` asks of codes from outside."""
    return len(symbols_of(form, id)) if form in FORMS and passage(id) else None


def title(model: str) -> str:
    return models.registry.row(model).title


@st.fragment
def game(model: str, unit: str) -> None:
    """The board, who plays on it, and what the guesses say. Only this is drawn again after a guess."""
    if st.session_state.pop(NOTE, None) == "arrived":
        st.rerun(scope="app")  # the pool further down has grown
    play: Play | None = st.session_state.get(PLAY)
    with st.container(horizontal=True, vertical_alignment="center", key="guessing_game_controls"):
        form = linked(st).segmented_control(
            "Guess",
            list(FORMS),
            default="letters",
            required=True,
            key="guessing_game_form",
            format_func=FORMS.get,
            label_visibility="collapsed",
            on_change=leave,
        )
        opponent = recorded.best_recorded(model, form)
        _buttons(play, form)
    if play is None:
        _example(opponent, form, unit)
    elif not play.over(len(symbols_of(play.form, play.passage))):
        _playing(play, opponent, unit)
    else:
        _over(play, opponent, unit)


def _buttons(play: Play | None, form: str) -> None:
    over = play is not None and play.over(len(symbols_of(play.form, play.passage)))
    if play is None or over:
        st.button("Play it yourself" if play is None else "Play another passage", type="primary", key="guessing_game_start", on_click=start, args=(form,))
    if play is not None and not over:
        st.button("Stop here", key="guessing_game_stop", on_click=stop)
    if play is not None:
        st.button("Back to the model's game", key="guessing_game_leave", on_click=leave)


def start(form: str) -> None:
    """A new game on a passage that this session has not played, if one is left; the one of the opening picture comes last."""
    played = [r.passage for r in st.session_state.get(FINISHED, []) if r.form == form]
    order = [*passages()[1:], passages()[0]]
    fewest = min(order, key=lambda p: played.count(p.id))
    st.session_state[NUMBER] = st.session_state.get(NUMBER, 0) + 1
    what = "Type the first letter." if form == "letters" else "Type the first token."
    st.session_state[PLAY] = Play(form, fewest.id, st.session_state[NUMBER], said=what)


def stop() -> None:
    play = st.session_state.get(PLAY)
    if play is not None:
        _keep(replace(play, stopped=True))


def leave() -> None:
    """Back to the game of the model; what was found of a game that is not over is forgotten."""
    st.session_state[PLAY] = None


def take_guess(value: object) -> None:
    """A guess as the browser sent it: one that belongs to this turn changes the game, any other is nothing."""
    play = st.session_state.get(PLAY)
    if play is None:
        return
    symbol = guess_board.valid_guess(value, mode=play.form, turn=play.turn, game=play.number)
    if symbol is not None:
        _keep(guessing_play.guess(play, symbol, symbols_of(play.form, play.passage)))


def take_results(value: object) -> None:
    """Results that came with a link."""
    try:
        found = results.find_codes(value if isinstance(value, str) else "", length)
    except ReaderError as trouble:
        st.session_state.guessing_game_trouble = trouble
    else:
        add_to_pool(found)
    st.session_state[NOTE] = "arrived"


def add_to_pool(found: list[results.Result]) -> int:
    """Results of others join the pool, those that are in it already do not; how many were new."""
    pool = st.session_state.setdefault(POOL, [])
    new = [r for r in dict.fromkeys(found) if r not in pool and r not in st.session_state.get(FINISHED, [])]
    pool.extend(new[: max(0, results.MOST - len(pool))])
    return len(new)


def _keep(play: Play) -> None:
    st.session_state[PLAY] = play
    if play.guesses and play.over(len(symbols_of(play.form, play.passage))):
        st.session_state.setdefault(FINISHED, []).append(results.Result(play.form, play.passage, play.guesses))
        st.session_state[NOTE] = "arrived"


# ---------------------------------------------------------------- three states of the board


def _example(model: str, form: str, unit: str) -> None:
    shown = passages()[0]
    played = recorded.game(model, shown.id, form)
    them = model_player(model, shown.id, form)
    what = SYMBOL[form]
    first = played.ranks.count(1)
    st.markdown(
        f":blue[**{title(model)}**] was asked for the next {what} of a sentence, again and again until it was right, and then for the next. Of {len(played.ranks)} {what}s "
        f"it found **{first}** at the first guess. From its guess numbers alone, Shannon would put the entropy of the sentence between "
        f"**{display.number(display.in_unit(them.lower, unit))}** and **{display.amount(them.upper, unit)}** a {what}; its own loss is :orange[**{display.amount(them.loss, unit)}**]."
    )
    notes = [f"first guessed: {', '.join(display.visible(c).upper() for c in wrong)}" if wrong else "" for wrong in played.wrong]
    _board(
        played.symbols, played.ranks, form=form, title=f"The sentence as {title(model)} guessed it, with the number of guesses under each {what}", notes=notes
    )
    _pictures([them, *shannon(form)], form, unit, played.n_symbols)
    if form == "letters":
        st.markdown(f"Shannon's reader guessed another sentence, printed in 1951 with the number of guesses for each letter: “{shannon_1951()[0].strip()}”.")


def _playing(play: Play, opponent: str, unit: str) -> None:
    symbols = symbols_of(play.form, play.passage)
    what, n = SYMBOL[play.form], len(play.guesses)
    how = (
        "Type a letter or the space bar, or tap one below: capitals and punctuation do not occur. A miss is struck out, a hit uncovers the letter."
        if play.form == "letters"
        else f"Type the next token, a word or a piece of one, and press Enter. Spaces and capitals are forgiven, to you and to the model. After {GIVE_UP} misses it is shown."
    )
    st.markdown(how)
    # no picture changes while somebody types: a chart that is drawn anew costs more than all the rest of the answer
    _board(
        symbols[:n], play.guesses, form=play.form, title=f"The hidden sentence: guess the next {what}", hidden=len(symbols) - n, playing=True, wrong=play.wrong,
        turn=play.turn, game=play.number, said=play.said, progress=f"{n} of {len(symbols)} {what}s{_so_far(play, opponent, unit)}. {play.said}",
    )  # fmt: skip


def _so_far(play: Play, opponent: str, unit: str) -> str:
    if len(play.guesses) < 2:
        return ""
    you = player("", "reader", play.guesses, play.form, opponent, play.passage)
    low, high = display.number(display.in_unit(you.lower, unit), 2), display.number(display.in_unit(you.upper, unit), 2)
    return f", {you.counts[0]} at the first guess, bounds so far {low} to {high} {unit}"


def _over(play: Play, opponent: str, unit: str) -> None:
    symbols, n, what = symbols_of(play.form, play.passage), len(play.guesses), SYMBOL[play.form]
    if not n:
        st.markdown(f"You stopped before the first {what} was found, so there is nothing to count yet.")
        _board((), (), form=play.form, title="An empty board", hidden=0)
        return
    you, them = player("You", "reader", play.guesses, play.form, opponent, play.passage), model_player(opponent, play.passage, play.form, n)
    st.markdown(over_words(you, them, play, unit))
    _board(
        symbols[:n],
        play.guesses,
        form=play.form,
        title=f"The sentence as you guessed it, with the number of guesses under each {what}",
        hidden=len(symbols) - n,
    )
    _pictures([you, them], play.form, unit, n_symbols(play.form, opponent, play.passage))


def over_words(you: Player, them: Player, play: Play, unit: str) -> str:
    """What a finished game says, beside the model on the same symbols."""
    n, what = len(play.guesses), SYMBOL[play.form]
    place = "lies between your two bounds" if you.lower <= them.loss <= you.upper else "lies above both: these letters cost the model more than your guesses would cost" if them.loss > you.upper else "lies below both: the model knew them better"  # fmt: skip
    return (
        f"You found **{you.counts[0]}** of {n} {what}s at the first guess, {them.name} {them.counts[0]}. From your guesses alone the entropy of this sentence to you is between "
        f"**{display.number(display.in_unit(you.lower, unit))}** and **{display.amount(you.upper, unit)}** a {what}. The model's loss on the same {what}s, "
        f":orange[**{display.amount(them.loss, unit)}**], {place}."
    )


def _board(symbols, guesses, *, form: str, **options) -> None:
    guess_board.guess_board(symbols, guesses, key="guessing_game_board", mode=form, most=CAP[form], on_guess=take_guess, on_arrived=take_results, **options)


# ---------------------------------------------------------------- players as numbers


def n_symbols(form: str, model: str, id: str) -> int:
    return len(guessing.ALPHABET) if form == "letters" else recorded.game(model, id, form).n_symbols


def player(name: str, role: str, ranks, form: str, model: str, id: str, loss: float = math.nan) -> Player:
    """Guess numbers as a row of the pictures."""
    most = n_symbols(form, model, id)
    found = guessing.bounds(ranks, most, cap=CAP[form])
    shown = guessing.counts([min(r, results.FORMS[form]) for r in ranks], results.FORMS[form])
    return Player(name, role, tuple(int(c) for c in shown), found.lower, found.upper, loss)


def model_player(model: str, id: str, form: str, n: int | None = None) -> Player:
    """A model on (the first n symbols of) a passage, with its loss: told the rules, as the reader was."""
    played = recorded.game(model, id, form)
    return player(title(model), "model", played.ranks[:n], form, model, id, float(np.mean(played.nats[:n])))


def shannon(form: str) -> list[Player]:
    """The game that Shannon printed, of letters only."""
    return [player("Shannon's reader, 1951", "other", shannon_1951()[1], "letters", "", "")] if form == "letters" else []


def _pictures(players: list[Player], form: str, unit: str, most: int) -> None:
    what = SYMBOL[form]
    left, right = st.columns([5, 6], gap="medium")
    with left:
        alt = (
            "At which guess: "
            + "; ".join(f"{p.name} found {p.counts[0]} of {sum(p.counts)} {what}s at the first, {p.counts[1]} at the second" for p in players)
            + "."
        )
        charts.draw(figures.histogram, tuple(players), f"{what}s", results.FORMS[form], key="guessing_game_histogram", alt=alt)
    with right:
        said = [
            f"{p.name}: between {display.number(display.in_unit(p.lower, unit))} and {display.amount(p.upper, unit)} a {what}"
            + (f", loss {display.amount(p.loss, unit)}" if math.isfinite(p.loss) else "")
            for p in players
        ]
        charts.draw(figures.ruler, tuple(players), math.log(most), unit, what, key="guessing_game_ruler", alt="Shannon's bounds. " + "; ".join(said) + ".")
