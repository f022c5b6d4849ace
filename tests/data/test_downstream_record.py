"""What chapter 18 has recorded, against a fresh reading of a cheap part of it."""

import numpy as np
import pytest

from lmviz import downstream as core
from lmviz import models
from lmviz.data import downstream as texts
from lmviz.data.recorded import downstream as recorded
from lmviz.models import scoring

RECORD = recorded.load()


def test_the_record_is_of_the_texts_of_today():
    assert RECORD.digest == recorded.texts_digest()
    assert RECORD.n_bytes.tolist() == [len(text.encode()) for text in recorded.passages()]


def test_the_record_holds_the_ladder_and_says_each_model_once():
    names = [member.name for member in RECORD.members]
    assert len(set(names)) == len(names)
    assert {"uniform", "unigram", "bigram", "trigram", "nano", "smollm2-135m"} <= set(names)


def test_the_recorded_trigram_is_a_fresh_trigram():
    """Every pair of three phenomena, one by one with plain `score`, and the accuracy from nothing but the totals."""
    model, reading = models.load("trigram"), RECORD.readings["trigram"]
    assert RECORD.members[RECORD.index("trigram")].revision == model.revision
    chosen = [i for i, pair in enumerate(texts.pairs()) if pair.phenomenon in ("agreement", "word-order", "polarity")]
    fresh = np.array([[-scoring.score(model, text, top_k=1).total_nats for text in (texts.pairs()[i].good, texts.pairs()[i].bad)] for i in chosen])
    np.testing.assert_allclose(reading.pairs[chosen], fresh, atol=2e-4)
    right = np.mean([1.0 if good - bad > core.TIE else 0.5 if abs(good - bad) <= core.TIE else 0.0 for good, bad in fresh])
    assert core.pair_outcomes(RECORD.differences[RECORD.index("trigram")][chosen]).mean() == pytest.approx(right)


def test_the_recorded_nano_is_a_fresh_nano_on_sentences_endings_and_a_passage():
    model, reading = models.load("nano"), RECORD.readings["nano"]
    assert RECORD.members[RECORD.index("nano")].revision == model.revision
    fresh = recorded.read(model, [recorded.Item(pair.good) for pair in texts.pairs()[:40]])
    np.testing.assert_allclose(reading.pairs[:40, 0], fresh[:, 0], atol=1e-3)
    assert reading.tokens[:40, 0].tolist() == fresh[:, 1].tolist()
    passage = texts.cloze()[7]
    whole, context = (scoring.score(model, text).log_probs for text in (passage.text(2), passage.context))
    assert reading.cloze[7, 2] == pytest.approx(whole.sum() - context.sum(), abs=1e-3)
    shortest = int(RECORD.n_bytes.argmin())
    assert reading.passages[shortest] == pytest.approx(scoring.score(model, recorded.passages()[shortest]).total_nats, rel=1e-5)


@pytest.mark.smollm2
def test_the_recorded_smollm2_is_the_models_of_this_machine(smollm2):
    assert RECORD.members[RECORD.index("smollm2-135m")].revision == smollm2.revision
    fresh = recorded.read(smollm2, [recorded.Item(pair.good) for pair in texts.pairs()[:10]])
    np.testing.assert_allclose(RECORD.readings["smollm2-135m"].pairs[:10, 0], fresh[:, 0], atol=2e-3)


@pytest.mark.parametrize("name", ["nano", pytest.param("smollm2-135m", marks=pytest.mark.smollm2)])
def test_an_ending_begins_with_a_token_of_its_own_so_that_the_context_is_the_same_for_all_four(name):
    model = models.load(name)
    for passage in texts.cloze():
        encoded = [model.encode(passage.text(k)) for k in range(4)]
        n = len(passage.context)
        heads = {tuple(i for i, start in zip(e.ids, e.starts, strict=True) if start < n) for e in encoded}
        assert len(heads) == 1 and all(n in e.starts for e in encoded)


def test_uniform_prefers_nothing_but_the_shorter_sentence():
    reading = RECORD.readings["uniform"]
    longer = reading.tokens[:, 0].astype(int) - reading.tokens[:, 1]
    outcomes = core.pair_outcomes(reading.pairs[:, 0] - reading.pairs[:, 1])
    assert outcomes.tolist() == np.select([longer < 0, longer > 0], [1.0, 0.0], 0.5).tolist()


def test_a_model_of_single_words_finds_no_order_of_words_likelier():
    differences = RECORD.differences[RECORD.index("unigram")]
    tokens = RECORD.readings["unigram"].tokens
    order = np.array([p.phenomenon == "word-order" and p.before != "" and t[0] == t[1] for p, t in zip(texts.pairs(), tokens, strict=True)])
    assert order.sum() > 20 and (core.pair_outcomes(differences[order]) == 0.5).mean() > 0.95


def test_a_record_comes_back_from_its_file_and_its_order_is_the_ladders(tmp_path):
    file = tmp_path / "record.npz"
    turned = recorded.Record(RECORD.members[::-1], RECORD.readings, RECORD.n_bytes, RECORD.digest)
    recorded.save(turned, file)
    again = recorded._load(file)
    assert again.members == RECORD.members
    np.testing.assert_array_equal(again.differences, RECORD.differences)
    np.testing.assert_array_equal(again.cloze, RECORD.cloze)
    assert file.stat().st_size < 300_000


def test_the_script_reads_only_what_is_missing_or_has_other_weights(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(recorded, "FILE", tmp_path / "record.npz")
    monkeypatch.setattr(recorded, "available", lambda: [("uniform", "ladder", None), ("unigram", "ladder", None)])
    monkeypatch.setattr(recorded, "read", lambda model, some: calls.append(model.name) or np.ones((len(some), 2)))
    recorded.main()
    assert set(calls) == {"uniform", "unigram"} and len(recorded._load(recorded.FILE).members) == 2
    calls.clear()
    recorded.main()
    assert calls == []
    first = recorded._load(recorded.FILE)
    stale = [m if m.name != "unigram" else recorded.Member(m.name, m.title, m.kind, "old", m.tokenizer) for m in first.members]
    recorded.save(recorded.Record(tuple(stale), first.readings, first.n_bytes, first.digest), recorded.FILE)
    recorded.main()
    assert set(calls) == {"unigram"}
