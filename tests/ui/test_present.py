"""The presenter's view and the Share popover, through app.py."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz.ui import present, share

APP = Path(__file__).parents[2] / "app.py"
CHAPTER = "pages/why/gradient.py"


def opened(page: str = CHAPTER, **query: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for name, text in ({"model": "nano"} | query).items():
        at.query_params[name] = text
    at.run()
    at.switch_page(page).run()
    assert not at.exception
    return at


def first(at, name: str) -> str | None:
    values = at.query_params.get(name)
    return values[0] if isinstance(values, list) else values


def answered(at) -> list[str]:
    labels = [option.lower() for option in at.radio(key="gradient_predict").options]
    return [m.value for m in at.markdown if m.value.startswith("**") and any(m.value[2:].lower().startswith(label[:12]) for label in labels)]


def press(at, stage: str, action: str, has_question: bool = True) -> None:
    """What the bar's callback does with a key."""
    at.session_state["present_stage"], way = present.step(stage, action, has_question)
    if way:
        at.session_state["present_go"] = way
    at.run()
    assert not at.exception


def test_the_answer_is_hidden_until_it_is_revealed_and_then_the_next_chapter_comes():
    at = opened(view="present")
    question = at.title[0].value
    assert not answered(at)
    press(at, "reading", "next")
    assert not answered(at) and at.session_state["present_stage"] == "asked"
    press(at, "asked", "next")
    assert len(answered(at)) == 1
    press(at, "revealed", "next")
    assert at.title[0].value != question and at.session_state["page"] == "losses"
    assert at.session_state["present_stage"] == "reading" and first(at, "view") == "present" and first(at, "model") == "nano"


def test_outside_the_presenter_s_view_nothing_is_revealed():
    at = opened()
    at.session_state["present_stage"] = "revealed"
    at.run()
    assert not answered(at) and "view" not in at.query_params


def test_a_view_that_is_unknown_is_the_usual_one():
    assert not opened(view="admin").session_state["presenting"]


def test_the_reader_s_text_model_and_unit_outlive_a_page_without_a_text_and_a_hasty_turn():
    at = opened(unit="nats")
    at.text_area(key="text").set_value("Two words").run()
    at.switch_page("pages/reading/guessing_game.py").run()
    at.session_state["present_go"] = 1
    at.run()
    assert at.session_state["page"] == "entropy"
    assert at.text_area(key="text").value == "Two words" and first(at, "unit") == "nats" and first(at, "model") == "nano"


@pytest.mark.parametrize("stage", present.STAGES)
@pytest.mark.parametrize("has_question", [True, False])
def test_every_way_on_comes_back(stage, has_question):
    if not has_question:
        stage = "reading"
    forward, turned = present.step(stage, "next", has_question)
    assert turned or present.step(forward, "previous", has_question) == (stage, 0)
    steps, way = 0, 0
    while not way:
        stage, way = present.step(stage, "next", has_question)
        steps += 1
    assert way == 1 and steps <= 3


def share_of(at) -> str:
    at.session_state["share"] = True
    at.run()
    assert not at.exception
    return next(c.value for c in at.code if c.value.startswith("http"))


def test_the_link_is_for_readers_and_leaves_the_presenter_s_view_out():
    at = opened(view="present", unit="nats")
    at.context["url"] = "http://example.org/gradient"
    link = share_of(at)
    assert link.startswith("http://example.org/gradient?") and "unit=nats" in link and "view" not in link


def test_a_host_may_say_under_which_address_others_reach_the_book(monkeypatch):
    monkeypatch.setenv("LMVIZ_URL", "https://book.example.org/lm/")
    at = opened()
    at.context["url"] = "http://localhost:8501/gradient"
    assert share_of(at).startswith("https://book.example.org/lm/gradient?model=nano")
    assert not any("leads to the machine" in c.value for c in at.caption)


def test_a_link_to_this_machine_says_so():
    at = opened()
    at.context["url"] = "http://localhost:8501/gradient"
    share_of(at)
    assert any("leads to the machine" in c.value for c in at.caption)


@pytest.mark.parametrize("address", ["http://example.org/losses?text=na%C3%AFve&losses_gamma=4.2", "http://example.org/?text=" + "%E7%8C%AB" * 95])
def test_a_phone_reads_the_address_off_the_qr_code(address):
    """The modules of our picture, drawn as pixels and read by another library."""
    import re
    from urllib.parse import unquote

    import numpy as np
    import zxingcpp

    svg = unquote(share.qr(address).partition(",")[2])
    size = int(re.search(r"width='(\d+)'", svg)[1]) // 8
    pixels = np.full((size, size), 255, dtype=np.uint8)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmh]*)", re.search(r"class='qrline'.* d='([^']+)'", svg)[1]):
        values = [float(number) for number in re.findall(r"-?\d*\.?\d+", numbers)]
        if command == "h":
            pixels[int(y), int(x) : int(x + values[0])] = 0
            x += values[0]
        else:
            x, y = values if command == "M" else (x + values[0], y + values[1])
    (code,) = zxingcpp.read_barcodes(np.kron(pixels, np.ones((6, 6), dtype=np.uint8)))
    assert code.text == address
