"""Chapter 3 in the app, against the core."""

import math

import numpy as np
import pytest

from lmviz import context_length, display, models, pitfall_readings, pitfalls, units
from lmviz.coding import compressors
from lmviz.data import examples
from lmviz.data.first_views import perplexity as stored
from lmviz.models import scoring
from lmviz.ui import perplexity, perplexity_context
from tests.pages.conftest import figures_of, open_chapter, words_of

pytestmark = pytest.mark.smollm2
SENTENCE = "She opened the letter, read it twice, and ate the piano."


@pytest.fixture
def chapter():
    return open_chapter("pages/reading/perplexity.py")


def figure_with(at, x_title: str) -> dict:
    return next(f for f in figures_of(at) if f["layout"]["xaxis"].get("title", {}).get("text") == x_title)


def test_the_die_has_the_sides_that_a_fresh_run_gives(chapter, smollm2):
    scored = scoring.score(smollm2, examples.OPENING)
    assert f"**{display.number(math.exp(scored.losses.mean()))} sides**" in words_of(chapter)
    assert display.number(scored.perplexity) in figures_of(chapter)[0]["layout"]["annotations"][0]["text"]


def test_the_seed_figure_is_33_1_and_the_page_says_that_30_is_wrong(chapter):
    words = words_of(chapter)
    assert "**It is 33.1**" in words and "30.0" in words and "3.40 nats" in words


def test_the_slider_turns_a_loss_into_its_perplexity(chapter):
    chapter.slider(key="perplexity_seed_nats").set_value(2.0).run()
    assert f"exp(2.00) = **{display.number(math.e**2)}**" in words_of(chapter)


@pytest.mark.parametrize("text", [examples.OPENING, SENTENCE])
def test_the_ladder_holds_every_model_on_the_same_bytes(chapter, smollm2, text):
    chapter.text_area(key="text").set_value(text).run()
    assert not chapter.exception
    bars = figure_with(chapter, "bits per byte of the text")["data"][0]["x"]
    fresh = [scoring.score(models.load(name), text).bits_per_byte for name in models.names()]
    blind = len(smollm2.encode(text)) * math.log2(smollm2.vocab_size) / len(text.encode())
    np.testing.assert_allclose(bars, sorted([*fresh, blind], reverse=True), atol=1e-3)


def test_beside_the_ladder_stand_the_compressors_and_the_order_over_whole_books(chapter):
    words = words_of(chapter)
    sizes = compressors.sizes(examples.OPENING)
    assert f"{display.number(8 * sizes['PPMd'] / 22)} and {display.number(8 * sizes['xz'] / 22)} bits per byte" in words
    known = models.registry.held_out()
    ordered = sorted(models.names(), key=known.get, reverse=True)
    costs = {name: scoring.score(models.load(name), examples.OPENING).bits_per_byte for name in ordered}
    luck = sorted(costs, key=costs.get, reverse=True) != ordered
    said = ", ".join(f"{models.registry.row(name).title} {display.number(known[name])}" for name in ordered)
    assert (f"the order is: {said}" in words) == luck
    (beyond,) = figure_with(chapter, "bits per byte of the text")["layout"]["annotations"]
    assert beyond["text"].startswith("PPMd") and "xz" in beyond["text"]
    chapter.text_area(key="text").set_value("\n".join(p.text for p in examples.passages())[:4000]).run()
    assert "shapes" in figure_with(chapter, "bits per byte of the text")["layout"]  # PPMd has learned enough to be on the axis


def test_the_readers_own_memory_curve_waits_for_a_button_and_is_what_fresh_runs_give(chapter, smollm2):
    chapter.text_area(key="text").set_value(SENTENCE).run()
    assert len(figure_with(chapter, "tokens before it, at most")["data"]) == 2
    chapter.button(key="perplexity_memory_run").click().run()
    assert not chapter.exception
    yours = figure_with(chapter, "tokens before it, at most")["data"][2]["y"]
    memories = context_length.memories(len(smollm2.encode(SENTENCE)))
    fresh = [context_length.with_memory(smollm2, [SENTENCE], m)[0].mean() for m in memories]
    np.testing.assert_allclose(yours, units.to_bits(np.array(fresh)), atol=1e-3)


def test_the_windows_say_their_cost_and_what_they_measure(chapter, smollm2):
    chapter.select_slider(key="perplexity_windows_context_passage_4").set_value(16).run()
    chapter.select_slider(key="perplexity_windows_stride_16").set_value(16).run()
    fresh = context_length.with_windows(smollm2, stored.passage(stored.WINDOW_PASSAGE).text, 16, 16)
    assert f"**{display.number(fresh.tokens_read)} tokens**" in words_of(chapter)
    assert f"**{display.number(fresh.bits_per_byte, 4)} bits per byte**" in words_of(chapter)


def test_the_readers_own_text_can_be_cut_into_windows(chapter, smollm2):
    text = " ".join([SENTENCE] * 2)
    chapter.text_area(key="text").set_value(text).run()
    chapter.button_group(key="perplexity_windows_text").set_value("yours").run()
    assert not chapter.exception
    fresh = context_length.with_windows(smollm2, text, 16, 8)
    assert f"**{display.number(fresh.bits_per_byte, 4)} bits per byte**" in words_of(chapter)


def test_averaging_is_shown_on_the_two_halves(chapter, smollm2):
    losses = scoring.score(smollm2, examples.OPENING).losses
    bars = figure_with(chapter, "perplexity")["data"][0]["x"]
    halves = [losses[:3], losses[3:]]
    assert bars == pytest.approx([pitfalls.pooled(halves), pitfalls.averaged(halves)], rel=1e-4)


@pytest.mark.parametrize("name", ["padding", "shift", "start", "softmax"])
def test_each_mistake_shows_the_wrong_and_the_right_number(chapter, smollm2, name):
    chapter.text_area(key="text").set_value(SENTENCE).run()
    chapter.button_group(key="perplexity_pitfall").set_value(name).run()
    assert not chapter.exception
    r = pitfall_readings.readings(smollm2, SENTENCE)
    wrong = {
        "padding": [r.padding_scored],
        "shift": [r.no_shift, r.two_shifts],
        "start": [v for k, v in r.starts.items() if k != r.start],
        "softmax": [r.softmax_twice],
    }
    assert figure_with(chapter, "perplexity")["data"][0]["x"] == pytest.approx([r.right, *wrong[name]], rel=1e-3)


def test_across_tokenizers_the_lower_perplexity_costs_more(chapter):
    chapter.button_group(key="perplexity_pitfall").set_value("tokenizers").run()
    per_token = figure_with(chapter, "perplexity")["data"][0]["x"]
    per_byte = figure_with(chapter, "bits per byte")["data"][0]["x"]
    assert per_token == pytest.approx([256, 49_152]) and per_byte == pytest.approx([8, 6 * math.log2(49_152) / 22])


def test_the_prediction_is_computed_from_the_text(chapter, smollm2):
    losses = scoring.score(smollm2, examples.OPENING).losses
    fall = 1 - math.exp(np.delete(losses, losses.argmax()).mean() - losses.mean())
    place = sum(fall >= bound for bound in (0.1, 0.3, 0.6))
    chapter.radio(key="perplexity_predict").set_value(place).run()
    assert "**Yes.**" in words_of(chapter)


def test_the_unit_changes_the_answer_and_not_the_perplexity(chapter, smollm2):
    chapter.button_group(key="unit").set_value("nats").run()
    scored = scoring.score(smollm2, examples.OPENING)
    assert display.amount(scored.mean_nats, "nats") in words_of(chapter)
    assert f"{display.number(scored.perplexity)} sides" in words_of(chapter)


def test_a_text_of_one_token_has_no_halves_and_a_whole_page(chapter):
    chapter.text_area(key="text").set_value("cat").run()
    assert not chapter.exception
    assert "It takes two tokens" in words_of(chapter)


@pytest.mark.parametrize(
    "model, reach",
    [("uniform", "looks at nothing"), ("bigram", "Beyond 1 token this"), ("trigram", "Beyond 2 tokens this"), ("smollm2-135m", "Every step helps")],
)
def test_the_page_says_how_far_back_each_model_looks(model, reach):
    assert reach in perplexity_context._helps_words(stored.load(model), "bits")


def test_the_snippet_runs_and_reproduces_the_numbers(smollm2, capsys):
    scored = scoring.score(smollm2, examples.OPENING)
    exec(perplexity.snippet(scored), {})
    mean, ppl, bpb, seed, *_ = capsys.readouterr().out.split()
    assert float(mean) == pytest.approx(scored.mean_nats) and float(ppl) == pytest.approx(scored.perplexity)
    assert float(bpb) == pytest.approx(scored.bits_per_byte) and round(float(seed), 1) == 33.1
