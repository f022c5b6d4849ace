"""Chapter 11 through app.py: every number on the page against the core and the stored sample."""

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lmviz import calibration, display, losses, models, smoothing
from lmviz.data import examples
from lmviz.data.first_views import calibration as stored
from lmviz.ui import calibration as ui
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/why/calibration.py"


def opened(model: str = "smollm2-135m") -> AppTest:
    return open_chapter(PAGE, model=model, unit="nats")


@pytest.fixture(scope="module")
def view():
    return stored.load("smollm2-135m")


@pytest.mark.smollm2
def test_before_and_after_on_the_page_are_the_cores_numbers(view):
    words = words_of(opened())
    for temperature in (1.0, view.temperature):
        confidences = view.confidences[view.at(temperature)]
        for binning in ("width", "mass"):
            error = calibration.expected_calibration_error(confidences, view.correct, bins=15, binning=binning)
            assert f"{error:.3f}" in words
        brier = calibration.brier_score(confidences, view.correct)
        assert f"{brier:.4f}" in words
        assert display.amount(view.held_loss[view.at(temperature)], "nats", 4) in words
    assert f"**{display.number(view.temperature)}**" in words


@pytest.mark.smollm2
def test_the_fitted_temperature_lowers_the_loss_on_passages_it_never_saw(view):
    at = view.at(view.temperature)
    assert view.fit_loss[at] == view.fit_loss.min()
    assert view.held_loss[at] < view.held_loss[view.at(1.0)]


@pytest.mark.smollm2
def test_what_is_stored_is_what_a_fresh_reading_finds(smollm2, view):
    """One passage, read again: its confidences stand in the stored sample, and torch's own softmax and loss agree."""
    text = stored.texts()[stored.FIT]
    fresh = stored.read(smollm2, text, view.temperatures, keep=True)
    n = len(fresh.correct)
    assert view.revision == smollm2.revision
    assert np.abs(view.confidences[:, :n] - fresh.confidences).max() < 2e-3
    assert (view.correct[:n] == fresh.correct).mean() > 0.98
    logits, targets = fresh.logits
    g = view.at(view.temperature)
    scaled = logits.double() / view.temperature
    np.testing.assert_allclose(fresh.confidences[g], torch.softmax(scaled, 1).amax(1), rtol=1e-4)
    assert fresh.total_nats[g] == pytest.approx(torch.nn.functional.cross_entropy(scaled, targets, reduction="sum").item(), rel=1e-5)


@pytest.mark.smollm2
def test_bins_and_temperature_answer_without_a_model(view, monkeypatch):
    at = opened()
    monkeypatch.setattr(stored, "read", lambda *_, **__: pytest.fail("a model ran"))
    at.slider(key="calibration_bins").set_value(8).run()
    at.select_slider(key="calibration_temperature").set_value(2.0).run()
    assert not at.exception
    error = calibration.expected_calibration_error(view.confidences[view.at(2.0)], view.correct, bins=8)
    assert f"to **{error:.3f}**" in words_of(at)
    assert display.amount(view.held_loss[view.at(2.0)], "nats", 4) in words_of(at)


def test_a_small_sample_is_measured_and_stored_and_comes_back_unchanged(monkeypatch, tmp_path):
    monkeypatch.setattr(stored, "texts", lambda: ["The old king was happy.", "She went to the sea and came back."] * 4)
    monkeypatch.setattr(stored, "FIT", 4)
    monkeypatch.setattr(examples, "FIRST_VIEWS", tmp_path)
    model = models.load("nano")
    found = stored.view(model)
    logits = torch.cat([stored.read(model, text, [1.0], keep=True).logits[0] for text in stored.texts()[:4]])
    targets = torch.cat([stored.read(model, text, [1.0], keep=True).logits[1] for text in stored.texts()[:4]])
    assert found.temperature == pytest.approx(calibration.fit_temperature(logits, targets), rel=1e-5)
    best = losses.cross_entropy(logits / found.temperature, targets).mean().item()
    assert found.fit_loss[found.at(found.temperature)] == pytest.approx(best, rel=1e-5) and best == pytest.approx(found.fit_loss.min(), rel=1e-6)
    stored.store("test-calibration", found)
    again = stored.load("test-calibration")
    np.testing.assert_array_equal(again.confidences, found.confidences)
    assert again.summaries == found.summaries and again.temperature == found.temperature


def test_a_model_that_says_the_same_of_every_token_has_no_best_temperature():
    reading = stored.read(models.load("uniform"), "The cat", [1.0], keep=True)
    assert np.isnan(stored.fit([reading]))


def test_the_gap_found_by_minimising_the_real_loss_is_the_derived_one():
    for epsilon, n_classes in [(0.1, 10), (0.3, 100)]:
        for spread in ("all", "others"):
            derived = calibration.optimal_logit_gap(epsilon, n_classes, spread)
            assert smoothing.gap_path(epsilon, n_classes, spread)[-1] == pytest.approx(derived, abs=1e-7)
    for spread, path in stored.smoothing_paths().items():
        assert path[-1] == pytest.approx(calibration.optimal_logit_gap(0.1, 10, spread), abs=1e-7)


@pytest.mark.smollm2
def test_the_smoothing_slider_says_derived_gap_and_found_gap():
    at = opened()
    at.slider(key="calibration_smoothing").set_value(0.3).run()
    assert not at.exception
    for spread in ("all", "others"):
        assert f"**{display.number(calibration.optimal_logit_gap(0.3, 10, spread), 4)}**" in words_of(at)


@pytest.mark.parametrize("model", ["nano", "unigram", "uniform"])
def test_every_kind_of_model_has_the_chapter(model):
    words = words_of(opened(model))
    assert "held-out passages the model states" in words
    assert ("No temperature is best" in words) == (model == "uniform")


def test_a_model_of_which_nothing_is_stored_can_be_measured_here(monkeypatch):
    monkeypatch.setattr(stored, "texts", lambda: ["The old king was happy.", "She went to the sea and came back."] * 4)
    monkeypatch.setattr(stored, "FIT", 4)
    monkeypatch.setattr(stored, "load", lambda name: None)
    ui._measured().clear()
    at = opened("bigram")
    at.button(key="calibration_measure").click().run()
    assert not at.exception
    assert "held-out passages the model states" in words_of(at)
    ui._measured().clear()
