"""Settings in a link: written by the widgets, read back and checked by them."""

import pytest
from streamlit.testing.v1 import AppTest

from lmviz.ui import links


def page():
    """A page of every kind of widget."""
    import streamlit as st

    from lmviz.ui import links
    from lmviz.ui.links import linked

    if "link_asked" not in st.session_state:
        links.take(st.query_params.to_dict(), {"text"})
    if st.toggle("There", True, key="there"):
        linked(st).slider("a", 0.0, 5.0, 2.0, 0.1, key="page_slider")
        linked(st).slider("b", 1, 30, 15, key="page_whole")
        linked(st).number_input("c", 1, 999, 1, key="page_number")
        linked(st).select_slider("d", [0.1, 0.5, 10, 100], value=0.5, key="page_along")
        linked(st).selectbox("e", ["x", "y, z"], key="page_box")
        linked(st).selectbox("f", ["x", "y"], index=None, key="page_none")
        linked(st).segmented_control("g", ("bits", "nats"), default="bits", required=True, key="page_one")
        linked(st).pills("h", ["p", "q", "r"], selection_mode="multi", default=["p", "q"], key="page_many")
        linked(st).toggle("i", True, key="page_switch")
        linked(st).text_input("j", "hello", max_chars=20, key="page_text")
        linked(st, name="page_other_name").slider("k", 0, 9, key="page_key_of_its_own")


CHANGED = {"page_slider": 0.3, "page_whole": 7, "page_number": 42, "page_along": 100, "page_box": "y, z", "page_none": "y", "page_one": "nats"}
CHANGED |= {"page_many": ["r"], "page_switch": False, "page_text": "a&b=c ü", "page_key_of_its_own": 9}
DEFAULTS = {"page_slider": 2.0, "page_whole": 15, "page_number": 1, "page_along": 0.5, "page_box": "x", "page_none": None, "page_one": "bits"}
DEFAULTS |= {"page_many": ["p", "q"], "page_switch": True, "page_text": "hello", "page_key_of_its_own": 0}
BAD = {"page_slider": "nan", "page_whole": "31", "page_number": "1e400", "page_along": "0.2", "page_box": "9", "page_none": "w", "page_one": "miles"}
BAD |= {"page_many": "p,s", "page_switch": "yes", "page_text": "x" * 21, "page_other_name": "-1"}


def opened(query: dict[str, str] | None = None) -> AppTest:
    at = AppTest.from_function(page)
    for name, text in (query or {}).items():
        at.query_params[name] = text
    return at.run()


def query_of(at) -> dict[str, str]:
    return {name: values[0] if isinstance(values, list) else values for name, values in at.query_params.items()}


def set_all(at) -> None:
    for key, value in CHANGED.items():
        at.session_state[key] = value
    at.run()


def values(at) -> dict:
    return {key: at.session_state[key] for key in CHANGED}


def test_nothing_is_in_the_address_while_all_stands_at_its_default():
    at = opened()
    assert not at.exception and query_of(at) == {} and values(at) == DEFAULTS


def test_every_kind_of_widget_writes_its_value_and_a_fresh_session_reads_it_back():
    at = opened()
    set_all(at)
    query = query_of(at)
    assert set(query) == set(CHANGED) - {"page_key_of_its_own"} | {"page_other_name"}
    fresh = opened(query)
    assert not fresh.exception and not fresh.caption
    assert values(fresh) == CHANGED and query_of(fresh) == query


def test_back_at_the_default_it_leaves_the_address():
    at = opened()
    set_all(at)
    for key, value in DEFAULTS.items():
        at.session_state[key] = value
    at.run()
    assert query_of(at) == {}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_the_widget_is_left_out_with_a_sentence(name):
    at = opened({name: BAD[name]})
    assert not at.exception and values(at) == DEFAULTS and query_of(at) == {}
    assert len(at.caption) == 1 and at.caption[0].value.startswith(links.LEFT_OUT)


def test_what_the_link_says_cannot_become_markup():
    at = opened({"page_one": "![x](http://example.org/a.png)"})
    assert "![x]" not in at.caption[0].value


def test_a_setting_outlives_the_page_it_was_made_on():
    at = opened()
    set_all(at)
    at.toggle(key="there").set_value(False).run()
    assert "page_slider" not in at.session_state
    at.toggle(key="there").set_value(True).run()
    assert values(at) == CHANGED


def test_a_slider_s_number_falls_on_its_steps():
    form = links.FORMS["slider"]({"min_value": 0.0, "max_value": 0.55, "value": 0.1, "step": 0.1})
    assert form.read("0.26") == 0.3 and form.read("0.55") <= 0.55
    assert links.FORMS["slider"]({"min_value": 1, "max_value": 9, "step": 4}).read("4") == 5


def test_an_address_gives_so_many_settings_of_such_a_length_and_no_more():
    def page():
        import streamlit as st

        from lmviz.ui import links

        links.take({f"p_{i}": "x" * 5_000 for i in range(200)} | {"text": "t", "Bad-Name": "1", "../x": "1"}, {"text"})
        st.session_state.asked = links.of_page("p")

    asked = AppTest.from_function(page).run().session_state.asked
    assert len(asked) == links.MOST and max(map(len, asked.values())) == links.LONGEST


def test_a_seed_and_a_switch_take_only_what_they_are():
    def page():
        import streamlit as st

        from lmviz.ui import links

        links.take({"p_seed": "12", "p_bad_seed": "-1", "p_switch": "0"}, set())
        st.session_state.got = (links.seed("p_seed", 3), links.seed("p_bad_seed", 3), links.opening("p_switch", True, links.on_off))

    assert AppTest.from_function(page).run().session_state.got == (12, 3, False)
