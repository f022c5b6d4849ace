"""Chapter 13 through app.py: the roads are the model's, the recorded numbers are what the measures say of what was recorded."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lmviz import display, exposure, models, roads, sampling
from lmviz.data import examples
from lmviz.data.first_views import exposure as stored
from lmviz.data.recorded import exposure as recorded
from lmviz.data.recorded import sequence as recorded_runs
from lmviz.ui import exposure as chapter
from lmviz.ui import exposure_remedies
from tests.pages.conftest import open_chapter

PAGE = "pages/beyond/exposure.py"


def opened(model: str = "nano", text: str | None = None) -> AppTest:
    return open_chapter(PAGE, model=model, unit="nats", **({"text": text} if text else {}))


def chart(at, words: str) -> dict:
    (found,) = [c for c in at.get("plotly_chart") if words in c.proto.alt]
    return json.loads(found.proto.spec)


def drawn(at) -> tuple[list[str], list[str]]:
    layout = chart(at, "The model writes")["layout"]
    return [t for t in layout["yaxis"]["ticktext"] if t], layout["yaxis2"]["ticktext"]


def prose(at) -> str:
    return "\n".join(m.value for m in at.markdown)


def test_the_rules_of_the_page_are_those_of_the_code():
    assert chapter.RULES == tuple(sampling.RULES) and set(chapter.RULE_WORDS) == set(sampling.RULES)


@pytest.mark.parametrize("name", ["nano", "trigram"])
def test_what_is_stored_for_the_opening_is_what_a_fresh_walk_finds(name):
    _compare(models.load(name))


@pytest.mark.smollm2
def test_what_is_stored_for_the_opening_is_what_smollm2_does(smollm2):
    _compare(smollm2)


def _compare(model):
    view, fresh = stored.load(model.name), roads.Roads.from_dict(stored.view(model))
    assert view.revision == model.revision and view.prompt == fresh.prompt
    for road in ("human", "own"):
        assert [s.text for s in getattr(view, road)] == [s.text for s in getattr(fresh, road)]
        np.testing.assert_allclose([s.nats for s in getattr(view, road)], [s.nats for s in getattr(fresh, road)], atol=1e-3)


def test_the_reader_s_own_text_is_walked_by_the_reader_s_model():
    text = "The old king was very happy, and the queen was glad of it."
    at = opened("nano", text)
    model = models.load("nano")
    expected = roads.walked(model, text, roads.opening_prompt(len(model.encode(text).ids)))
    human, own = drawn(at)
    assert human == [display.visible(s.text) for s in expected.human] and own == [display.visible(s.text) for s in expected.own]
    assert display.amount(float(np.mean([s.nats for s in expected.human])), "nats") in prose(at)
    assert display.amount(float(np.mean([s.nats for s in expected.own])), "nats") in prose(at)


def test_another_rule_another_seed_and_another_prompt_walk_other_roads():
    text = "The old king was very happy, and the queen was glad of it."
    at = opened("nano", text)
    _, greedy = drawn(at)
    at.session_state["exposure_rule"] = "sample"
    at.run()
    _, first = drawn(at)
    at.button(key="exposure_again").click().run()
    _, second = drawn(at)
    assert not at.exception and greedy != first != second
    (slider,) = [s for s in at.slider if s.key.startswith("exposure_taken")]
    slider.set_value(2).run()
    assert drawn(at)[0][0] == "·king" or not at.exception and "“The old”" in prose(at)


def test_the_excess_error_on_the_page_is_the_measure_s_of_what_was_recorded():
    at = opened()
    facts, found = recorded.load()
    oracle = next(iter(facts["oracles"]))
    kl = found["novels"].kl[oracle]
    value = exposure.excess_error(kl["greedy"], kl["human"])[-1]
    (table,) = [m.value for m in at.markdown if m.value.startswith("| words by")]
    (row,) = [line for line in table.splitlines() if line.startswith("| greedy")]
    assert f"{display.number(float(value), 2, sign=True)} %" in row
    assert display.number(float(found["novels"].nats["greedy"].mean())) in row
    at.session_state["exposure_source"] = "passages"
    at.run()
    (other,) = [m.value for m in at.markdown if m.value.startswith("| words by")]
    assert not at.exception and other != table


def test_the_prediction_s_answer_is_the_rule_that_repeats_most():
    _, options, answer, *_ = chapter.prediction()
    shares = {rule: recorded.load()[1]["novels"].repeated[rule].mean() for rule in options}
    assert options[answer] == max(shares, key=shares.get)


def test_what_is_said_of_the_remedies_is_what_their_last_rows_hold():
    at, run = opened(), recorded_runs.load()
    best = max(run["runs"], key=lambda m: np.mean([rows[-1]["reward"] for rows in run["runs"][m]]))
    reward = float(np.mean([rows[-1]["reward"] for rows in run["runs"][best]]))
    human = float(np.mean([rows[-1]["human_nats"] for rows in run["runs"][best]]))
    said = prose(at)
    assert exposure_remedies.LABELS[best] in said and display.number(reward) in said and display.number(float(np.exp(human))) in said
    at.session_state["exposure_methods"] = ["reinforce"]
    at.run()
    names = {trace["name"] for trace in chart(at, "Five ways of training")["data"]}
    assert not at.exception and names == {"reinforce", "reinforce span"}


def test_samples_before_and_after_can_be_chosen():
    at, run = opened(), recorded_runs.load()
    at.selectbox(key="exposure_prompt").set_value(1)
    at.selectbox(key="exposure_after").set_value("scheduled_sampling").run()
    assert display.md_escape(run["after"]["scheduled_sampling"][1]["text"]).strip() in prose(at) and display.md_escape(
        run["before"][1]["text"]
    ).strip() in prose(at)


def test_a_live_run_trains_a_copy_and_shows_its_course(monkeypatch):
    monkeypatch.setattr(exposure_remedies, "LIVE_STEPS", 4)
    monkeypatch.setattr(exposure_remedies, "LIVE_SECONDS", 300.0)  # on a busy machine too
    before = models.load("nano").network.embedding.weight.clone()
    at = opened()
    at.button(key="exposure_live_train").click().run()
    assert not at.exception
    method, rewards, losses = at.session_state["exposure_live"]
    assert method == "reinforce_baseline" and len(losses) == len(rewards) == 4
    assert "4 steps of REINFORCE with baseline" in prose(at)
    assert np.array_equal(before, models.load("nano").network.embedding.weight)


def test_a_recorded_measure_is_what_a_fresh_run_finds():
    facts, found = recorded.load()
    assert facts["revision"] == models.load("nano").revision, "nano has changed: run python -m lmviz.data.recorded.exposure again"
    for source in recorded.SOURCES:
        fresh = recorded.measure(source, oracles=(), rules=("greedy",), most=2)
        for name, values in found[source].nats.items():
            assert values.shape == (len(recorded.texts(source)), facts["length"])
            if name in ("human", "greedy"):
                np.testing.assert_allclose(fresh[f"nats/{name}"], values[:2], atol=2e-3)
        np.testing.assert_allclose(fresh["repeated/greedy"], found[source].repeated["greedy"][:2], atol=1e-6)


@pytest.mark.smollm2
def test_a_recorded_divergence_is_what_a_fresh_run_finds(smollm2):
    facts, found = recorded.load()
    fresh = recorded.measure("novels", oracles=("smollm2-135m",), rules=("greedy",), most=2)
    assert facts["oracles"]["smollm2-135m"] == smollm2.revision
    for name in ("human", "greedy"):
        np.testing.assert_allclose(fresh[f"kl/smollm2-135m/{name}"], found["novels"].kl["smollm2-135m"][name][:2], atol=2e-3)
        np.testing.assert_allclose(fresh[f"judged/{name}"], found["novels"].judged[name][:2], atol=2e-3)


def test_the_snippet_prints_the_costs_of_the_page(capsys):
    at = opened("nano", "The old king was very happy.")
    at.session_state["exposure_code"] = True
    at.run()
    (snippet,) = [c.value for c in at.code if "models.load(" in c.value]
    exec(snippet, {})
    lines = capsys.readouterr().out.splitlines()
    costs = [float(line.rsplit(" ", 1)[-1]) for line in lines if line.startswith("free")]
    spec = chart(at, "The model writes")["data"][1]["x"]
    if isinstance(spec, dict):
        import base64

        spec = np.frombuffer(base64.b64decode(spec["bdata"]), dtype=spec["dtype"])
    np.testing.assert_allclose(costs, spec, atol=1e-3)


def test_the_opening_is_the_example_s_text():
    assert examples.OPENING.startswith(stored.load("nano").prompt)
