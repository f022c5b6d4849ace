"""Chapter 14 through app.py: what the page says is what the losses say."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lmviz import display, distillation, gradients, losses, models
from lmviz.data import examples
from lmviz.data.first_views import distillation as stored
from lmviz.data.recorded import students as recorded
from lmviz.models import series
from lmviz.ui import distillation_pair as page
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/beyond/distillation.py"
SENTENCE = "She opened the letter, read it twice, and ate the piano."


def opened(text: str | None = None, **query) -> AppTest:
    return open_chapter(PAGE, **{"model": "nano", "unit": "nats", **({"text": text} if text else {}), **query})


def logits_of(name: str, text: str):
    model = models.load(name)
    ids = model.encode(text).ids
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    return model.logits(states), torch.tensor(ids)


def figure_with(at, x_title: str) -> dict:
    return next(f for chart in at.get("plotly_chart") if x_title in (f := json.loads(chart.proto.spec))["layout"]["xaxis"].get("title", {}).get("text", ""))


def numbers(values) -> np.ndarray:
    import base64

    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]) if isinstance(values, dict) else np.array(values)


@pytest.mark.parametrize("alpha, temperature", [(0.5, 1.0), (0.2, 3.0), (1.0, 20.0)])
def test_the_losses_on_the_page_are_those_of_the_core(alpha, temperature):
    at = opened(SENTENCE, token="3")
    at.select_slider(key="distillation_temperature").set_value(temperature)
    at.slider(key="distillation_alpha").set_value(alpha).run()
    teacher = stored.teacher()
    (v, ids), (z, _) = logits_of(teacher, SENTENCE), logits_of(stored.opening_student(teacher), SENTENCE)
    hard = losses.cross_entropy(z[3], ids[3]).item()
    soft, total = (losses.distillation(z[3], v[3], ids[3], alpha=a, temperature=temperature).item() for a in (0.0, alpha))
    said = words_of(at)
    assert f"−log ŷ = :orange[**{display.amount(hard, 'nats')}**]" in said
    assert f"T²·KL = :blue[**{display.amount(soft, 'nats')}**]" in said
    assert f"**{display.amount(total, 'nats')}**" in said
    length = gradients.distillation(z[3], v[3], ids[3], alpha=0.0, temperature=temperature).norm().item()
    assert f"the teacher with **{display.number(length)}**" in said


def test_both_distributions_sum_to_one_and_are_softened():
    at = opened(SENTENCE, token="3")
    for temperature in (1.0, 3.0):
        at.select_slider(key="distillation_temperature").set_value(temperature).run()
        traces = {t["name"]: t for t in figure_with(at, "softened by T")["data"] if t.get("name")}
        teacher, student = (numbers(traces[name]["x"]) for name in (stored.teacher(), page.title(stored.opening_student(stored.teacher()))))
        np.testing.assert_allclose([teacher.sum(), student.sum()], 1, atol=1e-5)
        q = (logits_of(stored.teacher(), SENTENCE)[0][3].double() / temperature).softmax(-1)
        assert teacher[:-1].max() == pytest.approx(q.max().item(), rel=1e-3)


def test_the_whole_lesson_is_about_which_and_whether():
    at = opened(SENTENCE, token="3")
    (v, ids) = logits_of(stored.teacher(), SENTENCE)
    q = v[3].double().softmax(-1)
    entropy = torch.special.entr(q).sum().item()
    assert f"The teacher's distribution has {display.amount(entropy, 'nats')} here" in words_of(at)
    held = figure_with(at, "temperature T")["data"]
    bars = [t for t in held if t["type"] == "bar"]
    np.testing.assert_allclose(sum(numbers(t["y"]) for t in bars), 1, atol=1e-6)
    assert numbers(bars[0]["y"])[1] == pytest.approx(q.max().item(), rel=1e-3)


def test_the_stored_first_view_is_what_a_fresh_run_gives():
    kept = stored.load()
    teacher, student = stored.teacher(), stored.opening_student(stored.teacher())
    assert (kept.teacher, kept.student) == (teacher, student), "run python -m lmviz.data.first_views.make"
    assert (kept.teacher_revision, kept.student_revision) == (models.load(teacher).revision, models.load(student).revision)
    for name, logits in ((teacher, kept.teacher_logits), (student, kept.student_logits)):
        np.testing.assert_allclose(logits, logits_of(name, examples.OPENING)[0].numpy(), atol=1e-3)


@pytest.mark.smollm2
def test_with_another_tokenizer_the_page_reads_with_its_own_models_and_says_so():
    at = opened(model="smollm2-135m")
    assert any("not SmolLM2" in c.value for c in at.caption)
    strip = next(d for c in at.get("bidi_component") if "tokens" in (d := json.loads(c.proto.json)))
    assert strip["ids"] == list(models.load(stored.teacher()).encode(examples.OPENING).ids)


def test_a_student_that_is_the_last_of_the_run_or_untrained_can_be_chosen():
    at = opened(SENTENCE)
    at.selectbox(key=f"distillation_student_{stored.teacher()}").set_value("nano@0").run()
    assert not at.exception
    assert "nano, untrained" in words_of(at)


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)> $x$ **b**", "日"])
def test_odd_texts_make_a_whole_page(text):
    at = opened(text)
    assert "<img" not in words_of(at).replace("\\<", "")
    assert "Why T²?" in [s.value for s in at.subheader]


def test_of_a_long_text_only_the_first_tokens_are_compared():
    at = opened(" ".join(["cat"] * 250), token="249")
    assert not at.exception and (len(at.info) == 1) == (249 >= 256)
    at = opened(" ".join(["cat"] * 500), token="499")
    assert any("Only the first" in i.value for i in at.info)


def test_the_prediction_is_computed():
    at = opened(SENTENCE, token="3")
    teacher = stored.teacher()
    (v, ids), (z, _) = logits_of(teacher, SENTENCE), logits_of(stored.opening_student(teacher), SENTENCE)
    at_2, at_8 = (gradients.distillation(z[3], v[3], ids[3], alpha=0.0, temperature=t).norm().item() / t**2 for t in (2.0, 8.0))
    at.radio(key="distillation_predict").set_value(sum(at_2 / at_8 >= bound for bound in (3, 9, 27))).run()
    assert "**Yes.**" in words_of(at)


def test_the_snippet_prints_the_losses_of_the_page(capsys):
    at = opened(SENTENCE, token="3")
    at.select_slider(key="distillation_temperature").set_value(2.0)
    at.slider(key="distillation_alpha").set_value(0.3)
    at.session_state["distillation_code"] = True
    at.run()
    (snippet,) = [c.value for c in at.code if "models.load(" in c.value]
    exec(snippet, {})
    hard, soft, both = map(float, capsys.readouterr().out.split())
    v, z = logits_of(stored.teacher(), SENTENCE)[0][3], logits_of(stored.opening_student(stored.teacher()), SENTENCE)[0][3]
    y = models.load("nano").encode(SENTENCE).ids[3]
    parts = distillation.parts(z.numpy(), v.numpy(), y, alpha=0.3, temperature=2.0)
    assert (hard, soft, both) == pytest.approx((float(parts.hard), float(parts.soft), float(parts.total)), rel=1e-3)


@pytest.fixture(scope="module")
def comparison():
    texts = recorded.passages()[:3]
    return texts, recorded.compare(*(models.load(name) for name in ("nano", f"nano@{series.steps()[1]}", "nano@0")), texts)


def test_the_comparison_pools_nats_and_finds_a_teacher_at_no_distance_from_itself(comparison):
    texts, found = comparison
    nano = models.load("nano")
    nats = n_bytes = 0
    for text in texts:
        encoded = nano.encode(text)
        ids = encoded.ids[: recorded.TOKENS]
        (states,), _ = nano.states([[nano.start_id, *ids[:-1]]])
        nats += torch.nn.functional.cross_entropy(nano.logits(states), torch.tensor(ids), reduction="sum").item()
        n_bytes += encoded.ends[len(ids) - 1]
    assert found["teacher_itself"]["bits_per_byte"] == pytest.approx(nats / n_bytes / np.log(2), rel=1e-4)
    assert found["teacher_itself"]["divergence"] == 0 and found["teacher_itself"]["agreement"] == 1
    assert found["plain"]["divergence"] > 0 and found["plain"]["agreement"] < 1


def test_what_is_saved_is_the_difference_and_lies_in_its_interval(comparison):
    _, found = comparison
    gain = found["saved"]
    assert gain["value"] == pytest.approx(found["plain"]["bits_per_byte"] - found["distilled"]["bits_per_byte"], abs=2e-5)
    assert gain["low"] <= gain["value"] <= gain["high"] and len(found["per_passage"]) == found["n_passages"] == 3


def test_a_record_is_drawn_with_its_numbers(comparison, monkeypatch):
    found = {"steps": 7, "teacher": "nano", "alpha": 0.5, "temperature": 1.0, "tokens": 28_672, "teacher_tokens": 25_000_000} | comparison[1]
    monkeypatch.setattr(recorded, "load", lambda: found)
    at = opened()
    assert "Does it help?" in [s.value for s in at.subheader]
    assert f"{found['plain']['bits_per_byte']:.4f}" in words_of(at)
    dots = figure_with(at, "one point a passage")["data"][0]
    np.testing.assert_allclose(np.sort(numbers(dots["x"])), np.sort(found["per_passage"]))


def test_the_record_is_what_a_fresh_reading_of_a_passage_gives():
    found = recorded.load()
    if found is None:  # nothing is recorded, so the page must not speak of it
        assert "Does it help?" not in [s.value for s in opened().subheader]
        return
    texts = recorded.passages()
    fresh = recorded.compare(models.load(found["teacher"]), models.load(recorded.PLAIN), models.load(recorded.DISTILLED), texts[:2])
    assert found["n_passages"] == len(texts) and fresh["revisions"] == found["revisions"]
    np.testing.assert_allclose(fresh["per_passage"], found["per_passage"][:2], atol=2e-4)
