"""Chapter 16 through app.py: what the page says is what the softmax, the tree and the records say."""

import contextlib
import io
import math

import pytest
from streamlit.testing.v1 import AppTest

from lmviz import display, models
from lmviz.data.recorded import heads as heads_record
from lmviz.data.recorded import vocabulary_costs as costs_record
from lmviz.models import scoring
from lmviz.ui import vocabulary as page
from lmviz.ui import vocabulary_heads
from lmviz.vocabulary import growth, hierarchical
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/beyond/vocabulary.py"
OWN = "The old king was very happy piano."


@pytest.fixture(scope="module")
def nano():
    return models.load("nano")


def opened(text: str | None = None, model: str = "nano") -> AppTest:
    return open_chapter(PAGE, model=model, unit="nats", **({"text": text} if text else {}))


@pytest.fixture(scope="module")
def own():
    return opened(OWN)


def test_the_way_to_the_readers_token_costs_what_the_softmax_says(nano, own):
    scored = scoring.score(nano, OWN)
    selected = int(scored.losses.argmax())
    depth = int(hierarchical.balanced(nano.vocab_size).depths[scored.tokens[selected].id])
    said = words_of(own)
    assert f"is **{depth} choices** away" in said
    assert f"they cost :orange[**{display.amount(float(scored.losses[selected]), 'nats')}**] together" in said
    assert display.number(math.log2(4096)) in said


def test_another_tree_is_another_way_of_the_same_cost(nano):
    at = opened(OWN)
    scored = scoring.score(nano, OWN)
    selected = int(scored.losses.argmax())
    at.button_group(key="vocabulary_tree").set_value("huffman")
    at.run()
    steps = page.steps_of(scored, selected, "huffman")
    assert f"is **{len(steps)} choices** away" in words_of(at) and "Huffman’s tree of chapter 4" in words_of(at)
    assert -sum(step.log_prob for step in steps) == pytest.approx(float(scored.losses[selected]), abs=1e-3)


def test_the_slopes_are_those_of_the_recorded_points(own):
    rows = [row for row in costs_record.load()["costs"] if row["vocab_size"] >= 4096]
    said = words_of(own)
    for kind in ("full", "tree"):
        V, seconds = zip(*((row["vocab_size"], row["seconds"]) for row in rows if row["kind"] == kind))
        assert f"**{growth.exponent(V, seconds):.2f}**" in said
    assert "log₂ V itself would be 0.1" in said


def test_the_heads_are_those_of_the_record(own):
    row = next(row for row in heads_record.load().values() if "heads" in row)
    said = words_of(own)
    (table,) = [m.value for m in own.markdown if m.value.startswith("| head |")]
    for line, head in zip(table.splitlines()[2:], row["heads"].values(), strict=True):
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        assert cells[1] == display.number(head["n_parameters"] / 1e6) and cells[4] == display.number(head["curve"][-1][2])
    lowest = min(row["heads"], key=lambda kind: row["heads"][kind]["curve"][-1][2])
    assert f"After all tokens {vocabulary_heads.PROSE[lowest]} is lowest" in said


def test_what_the_full_softmax_had_reached_by_then_lies_between_its_points():
    row = {"heads": {"full": {"curve": [[10, 1.0, 6.0], [20, 2.0, 5.0], [40, 4.0, 4.5]], "n_parameters": 80}}}
    assert vocabulary_heads.full_after(row, 2.0) == pytest.approx(5.0)
    assert vocabulary_heads.full_after(row, math.sqrt(8)) == pytest.approx(4.75)
    assert vocabulary_heads.full_after(row, 0.5) is None
    said = [vocabulary_heads.by_then_words(row, seconds, nats, "nats") for seconds, nats in ((2.0, 5.5), (2.0, 4.8), (0.5, 4.0), (9.0, 4.6))]
    assert "not even save time" in said[0] and "gets further" in said[1] and "had not read 10 tokens" in said[2] and "through sooner" in said[3]
    assert all("2.0 numbers to learn for each token" in words for words in said) and ["little text" in words for words in said] == [False, False, True, False]


def test_measuring_here_puts_the_readers_points_beside_the_recorded_ones(monkeypatch):
    monkeypatch.setattr(page, "LIVE_SIZES", (4096, 8192))
    at = opened()
    at.button(key="vocabulary_measure").click().run()
    assert not at.exception
    mine = at.session_state["vocabulary_own"]
    assert {(row["kind"], row["vocab_size"]) for row in mine} == {(kind, V) for kind in page.figures.COSTS for V in (4096, 8192)}
    assert all(row["seconds"] > 0 and row["n_bytes"] > 0 for row in mine) and "large open ones" in words_of(at)
    recorded = {(row["kind"], row["vocab_size"]): row for row in costs_record.load()["costs"]}
    for row in mine:  # memory is counted, so it is the same everywhere
        assert row["n_bytes"] == pytest.approx(recorded[row["kind"], row["vocab_size"]]["n_bytes"], rel=0.01)


def test_a_measurement_that_was_stopped_says_how_far_it_came():
    rows = [{"kind": "full", "vocab_size": 1024, "seconds": 1e-5, "n_bytes": 1.0}]
    assert "1 of 20" in page.own_words(rows) and "grows as" not in page.own_words(rows)


def test_the_prediction_counts_the_choices_of_both_trees(nano, own):
    scored = scoring.score(nano, OWN)
    question, options, right, because, _ = page.prediction(scored)
    ids = [token.id for token in scored.tokens]
    totals = [int(page.ways_record.tree(kind, "lmviz", 4096).depths[ids].sum()) for kind in ("balanced", "huffman")]
    assert f"Balanced {totals[0]} choices" in because and f"Huffman’s {totals[1]}" in because
    assert right == (2 if totals[0] == totals[1] else int(totals[1] < totals[0])) and len(options) == 3


def test_hostile_text_is_data_only():
    at = opened("<img src=x onerror=alert(1)> $x$ **b**")
    assert "<img" not in words_of(at).replace("\\<", "")


def test_the_snippet_prints_the_way_of_the_page(nano):
    scored = scoring.score(nano, OWN)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(page.snippet(scored, 2), {})
    choices, costs = said.getvalue().strip().splitlines()
    steps = page.steps_of(scored, 2, "balanced")
    assert choices == f"{len(steps)} choices"
    assert [float(value) for value in costs.split()] == pytest.approx([float(scored.losses[2])] * 2, abs=1e-3)
