"""Chapter 1 in the app, against the core."""

import json
import math

import numpy as np
import pytest

from lmviz import display, ledger
from lmviz.data import examples
from lmviz.models import scoring
from lmviz.ui import chain_rule
from tests.pages.conftest import open_chapter, words_of

pytestmark = pytest.mark.smollm2


@pytest.fixture
def chapter():
    return open_chapter("pages/reading/chain_rule.py")


def bars_of(at):
    return json.loads(at.get("plotly_chart")[0].proto.spec)["data"][0]


def test_the_opening_example_has_the_costs_that_a_fresh_run_has(chapter, smollm2):
    scored = scoring.score(smollm2, examples.OPENING)
    shown = words_of(chapter)
    assert display.amount(scored.total_nats, "bits") in shown
    assert display.number(scored.perplexity) in shown
    assert display.number(scored.bits_per_byte) in shown
    np.testing.assert_allclose(scored.losses, [5.1, 9.1, 3.1, 0.9, 0.3, 1.1], atol=0.1)  # measured independently, with transformers


def test_the_bars_sum_to_one_and_mark_what_came(chapter):
    bars = bars_of(chapter)
    assert math.isclose(sum(bars["x"]), 1.0, abs_tol=1e-6)
    assert len(bars["x"]) == 11


def test_a_token_outside_the_best_ten_gets_its_own_bar_with_its_rank(chapter, smollm2):
    chapter.session_state["token"] = 1
    chapter.run()
    bars = bars_of(chapter)
    scored = scoring.score(smollm2, examples.OPENING)
    assert len(bars["x"]) == 12 and math.isclose(sum(bars["x"]), 1.0, abs_tol=1e-6)
    assert math.isclose(bars["x"][10], math.exp(scored.log_probs[1]), rel_tol=1e-3)


def test_a_long_text_reaches_exactly_zero_in_float32_and_the_page_names_the_row(chapter, smollm2):
    chapter.button(key="chain_rule_long").click().run()
    book = ledger.ledger(scoring.score(smollm2, examples.long_text()).log_probs)
    assert book.float32_dies_at is not None
    assert f"exactly 0 from row {book.float32_dies_at + 1}" in words_of(chapter)


def test_the_first_token_can_be_left_out(chapter, smollm2):
    chapter.toggle(key="chain_rule_first").set_value(False).run()
    assert not chapter.exception
    scored = scoring.score(smollm2, examples.OPENING, first_token=False)
    assert scored.n_scored == 5
    assert display.amount(scored.total_nats, "bits") in words_of(chapter)


def test_leaving_out_the_only_token_says_so_and_can_be_undone(chapter):
    chapter.text_area(key="text").set_value("cat").run()
    chapter.toggle(key="chain_rule_first").set_value(False).run()
    assert not chapter.exception
    assert "nothing remains" in chapter.info[0].value
    chapter.toggle(key="chain_rule_first").set_value(True).run()
    assert not chapter.exception and not chapter.info


def test_a_swap_shows_the_difference_that_two_fresh_runs_have(chapter, smollm2):
    chapter.session_state["token"] = 2
    chapter.run()
    scored = scoring.score(smollm2, examples.OPENING)
    chapter.button_group(key="chain_rule_swap_2").set_value(0).run()
    changed = scoring.score(smollm2, "The cat" + scored.top_texts[2][0] + " on the mat")
    assert display.amount(changed.total_nats - scored.total_nats, "bits", sign=True) in words_of(chapter)


def test_the_unit_changes_every_number(chapter, smollm2):
    chapter.button_group(key="unit").set_value("nats").run()
    total = scoring.score(smollm2, examples.OPENING).total_nats
    assert display.amount(total, "nats") in words_of(chapter)
    assert display.amount(total, "bits") not in words_of(chapter)


@pytest.mark.parametrize("first_token", [True, False])
def test_the_snippet_runs_and_reproduces_the_numbers(smollm2, capsys, first_token):
    scored = scoring.score(smollm2, examples.OPENING, first_token=first_token)
    exec(chain_rule.snippet(scored), {})
    product, total, perplexity = map(float, capsys.readouterr().out.split())
    assert math.isclose(total, scored.total_nats, abs_tol=1e-5)
    assert math.isclose(perplexity, scored.perplexity, rel_tol=1e-5)
    assert math.isclose(product, math.exp(-scored.total_nats), rel_tol=1e-4)


def test_losses_are_aligned_around_a_swap_of_another_length(smollm2):
    old, new = scoring.score(smollm2, "The cat sat on the mat"), scoring.score(smollm2, "The cat was asleep on the mat")
    before = chain_rule.losses_at(old, new)
    by_text = dict(zip([t.text for t in new.tokens], before, strict=True))
    assert by_text[" mat"] == pytest.approx(old.losses[-1]) and by_text["The"] == pytest.approx(old.losses[0])
    assert math.isnan(by_text[" asleep"])


def test_the_snippet_of_a_long_text_reads_a_file(smollm2, capsys, tmp_path, monkeypatch):
    scored = scoring.score(smollm2, examples.long_text())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(scored.text, encoding="utf-8")
    exec(chain_rule.snippet(scored), {})
    assert math.isclose(float(capsys.readouterr().out.split()[1]), scored.total_nats, abs_tol=1e-4)
