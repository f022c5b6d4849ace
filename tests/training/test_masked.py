"""A masked model in training: what a step reads, what is made small, and that a run learns, stops and goes on."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from lmviz import losses
from lmviz.models.llama import Llama
from lmviz.models.masked import load_masked
from lmviz.training import cli
from lmviz.training.export import recorded_run
from lmviz.training.loop import NEXT_TOKEN, train
from lmviz.training.masked import EVERYWHERE, MASKED_TOKENS, candidates, everywhere_loss, masked_held_out, masked_loss, masked_tokens, measure
from lmviz.training.recipes import RECIPES, llama
from lmviz.training.tokenizer import CONTROL

TOY = dataclasses.replace(RECIPES["masked"], config=llama(16, 1, 2, 32, 64, 300), batch=4, steps=12, decay=4, warmup=3, evaluate_every=6, evaluate_windows=8)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Sentences in which each word gives its neighbours away."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    sentences = ["the cat sat on a mat", "two dogs ran to some hills", "my old clock ticks all night"]
    for name in ("first", "second", "third"):
        (folder / f"{name}.txt").write_text("".join(f"{rng.choice(sentences)}.\n" for _ in range(400)), encoding="utf-8")
    return folder


def weights_of(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def test_a_step_reads_as_many_tokens_whatever_the_length_and_the_same_ones_again(streams):
    steps = [masked_tokens(TOY, streams, read) for read in range(0, 80, 4)]
    assert {ids.numel() for _, ids, _ in steps} == {256}
    assert {ids.shape[1] for _, ids, _ in steps} == {64, 32, 16, 8}
    for (inputs, ids, chosen), again in zip(steps, [masked_tokens(TOY, streams, read) for read in range(0, 80, 4)]):
        assert torch.equal(inputs, again[0]) and torch.equal(chosen, again[2])
        assert (ids[:, 0] == CONTROL["<|start|>"]).all() and not chosen[:, 0].any()
        assert torch.equal(inputs[~chosen], ids[~chosen])
        assert (chosen.sum(1) == max(1, round(0.15 * (ids.shape[1] - 1)))).all()


def test_a_random_replacement_is_never_a_control_token():
    assert candidates(10).tolist() == [3, 4, 5, 6, 7, 8, 9]


def test_the_loss_is_masked_cross_entropy_and_the_mistake_is_the_mean_over_all(streams):
    model = Llama(TOY.config, causal=False)
    model.init_weights(torch.Generator().manual_seed(1))
    with torch.no_grad():
        model.embedding.weight.mul_(20)
        inputs, ids, chosen = masked_tokens(TOY, streams, 8)
        logits = model(inputs) @ model.embedding.weight.T
        got = [loss(TOY, model, model.embedding.weight, inputs, ids, chosen).item() for loss in (masked_loss, everywhere_loss)]
    counted = torch.ones_like(chosen)
    counted[:, 0] = False
    assert got == pytest.approx([losses.masked_cross_entropy(logits, ids, mask).item() for mask in (chosen, counted)], abs=1e-4)


def test_held_out_numbers_are_those_of_the_plain_formula(streams):
    model = Llama(TOY.config, causal=False)
    model.init_weights(torch.Generator().manual_seed(1))
    measured = [masked_held_out(TOY, model, streams, rows=rows) for rows in (1, 8)]
    assert measured[0] == pytest.approx(measured[1], abs=1e-5)
    assert measured[0]["valid_masked_nats"] == pytest.approx(np.log(300), abs=0.2)  # it knows nothing yet


def test_a_run_learns_to_fill_gaps_from_their_surroundings(streams, tmp_path):
    rows = []
    recipe = dataclasses.replace(TOY, config=llama(32, 2, 2, 64, 64, 300), batch=8, steps=100, decay=25, warmup=10, evaluate_every=100)
    train(recipe, streams, tmp_path, task=MASKED_TOKENS, report=rows.append)
    counts = np.bincount(streams.valid[streams.valid > 2])
    shares = counts[counts > 0] / counts.sum()
    knows_only_how_often = -(shares * np.log(shares)).sum()
    assert rows[-1]["valid_masked_nats"] < 0.7 * knows_only_how_often


def test_counting_everywhere_learns_to_copy_first(streams, tmp_path):
    last = {}
    for name, task in (("chosen", MASKED_TOKENS), ("everywhere", EVERYWHERE)):
        rows = []
        train(dataclasses.replace(TOY, steps=60, decay=10, evaluate_every=60), streams, tmp_path / name, task=task, report=rows.append)
        last[name] = rows[-1]
    assert last["everywhere"]["valid_all_nats"] < last["chosen"]["valid_all_nats"]


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(streams, tmp_path):
    whole = train(TOY, streams, tmp_path / "whole", task=MASKED_TOKENS)
    train(TOY, streams, tmp_path / "cut", task=MASKED_TOKENS, stop_at=5)
    resumed = train(TOY, streams, tmp_path / "cut", task=MASKED_TOKENS)
    assert torch.equal(weights_of(whole), weights_of(resumed)) and not whole.causal


def test_two_shards_give_the_loss_and_the_weights_of_one(streams, tmp_path):
    one, two = (train(TOY, streams, tmp_path / str(n), task=MASKED_TOKENS, threads=n, stop_at=2) for n in (1, 2))
    assert torch.allclose(weights_of(one), weights_of(two), atol=1e-3)


def test_a_run_can_start_from_a_causal_model_of_the_same_sizes(streams, tmp_path):
    causal = train(TOY, streams, tmp_path / "causal", task=NEXT_TOKEN)
    frozen = dataclasses.replace(TOY, muon_lr=0.0, adam_lr=0.0)
    start = (tmp_path / "causal" / "checkpoint.pt", TOY.config)
    masked = train(frozen, streams, tmp_path / "masked", task=MASKED_TOKENS, grown_from=start, stop_at=1)
    assert torch.allclose(weights_of(masked), weights_of(causal), atol=1e-6) and causal.causal and not masked.causal


def test_the_command_trains_a_masked_model_and_exports_it(corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "masked", TOY)
    arguments = ["--corpus", str(corpus), "--out", str(tmp_path), "--preset", "masked", "--steps", "6"]
    assert cli.main(arguments) == 0
    model = load_masked(tmp_path / "masked", name="masked", tokenizer_name="own", control=CONTROL)
    valid = json.loads((tmp_path / "tokens" / "works.json").read_text())["valid"]
    found = measure(model, [(corpus / f"{name}.txt").read_text(encoding="utf-8") for name in valid])
    card = (tmp_path / "masked" / "README.md").read_text(encoding="utf-8")
    assert f"{found['nats']:.4f} nats a hidden token over 1 whole works" in card and "EuroBertForMaskedLM" in card
    run = recorded_run(tmp_path / "run" / "log.jsonl")
    assert len(run["held_out_masked_nats"]) == len(run["held_out_masked_accuracy"]) == len(run["held_out_step"]) == 1


def test_another_loss_for_a_masked_model_is_refused_in_a_sentence(corpus, tmp_path, capsys):
    assert cli.main(["--corpus", str(corpus), "--out", str(tmp_path), "--preset", "masked", "--loss", "hinge"]) == 1
    assert "cross-entropy only" in capsys.readouterr().err
