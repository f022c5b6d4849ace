"""SimCSE on a few sentences: it lowers its own loss, spreads the vectors, repeats itself with a seed, and leaves the shared model alone."""

import dataclasses

import pytest
import torch

from lmviz import contrastive, models
from lmviz.data import examples, sentence_pairs
from lmviz.data.recorded import contrastive as recorded
from lmviz.models.embedding import embed
from lmviz.training import simcse

QUICK = simcse.Settings(steps=4, batch=8, lr=1e-3, dropout=0.2, seed=1)


@pytest.fixture(scope="module")
def trained():
    model = models.load_masked()
    before = embed(model, ["A dog barked behind the gate."])
    record, own = recorded.run(model, QUICK, every=2)
    return model, before, record, own


def test_training_spreads_the_sentences(trained):
    _, _, record, _ = trained
    assert [row["step"] for row in record["measured"]] == [0, 2, 4] and len(record["loss"]) == 4
    assert record["measured"][-1]["uniformity"] < record["measured"][0]["uniformity"]


def test_the_shared_model_stays_as_it_is(trained):
    model, before, _, own = trained
    assert torch.equal(embed(model, ["A dog barked behind the gate."]), before)
    assert not torch.allclose(embed(own, ["A dog barked behind the gate."]), before, atol=1e-3)
    assert not any(p.requires_grad for p in model.network.parameters())


def test_the_same_seed_is_the_same_run_and_a_run_may_be_left(trained):
    *_, record, _ = trained
    going = simcse.train(simcse.trainee(models.load_masked()), sentence_pairs.training(), QUICK)
    assert [round(next(going).loss, 5), round(next(going).loss, 5)] == pytest.approx(record["loss"][:2], abs=1e-4)


def test_without_dropout_both_readings_are_one():
    model = simcse.trainee(models.load_masked())
    step = next(simcse.train(model, sentence_pairs.training(), dataclasses.replace(QUICK, dropout=0.0)))
    generator = torch.Generator().manual_seed(QUICK.seed)
    chosen = torch.randperm(len(sentence_pairs.training()), generator=generator).tolist()[:8]
    vectors = embed(models.load_masked(), [sentence_pairs.training()[i] for i in chosen]).numpy()
    assert step.loss == pytest.approx(contrastive.info_nce(vectors, vectors, temperature=QUICK.temperature).mean_nats, rel=1e-3)


def test_a_batch_needs_two_sentences_and_no_more_than_there_are():
    with pytest.raises(ValueError, match="sentences must"):
        next(simcse.train(simcse.trainee(models.load_masked()), ["one"] * 3, QUICK))


def test_what_is_trained_on_is_neither_among_the_pairs_nor_in_the_passages():
    trained_on = set(sentence_pairs.training())
    measured = {side for pair in sentence_pairs.PAIRS for side in pair}
    held_out = " ".join(p.text for p in examples.passages())
    assert len(trained_on) == 2500 and not trained_on & measured and not any(sentence in held_out for sentence in trained_on)


def test_the_record_starts_where_the_model_is():
    kept, model = recorded.load(), models.load_masked()
    assert kept["revision"] == model.revision, "run python -m lmviz.data.recorded.contrastive"
    fresh = recorded.measure(model)
    for run in kept["runs"]:
        assert run["measured"][0] == pytest.approx({"step": 0} | fresh, abs=2e-4)
        assert [row["step"] for row in run["measured"]] == list(range(0, kept["settings"]["steps"] + 1, recorded.EVERY))
    for name, rows in recorded.vectors(model).items():
        torch.testing.assert_close(torch.tensor(rows), torch.tensor(kept["before"][name]), rtol=0, atol=1e-3)


def test_the_recorded_runs_begin_as_fresh_ones_do():
    kept = recorded.load()
    run = kept["runs"][1]
    settings = simcse.Settings(**(kept["settings"] | {"seed": run["seed"]}))
    assert next(simcse.train(simcse.trainee(models.load_masked()), sentence_pairs.training(), settings)).loss == pytest.approx(run["loss"][0], rel=1e-2)
