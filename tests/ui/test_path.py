"""The guided path: the line at a stop, the tick when the thing is done, and what a browser may say of it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz.data import path

ROOT = Path(__file__).parents[2]
FILES = {p.stem: p.relative_to(ROOT).as_posix() for p in (ROOT / "pages").glob("*/*.py")}


def opened(page: str, **query) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params.update({"model": "nano", **query})
    at.run()
    at.switch_page(FILES[page]).run()
    assert not at.exception
    return at


def line(at: AppTest) -> str:
    return next((c.value for c in at.caption if c.value.startswith("Stop ")), "")


def test_the_path_takes_ninety_minutes_through_chapters_of_reading_and_why_in_their_order():
    assert path.minutes() == 90
    parts = [FILES[stop.page].split("/")[1] for stop in path.STOPS]
    assert set(parts) == {"reading", "why"} and parts == sorted(parts)
    assert all(stop.acts and set(stop.acts) <= set(path.ACTS) for stop in path.STOPS)


def test_a_stop_is_ticked_when_all_of_it_was_done_and_not_before():
    at = opened("chain_rule")
    assert line(at).startswith(f"Stop 1 of {len(path.STOPS)}") and path.STOPS[0].try_this in line(at)
    at.radio(key="chain_rule_predict").set_value(0).run()
    assert "done" not in line(at), "the text is still the example"
    at.text_area(key="text").set_value("A goose flew over the barn").run()
    assert line(at).endswith("✓ done")
    at.switch_page(FILES["contents"]).run()
    said = " ".join(m.value for m in at.markdown)
    assert f"1 of {len(path.STOPS)} are done" in said and f"{path.minutes() - path.STOPS[0].minutes} minutes" in said


def test_a_setting_moved_in_a_fragment_counts_and_one_that_came_by_link_does_not():
    at = opened("gradient", gradient_step="5")
    at.radio(key="gradient_predict").set_value(0).run()
    assert "done" not in line(at)
    at.slider(key="gradient_step").set_value(1.0).run()
    at.run()  # a fragment by itself does not draw the line; the next turn of the page does
    assert line(at).endswith("✓ done")


def test_a_page_that_is_no_stop_has_no_line():
    assert line(opened("stability")) == ""


def test_to_begin_again_takes_every_tick_away():
    at = opened("perplexity")
    at.radio(key="perplexity_predict").set_value(1).run()
    at.switch_page(FILES["contents"]).run()
    at.button(key="contents_path_again").click().run()
    assert at.session_state["path_done"] == frozenset() and at.session_state["path_restarted"]
    assert f"about {path.minutes()} minutes" in " ".join(m.value for m in at.markdown)


@pytest.mark.parametrize("kept", [None, 3, "losses", {"losses": True}, [["losses"]], ["nowhere", "<script>"], [{}]])
def test_what_a_browser_says_is_believed_only_as_far_as_it_names_stops(kept):
    assert path.valid(kept) == frozenset()
    assert path.valid(["losses", *(kept if isinstance(kept, list) else [])]) == {"losses"}


def test_typing_in_the_search_box_shows_chapters_and_words_and_never_raw_markup():
    at = opened("contents")
    at.text_input(key="contents_search").set_value("temperature").run()
    assert not at.exception
    assert any("glossary?term=temperature" in m.value for m in at.markdown)
    assert any("temperature" in c.value.lower() for c in at.caption)
    at.text_input(key="contents_search").set_value("[x](http://a) <b>zebra</b>").run()
    assert not at.exception
    assert any("Nothing in the book" in m.value and "[x](http" not in m.value for m in at.markdown)
