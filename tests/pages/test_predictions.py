"""Predict, then check: every chapter asks, and says of each wrong answer what is wrong with it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz.ui import show, wrong

ROOT = Path(__file__).parents[2]
WITHOUT = {"contents", "sources", "glossary"}  # no chapters, or chapter 19, which only points elsewhere
PAGES = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "pages").glob("*/*.py") if p.stem not in WITHOUT)


@pytest.mark.parametrize("page", PAGES)
def test_each_chapter_asks_and_has_a_reason_of_its_own_for_each_wrong_answer(page, monkeypatch):
    asked = []
    monkeypatch.setattr(show, "predict", lambda *args, key: asked.append((*args, key)))
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params.update({"text": "The keys to the old house lay under a stone", "model": "nano"})
    at.run()
    at.switch_page(page).run()
    assert not at.exception
    _, options, answer, because, why_not, key = asked[-1]
    assert key == f"{Path(page).stem}_predict"
    assert len(why_not) == len(options) == len(set(options)) >= 2 and 0 <= answer < len(options)
    reasons = [reason for i, reason in enumerate(why_not) if i != answer]
    assert why_not[answer] == "" and all(len(reason.split()) >= 8 and reason not in because for reason in reasons), why_not
    assert not [text for text in (because, *reasons) if "None" in text or "nan" in text.split()]


def test_the_reason_is_shown_for_the_wrong_answer_that_was_chosen_and_for_no_other():
    def page():
        from lmviz.ui import show

        show.predict("How many?", ["one", "two", "three"], 1, "It is two.", ["One is too few.", "", "Three is too many."], key="k")

    at = AppTest.from_function(page).run()
    assert not any("It is two" in m.value for m in at.markdown)
    shown = [at.radio(key="k").set_value(i).run().markdown[-1].value for i in range(3)]
    assert shown[0].startswith("**No: two.** One is too few.") and "too many" not in shown[0] and shown[0].endswith("It is two.")
    assert shown[1].startswith("**Yes.**") and "too" not in shown[1]
    assert shown[2].startswith("**No: two.** Three is too many.") and shown[2].endswith("It is two.")


@pytest.mark.parametrize("value, answer", [(0.05, 0), (0.2, 1), (0.9, 2)])
def test_a_range_that_was_missed_is_told_by_the_edge_nearest_to_the_truth(value, answer):
    reasons = wrong.by_range([0.1, 0.5], answer, str, str(value), under="LOW", over="HIGH")
    for i, reason in enumerate(reasons):
        if i == answer:
            assert reason == ""
        else:
            assert ("LOW" in reason) == (i < answer) and ("HIGH" in reason) == (i > answer) and str(value) in reason
            assert ("0.1" if {i, answer} <= {0, 1} or (i, answer) == (0, 2) else "0.5") in reason
