"""Chapter 7 through app.py: every number on the page against the core."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lmviz import display, likelihood, losses, models
from lmviz.data import examples
from lmviz.data.first_views import likelihood as stored
from lmviz.figures.likelihood import relative_likelihoods
from lmviz.models import scoring
from lmviz.ui import likelihood as ui
from lmviz.ui import logits
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/why/likelihood.py"


def opened(model: str, text: str = examples.OPENING) -> AppTest:
    return open_chapter(PAGE, text=text, model=model, unit="nats")


@pytest.fixture(scope="module")
def nano():
    text = "The moon rose over the hill, and nobody spoke."
    scored = scoring.score(models.load("nano"), text)
    rows = logits.reader_logits(scored)
    return scored, rows, torch.tensor([token.id for token in scored.tokens])


def test_the_four_numbers_on_the_page_are_the_cores_and_torchs(nano):
    scored, rows, targets = nano
    at = opened("nano", scored.text)
    table = next(m.value for m in at.markdown if m.value.startswith("| | nats"))
    shown = [float(re.sub(r":orange\[|\]", "", line.split("|")[2])) for line in table.splitlines()[2:]]
    assert shown == pytest.approx(list(likelihood.four_ways(rows, targets)), abs=1e-14)
    reference = torch.nn.functional.cross_entropy(rows.double(), targets).item()
    assert max(abs(value - reference) for value in shown) < 1e-13
    difference = likelihood.largest_difference(likelihood.four_ways(rows, targets))
    assert ("exactly **0**" if difference == 0 else display.amount(difference, "nats", 2)) in words_of(at)


def test_the_temperature_slider_changes_all_four_numbers_and_no_model_runs(nano, monkeypatch):
    scored, rows, targets = nano
    at = opened("nano", scored.text)
    monkeypatch.setattr("lmviz.ui.logits._computed", lambda *_: pytest.fail("the model ran again"))
    at.select_slider(key="likelihood_temperature").set_value(20).run()
    assert not at.exception
    expected = likelihood.four_ways(rows, targets, temperature=likelihood.TEMPERATURES[20])[1]
    assert f"**{display.amount(expected, 'nats')}**" in words_of(at)


def test_the_drawn_batch_costs_what_the_core_says_of_the_reshaped_logits(nano):
    scored, rows, targets = nano
    drawn = ui.cells(scored)
    T, half = len(drawn[0]), sum(cell.target is not None for cell in drawn[1])
    batch = likelihood.batch([targets[:T].tolist(), targets[:half].tolist()], start_id=0)
    z = torch.stack([rows[:T], rows[:T]])  # a causal model's rows for a text that begins like another; those of padding are never looked at
    per_row = losses.cross_entropy(z.reshape(-1, z.shape[-1]), batch.targets.reshape(-1))
    assert np.allclose([cell.nats for row in drawn for cell in row], per_row.numpy(), atol=1e-5)
    mean = torch.nn.functional.cross_entropy(z.reshape(-1, z.shape[-1]), batch.targets.reshape(-1)).item()
    assert display.amount(mean, "nats") in ui.batch_words(drawn, scored.vocab_size, "nats")


def test_the_code_shown_runs_and_prints_the_number_on_the_page(nano):
    scored, rows, targets = nano
    done = subprocess.run([sys.executable, "-c", ui.snippet(scored)], capture_output=True, text=True, check=True)
    four = [float(x) for x in done.stdout.splitlines()[0].strip("()").split(",")]
    assert four == pytest.approx(list(likelihood.four_ways(rows, targets)), abs=1e-5)
    ours, torchs = (float(re.search(r"[\d.]+", line)[0]) for line in done.stdout.splitlines()[1:])
    assert abs(ours - torchs) < 1e-3


def test_the_prediction_is_the_temperature_of_highest_likelihood(nano):
    scored, rows, targets = nano
    products = [torch.softmax(rows.double() / t, -1)[torch.arange(len(targets)), targets].prod().item() for t in likelihood.TEMPERATURES]
    best = likelihood.TEMPERATURES[int(np.argmax(products))]
    _, _, answer, *_ = ui.prediction(scored)
    assert answer == (0 if best < 1 else 2 if best > 1 else 1)
    relative = relative_likelihoods(likelihood.at_temperatures(rows, targets), len(targets))
    assert relative == pytest.approx([p / max(products) for p in products], rel=1e-3)


@pytest.mark.parametrize("model", ["uniform", "trigram"])
def test_every_kind_of_model_has_the_chapter(model):
    at = opened(model)
    assert "largest difference" in words_of(at)
    at.slider(key="likelihood_times").set_value(0).run()
    assert not at.exception


@pytest.mark.smollm2
def test_what_is_stored_for_the_opening_text_is_what_a_fresh_run_gives():
    fresh = stored.view(models.load("smollm2-135m"))
    kept = stored.load("smollm2-135m")
    assert kept.revision == fresh["revision"]
    assert np.abs(np.array(kept.ways) - np.array(fresh["ways"])).max() < 1e-4
    assert np.abs(np.array(kept.curve) - np.array(fresh["curve"])).max() < 1e-4
    assert stored.WAYS and len(kept.ways[0]) == len(likelihood.WAYS) == len(ui.NAMES)


@pytest.mark.smollm2
def test_the_opening_page_shows_the_perplexity_chapters_loss():
    at = opened("smollm2-135m")
    scored = scoring.score(models.load("smollm2-135m"), examples.OPENING)
    assert f":orange[**{display.amount(scored.mean_nats, 'nats')}**]" in words_of(at)


@pytest.mark.smollm2
def test_the_opening_pictures_of_chapters_7_and_8_need_no_torch():
    program = """
import sys
from lmviz.data.first_views import likelihood as l, stability as s
from lmviz.ui import likelihood, stability, entropy, scores
from lmviz.figures import likelihood as fl, stability as fs
view = l.load("smollm2-135m")
fl.peak_and_valley(view.temperatures, view.curve, 6, chosen=0, unit="bits")
survey, _ = stability.surveyed(scores.first_view("smollm2-135m"), s.load("smollm2-135m").position, "float32")
stability.table(survey, 0, "bits")
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
