"""A link opens the page as it was: on every page, every setting that a widget can hold."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz import outcomes
from lmviz.ui import links

ROOT = Path(__file__).parents[2]
PAGES = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "pages").glob("*/*.py"))
TEXT = "The keys to the old house lay under a stone"


@pytest.fixture
def drawn(monkeypatch):
    """The arguments of each widget whose value goes into the address, by key, as the pages draw them."""
    met = {}

    def noting(kind, form):
        def note(arguments):
            met[arguments["key"]] = (kind, dict(arguments))
            return form(arguments)

        return note

    for kind, form in list(links.FORMS.items()):
        monkeypatch.setitem(links.FORMS, kind, noting(kind, form))
    return met


def opened(page: str, query: dict[str, str]) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, text in query.items():
        at.query_params[name] = text
    at.run()
    if page != "pages/start/contents.py":
        at.switch_page(page).run()
    assert not at.exception
    return at


def query_of(at) -> dict[str, str]:
    return {name: values[0] if isinstance(values, list) else values for name, values in at.query_params.items()}


def another(kind: str, arguments: dict, now):
    """A value that this widget may have and has not now."""
    if kind in ("toggle", "checkbox"):
        return not now
    if kind in ("slider", "number_input"):
        return arguments["max_value"] if now != arguments["max_value"] else arguments["min_value"]
    if kind in ("text_input", "text_area"):
        return f"{now or 'A'} more"[: arguments.get("max_chars")]
    options = list(arguments["options"])
    if arguments.get("selection_mode") == "multi":
        return options[:1] if now != options[:1] else options[-1:]
    return next((option for option in reversed(options) if option != now), now)


@pytest.mark.parametrize("page", PAGES)
def test_a_fresh_browser_with_the_link_sees_the_same_settings(page, drawn):
    name = Path(page).stem
    at = opened(page, {"model": "nano", "unit": "nats", "text": TEXT})
    start = query_of(at)
    if name != "contents":  # where the session began
        for key in [key for key in drawn if key.startswith("contents_")]:
            del drawn[key]
    assert {key for key in drawn if not key.startswith(f"{name}_")} == set(), "a key begins with its page's name"
    assert start == {"model": "nano", "unit": "nats", "text": TEXT} | {k: v for k, v in start.items() if k == "token"}, "a page at its defaults adds nothing"
    first = {key: at.session_state[key] for key in drawn}
    for key, (kind, arguments) in list(drawn.items()):
        at.session_state[key] = another(kind, arguments, first[key])
    drawn.clear()
    at.run()
    assert not at.exception
    expected = {key: at.session_state[key] for key in drawn}
    query = query_of(at)
    changed = [key for key in expected if key in first and expected[key] != first[key]]
    assert len([setting for setting in query if setting.startswith(f"{name}_")]) >= len(changed)

    fresh = opened(page, query)
    assert {key: fresh.session_state[key] for key in expected} == expected
    assert query_of(fresh) == query
    if page != "pages/start/contents.py":
        fresh.switch_page("pages/start/contents.py").run()
        assert not {setting for setting in query_of(fresh) if setting.startswith(f"{name}_")}
        fresh.switch_page(page).run()
        assert {key: fresh.session_state[key] for key in expected} == expected, "the settings outlive a change of page"


def test_distributions_that_were_edited_travel_with_the_link():
    mine = outcomes.renamed(outcomes.PRESETS["Weather forecast"], 0, 'sun & "rain"')
    at = opened("pages/why/entropy.py", {"model": "nano", "entropy_table": outcomes.written(mine)})
    assert at.session_state["entropy_table"] == mine
    assert query_of(at)["entropy_table"] == outcomes.written(mine)


@pytest.mark.parametrize("bad", ["", "{}", "[]", "[[1,2,3]]", '[["a",0.5,0.5],["b",0.6,0.5]]', '[["a",NaN,1],["b",0,0]]', "[" * 900])
def test_distributions_that_are_none_are_left_out(bad):
    at = opened("pages/why/entropy.py", {"model": "nano", "entropy_table": bad})
    assert at.session_state["entropy_table"] == outcomes.PRESETS["Weather forecast"]
    assert "entropy_table" not in query_of(at)


def test_the_gaps_of_a_masked_text_travel_with_the_link():
    at = opened("pages/beyond/masked.py", {"masked_hidden": "3,1,999,x"})
    assert at.session_state["masked_hidden"] == [3, 1]
    assert query_of(at)["masked_hidden"] == "3,1"
