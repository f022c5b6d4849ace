"""The guided path on the page: which stop this is, what is done, and the ticks, which the reader's own browser keeps.

The browser half is `path_store.js`. Nobody else learns of the ticks: they are in no link and in no file of the server.
"""

from pathlib import Path

import streamlit as st

from lmviz.data import examples, path
from lmviz.ui import links, present

_COMPONENT = st.components.v2.component(
    "lmviz_path",
    html='\n<span hidden class="path"></span>\n',  # subtle: a string of one line would be taken for a file name
    js=(Path(__file__).parent / "path_store.js").read_text(encoding="utf-8"),
)
DONE, RESTARTED = "path_done", "path_restarted"  # which stops; whether the reader began anew in this session
ACTED = "path_acted"  # (page, act) pairs that were seen
PLAYED = "path_played"  # the guessing game that counted before


def done() -> frozenset[str]:
    """The stops that the reader has done, in this session or before in this browser."""
    return st.session_state.get(DONE, frozenset())


def line(page: str) -> None:
    """To be called once on every page, under its title: notice what was done, keep it in the browser, and say at a stop of the path what to try."""
    notice()
    here = path.place(page)
    if here is not None and not present.is_on():
        stop = path.STOPS[here]
        tick = "✓ done" if page in done() else f"about {stop.minutes} minutes · try: {stop.try_this}"
        with st.container(key="path_line"):
            st.caption(f"Stop {here + 1} of {len(path.STOPS)} · {tick}")


def keep() -> None:
    """To be called once on every page, at its end: tell the browser what is done, and hear from it what was."""
    _COMPONENT(key="path_store", data={"stops": [s.page for s in path.STOPS], "done": sorted(done()), "restarted": bool(st.session_state.get(RESTARTED))},
               on_kept_change=_hear)  # fmt: skip


def _hear() -> None:
    if not st.session_state.get(RESTARTED):
        st.session_state[DONE] = done() | path.valid(st.session_state.path_store.kept)


def notice() -> None:
    """Look which acts are done by now: those of fragments, and of the page just left, are still to be seen when a page begins."""
    acted = st.session_state.setdefault(ACTED, set())
    acted.update((stop.page, act) for stop in path.STOPS for act in stop.acts if _is_done(stop.page, act))
    now = frozenset(stop.page for stop in path.STOPS if all((stop.page, act) in acted for act in stop.acts))
    st.session_state[DONE] = done() | now


def _is_done(page: str, act: str) -> bool:
    state = st.session_state
    if act == "text":
        text = (state.get("text") or "").strip()
        return (
            bool(text)
            and text != state.get("asked", {}).get("text", "").strip()
            and text not in {t.strip() for t in (examples.OPENING, examples.long_text(), *examples.by_title().values())}
        )
    if act == "token":
        return state.get("page") == page and state.get("token") is not None and str(state.token) != state.get("asked", {}).get("token")
    if act == "setting":
        return any(state.get("asked", {}).get(name) != text for name, text in links.of_page(page).items())
    if act == "play":
        play = state.get("guessing_game_play")
        return play is not None and bool(play.guesses or play.wrong) and play.number != state.get(PLAYED)
    return state.get(f"{page}_predict") is not None


def overview(titles: dict[str, str]) -> None:
    """“The path” on the first page: what is done, where to go on, and every stop with its minutes and its tick. `titles`: what the chapters are called."""
    ticked = done()
    n, following = len(ticked), next((stop for stop in path.STOPS if stop.page not in ticked), None)
    st.subheader("The path", anchor=False)
    told = f"{n} of {len(path.STOPS)} are done, the rest takes about {path.minutes(ticked)} minutes" if n else f"about {path.minutes()} minutes"
    st.markdown(
        f"All {len(path.STOPS)} stops are done. What is left is *Beyond* and *Lab*, and a text that nobody has tried yet."
        if following is None
        else f"To learn this alone: {len(path.STOPS)} stops through *Reading* and *Why*, {told}. Each asks you to do one thing, and is ticked when you have. Your browser keeps the ticks; there is no account."
    )
    if following is not None:
        st.page_link(_file(following.page), label=f"→ **{'Begin with' if not n else 'Go on with'} {titles[following.page]}**")
    with st.expander("All stops", key="contents_stops"):
        for stop in path.STOPS:
            with st.container(key=f"path_{stop.page}", gap=None):
                st.page_link(_file(stop.page), label=f"{'✓' if stop.page in ticked else '○'} **{titles[stop.page]}**")
                st.caption(f"{'Done' if stop.page in ticked else f'About {stop.minutes} minutes'}: {stop.try_this}.")
        if ticked:
            st.button("Begin again, without ticks", key="contents_path_again", type="tertiary", on_click=_restart)


def _restart() -> None:
    st.session_state[DONE], st.session_state[ACTED], st.session_state[RESTARTED] = frozenset(), set(), True
    st.session_state[PLAYED] = getattr(st.session_state.get("guessing_game_play"), "number", None)


def _file(page: str) -> str:
    root = Path(__file__).parents[2]
    return next(file.relative_to(root).as_posix() for file in (root / "pages").glob(f"*/{page}.py"))
