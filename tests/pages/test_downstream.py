"""Chapter 18 through app.py: its numbers against the core and the record, the reader's own pair, and a reading that can be stopped."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lmviz import display, models
from lmviz import downstream as core
from lmviz.data import downstream as texts
from lmviz.data.recorded import downstream as recorded
from lmviz.models import scoring
from lmviz.ui import downstream as ui
from lmviz.ui import downstream_numbers as numbers
from lmviz.ui import downstream_pairs as pairs_ui
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/lab/downstream.py"
RECORD = recorded.load()


def opened(model: str = "trigram") -> AppTest:
    return open_chapter(PAGE, model=model)


def chart(at: AppTest, start: str) -> dict:
    (found,) = [c for c in at.get("plotly_chart") if c.proto.alt.startswith(start)]
    return json.loads(found.proto.spec)


def test_every_model_of_the_record_stands_on_the_page_at_its_loss_and_accuracy():
    at = opened()
    drawn = {}
    for trace in chart(at, "Bits per byte")["data"]:
        for text, x, y in zip(trace.get("hovertext") or [], _numbers(trace["x"]), _numbers(trace["y"]), strict=False):
            drawn[text.split("<br>")[0]] = (x, y)
    assert len(drawn) == len(RECORD.members)
    for member in RECORD.members:
        reading = RECORD.readings[member.name]
        bits = float(reading.passages.astype(float).sum()) / np.log(2) / RECORD.n_bytes.sum()
        gap = reading.pairs[:, 0].astype(float) - reading.pairs[:, 1]
        right = np.mean(np.where(np.abs(gap) < core.TIE, 0.5, gap > 0))
        assert drawn[ui.title_of(member.name, member.title)] == pytest.approx((bits, 100 * right), rel=1e-6)


def _numbers(values) -> np.ndarray:
    if isinstance(values, dict):  # Plotly's packed arrays
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.array(values, dtype=float)


def test_the_rank_correlation_on_the_page_is_scipys():
    import scipy.stats

    bits = RECORD.nats.sum(1)
    right = core.pair_outcomes(RECORD.differences).mean(1)
    rho = scipy.stats.spearmanr(bits, right).statistic
    assert words_of(opened()).count(f"**{display.number(rho, 2)}**") == 2


def test_a_phenomenon_or_the_missing_words_can_be_drawn_instead():
    at = opened()
    at.selectbox(key="downstream_test").set_value("cloze").run()
    assert not at.exception
    values = {t["name"]: t for t in chart(at, "Bits per byte")["data"] if t.get("name")}
    right = core.cloze_outcomes(RECORD.cloze[[m.kind == "ladder" for m in RECORD.members]]).mean(1)
    np.testing.assert_allclose(np.sort(_numbers(values["ladder"]["y"])), np.sort(100 * right))
    at.selectbox(key="downstream_test").set_value("reflexives").run()
    assert not at.exception and "must fit who they stand for" in words_of(at)


def test_the_readers_own_pair_is_scored_by_the_readers_model():
    at = opened()
    good, bad = "The ship was lost at sea.", "The ship were lost at sea."
    at.text_input(key="downstream_good").set_value(good).run()
    at.text_input(key="downstream_bad").set_value(bad).run()
    assert not at.exception
    model = models.load("trigram")
    gap = scoring.score(model, bad).total_nats - scoring.score(model, good).total_nats
    assert gap > 0 and f"**{pairs_ui.times(gap)}** likelier" in words_of(at) and "ship **was** lost" in words_of(at)


def test_the_opening_pair_says_what_a_fresh_score_says():
    model = models.load("trigram")
    pair = pairs_ui.OPENING
    assert pair.good in {p.good for p in texts.pairs()}
    gap = scoring.score(model, pair.bad).total_nats - scoring.score(model, pair.good).total_nats
    assert f"**{pairs_ui.times(abs(gap))}** likelier" in words_of(opened())


@pytest.mark.parametrize("text", ["", " ", "<b>$x$</b> **y** :red[z]", "😀", "\x04", "same"])
def test_any_two_sentences_get_a_sentence_back(text):
    at = opened()
    at.text_input(key="downstream_good").set_value(text).run()
    at.text_input(key="downstream_bad").set_value("same").run()
    assert not at.exception
    assert "<b>" not in words_of(at)


def test_the_pairs_that_a_model_has_wrong_are_listed_the_worst_first():
    at = opened()
    at.selectbox(key="downstream_look").set_value("agreement").run()
    at.selectbox(key="downstream_look_model").set_value("trigram").run()
    if any(t.key == "downstream_all" for t in at.toggle):
        at.toggle(key="downstream_all").set_value(True).run()
    gaps = RECORD.differences[RECORD.index("trigram")]
    wrong = [i for i, pair in enumerate(texts.pairs()) if pair.phenomenon == "agreement" and gaps[i] < -core.TIE]
    (listed,) = [m.value for m in at.markdown if m.value.startswith("- ") and "~~" in m.value]
    lines = listed.splitlines()
    assert len(lines) == len(wrong) > 0
    worst = texts.pairs()[min(wrong, key=lambda i: gaps[i])]
    assert f"**{worst.right}** ~~{worst.wrong}~~" in lines[0]


def test_reading_again_finds_the_record_and_what_was_read_stays_when_it_is_stopped(monkeypatch):
    some = recorded.items()[:64]
    monkeypatch.setattr(recorded, "items", lambda: some)
    monkeypatch.setattr(recorded, "assemble", lambda rows: RECORD.readings["trigram"])
    at = opened()
    at.button(key="downstream_again_start").click().run()
    assert not at.exception
    assert "trigram has read 64 of 64 texts" in words_of(at) and "0 pairs changed sides" in words_of(at)
    right = core.pair_outcomes(RECORD.differences[RECORD.index("trigram")][:32]).mean()
    assert f"**{pairs_ui.percent(right)}** of 32 pairs" in words_of(at)
    at.session_state["downstream_again"]["rows"] = at.session_state["downstream_again"]["rows"][:32]
    at.button(key="downstream_again_stop").click().run()
    assert "trigram has read 32 of 64 texts" in words_of(at) and at.button(key="downstream_again_start").label == "Go on"


def synthetic(n_steps: int = 5) -> recorded.Record:
    """A ladder and a run whose pairs come right one phenomenon after another; none of it comes from a model."""
    n, c = len(texts.pairs()), len(texts.cloze())
    phenomena = [p.name for p in texts.phenomena()]
    place = np.array([phenomena.index(p.phenomenon) for p in texts.pairs()])
    half = np.arange(n) % 2

    def reading(level: float) -> recorded.Reading:
        good = np.where((place < level) | (half == 1), 1.0, -1.0)
        return recorded.Reading(np.stack([good, np.zeros(n)], 1), np.full((n, 2), 9), np.eye(4)[np.arange(c) % 4], np.array([400.0, 500.0]) - 2 * level)

    members, readings = [], {}
    for name, kind, step, level in [
        ("uniform", "ladder", None, 0), ("unigram", "ladder", None, 0), ("nano", "ladder", None, 3 * n_steps), *((f"nano@{4**k}", "step", 4**k, 3 * k) for k in range(n_steps))
    ]:  # fmt: skip
        members.append(recorded.Member(name, name, kind, "r", "lmviz", step))
        readings[name] = reading(level)
    return recorded.Record(tuple(members), readings, np.array([200, 200]), "d")


def test_phenomena_are_put_in_the_order_in_which_a_run_learned_them():
    found = numbers.of(synthetic())
    phenomena = [p.name for p in texts.phenomena()]
    assert found.checkpoints[-1] == found.index("nano") and len(found.checkpoints) == 6
    assert [found.learned[name] for name in phenomena[:6]] == [1, 1, 1, 2, 2, 2]
    assert ui.order(found)[0] in phenomena[:3] and ui.order(found)[-1] in phenomena[-2:]
    words = ui.early_words(found)
    assert "by step 4)" in words and phenomena and found.learned[phenomena[13]] == 5


def test_what_the_lengths_give_away_does_not_count_as_learned():
    record = synthetic()
    blind = record.readings["uniform"].pairs.copy()
    blind[:40] = [1.0, 0.0]  # the shorter sentence is always the good one in the first phenomenon
    early = recorded.Record(
        record.members, record.readings | {"uniform": recorded.Reading(blind, *list(vars(record.readings["uniform"]).values())[1:])}, record.n_bytes, "d"
    )
    name = texts.phenomena()[0].name
    assert numbers.of(record).learned[name] == 1
    assert numbers.of(early).floors[name] == 1.0 and numbers.of(early).learned[name] is None


def test_a_phenomenon_that_falls_below_a_coin_is_told():
    record = synthetic()
    members = [p.phenomenon == "reflexives" for p in texts.pairs()]
    fallen = record.readings["nano@16"].pairs.copy()
    fallen[members] = np.where(np.arange(40) < 5, 1.0, -1.0)[:, None] * [1.0, 0.0]
    changed = recorded.Record(
        record.members, record.readings | {"nano@16": recorded.Reading(fallen, *list(vars(record.readings["nano@16"]).values())[1:])}, record.n_bytes, "d"
    )
    assert "*reflexives* the model was worse than a coin at step 16, 12" in ui.early_words(numbers.of(changed))
    assert "worse than a coin" not in ui.early_words(numbers.of(record))


def test_equal_losses_and_unequal_accuracies_are_found_and_named():
    found = numbers.of(synthetic(1))
    words = ui.same_words(found)
    assert found.twins is not None and "bits per byte" in words and "points" in words


@pytest.mark.smollm2
def test_the_snippet_prints_the_numbers_of_the_page(capsys):
    exec(ui.snippet(), {})
    printed = capsys.readouterr().out.strip().splitlines()
    found = numbers.findings()
    assert float(printed[0]) == pytest.approx(found.by_phenomenon[texts.phenomena()[0].name][found.index("nano")].value)
    assert float(printed[-1]) == pytest.approx(found.tests["pairs"].correlation.value)
    for line, member, bits in zip(printed[1:-1], found.members, found.bits, strict=True):
        assert line.split()[0] == member.name and float(line.split()[1]) == pytest.approx(bits.value)
