"""A student's training: the chunked loss is the loss of `losses`, and a run with a teacher is a run like any other."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from lmviz import gradients, losses, models
from lmviz.errors import ReaderError
from lmviz.models.causal import load_llama
from lmviz.models.llama import Llama
from lmviz.training import distil, series
from lmviz.training.cli import main
from lmviz.training.loop import train
from lmviz.training.recipes import RECIPES, llama
from lmviz.training.tokenizer import CONTROL

TOY = dataclasses.replace(RECIPES["smoke"], config=llama(16, 1, 2, 32, 16, 300), batch=4, steps=12, decay=4, warmup=3, evaluate_every=6, evaluate_windows=4,
                          loss="distillation")  # fmt: skip


@pytest.fixture(scope="module")
def teacher(streams, tmp_path_factory):
    return train(dataclasses.replace(TOY, loss="cross_entropy", steps=80, decay=20), streams, tmp_path_factory.mktemp("teacher"))


def weights_of(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


@pytest.mark.parametrize("alpha, temperature", [(0.5, 2.0), (0.0, 1.0), (1.0, 3.0), (0.3, 0.7)])
def test_the_chunked_loss_and_its_gradient_are_those_of_the_core(alpha, temperature):
    g = torch.Generator().manual_seed(0)
    states, embedding, seen, taught = (3 * torch.randn(n, d, generator=g) for n, d in ((11, 5), (23, 5), (11, 7), (23, 7)))
    targets = torch.randint(23, (11,), generator=g)
    states.requires_grad_(), embedding.requires_grad_()
    loss = distil.chunked_distillation(states, embedding, targets, seen, taught, alpha=alpha, temperature=temperature, rows=4)
    got = torch.autograd.grad(loss, (states, embedding))
    logits, told = (states @ embedding.T).detach().double(), (seen @ taught.T).double()
    expected = losses.distillation(logits, told, targets, alpha=alpha, temperature=temperature).mean()
    d_logits = gradients.distillation(logits, told, targets, alpha=alpha, temperature=temperature) / 11
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(got[0].double(), d_logits @ embedding.double(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got[1].double(), d_logits.T @ states.double(), rtol=1e-4, atol=1e-5)


def test_with_the_text_alone_the_run_is_the_plain_run(streams, teacher, tmp_path):
    plain = train(dataclasses.replace(TOY, loss="cross_entropy"), streams, tmp_path / "plain", stop_at=5)
    told = train(dataclasses.replace(TOY, alpha=1.0), streams, tmp_path / "told", stop_at=5, teacher=teacher)
    torch.testing.assert_close(weights_of(told), weights_of(plain), rtol=1e-4, atol=1e-4)


def test_a_student_learns_what_its_teacher_says_even_if_the_text_says_otherwise(streams, tmp_path):
    stubborn = Llama(TOY.config)
    stubborn.init_weights(torch.Generator().manual_seed(7))
    stubborn.embedding.weight.data.mul_(10)  # definite opinions, about nothing it ever read
    stubborn.requires_grad_(False)
    ids = torch.from_numpy(streams.valid[:64].astype(np.int64)).view(4, 16)

    def divergence(student) -> float:
        with torch.no_grad():
            taught, said = ((m(ids) @ m.embedding.weight.T) for m in (stubborn, student))
        return losses.distillation(said, taught, torch.zeros_like(ids), alpha=0.0, temperature=1.0).mean().item()

    recipe = dataclasses.replace(TOY, alpha=0.0, temperature=1.0, steps=60, decay=20)
    plain = train(dataclasses.replace(recipe, loss="cross_entropy"), streams, tmp_path / "plain")
    assert divergence(train(recipe, streams, tmp_path / "student", teacher=stubborn)) < 0.5 * divergence(plain)


def test_an_interrupted_student_ends_with_the_weights_of_an_uninterrupted_one(streams, teacher, tmp_path):
    whole = train(TOY, streams, tmp_path / "whole", teacher=teacher)
    train(TOY, streams, tmp_path / "cut", stop_at=5, teacher=teacher)
    assert torch.equal(weights_of(whole), weights_of(train(TOY, streams, tmp_path / "cut", teacher=teacher)))


def test_a_bundled_teacher_is_the_network_that_scores():
    nano = models.load("nano")
    folder = models.registry.DATA / "nano"
    ids = torch.tensor([[nano.start_id, *nano.encode("The cat sat").ids]])
    (states,), _ = nano.states([ids[0].tolist()])
    for where in ("nano", str(folder)):
        torch.testing.assert_close(distil.load_teacher(where)(ids)[0], states, rtol=1e-4, atol=1e-4)
    assert distil.tokenizer_of("nano") == distil.tokenizer_of(str(folder))


def test_a_checkpoint_is_a_teacher_if_a_recipe_has_its_sizes(streams, tmp_path):
    smoke = dataclasses.replace(RECIPES["smoke"], steps=2, decay=1, warmup=1, batch=2, evaluate_windows=2)
    made = train(smoke, streams, tmp_path / "smoke")
    assert torch.equal(weights_of(distil.load_teacher(str(tmp_path / "smoke" / "checkpoint.pt"))), weights_of(made))
    train(dataclasses.replace(TOY, loss="cross_entropy"), streams, tmp_path / "odd", stop_at=1)
    with pytest.raises(ReaderError, match="no recipe has"):
        distil.load_teacher(str(tmp_path / "odd" / "checkpoint.pt"))


def test_who_cannot_teach_is_turned_away(teacher):
    with pytest.raises(ReaderError, match="only counts"):
        distil.load_teacher("bigram")
    with pytest.raises(ReaderError, match="no model called"):
        distil.load_teacher("nobody")
    with pytest.raises(ReaderError, match="300 tokens"):
        distil.objective(RECIPES["nano"], teacher)
    with pytest.raises(ValueError, match="one row each"):
        distil.chunked_distillation(torch.zeros(2, 3), torch.zeros(4, 3), torch.zeros(2, dtype=torch.long), torch.zeros(1, 3), torch.zeros(4, 3), alpha=0.5, temperature=1.0)  # fmt: skip


@pytest.mark.parametrize("arguments", [["--loss", "distillation"], ["--teacher", "nano"], ["--alpha", "1.5"], ["--temperature", "0"]])
def test_options_that_do_not_fit_are_an_error_message(corpus, tmp_path, capsys, arguments):
    assert main(["--corpus", str(corpus), "--out", str(tmp_path), *arguments]) == 1
    assert capsys.readouterr().err.startswith(("--loss", "--alpha"))


def test_the_command_trains_a_student_on_its_teachers_tokens_and_exports_it(corpus, tmp_path):
    def command(out, *arguments):
        return main(["--corpus", str(corpus), "--out", str(tmp_path / out), "--steps", "3", "--threads", "1", *arguments])

    assert command("teacher") == 0
    teacher = str(tmp_path / "teacher" / "smoke")
    assert command("student", "--loss", "distillation", "--teacher", teacher, "--tokens", str(tmp_path / "kept")) == 0
    student = load_llama(tmp_path / "student" / "smoke", name="smoke", tokenizer_name="own", control=CONTROL, start_id=0)
    assert student.vocab_size == load_llama(tmp_path / "teacher" / "smoke", name="smoke", tokenizer_name="own", control=CONTROL, start_id=0).vocab_size
    assert (tmp_path / "kept" / "tokenizer.json").read_text() == (tmp_path / "teacher" / "smoke" / "tokenizer.json").read_text()
    assert "loss distillation" in (tmp_path / "student" / "smoke" / "README.md").read_text()
    assert len([json.loads(line) for line in (tmp_path / "student" / "run" / "log.jsonl").read_text().splitlines()]) == 3
    assert command("other", "--loss", "distillation", "--teacher", "nano", "--tokens", str(tmp_path / "kept")) == 1


def test_the_student_beside_the_plain_run_has_its_learning_rates(corpus, streams, tmp_path, monkeypatch):
    monkeypatch.setattr(series, "FULL", dataclasses.replace(TOY, steps=3, decay=1))
    train(dataclasses.replace(RECIPES["smoke"], config=llama(16, 1, 2, 32, 16, 300), steps=1, batch=4, evaluate_windows=2), streams, tmp_path / "teacher")
    monkeypatch.setattr(distil, "from_options", lambda options: (distil_teacher(tmp_path), streams.tokenizer_json))
    (tmp_path / "result.json").write_text(json.dumps({"muon_lr": 0.0, "adam_lr": 0.0}))
    distil.main(["--corpus", str(corpus), "--out", str(tmp_path), "--teacher", "small", "--plain", str(tmp_path / "result.json"), "--threads", "1"])
    still = distil.load_teacher(str(tmp_path / "student"))
    start = Llama(TOY.config)
    start.init_weights(torch.Generator().manual_seed(TOY.seed))
    torch.testing.assert_close(weights_of(still), weights_of(start), rtol=1e-3, atol=1e-4)  # rates of 0: where it started
    assert "teacher small" in (tmp_path / "student" / "README.md").read_text()


def distil_teacher(folder) -> Llama:
    network = Llama(TOY.config)
    network.load_state_dict(torch.load(folder / "teacher" / "checkpoint.pt", weights_only=True)["model"])
    return network
