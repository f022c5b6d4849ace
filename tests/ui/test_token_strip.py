import json
import math

import pytest
from streamlit.testing.v1 import AppTest

from lmviz.ui import token_strip as strip


def page():
    import streamlit as st

    from lmviz.ui.token_strip import token_strip

    text = st.text_input("text", "The cat sat", key="text")
    tokens = [word if i == 0 else " " + word for i, word in enumerate(text.split())]
    start = int(st.query_params["token"]) if "token" in st.query_params else 0
    chosen = token_strip(tokens, key="s", version=text, selected=start, measures={"loss": [1.0 + i for i in range(len(tokens))]}, unit="nats")
    st.text(f"chosen {chosen}")


def sent(app) -> dict:
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_the_selection_stands_in_the_session_and_python_may_set_it():
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.text[0].value == "chosen 0"
    app.session_state["s_selected"] = 2
    app.run()
    assert app.text[0].value == "chosen 2"
    assert sent(app)["selected"] == 2


def test_a_rerun_keeps_the_selection_and_another_text_drops_it():
    app = AppTest.from_function(page).run()
    app.session_state["s_selected"] = 2
    app.run()
    app.run()
    assert app.text[0].value == "chosen 2"
    app.text_input[0].set_value("A dog ran off").run()
    assert app.text[0].value == "chosen 0"


@pytest.mark.parametrize("nonsense", [99, -1, "2", True, 1.0, None])
def test_a_selection_that_is_no_token_of_the_text_is_no_selection(nonsense):
    app = AppTest.from_function(page).run()
    app.session_state["s_selected"] = nonsense
    app.run()
    assert not app.exception
    assert app.text[0].value == "chosen None"


def test_a_starting_selection_from_a_link_is_checked_too():
    app = AppTest.from_function(page)
    app.query_params["token"] = "7"
    app.run()
    assert app.text[0].value == "chosen None"


def test_the_browser_gets_the_unit_as_a_factor():
    assert strip.strip_data(["a"], measures={"loss": [1.0]}, unit="nats")["per_nat"] == 1.0
    assert strip.strip_data(["a"], measures={"loss": [1.0]}, unit="bits")["per_nat"] == pytest.approx(1.4426950408889634)
    with pytest.raises(ValueError, match="unit must be"):
        strip.strip_data(["a"], measures={"loss": [1.0]}, unit="bans")


def test_what_is_not_finite_is_sent_as_a_word_and_the_message_is_strict_json():
    data = strip.strip_data(["a", "b", "c"], measures={"loss": [math.nan, math.inf, 2.0], "surprise": [-math.inf, 0.0, -1.5]})
    assert data["measures"] == {"loss": [None, None, 2], "surprise": [None, 0, -1.5]}
    assert data["odd"] == {"loss": {"0": "not scored", "1": "infinite"}, "surprise": {"0": "minus infinite"}}
    json.dumps(data, allow_nan=False)


def test_numbers_lose_nothing_a_reader_could_see():
    p = 1 - 4.2e-7
    data = strip.strip_data(["a", "b"], measures={"loss": [1.23456789, 1e-30], "probability": [p, 1.0]})
    assert data["measures"]["loss"] == [1.23457, 1e-30]
    assert 1 - data["measures"]["probability"][0] == pytest.approx(4.2e-7, rel=1e-3)
    assert data["measures"]["probability"][1] == 1


def test_labels_stand_in_for_tokens_and_tokens_still_make_the_words():
    data = strip.strip_data([" 😀", "", " x"], labels=[None, "byte 2", None], measures={"loss": [1, 1, 1]})
    assert data["tokens"] == [["·", "😀"], ["", "byte", "·", "2"], ["·", "x"]]
    assert data["words"] == [0, 2]


def test_lone_surrogates_can_be_sent():
    json.dumps(strip.strip_data(["\ud800"], measures={"loss": [1]})).encode()
    assert strip.strip_data(["\ud800"], measures={"loss": [1]})["tokens"] == [["U+D800"]]


def test_two_strips_share_their_limits_unless_told_otherwise():
    first, second = (strip.strip_data(["a"], measures={"loss": [x]})["limits"] for x in (0.1, 30.0))
    assert first == second
    assert first["loss"] == pytest.approx(12 * math.log(2))
    assert strip.strip_data(["a"], measures={"loss": [1]}, limits={"loss": 3.0})["limits"]["loss"] == 3.0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"measures": {"loss": [1.0]}}, "measures\\['loss'\\]"),
        ({"measures": {"price": [1.0, 2.0]}}, "price"),
        ({"measures": {"rank": [1, 2]}}, "measure must be one of"),
        ({"measures": {"loss": [1, 2]}, "labels": ["x"]}, "labels"),
        ({"measures": {"loss": [1, 2]}, "ids": [1]}, "ids"),
        ({"measures": {"loss": [1, 2]}, "second_row": ("tiny", [1])}, "second"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        strip.strip_data(["a", "b"], **wrong)
