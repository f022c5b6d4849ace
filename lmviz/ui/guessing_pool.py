"""Chapter 5, a class together: a result as a code, a link or a CSV, and Shannon's bounds over all that were collected."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from lmviz import display, results
from lmviz.data.guessing import passage
from lmviz.errors import ReaderError
from lmviz.ui import guessing_game as game
from lmviz.ui import show


def pool(model: str, unit: str) -> None:
    """This session's results and those that others handed over, as one big game."""
    mine, others = st.session_state.get(game.FINISHED, []), st.session_state.get(game.POOL, [])
    st.markdown(
        "Two hundred letters say more than eighty. A finished game is a short code, kept in this session only: no text, no name, one character a letter for the number of guesses. "
        "Hand it around as a link or a file; whoever collects them gets Shannon's bounds over all of them."
    )
    if trouble := st.session_state.pop("guessing_game_trouble", None):
        show.trouble(trouble)
    if note := st.session_state.pop("guessing_game_said", None):
        st.info(note)
    if mine:
        st.markdown(f"**Your {_games(len(mine))}, as a link:**")
        st.code(link(mine), language=None, wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="bottom", key="guessing_game_doors"):
        with st.popover("Add results of others", key="guessing_game_add", on_change="rerun") as door:
            if door.open:
                _add()
        every = [*mine, *others]
        if every:
            st.download_button("Save as CSV", lambda: results.to_csv(every), "guessing-game.csv", "text/csv", key="guessing_game_csv", on_click="ignore")
        if others:
            st.button("Forget the others'", key="guessing_game_forget", on_click=_forget)
    if not every:
        st.markdown("Nothing is collected yet: play a game above, or add the results of others.")
        return
    for form in game.FORMS:
        if chosen := [r for r in every if r.form == form]:
            st.markdown(words(chosen, form, model, unit))
    if others:
        st.markdown("**Everything collected, as one link:**")
        st.code(link(every), language=None, wrap_lines=True)


def words(chosen: list[results.Result], form: str, model: str, unit: str) -> str:
    """The pooled bounds of one form, in a sentence."""
    from lmviz.data.recorded import guessing as recorded

    opponent = recorded.best_recorded(model, form)
    ranks = [g for r in chosen for g in r.guesses]
    you = game.player("", "reader", ranks, form, opponent, chosen[0].passage)
    nats = [x for r in chosen for x in recorded.game(opponent, r.passage, form).nats[: len(r.guesses)]]
    what = game.SYMBOL[form]
    titles = ", ".join(f"{passage(id).title} ({n})" for id, n in Counter(r.passage for r in chosen).items())
    return (
        f"**{display.number(len(ranks))} {what}s of {_games(len(chosen))}**: {display.number(you.counts[0])} at the first guess, between **{display.number(display.in_unit(you.lower, unit))}** and "
        f"**{display.amount(you.upper, unit)}** a {what}. {game.title(opponent)}'s loss on the same {what}s: :orange[**{display.amount(sum(nats) / len(nats), unit)}**]. Passages: {titles}."
    )


def link(chosen: list[results.Result]) -> str:
    """An address that opens this page with these results in it. What follows “#” never reaches a server: the page itself hands it over."""
    base = (st.context.url or "").split("?")[0].split("#")[0]
    return f"{base}#results={'.'.join(map(results.encode, chosen))}"


def _add() -> None:
    st.text_area("Codes or links, one a line", key="guessing_game_codes", height=120, max_chars=40_000)
    st.button("Add these", key="guessing_game_add_codes", on_click=_take_codes)
    st.file_uploader("Or a CSV that was saved here", type=["csv"], key="guessing_game_upload", on_change=_take_upload)


def _take_codes() -> None:
    _take(lambda: results.find_codes(st.session_state.get("guessing_game_codes") or "", game.length))


def _take_upload() -> None:
    upload = st.session_state.get("guessing_game_upload")
    if upload is not None:
        _take(lambda: results.from_csv(upload.getvalue(), game.length))


def _take(read) -> None:
    try:
        found = read()
    except ReaderError as trouble:
        st.session_state.guessing_game_trouble = trouble
        return
    new = game.add_to_pool(found)
    rest = f" {_games(len(found) - new)} {'was' if len(found) - new == 1 else 'were'} here already." if len(found) > new else ""
    st.session_state.guessing_game_said = f"{_games(new)} added.{rest}" if found else "There was no code in that."


def _forget() -> None:
    st.session_state[game.POOL] = []


def _games(n: int) -> str:
    return f"{display.number(n)} game" + ("" if n == 1 else "s")
