"""Chapter 9 through app.py: the bars, the checks and the step against the real gradient of the real logits."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lmviz import display, gradients, losses, models
from lmviz.data import examples
from lmviz.data.first_views import pulls as stored
from lmviz.figures import gradient as figures
from lmviz.models import scoring
from lmviz.ui import gradient as ui
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/why/gradient.py"
TEXT = "The old king was very happy piano."


@pytest.fixture(scope="module")
def nano():
    scored = scoring.score(models.load("nano"), TEXT)
    return scored, *stored.logits_of(models.load("nano"), scored)


def opened(model: str, text: str, token: int | None = None) -> AppTest:
    return open_chapter(PAGE, model=model, unit="nats", text=text, **({"token": str(token)} if token is not None else {}))


def chart(at: AppTest, words: str):
    (found,) = [c.proto for c in at.get("plotly_chart") if words in c.proto.alt]
    return json.loads(found.spec)["data"], found.alt


def test_the_bars_are_the_gradient_over_the_whole_vocabulary(nano):
    scored, logits, targets = nano
    full = gradients.cross_entropy(logits.double(), targets)
    for t in range(len(scored)):
        bars = figures.entries(scored, t)
        favourites = [i for i in scored.top_ids[t].tolist() if i != targets[t]][: figures.SHOWN]
        shown = [full[t, targets[t]].item(), *full[t, favourites].tolist()]
        assert [value for _, value, _ in bars[:-1]] == pytest.approx(shown, abs=1e-6)
        rest = full[t].sum().item() - sum(shown)
        assert bars[-1][1] == pytest.approx(rest, abs=1e-6)
        assert bars[-1][0].startswith(display.number(scored.vocab_size - len(shown)))


def test_sum_length_and_difference_from_autograd_stand_on_the_page(nano):
    scored, logits, targets = nano
    at = opened("nano", TEXT, token=6)
    full = gradients.cross_entropy(logits[6], targets[6])
    assert f"is {display.number(full.norm().item())}." in words_of(at)
    assert "sum to" in words_of(at) and "autograd" in words_of(at)
    z = logits[6].clone().requires_grad_()
    torch.nn.functional.cross_entropy(z, targets[6]).backward()
    assert (full - z.grad).abs().max().item() < 1e-6
    difference = stored.steps_of(logits[6:7], targets[6:7]).difference.item()
    assert difference < 1e-6
    assert ("not at all" if difference == 0 else f"by at most {display.number(difference, 2)}") in words_of(at)


def test_the_loss_after_the_step_is_that_of_the_moved_logits_and_no_model_runs(nano, monkeypatch):
    scored, logits, targets = nano
    at = opened("nano", TEXT, token=6)
    monkeypatch.setattr("lmviz.ui.logits._computed", lambda *_: pytest.fail("the model ran again"))
    at.slider(key="gradient_step").set_value(5.0).run()
    assert not at.exception
    z = logits[6].double()
    y = torch.nn.functional.one_hot(targets[6], len(z)).double()
    moved = z - 5.0 * (torch.softmax(z, 0) - y)
    after = torch.nn.functional.cross_entropy(moved, targets[6]).item()
    assert f":orange[**{display.amount(after, 'nats')}**]" in words_of(at)
    squared = losses.cross_entropy(z - 5.0 * gradients.squared_error(z, targets[6]), targets[6]).item()
    assert f":blue[**{display.amount(squared, 'nats')}**]" in words_of(at)


def test_the_lengths_along_the_sentence_are_those_of_the_full_gradients(nano):
    scored, logits, targets = nano
    data, alt = chart(opened("nano", TEXT), "Length of the gradient")
    heights = data[0]["y"]
    if isinstance(heights, dict):
        import base64

        heights = np.frombuffer(base64.b64decode(heights["bdata"]), dtype=heights["dtype"])
    np.testing.assert_allclose(heights, gradients.cross_entropy(logits, targets).norm(dim=1), rtol=1e-4)


def test_every_token_of_squared_error_lies_in_the_band(nano):
    _, logits, targets = nano
    pull = -gradients.squared_error(logits.double(), targets).gather(1, targets[:, None])[:, 0]
    p = torch.softmax(logits.double(), 1).gather(1, targets[:, None])[:, 0]
    assert (pull >= 2 * p * (1 - p) ** 2 * (1 - 1e-9)).all() and (pull <= 4 * p * (1 - p) ** 2 * (1 + 1e-9)).all()


def test_the_prediction_is_right_about_the_longest_gradient(nano):
    scored, logits, targets = nano
    norms = gradients.cross_entropy(logits, targets).norm(dim=1)
    _, options, answer, *_ = ui.prediction(scored)
    assert options[answer] == ("yes" if norms.argmax() == torch.tensor(scored.log_probs).argmin() else "no")


@pytest.mark.parametrize("model", ["uniform", "bigram"])
def test_every_kind_of_model_has_the_chapter(model):
    assert "the gradient" in words_of(opened(model, "The old king"))


@pytest.mark.smollm2
def test_the_opening_page_says_what_a_fresh_gradient_says(smollm2):
    at = opened("smollm2-135m", examples.OPENING)
    scored = scoring.score(smollm2, examples.OPENING)
    logits, targets = stored.logits_of(smollm2, scored)
    worst = int(np.argmin(scored.log_probs))
    assert f"is {display.number(gradients.cross_entropy(logits[worst], targets[worst]).norm().item())}." in words_of(at)
    after = losses.cross_entropy(logits[worst] - 3.0 * gradients.cross_entropy(logits[worst], targets[worst]), targets[worst]).item()
    assert f":orange[**{display.amount(after, 'nats')}**]" in words_of(at)


@pytest.mark.smollm2
def test_the_snippet_prints_the_numbers_of_the_page(capsys, smollm2):
    scored = scoring.score(smollm2, examples.OPENING)
    exec(ui.snippet(scored, 1), {})
    total, norm, difference, after = map(float, capsys.readouterr().out.split())
    view = stored.load("smollm2-135m")
    assert abs(total) < 1e-5 and difference < 1e-6
    assert norm == pytest.approx(view.opening.gradient_norm[1], rel=1e-3)
    assert after == pytest.approx(view.opening_steps.cross_entropy[1][stored.STEPS.index(3.0)], rel=1e-3)
