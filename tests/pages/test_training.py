"""Chapter 17 through app.py: recorded runs first, then the reader's own, which are what the lab says they are."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lmviz import display, models, pulls, sources
from lmviz.data import examples
from lmviz.downstream import Estimate
from lmviz.figures.loss_curves import STYLE
from lmviz.lab import choices, recorded
from lmviz.lab.choices import Data, Settings
from lmviz.lab.curve import Curve
from lmviz.lab.run import Run
from lmviz.models import own, scoring, series
from lmviz.ui import training_lab, training_words
from tests.pages.conftest import open_chapter

APP = Path(__file__).parents[2] / "app.py"
PAGE = "pages/lab/training.py"


@pytest.fixture(scope="module", autouse=True)
def small():
    """The shortest size, shorter still."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(choices.SIZES, "10 s", choices.Size("10 s", 24, 1, 2, 48, 32, 8, 20))
        yield


def opened() -> AppTest:
    return open_chapter(PAGE, model="nano", unit="nats")


def trained(at: AppTest) -> AppTest:
    """The page once the runs that its button starts are done."""
    at.button(key="training_start").click().run()
    assert not at.exception
    (experiment,) = at.session_state[training_lab.EXPERIMENTS][-1:]
    assert training_lab.workshop().wait(experiment, 100) and experiment.state == "finished"
    at.run()
    assert not at.exception
    return at


def runs(at) -> list:
    return [run for experiment in at.session_state[training_lab.EXPERIMENTS] for run in experiment.runs]


def table(at) -> list[list[str]]:
    (text,) = [m.value for m in at.markdown if m.value.startswith("| trained on")]
    return [[cell.strip().strip("*") for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]


def sentence_bars(at) -> dict[str, float]:
    """Label → bits a byte, as drawn."""
    (spec,) = [json.loads(c.proto.spec) for c in at.get("plotly_chart") if "Bits a byte of your text" in c.proto.alt]
    return dict(zip(spec["layout"]["yaxis"]["ticktext"], spec["data"][0]["x"], strict=True))


def alone(settings: Settings, data: Data) -> Run:
    """The same run without page, queue and thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = Run(settings, data)
        while not run.finished:
            run.step()
        return run
    finally:
        torch.set_num_threads(before)


def test_the_page_opens_on_finished_runs_and_says_what_was_recorded():
    at = opened()
    curves = recorded.curves()
    assert [row[2] for row in table(at)] == [display.number(curve.held_out[-1]) for curve in curves]
    assert any(m.value.startswith("Recorded:") and display.number(min(c.held_out[-1] for c in curves)) in m.value for m in at.markdown)
    chart, _ = at.get("plotly_chart")  # the other is the reader's sentence
    assert len([t for t in json.loads(chart.proto.spec)["data"] if t.get("name")]) == len(curves)


@pytest.mark.parametrize("text", [examples.OPENING, "A small boat came home before the storm."])
def test_the_readers_text_is_read_by_the_network_of_every_loss(text):
    at = open_chapter(PAGE, model="nano", unit="nats", text=text)
    assert not at.exception
    fresh = {loss: scoring.score(series.load_loss(loss), text) for loss in series.losses()}
    assert sentence_bars(at) == pytest.approx({STYLE[loss][0]: read.bits_per_byte for loss, read in fresh.items()}, rel=1e-4)
    best = min(fresh, key=lambda loss: fresh[loss].bits_per_byte)
    said = " ".join(m.value for m in at.markdown)
    assert f"trained on {pulls.spelled(best)} pays least for this text, :orange[**{display.number(fresh[best].bits_per_byte)} bits a byte**]" in said
    gaps = {loss: np.abs(read.losses - fresh["cross_entropy"].losses) for loss, read in fresh.items() if loss != "hinge"}
    most = max(gaps, key=lambda loss: gaps[loss].max())
    ends = [display.amount(float(fresh[loss].losses[gaps[most].argmax()]), "nats") for loss in ("cross_entropy", most)]
    assert f"**{ends[0]}** against **{ends[1]}**" in said


def test_without_a_text_the_page_asks_for_one_and_a_long_one_is_cut():
    at = open_chapter(PAGE, model="nano", unit="nats", text=" ")
    assert not at.exception and any("every model of this chapter reads it here" in m.value for m in at.markdown)
    at = open_chapter(PAGE, model="nano", unit="nats", text="One day it rained. " * 40)
    assert any("Only its first 500 characters were read." in m.value for m in at.markdown)


def test_recorded_runs_whose_intervals_overlap_are_called_too_close(monkeypatch):
    runs = [Curve(name, name, "token", 10, (10,), (5.0,), (10,), (held,)) for name, held in (("focal", 4.70), ("hinge", 9.0), ("cross_entropy", 4.72))]
    ends = {name: Estimate(value, value - 0.07, value + 0.07) for name, value in (("focal", 4.70), ("hinge", 9.0), ("cross_entropy", 4.72))}
    monkeypatch.setattr(recorded, "finals", lambda: ends)
    said = training_words.recorded(runs, "nats")
    assert "trained on focal pays least" in said and "hinge most, **9.00 nats**" in said
    assert "focal and cross_entropy are too close to call" in said and "from 4.63 nats to 4.77 nats" in said
    monkeypatch.setattr(recorded, "finals", lambda: ends | {"cross_entropy": Estimate(4.9, 4.85, 4.95)})
    assert "too close" not in training_words.recorded(runs, "nats")


def test_two_losses_side_by_side_give_what_the_same_runs_give_alone():
    at = trained(opened())
    ce, se = runs(at)
    assert (ce.settings.loss, se.settings.loss) == ("cross_entropy", "squared_error")
    for run in (ce, se):
        assert run.curve() == alone(run.settings, run.data).curve()
    assert [row[0] for row in table(at)] == ["cross\\-entropy", "squared error"]
    assert [row[2] for row in table(at)] == [display.number(run.curve().held_out[-1]) for run in (ce, se)]
    bits = {run.settings.label: scoring.score(run.language_model("x"), examples.OPENING).bits_per_byte for run in (ce, se)}
    drawn = sentence_bars(at)  # the reader's own sentence, under what was trained
    assert {label: drawn[f"yours: {label}"] for label in bits} == pytest.approx(bits)
    first = min(bits, key=bits.get)
    text = " ".join(m.value for m in at.markdown)
    assert f"Of yours, {display.md_escape(first)} is ahead, with **{display.number(bits[first])} bits a byte**" in text


def test_a_known_source_is_drawn_with_its_entropy_and_the_kl_that_is_left():
    at = opened()
    at.selectbox(key="training_data").set_value("source").run()
    at.button_group(key="training_source").set_value("weather").run()
    at.button_group(key="training_losses").set_value(["cross_entropy"]).run()
    trained(at)
    floor = sources.entropy_rate(sources.PRESETS["weather"])
    (run,) = runs(at)
    assert run.curve().held_out[-1] > floor
    text = " ".join(m.value for m in at.markdown)
    assert display.amount(floor, "nats") in text and f"{display.amount(run.curve().held_out[-1] - floor, 'nats', 2)} of KL" in text
    assert at.button(key="training_use").disabled  # it knows symbols, not text


def test_more_runs_join_up_to_four_and_those_of_other_data_leave():
    at = opened()
    for chosen, now in ((["hinge"], 1), (["focal", "label_smoothing"], 3), (["cross_entropy", "squared_error"], 4)):
        at.button_group(key="training_losses").set_value(chosen).run()
        trained(at)
        assert len(table(at)) == now
    assert [run.settings.loss for run in runs(at)] == ["focal", "label_smoothing", "cross_entropy", "squared_error"]
    at.selectbox(key="training_data").set_value("source").run()
    trained(at)
    assert {run.data.kind for run in runs(at)} == {"source"} and len(table(at)) == 2


def test_what_the_drawer_says_is_what_is_trained():
    at = opened()
    at.button_group(key="training_losses").set_value(["label_smoothing"])
    at.button_group(key="training_optimiser").set_value("sgd").run()
    at.slider(key="training_smoothing").set_value(0.2)
    at.toggle(key="training_clip").set_value(False)
    at.number_input(key="training_seed").set_value(7).run()
    (run,) = runs(trained(at))
    s = run.settings
    assert (s.loss, s.optimiser, s.learning_rate, s.smoothing, s.clip, s.seed) == ("label_smoothing", "sgd", choices.USUAL_RATE["sgd"], 0.2, float("inf"), 7)
    assert table(at)[0][0].startswith("label smoothing ε 0\\.2, SGD")


def test_a_run_that_diverges_is_explained(monkeypatch):
    monkeypatch.setattr(choices, "RATES", (0.02, 0.1, 1e6))
    at = opened()
    at.button_group(key="training_losses").set_value(["cross_entropy"])
    at.button_group(key="training_optimiser").set_value("sgd").run()
    at.toggle(key="training_clip").set_value(False)
    at.select_slider(key="training_rate_sgd").set_value(1e6).run()
    trained(at)
    assert runs(at)[0].trouble
    (said,) = [t.value for t in at.text if "broke off" in t.value]
    assert "smaller learning rate" in said and "1e+06" in said
    assert at.button(key="training_use").disabled


@pytest.mark.parametrize(("text", "says"), [("", "Nothing there yet"), ("too short", "9 bytes")])
def test_a_text_that_is_too_short_gets_a_sentence_and_no_run(text, says):
    at = opened()
    at.selectbox(key="training_data").set_value("text").run()
    at.text_area(key="training_text").set_value(text).run()
    at.button(key="training_start").click().run()
    assert not at.exception and training_lab.EXPERIMENTS not in at.session_state
    assert any(says in t.value for t in at.text)


def test_a_readers_own_text_is_learned_and_shown_harmlessly():
    at = opened()
    at.selectbox(key="training_data").set_value("text").run()
    at.text_area(key="training_text").set_value("<img src=x> $x$ **b** [a](b) " * 200).run()
    trained(at)
    assert all("<img" not in m.value.replace("\\<", "") for m in at.markdown)
    assert runs(at)[0].data.text.startswith("<img")


def test_five_at_once_are_too_many():
    at = opened()
    at.button_group(key="training_losses").set_value(list(choices.LOSSES)).run()
    assert at.button(key="training_start").disabled and any("Up to 4" in c.value for c in at.caption)
    at.button_group(key="training_losses").set_value([]).run()
    assert at.button(key="training_start").disabled


def test_a_trained_model_reads_in_the_other_chapters_and_stays_out_of_the_link():
    at = trained(opened())
    run = runs(at)[0]
    at.button(key="training_use").click().run()
    name = at.session_state["model"]
    assert name.startswith(own.PREFIX) and at.selectbox(key="model").value == name
    at.switch_page("pages/reading/chain_rule.py").run()
    assert not at.exception
    scored = scoring.score(models.load(name), "The cat sat on the mat")
    assert scored.total_nats == pytest.approx(scoring.score(run.language_model("x"), "The cat sat on the mat").total_nats)
    assert any(display.amount(scored.total_nats, "nats") in m.value for m in at.markdown)
    assert "model" not in at.query_params


def test_a_model_that_had_to_give_way_is_replaced_with_a_note():
    at = AppTest.from_file(APP, default_timeout=120)
    for key, value in {"text": "A cat", "model": f"{own.PREFIX}0", "unit": "bits", "notes": [], "token": None, "asked": {}}.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception and at.session_state["model"] == models.names()[0]
    assert any("no longer kept" in note.value for note in at.info)


def test_a_link_to_somebody_elses_model_falls_back_with_a_note():
    name = own.keep(lambda name: models.load("uniform"), title="theirs", about="Theirs.", tokenizer="bytes")
    try:
        at = AppTest.from_file(APP, default_timeout=60)
        at.query_params["model"] = name
        at.run()
        assert not at.exception and at.session_state["model"] == models.names()[0]
        assert any("a model that is not here" in note.value for note in at.info)
    finally:
        own.let_go(name)


def test_the_snippet_gives_the_last_runs_number(capsys):
    at = opened()
    at.button_group(key="training_losses").set_value(["hinge"]).run()
    trained(at)
    at.session_state["training_code"] = True
    at.run()
    (snippet,) = [c.value for c in at.code if "Run(" in c.value and c.value.startswith("import torch")]
    before = torch.get_num_threads()
    try:
        exec(snippet, {})
    finally:
        torch.set_num_threads(before)
    *ends, last = capsys.readouterr().out.strip().splitlines()
    assert float(last) == runs(at)[0].curve().held_out[-1]
    assert [float(line.split()[-1]) for line in ends] == [curve.held_out[-1] for curve in recorded.curves()]


def test_the_prediction_is_answered_by_the_recorded_runs():
    at = opened()
    radio = at.radio(key="training_predict")
    curves = [c for c in recorded.curves() if c.accuracy]
    if len(curves) > 1:
        answer = max(range(len(curves)), key=lambda i: curves[i].accuracy[-1])
    else:
        half = training_words.halfway(recorded.curves()[0]) / recorded.curves()[0].total_steps
        answer = 0 if half <= 0.1 else 1 if half <= 0.5 else 2
    radio.set_value(answer).run()
    assert any(m.value.startswith("**Yes.**") for m in at.markdown)
