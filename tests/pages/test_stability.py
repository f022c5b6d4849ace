"""Chapter 8 through app.py: the table, the failures and the lid against the core."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lmviz import display, forms, models
from lmviz.data import examples
from lmviz.data.first_views import stability as stored
from lmviz.models import scoring
from lmviz.ui import logits
from lmviz.ui import stability as ui
from tests.pages.conftest import open_chapter, words_of

TEXT = "The moon rose over the hill, and nobody spoke."


def opened(model: str, text: str = TEXT, **query) -> AppTest:
    return open_chapter("pages/why/stability.py", **{"text": text, "model": model, "unit": "nats", **query})


@pytest.fixture(scope="module")
def nano():
    scored = scoring.score(models.load("nano"), TEXT)
    position = int(scored.losses.argmax())
    return scored, position, logits.reader_logits(scored, positions=[position])[0]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_table_shows_what_torch_computes_in_that_precision(nano, dtype):
    scored, position, row = nano
    at = opened("nano")
    at.segmented_control(key="stability_dtype").set_value(dtype).run()
    at.select_slider(key="stability_scale").set_value(forms.SCALES.index(8.0)).run()
    assert not at.exception
    z = (row.double() * 8).to(forms.DTYPES[dtype])
    came = scored.tokens[position].id
    by_hand = -(z.exp() / z.exp().sum()).log()[came].item()
    safe = torch.nn.functional.cross_entropy(row.double() * 8, torch.tensor(came)).item()
    lines = next(m.value for m in at.markdown if m.value.startswith("| form")).splitlines()
    shown = [line.split("|")[2].strip() for line in lines[2:]]
    assert shown[0] == ("NaN" if math.isnan(by_hand) else "infinite" if math.isinf(by_hand) else display.number(by_hand, 4))
    assert shown[-1] == display.number(safe, 4)


def test_the_slider_needs_no_model(nano, monkeypatch):
    at = opened("nano")
    monkeypatch.setattr("lmviz.ui.logits._computed", lambda *_: pytest.fail("the model ran again"))
    at.select_slider(key="stability_scale").set_value(20).run()
    at.segmented_control(key="stability_dtype").set_value("bfloat16").run()
    assert not at.exception


def test_the_selected_token_is_the_one_computed(nano):
    scored, *_ = nano
    at = opened("nano", token="2")
    assert f"costs {display.amount(scored.losses[2], 'nats')}" in words_of(at)


def test_the_lid_follows_its_slider():
    at = opened("nano")
    assert "27.6 nats" in words_of(at)
    at.select_slider(key="stability_epsilon").set_value(-6).run()
    assert "13.8 nats" in words_of(at) and not at.exception


def test_the_prediction_is_what_float16_gives(nano):
    scored, position, row = nano
    z = row.half()
    loss = -(z.exp() / z.exp().sum()).log()[scored.tokens[position].id].item()
    assert ui.prediction(scored, position)[2] == (2 if math.isnan(loss) else 1 if math.isinf(loss) else 0)


@pytest.mark.parametrize("model", ["uniform", "bigram"])
def test_every_kind_of_model_has_the_chapter(model):
    assert "as it should be" in words_of(opened(model))


def test_a_token_beyond_the_kept_logits_is_replaced_by_one_that_has_them():
    long = TEXT * 40
    at = opened("unigram", long, token="350")
    assert f"first {logits.LONGEST} tokens" in words_of(at)


def test_the_code_shown_runs_and_prints_the_reference(nano):
    scored, position, _ = nano
    done = subprocess.run([sys.executable, "-c", ui.snippet(scored, position)], capture_output=True, text=True, check=True)
    assert float(done.stdout.splitlines()[0].strip("()").split(",")[0]) == pytest.approx(scored.losses[position], abs=1e-5)


@pytest.mark.smollm2
def test_what_is_stored_for_the_opening_text_is_what_a_fresh_run_gives():
    fresh, kept = stored.view(models.load("smollm2-135m")), stored.load("smollm2-135m")
    assert (kept.revision, kept.position) == (fresh["revision"], fresh["position"])
    assert fresh["surveys"].keys() == kept.surveys.keys() == set(ui.DTYPES) and len(forms.FORMS) == len(ui.NAMES)
    for name, survey in kept.surveys.items():
        again = fresh["surveys"][name]
        assert np.abs(np.array(survey.reference) - np.array(again["reference"])).max() < 1e-3
        for key in ("losses", "pulls"):
            a, b = np.array(getattr(survey, key)), np.array([[float(x) for x in row] for row in again[key]])
            rounding = {"float64": 1e-3, "float32": 1e-3, "bfloat16": 0.5, "float16": 0.1}[name]
            same_kind = np.isfinite(a) == np.isfinite(b)
            assert same_kind.mean() > 0.98  # another machine's last bit may move one failure by one step
            both = np.isfinite(a) & np.isfinite(b)
            assert np.abs(a[both] - b[both]).max() < rounding


@pytest.mark.smollm2
def test_the_opening_page_needs_no_model_run(monkeypatch):
    monkeypatch.setattr("lmviz.ui.logits._computed", lambda *_: pytest.fail("a model ran"))
    scored = scoring.score(models.load("smollm2-135m"), examples.OPENING)
    assert f"costs {display.amount(scored.losses.max(), 'nats')}" in words_of(opened("smollm2-135m", examples.OPENING))
