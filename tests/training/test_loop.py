"""Runs on a toy corpus: they learn, and an interrupted run is the run that was not interrupted."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from lmviz.errors import ReaderError
from lmviz.models.causal import load_llama
from lmviz.training.cli import main
from lmviz.training.corpus import held_out, works
from lmviz.training.evaluate import bits_per_byte
from lmviz.training.export import export, recorded_run
from lmviz.training.loop import train
from lmviz.training.masked import MASKED_TOKENS
from lmviz.training.recipes import RECIPES, llama, rate
from lmviz.training.stream import windows
from lmviz.training.tokenizer import CONTROL

TOY = dataclasses.replace(RECIPES["smoke"], config=llama(16, 1, 2, 32, 16, 300), batch=4, steps=12, decay=4, warmup=3, evaluate_every=6, evaluate_windows=4)


def weights_of(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(streams, tmp_path):
    whole = train(TOY, streams, tmp_path / "whole")
    train(TOY, streams, tmp_path / "cut", stop_at=5)
    resumed = train(TOY, streams, tmp_path / "cut")
    assert torch.equal(weights_of(whole), weights_of(resumed))
    logs = [[(row["step"], row["loss"]) for row in map(json.loads, (tmp_path / run / "log.jsonl").read_text().splitlines())] for run in ("whole", "cut")]
    assert logs[0] == logs[1] and len(logs[0]) == 12


def test_a_run_that_is_asked_to_stop_leaves_a_checkpoint_of_that_step(streams, tmp_path):
    rows = []
    train(TOY, streams, tmp_path, report=rows.append, should_stop=lambda: len(rows) == 4)
    assert len(rows) == 4 and torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 4


def test_two_shards_give_the_loss_and_the_weights_of_one(streams, tmp_path):
    one, two = (train(TOY, streams, tmp_path / str(n), threads=n, stop_at=2) for n in (1, 2))
    assert torch.allclose(weights_of(one), weights_of(two), atol=1e-3)


def test_a_run_learns(streams, tmp_path):
    rows = []
    train(dataclasses.replace(TOY, steps=60, decay=20), streams, tmp_path / "run", report=rows.append)
    assert rows[-1]["valid_bits_per_byte"] < 0.6 * rows[5]["valid_bits_per_byte"]


@pytest.mark.parametrize("loss", ["label_smoothing", "focal", "squared_error", "hinge"])
def test_a_run_under_another_loss_moves_the_weights_elsewhere(streams, tmp_path, loss):
    usual, other = (train(dataclasses.replace(TOY, loss=name), streams, tmp_path / name, stop_at=4) for name in ("cross_entropy", loss))
    assert torch.isfinite(weights_of(other)).all() and not torch.allclose(weights_of(usual), weights_of(other), atol=1e-4)


def test_a_grown_run_starts_where_the_small_model_was_and_reads_on(streams, tmp_path):
    train(dataclasses.replace(TOY, steps=60, decay=1), streams, tmp_path / "small")
    after = dataclasses.replace(TOY, config=llama(32, 2, 4, 48, 16, 300), evaluate_every=1, muon_lr=0.0, adam_lr=0.0)
    rows = []
    train(after, streams, tmp_path / "large", grown_from=(tmp_path / "small" / "checkpoint.pt", TOY.config), stop_at=1, report=rows.append)
    (last,) = [json.loads(line) for line in (tmp_path / "small" / "log.jsonl").read_text().splitlines()[-1:]]
    assert rows[0]["valid_bits_per_byte"] == pytest.approx(last["valid_bits_per_byte"], abs=1e-3) and rows[0]["tokens"] == 61 * 64


def test_a_run_goes_on_from_an_exported_model_with_a_longer_context(streams, tmp_path):
    model = train(dataclasses.replace(TOY, steps=60, decay=20), streams, tmp_path / "run")
    export(model, TOY, streams, tmp_path / "model", card="a card", log=tmp_path / "run" / "log.jsonl", dtype=torch.float32)
    longer = dataclasses.replace(TOY, config=llama(16, 1, 2, 32, 32, 300), evaluate_every=1, muon_lr=0.0, adam_lr=0.0)
    rows = []
    there = train(longer, streams, tmp_path / "on", grown_from=(tmp_path / "model", None), stop_at=1, report=rows.append)
    assert torch.equal(weights_of(there), weights_of(model)) and rows[0]["tokens"] == (60 + 2) * 64


@pytest.mark.parametrize("task", [None, MASKED_TOKENS])
def test_a_run_in_bfloat16_learns_nearly_what_a_run_in_float32_learns(streams, tmp_path, task):
    recipe = dataclasses.replace(TOY, steps=60, decay=20)
    runs = {}
    for bfloat16 in (False, True):
        rows = []
        model = train(recipe, streams, tmp_path / str(bfloat16), task=task, bfloat16=bfloat16, report=rows.append)
        runs[bfloat16] = [row["loss"] for row in rows]
        assert all(p.dtype == torch.float32 for p in model.parameters())
    assert runs[True][0] == pytest.approx(runs[False][0], rel=5e-3) and runs[True] != runs[False]
    assert np.mean(runs[True][-10:]) == pytest.approx(np.mean(runs[False][-10:]), rel=0.05) and runs[True][-1] < runs[True][0]


def test_a_decay_file_ends_the_stable_phase_and_keeps_the_state_before_it(streams, tmp_path):
    train(TOY, streams, tmp_path, stop_at=5)
    (tmp_path / "decay").write_text("3")
    train(TOY, streams, tmp_path)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert (saved["step"], saved["decay_from"]) == (8, 5)
    assert torch.load(tmp_path / "stable-000005.pt", weights_only=True)["decay_from"] is None


def test_windows_of_an_epoch_cover_every_position_but_once():
    stream = np.arange(1000, 1503)  # 502 predictions: 50 windows of 10, less one for the shift
    chosen = np.concatenate([windows(stream, n, batch=7, context=10, seed=4)[:, 1:].reshape(-1) for n in range(0, 49, 7)])
    assert len(set(chosen.tolist())) == 490


def test_every_window_is_led_by_the_start_token(streams):
    assert (windows(streams.train, 0, batch=8, context=16, seed=0, line_starts=streams.line_starts)[:, 0] == CONTROL["<|start|>"]).all()


def test_every_second_window_starts_where_a_line_does(streams):
    rows = windows(streams.train, 0, batch=8, context=48, seed=0, line_starts=streams.line_starts)
    after_newline = set(streams.train[streams.line_starts[:-1] + 1].tolist())
    assert all(int(row[1]) in after_newline for row in rows[1::2])


def test_the_rate_rises_stays_and_falls():
    rates = [rate(step, TOY) for step in range(12)]
    assert rates[:8] == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1, 1, 1]) and rates[8:] == sorted(rates[8:], reverse=True) and 0 < rates[-1] < rates[8] < 1


def test_held_out_works_are_whole_and_not_trained_on(corpus, streams):
    kept = held_out(works(corpus))
    assert set(streams.valid_works) == kept and not kept & set(streams.train_works)
    assert len(streams.train_works) + len(streams.valid_works) == 3


@pytest.mark.parametrize("more", [[], ["--bfloat16"]])
def test_the_smoke_command_trains_and_exports_a_model_that_loads(corpus, tmp_path, more):
    assert main(["--corpus", str(corpus), "--out", str(tmp_path), "--steps", "8", *more]) == 0
    model = load_llama(tmp_path / "smoke", name="smoke", tokenizer_name="own", control=CONTROL, start_id=0)
    measured = bits_per_byte(model, [w.text for w in works(corpus) if w.name in held_out(works(corpus))])
    card = (tmp_path / "smoke" / "README.md").read_text()
    assert f"{measured:.4f} over 1 whole works" in card and "8 steps, the last 3 decaying" in card and ("bfloat16" in card) == bool(more)
    again = tmp_path / "again"  # what it exported can be gone on from
    assert (
        main(["--corpus", str(corpus), "--out", str(again), "--steps", "2", "--tokens", str(tmp_path / "tokens"), "--grow-from", str(tmp_path / "smoke")]) == 0
    )
    seen = json.loads((tmp_path / "smoke" / "run.json").read_text())["tokens"][-1]
    assert f"from what smoke had learned from {seen:,} tokens; then 2 steps" in (again / "smoke" / "README.md").read_text()
    assert json.loads((again / "smoke" / "run.json").read_text())["tokens"][0] > seen


@pytest.mark.parametrize("name, content, complaint", [("empty", None, "holds no"), ("bad", b"\xff\xfe", "UTF-8")])
def test_a_folder_that_cannot_be_read_is_explained(tmp_path, name, content, complaint):
    if content is not None:
        (tmp_path / "work.txt").write_bytes(content)
    with pytest.raises(ReaderError, match=complaint):
        list(works(tmp_path))


def test_a_missing_folder_is_an_error_message_and_a_status(tmp_path, capsys):
    assert main(["--corpus", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 1
    assert "no folder" in capsys.readouterr().err


def test_jsonl_lines_are_works(tmp_path):
    (tmp_path / "some.jsonl").write_text('{"work": "a", "text": "x"}\n\n{"text": "y"}\n', encoding="utf-8")
    assert [(w.name, w.text) for w in works(tmp_path)] == [("a", "x"), ("some-3", "y")]


def test_a_recorded_run_keeps_means_of_stretches_and_every_measurement(tmp_path):
    rows = [{"step": i, "tokens": 10 * i, "loss": float(i)} | ({"valid_bits_per_byte": 2.5} if i == 6 else {}) for i in range(1, 9)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = recorded_run(tmp_path / "log.jsonl", points=2)
    assert (run["step"], run["tokens"], run["loss_nats"]) == ([4, 8], [40, 80], [2.5, 6.5])
    assert (run["held_out_step"], run["held_out_bits_per_byte"]) == ([6], [2.5])


def test_a_checkpoint_that_is_damaged_or_of_an_older_format_or_of_another_recipe_is_a_sentence_that_names_it(streams, tmp_path):
    train(TOY, streams, tmp_path, stop_at=1)
    file = tmp_path / "checkpoint.pt"
    raw, saved = file.read_bytes(), torch.load(file, weights_only=True)
    older = {key: value for key, value in saved.items() if key != "seconds"}
    other = saved | {"model": {key: value[:1] for key, value in saved["model"].items()}}
    for spoil in (
        lambda: torch.save(older, file),
        lambda: torch.save(other, file),
        lambda: torch.save([1], file),
        lambda: file.write_bytes(raw[: len(raw) // 2]),
        lambda: file.write_bytes(b""),
    ):
        spoil()
        with pytest.raises(ReaderError, match="checkpoint.pt is damaged, of an older format, or of another recipe") as caught:
            train(TOY, streams, tmp_path)
        assert caught.value.remedy == f'rm "{file}"'
    file.write_bytes(raw)
    train(TOY, streams, tmp_path, stop_at=2)
