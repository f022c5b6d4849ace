"""Chapter 6 through app.py: arrows, infinities, presets and the learned source against the core."""

import math
import subprocess
import sys

import pytest
import scipy.stats
import torch
from streamlit.testing.v1 import AppTest

from lmviz import display, information, learning, outcomes, sources
from lmviz.data import examples
from lmviz.ui import entropy as ui
from lmviz.ui import scores
from tests.pages.conftest import open_chapter, words_of


def opened(model: str = "nano", text: str = examples.OPENING) -> AppTest:
    return open_chapter("pages/why/entropy.py", text=text, model=model, unit="bits")


def costs(p, q) -> tuple[str, str, str]:
    """H(p), H(p, q), KL(p‖q) as the page says them, by SciPy."""
    h, kl = scipy.stats.entropy(p), scipy.stats.entropy(p, q)
    return tuple(display.amount(nats, "bits") for nats in (h, h + kl, kl))


def test_the_opening_preset_is_said_in_scipys_numbers():
    forecast = outcomes.PRESETS[ui.FIRST]
    h, ce, kl = costs(forecast.p, forecast.q)
    text = words_of(opened())
    assert f":violet[**{h}**]" in text and f":blue[**{ce}**]" in text and f":orange[**{kl}**]" in text
    assert f"KL(q‖p) is **{display.amount(scipy.stats.entropy(forecast.q, forecast.p), 'bits')}**" in text


def test_moving_a_slider_moves_the_others_in_proportion_and_the_sentence_with_them():
    at = opened()
    at.slider(key="entropy_q").set_value(0.2).run()
    assert not at.exception
    forecast = outcomes.PRESETS[ui.FIRST]
    h, ce, kl = costs(forecast.p, [0.2, 0.8 * 0.25 / 0.3, 0.8 * 0.05 / 0.3])
    text = words_of(at)
    assert f":blue[**{ce}**]" in text and f":orange[**{kl}**]" in text and f":violet[**{h}**]" in text


def test_an_infinite_divergence_is_said_in_words():
    at = opened()
    at.slider(key="entropy_q").set_value(0.0).run()
    assert "**infinite**, because q gives “sun” no probability at all" in words_of(at)
    at.button(key="entropy_exchange").click().run()
    assert not at.exception
    assert "KL(q‖p) is **infinite**" in words_of(at)


def test_outcomes_can_be_added_renamed_and_removed():
    at = opened()
    at.button(key="entropy_add").click().run()
    at.text_input(key="entropy_name").set_value("*snow* <b>$x$").run()
    assert not at.exception
    assert at.session_state[ui.TABLE].names == ("*snow* <b>$x$", "cloud", "rain", "outcome 4")
    at.button(key="entropy_remove").click().run()
    assert not at.exception
    assert len(at.session_state[ui.TABLE]) == 3


def test_at_a_token_the_divergence_from_what_came_is_the_tokens_loss():
    scored = scores.first_view("smollm2-135m")
    for position in range(len(scored)):
        table = ui.at_token(scored, position)
        h, ce, kl = ui.three(table)
        assert h == 0 and ce == kl == pytest.approx(scored.losses[position], rel=1e-9)
        assert information.entropy(table.q).item() <= scored.entropies[position] + 1e-9  # the rest is counted as one outcome
        _, options, answer, *_ = ui.prediction(scored, position)
        assert options[answer] == display.amount(scored.losses[position], "bits")


def test_one_may_leave_the_chapter_and_come_back():
    at = opened()
    at.pills(key="entropy_chosen").set_value(2).run()
    at.switch_page("pages/why/likelihood.py").run()
    at.switch_page("pages/why/entropy.py").run()
    assert not at.exception
    assert at.slider(key="entropy_p").label.startswith("p(sun)")


def test_every_preset_opens_and_so_does_the_token(monkeypatch):
    at = opened()
    for choice in ui.CHOICES:
        at.pills(key="entropy_preset").set_value(choice).run()
        assert not at.exception
    assert display.amount(scores.first_view("nano").losses.max(), "bits") in words_of(at)


def test_the_learned_source_ends_near_its_entropy_rate_and_the_page_says_both():
    at = opened()
    curve = learning.learning_curve(sources.PRESETS["weather"], generator=torch.Generator().manual_seed(0))
    pi, rows = (5 / 6, 1 / 6), ((0.9, 0.1), (0.5, 0.5))
    rate = sum(weight * scipy.stats.entropy(row) for weight, row in zip(pi, rows))
    assert math.isclose(curve.floor, rate, rel_tol=1e-12)
    assert f":violet[**{display.amount(rate, 'bits')}**]" in words_of(at)
    assert f":orange[**{display.amount(curve.new_text[-1], 'bits')}**]" in words_of(at)
    at.button(key="entropy_another").click().run()
    other = learning.learning_curve(sources.PRESETS["weather"], generator=torch.Generator().manual_seed(1))
    assert other.beginning in words_of(at)


def test_the_code_shown_runs_and_prints_the_numbers_on_the_page():
    table = outcomes.PRESETS["Loaded die"]
    done = subprocess.run([sys.executable, "-c", ui.snippet(table)], capture_output=True, text=True, check=True)
    h, ce, kl, *_ = (float(line) for line in done.stdout.splitlines()[:5])
    assert (h, ce, kl) == pytest.approx((scipy.stats.entropy(table.p), math.log(6), scipy.stats.entropy(table.p, table.q)), rel=1e-12)


@pytest.mark.smollm2
def test_the_chapter_opens_under_smollm2():
    assert "SmolLM2 pays" in words_of(opened("smollm2-135m"))
