"""Chapter 15 through app.py: what the page says is what the losses say."""

import math

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lmviz import contrastive, display, losses, models, sampled_softmax
from lmviz.data import examples, sentence_pairs
from lmviz.data.first_views import distillation as teachers
from lmviz.data.recorded import contrastive as recorded
from lmviz.data.recorded import sampled_softmax as sampled_record
from lmviz.errors import ReaderError
from lmviz.models import scoring
from lmviz.models.embedding import embed
from lmviz.training import simcse
from lmviz.ui import contrastive as page
from lmviz.ui import contrastive_training
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/beyond/contrastive.py"
OWN = "The cat sat on the mat. | On the mat sat a cat.\nIt rains.\nHe went home. | Home he went."


def opened() -> AppTest:
    return open_chapter(PAGE, model="nano", unit="nats")


@pytest.fixture(scope="module")
def at():
    return opened()


def sides() -> tuple[list[str], list[str]]:
    first, second = zip(*sentence_pairs.PAIRS[: sentence_pairs.OPENING])
    return list(first), list(second)


def test_the_opening_loss_is_that_of_the_core_on_fresh_vectors(at):
    vectors = [embed(models.load_masked(), side) for side in sides()]
    each = losses.info_nce(*vectors, temperature=0.05)
    assert f"costs :orange[**{display.amount(each.mean().item(), 'nats')}**]" in words_of(at)
    assert f"log 8 = {display.amount(math.log(8), 'nats')}" in words_of(at)
    right = int((torch.nn.functional.normalize(vectors[0]) @ torch.nn.functional.normalize(vectors[1]).T).argmax(1).eq(torch.arange(8)).sum())
    assert f"{right} of 8 find theirs" in words_of(at)


def test_the_row_written_out_is_a_softmax_with_its_target(at):
    (table,) = [m.value for m in at.markdown if m.value.startswith("| | second")]
    rows = [line.split("|") for line in table.splitlines()[2:]]
    cosines = np.array([float(r[3].replace("−", "-")) for r in rows])
    softmax = np.exp(cosines / 0.05) / np.exp(cosines / 0.05).sum()
    (own,) = [i for i, r in enumerate(rows) if "←" in r[1]]
    assert [r[6].strip() for r in rows].index("1") == own
    for p, r in zip(softmax, rows):
        if p > 0.01:
            assert float(r[5]) == pytest.approx(p, rel=0.05)


def test_temperature_and_negatives_are_those_of_the_core():
    at = opened()
    at.slider(key="contrastive_temperature").set_value(0.2).run()
    at.slider(key="contrastive_negatives_8").set_value(3).run()
    steps = contrastive.info_nce(*(embed(models.load_masked(), side).numpy() for side in sides()), temperature=0.2)
    said = words_of(at)
    assert f"costs :orange[**{display.amount(steps.mean_nats, 'nats')}**]" in said
    assert f"With 3 negatives the loss is {display.amount(contrastive.with_negatives(steps, 3), 'nats')}" in said


def test_own_sentences_are_read_and_one_alone_is_its_own_partner():
    at = opened()
    at.text_area(key="contrastive_text").set_value(OWN).run()
    assert not at.exception
    pairs = page.pairs_of(OWN)
    first, second = page.read(models.load_masked(), pairs)
    steps = contrastive.info_nce(first, second, temperature=0.05)
    assert f"costs :orange[**{display.amount(steps.mean_nats, 'nats')}**]" in words_of(at)
    assert 0.5 < steps.similarities[1, 1] < 1 - 1e-6  # two readings of one sentence
    whole = embed(models.load_masked(), ["On the mat sat a cat."]).numpy()[0]
    np.testing.assert_allclose(second[0], whole, atol=1e-4)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("one\ntwo", "there are 2"),
        ("\n".join("abcdefghijklm"), "there are 13"),
        ("a | b | c\nd\ne", "Line 1"),
        ("a |\nb\nc", "Line 1"),
        ("a\nb\n" + "x" * 201, "line 3"),
    ],
)
def test_lines_that_do_not_fit_are_answered_in_a_sentence(text, complaint):
    with pytest.raises(ReaderError, match=complaint):
        page.pairs_of(text)


def test_a_bad_text_ends_the_page_with_that_sentence_and_hostile_text_is_data_only():
    at = opened()
    at.text_area(key="contrastive_text").set_value("one\ntwo").run()
    assert not at.exception and any("there are 2" in t.value for t in at.text)
    at.text_area(key="contrastive_text").set_value("<img src=x onerror=alert(1)> $x$\n**b**\n`c` :red[d]").run()
    assert not at.exception
    assert "<img" not in words_of(at).replace("\\<", "")


def test_the_simcse_table_holds_the_record(at):
    kept = recorded.load()
    (table,) = [m.value for m in at.markdown if m.value.startswith("| | before")]
    before = kept["runs"][0]["measured"][0]
    after = np.mean([run["measured"][-1]["uniformity"] for run in kept["runs"]])
    assert display.number(before["alignment"]) in table and f"**{display.number(after)}**" in table


def test_the_estimates_of_the_opening_text_are_what_a_fresh_survey_gives(at):
    kept, model = sampled_record.load(), models.load(teachers.teacher())
    assert kept["revision"] == model.revision, "run python -m lmviz.data.recorded.sampled_softmax"
    scored = scoring.score(model, examples.OPENING)
    assert kept["position"] == int(scored.losses.argmax())
    assert kept["unigram"]["truth"] == pytest.approx(scored.losses.max(), abs=1e-3)
    row = scoring.distribution(model, examples.OPENING, kept["position"])
    row, target = np.asarray(row, float), scored.tokens[kept["position"]].id
    for name in sampled_record.PROPOSALS:
        q = sampled_record.proposal(name, len(row))
        exact = sampled_softmax.sampled(row, target, sampled_softmax.without(q, target), 1, draws=0, rng=np.random.default_rng(0))
        assert (kept[name]["mean"][0], kept[name]["deviation"][0]) == pytest.approx((exact.mean, exact.deviation), abs=2e-3)
        assert kept[name]["nce_bias"][5] == pytest.approx(sampled_softmax.nce_gradient(row, target, q, 32).bias, rel=1e-2)
        many = sampled_softmax.sampled(row, target, sampled_softmax.without(q, target), 1024, draws=100, rng=np.random.default_rng(1))
        assert abs(kept[name]["mean"][-1] - many.mean) < 5 * many.deviation / 10


def test_a_run_of_ones_own_stands_beside_the_recorded_ones(monkeypatch):
    settings = simcse.Settings  # a shorter run than a reader may ask for
    monkeypatch.setattr(simcse, "Settings", lambda **given: settings(**(given | {"steps": 2, "batch": 4})))
    monkeypatch.setattr(contrastive_training.recorded, "EVERY", 2)
    at = opened()
    at.button(key="contrastive_run").click().run()
    at.run()
    assert not at.exception
    own = at.session_state["simcse_own"]
    assert len(own["loss"]) == 2 and [row["step"] for row in own["measured"]] == [0, 2]
    assert "Your run: 2 steps, with dropout" in words_of(at) and "your run |" in words_of(at)


def test_the_prediction_is_computed():
    at = opened()
    vectors = [embed(models.load_masked(), side).numpy() for side in sides()]
    at_t, halved = (contrastive.info_nce(*vectors, temperature=t).mean_nats for t in (0.05, 0.025))
    at.radio(key="contrastive_predict").set_value(sum(halved / at_t - 1 > bound for bound in (-0.1, 0.1))).run()
    assert "**Yes.**" in words_of(at)


def test_the_snippet_prints_the_loss_of_the_page(capsys):
    pairs = page.pairs_of(OWN)
    exec(page.snippet(pairs, "masked", 0.1), {})
    first, second = page.read(models.load_masked(), pairs)
    assert float(capsys.readouterr().out) == pytest.approx(contrastive.info_nce(first, second, temperature=0.1).mean_nats, rel=1e-4)
