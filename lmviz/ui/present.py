"""The presenter's view: large type, nothing around the page, and a clicker that goes on, pausing at the question and at its answer.

It is a session's own: `?view=present` opens it, the Share popover begins it, Esc leaves it. Arrow keys and Page Up and
Page Down, which clickers send, go from chapter to chapter; on the way a chapter's “Predict, then check” comes into view,
and one press later its answer.
"""

from pathlib import Path

import streamlit as st

STAGES = ("reading", "asked", "revealed")
ACTIONS = ("next", "previous", "leave")
_STAGE, _QUESTION, _GO = "present_stage", "present_question", "present_go"

_HERE = Path(__file__).parent
STYLE = f"<style>\n{(_HERE / 'present.css').read_text(encoding='utf-8')}\n</style>"
_COMPONENT = st.components.v2.component(
    "lmviz_presenter",
    html='\n<div class="presenter"></div>\n',
    css=(_HERE / "present_bar.css").read_text(encoding="utf-8"),
    js=(_HERE / "present.js").read_text(encoding="utf-8"),
)


def is_on() -> bool:
    return bool(st.session_state.get("presenting"))


def begin() -> None:
    """For the button's callback."""
    st.session_state.presenting, st.session_state[_STAGE] = True, "reading"
    st.session_state.share = False  # the popover has done its work


def leave() -> None:
    st.session_state.presenting = False


def turn() -> int:
    """Which way the presenter has asked to go: +1, −1, or 0; once."""
    return st.session_state.pop(_GO, 0)


def arrive(page: str) -> None:
    """A page is about to be drawn; another one than before is read from its beginning."""
    if st.session_state.get("page") != page:
        st.session_state[_STAGE] = "reading"
    st.session_state[_QUESTION] = False


def question() -> bool:
    """The page has a question, which is drawn now; True if its answer is to be shown without the reader's choice."""
    st.session_state[_QUESTION] = True
    return is_on() and st.session_state.get(_STAGE) == "revealed"


def step(stage: str, action: str, has_question: bool) -> tuple[str, int]:
    """The next stage of a page and whether to turn it: +1 on, −1 back, 0 stay.

    >>> step("reading", "next", True), step("asked", "next", True), step("revealed", "next", True)
    (('asked', 0), ('revealed', 0), ('reading', 1))
    >>> step("reading", "next", False), step("revealed", "previous", True), step("reading", "previous", True)
    (('reading', 1), ('asked', 0), ('reading', -1))
    """
    place = STAGES.index(stage) if has_question else 0
    if action == "next":
        return (STAGES[place + 1], 0) if has_question and place + 1 < len(STAGES) else (STAGES[0], 1)
    return (STAGES[place - 1], 0) if place else (STAGES[0], -1)


def bar(page: str, place: str, previous: str | None, following: str | None) -> None:
    """The slim bar at the foot, which also listens to the keys. To be drawn after the page, which says whether it has a question."""
    has_question = bool(st.session_state.get(_QUESTION))
    stage = st.session_state.setdefault(_STAGE, "reading")

    def pressed():
        action = st.session_state.present_bar.pressed
        if action == "leave":
            leave()
        elif action in ACTIONS:
            st.session_state[_STAGE], way = step(stage, action, has_question)
            if (way > 0 and following) or (way < 0 and previous):
                st.session_state[_GO] = way

    says = {"reading": following, "asked": "Reveal the answer", "revealed": following}[stage]
    data = {"page": page, "place": place, "stage": stage, "question": has_question, "previous": previous}
    _COMPONENT(key="present_bar", data=data | {"next": "To the question" if has_question and stage == "reading" else says}, on_pressed_change=pressed)
