"""Chapter 12 through app.py: gaps, draws and sums against the model itself."""

import json
import math
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lmviz import display, losses, masking, models
from lmviz.data.recorded import masked as recorded
from lmviz.models import gaps, scoring
from lmviz.ui import masked as ui
from lmviz.ui import masked_pseudo, masked_rule
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/beyond/masked.py"
TEXT = "The old king was very happy to see his daughter again."


def opened(text: str | None = TEXT, unit: str = "nats") -> AppTest:
    return open_chapter(PAGE, model="nano", unit=unit, **({"text": text} if text else {}))


def chart(at: AppTest, words: str) -> dict:
    (found,) = [c.proto for c in at.get("plotly_chart") if words in c.proto.alt]
    return json.loads(found.spec)


@pytest.fixture(scope="module")
def model():
    return models.load_masked()


def nats_at(model, text, hidden) -> np.ndarray:
    """By the book: the logits of the masked text, log-softmax, the hidden tokens."""
    import torch

    ids = np.array(model.encode(text).ids)
    inputs = ids.copy()
    inputs[hidden] = model.mask_id
    (states,) = model.states([(model.start_id, *inputs.tolist())])
    return losses.cross_entropy(model.logits(states)[1:].double(), torch.tensor(ids)).numpy()[hidden]


def test_the_answer_has_the_loss_at_the_gap_from_both_sides_and_from_the_left(model):
    at = opened()
    (gap,) = at.session_state["masked_hidden"]
    left = scoring.score(models.load(ui.left()), TEXT)
    words = words_of(at)
    assert f":orange[**{display.amount(nats_at(model, TEXT, [gap])[0], 'nats')}**]" in words
    assert f"**{display.amount(left.losses[gap], 'nats')}**. " in words
    both, one = chart(at, "from both sides."), chart(at, "from the left only.")
    assert both["layout"]["xaxis"]["range"] == one["layout"]["xaxis"]["range"]


def test_several_gaps_are_averaged_and_any_of_them_can_be_looked_at(model):
    at = opened()
    at.session_state["masked_hidden"] = [2, 8, 5]
    at.run()
    expected = nats_at(model, TEXT, [2, 5, 8])
    assert f"3 tokens, {display.amount(expected.sum(), 'nats')} in all, :orange[**{display.amount(expected.mean(), 'nats')}**] each" in words_of(at)
    assert f"a loss of :orange[**{display.amount(expected[1], 'nats')}**]" in words_of(at)
    at.button_group(key="masked_look").set_value(8).run()
    assert at.session_state["masked_hidden"] == [2, 5, 8]
    assert f"a loss of :orange[**{display.amount(expected[2], 'nats')}**]" in words_of(at)


def test_a_click_hides_a_token_and_a_second_one_shows_it_again():
    import streamlit as st

    st.session_state["masked_hidden"] = [3]
    ui.toggle(1)
    assert st.session_state["masked_hidden"] == [3, 1]
    ui.toggle(3)
    assert st.session_state["masked_hidden"] == [1]


def test_with_nothing_hidden_the_page_asks_for_a_click_and_the_rest_still_stands():
    at = opened()
    at.session_state["masked_hidden"] = []
    at.run()
    assert not at.exception and "Click a token above" in words_of(at) and "pseudo-log-likelihood" in words_of(at)


def test_another_text_starts_with_a_gap_of_its_own():
    at = opened()
    at.session_state["masked_hidden"] = [0, 1, 2]
    at.session_state["text"] = "A short one."
    at.run()
    assert not at.exception and len(at.session_state["masked_hidden"]) == 1


def test_the_totals_are_the_pseudo_log_likelihood_and_the_causal_models_loss(model):
    words = words_of(opened())
    turn, left = gaps.pseudo(model, TEXT), scoring.score(models.load(ui.left()), TEXT)
    assert f"given all the others) | {display.number(turn.total_nats)} | {display.number(turn.bits_per_byte)} |" in words
    assert f"given those before it) | {display.number(left.total_nats)} | {display.number(left.bits_per_byte)} |" in words
    assert turn.bits_per_byte == pytest.approx(turn.total_nats / math.log(2) / len(TEXT.encode()))


def test_a_draw_counts_the_chosen_tokens_alone_beside_all(model):
    at = opened()
    scored, _ = masked_rule.drawn_on(masked_rule.passage(), recorded.SEED)
    drawn = recorded.draw([t.id for t in scored.tokens], recorded.SEED, scored.vocab_size)
    chosen = scored.losses[drawn.fates != masking.UNTOUCHED]
    assert (
        f":orange[**{display.amount(chosen.mean(), 'nats')}**] a token. Counted everywhere it is **{display.amount(scored.losses.mean(), 'nats')}**"
        in words_of(at)
    )
    seed = at.session_state["masked_seed"]
    at.button(key="masked_again").click().run()
    assert at.session_state["masked_seed"] == seed + 1 and not at.exception
    at.button_group(key="masked_which").set_value("yours").run()
    n = len(model.encode(TEXT).ids)
    assert f"{max(1, round(0.15 * n))} of {n} tokens are chosen" in words_of(at)


def test_the_prediction_is_answered_by_this_text(model):
    turn, left = gaps.pseudo(model, TEXT), scoring.score(models.load(ui.left()), TEXT)
    share = (turn.losses < left.losses).mean()
    answer = masked_pseudo.prediction(turn, left)[2]
    assert answer == (3 if share == 1 else 2 if share >= 0.75 else 1 if share >= 0.5 else 0)


@pytest.mark.parametrize("text", ["a", "🎂", "*a* $b$ <i>x</i> `c` [l](http://x)", "<|mask|> <|start|>", "\n\n", "word " * 400])
def test_odd_texts_are_read_or_explained(text):
    at = opened(text)
    if len(text) > 1000:
        assert any("first 120 tokens" in info.value for info in at.info)
    assert "http://x" not in words_of(at)


def test_the_snippet_gives_the_numbers_of_the_page(capsys):
    at = opened()
    at.session_state["masked_code"] = True
    at.run()
    (snippet,) = [c.value for c in at.code if "load_masked()" in c.value and "gaps.pseudo" in c.value and "import numpy" in c.value]
    exec(snippet, {})
    gap, total, per_byte = map(float, capsys.readouterr().out.split())
    shown = re.search(r"a loss of :orange\[\*\*([\d.]+) nats", words_of(at)).group(1)
    assert display.number(gap) == shown and f"| {display.number(-total)} | {display.number(per_byte)} |" in words_of(at)


def test_where_tiny_is_not_offered_nano_reads_from_the_left(monkeypatch):
    monkeypatch.setenv("LMVIZ_MODELS", "nano")
    at = opened()
    left = scoring.score(models.load("nano"), TEXT)
    words = words_of(at)
    assert not at.exception and "nano, a next-token model" in words and "tiny, a next-token model" not in words
    assert f"given those before it) | {display.number(left.total_nats)} | {display.number(left.bits_per_byte)} |" in words
