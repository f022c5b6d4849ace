"""Chapter 10 through app.py: what the page says is what the losses say, and no slider asks for a model."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lmviz import display, gradients, losses, models, pulls
from lmviz.data import examples
from lmviz.data.first_views import pulls as stored
from lmviz.models import scoring
from tests.pages.conftest import open_chapter

PAGE = "pages/why/losses.py"


@pytest.fixture(scope="module")
def nano():
    return models.load("nano")


def opened(model: str, text: str | None = None) -> AppTest:
    return open_chapter(PAGE, model=model, unit="nats", **({"text": text} if text else {}))


def curves(at) -> dict:
    """The traces of the curves by name; [loss, pull] each."""
    (chart,) = [c for c in at.get("plotly_chart") if "Loss and pull" in c.proto.alt]
    traces: dict[str, list] = {}
    for trace in json.loads(chart.proto.spec)["data"]:
        traces.setdefault(trace["name"], []).append(trace)
    return traces


def rows(at) -> dict:
    (data,) = [d for c in at.get("bidi_component") if "rows" in (d := json.loads(c.proto.json))]
    return data


def numbers(values) -> np.ndarray:
    if isinstance(values, dict):  # Plotly's packed arrays
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.array(values, dtype=float)


@pytest.mark.smollm2
def test_the_opening_page_shows_the_pulls_of_the_real_logits(smollm2):
    at = opened("smollm2-135m")
    mistake = scoring.score(smollm2, stored.MISTAKE)
    logits, targets = stored.logits_of(smollm2, mistake)
    shown = rows(at)
    for row, name in zip(shown["rows"], pulls.LOSSES, strict=True):
        fresh = -getattr(gradients, name)(logits, targets).gather(1, targets[:, None])[:, 0]
        np.testing.assert_allclose(row["shades"], fresh.abs().clamp(max=1), atol=2e-4)
    worst = shown["selected"]
    assert shown["tokens"][worst] == ["·", "east"] and worst > 8
    ce, se = shown["rows"][0]["shades"][worst], shown["rows"][1]["shades"][worst]
    assert ce > 0.99 and se < 0.03


@pytest.mark.smollm2
def test_what_is_stored_for_the_first_view_is_what_a_fresh_run_finds(smollm2):
    view = stored.load("smollm2-135m")
    opening = scoring.score(smollm2, examples.OPENING)
    logits, targets = stored.logits_of(smollm2, opening)
    assert view.revision == smollm2.revision
    for name in pulls.LOSSES:
        np.testing.assert_allclose(pulls.loss(name, view.opening), getattr(losses, name)(logits, targets), rtol=2e-3, atol=2e-4)
    fresh = stored.steps_of(logits[1:3], targets[1:3])
    np.testing.assert_allclose(view.opening_steps.cross_entropy[1:3], fresh.cross_entropy, rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(view.opening_steps.squared_error[1:3], fresh.squared_error, rtol=2e-3, atol=2e-4)


def test_the_readers_own_text_is_coloured_by_its_real_logits(nano):
    text = "The old king was very happy piano."
    at = opened("nano", text)
    logits, targets = stored.logits_of(nano, scoring.score(nano, text))
    shown = rows(at)
    assert "".join(piece for pieces in shown["tokens"] for piece in pieces).replace("·", " ") == text
    fresh = -gradients.squared_error(logits, targets).gather(1, targets[:, None])[:, 0]
    np.testing.assert_allclose(shown["rows"][1]["shades"], fresh, atol=2e-4)


def test_a_slider_moves_curves_and_rows_without_a_model(nano, monkeypatch):
    at = opened("nano", "The old king was very happy piano.")
    before_curve, before_row = numbers(curves(at)["focal"][0]["y"]), rows(at)["rows"][3]["shades"]
    monkeypatch.setattr(type(nano), "states", lambda *_, **__: pytest.fail("the model was run again"))
    at.slider(key="losses_gamma").set_value(5.0).run()
    at.slider(key="losses_smoothing").set_value(0.3).run()
    assert not at.exception
    traces = curves(at)
    after_curve = numbers(traces["focal"][0]["y"])
    assert (after_curve < before_curve).all() and rows(at)["rows"][3]["shades"] != before_row
    p = 0.5
    middle = len(after_curve) // 2
    assert numbers(traces["focal"][0]["x"])[middle] == pytest.approx(p)
    ten = torch.zeros(10, dtype=torch.float64)
    ten[0] = float(pulls.even_margin(p, 10))
    assert after_curve[middle] == pytest.approx(losses.focal(ten, 0, gamma=5.0).item())
    assert numbers(traces["label smoothing"][0]["y"])[middle] == pytest.approx(losses.label_smoothing(ten, 0, smoothing=0.3).item())
    assert -gradients.label_smoothing(ten, 0, smoothing=0.3)[0].item() == pytest.approx(numbers(traces["label smoothing"][1]["y"])[middle])


def test_classes_axis_and_the_token_s_own_point_can_be_chosen():
    at = opened("nano")
    at.select_slider(key=f"losses_classes_{models.load('nano').vocab_size}").set_value(100).run()
    traces = curves(at)
    assert {len(t) for name, t in traces.items() if name.endswith("here")} == {2}
    hundred = torch.zeros(100, dtype=torch.float64)
    hundred[0] = float(pulls.even_margin(0.5, 100))
    assert numbers(traces["squared error"][0]["y"])[85] == pytest.approx(losses.squared_error(hundred, 0).item())
    at.session_state["losses_axis"] = "margin"
    at.toggle(key="losses_point").set_value(False).run()
    traces = curves(at)
    assert not [name for name in traces if name.endswith("here")]
    x, y = numbers(traces["hinge"][0]["x"]), numbers(traces["hinge"][0]["y"])
    np.testing.assert_allclose(y, np.maximum(0, 1 - x))


def test_the_table_says_which_scores_are_proper():
    at = opened("nano")
    (table,) = [m.value for m in at.markdown if m.value.startswith("| |")]
    verdicts = {line.split("**")[1].strip("[").split("]")[0]: line.split("|")[-2].strip() for line in table.splitlines()[2:]}
    assert {name for name, verdict in verdicts.items() if ": proper" in verdict} == {"cross-entropy", "squared error"}
    assert {name for name, verdict in verdicts.items() if ": not proper" in verdict} == {"hinge", "focal", "label smoothing"}
    assert f"{display.number(-np.log(0.01), 2)}; {display.number(0.99, 2)}" in table


def test_hostile_text_is_data_only():
    at = opened("nano", "<img src=x onerror=alert(1)> $x$ **b**")
    assert not at.exception
    assert "<img" not in "".join(m.value.replace("\\<", "") for m in at.markdown)


@pytest.mark.smollm2
def test_the_snippet_prints_the_pulls_of_the_page(capsys):
    at = opened("smollm2-135m")
    at.session_state["losses_code"] = True
    at.run()
    (snippet,) = [c.value for c in at.code if "models.load(" in c.value]
    exec(snippet, {})
    printed = dict(line.split() for line in capsys.readouterr().out.strip().splitlines())
    view = stored.load("smollm2-135m")
    costliest = int(view.opening.log_p.argmin())
    for name in pulls.LOSSES:
        assert float(printed[name]) == pytest.approx(pulls.pull(name, view.opening)[costliest], rel=2e-3, abs=1e-5)
