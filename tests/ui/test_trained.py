"""What chapters 10 and 11 say of the networks that were trained under each loss is what was recorded, and the pages show it."""

import json
import re

import pytest

from lmviz.data.recorded import losses as recorded
from lmviz.figures import trained as figures
from lmviz.models import registry, scoring, series
from lmviz.ui import loss_curves, trained
from tests.pages.conftest import open_chapter, words_of

FOUND = recorded.load()
RAW = json.loads(recorded.FILE.read_text(encoding="utf-8"))["runs"]
MEASURED = json.loads((series.FOLDER / "measured.json").read_text())


def test_five_losses_from_one_seed_saw_the_same_tokens():
    assert set(RAW) == set(series.LOSSES) == set(series.losses())
    assert len({tuple(run["tokens"]) for run in RAW.values()}) == 1
    assert all(len(run["tried"]) >= 3 for run in RAW.values())


def test_the_rate_that_was_taken_is_the_best_of_those_tried():
    for run in FOUND.runs.values():
        assert run.tried[run.scale] == min(value for value in run.tried.values() if value is not None)


@pytest.mark.parametrize("unit, per", [("bits", 1.4426950408889634), ("nats", 1.0)])
def test_the_table_holds_what_was_recorded_in_the_readers_unit(unit, per):
    rows = {
        re.sub(r"\[(.*)\]\(.*\)", r"\1", cells[1].strip(" *")): cells for cells in (line.split("|") for line in trained.table(FOUND, unit).splitlines()[2:])
    }
    for name, run in RAW.items():
        cells = rows[loss_curves.NAMES[name]]
        assert float(cells[2].split("±")[0]) == pytest.approx(run["final"]["held_out_nats"]["value"] * per, rel=6e-3)
        assert float(cells[4].split("±")[0]) == pytest.approx(100 * run["final"]["accuracy"]["value"], abs=0.06)


def test_the_sentences_name_the_best_and_the_last_and_who_is_within_the_interval():
    by = sorted(RAW, key=lambda name: RAW[name]["final"]["held_out_nats"]["value"])
    said = trained.words(FOUND, "nats")
    assert said.index(loss_curves.NAMES[by[0]]) < said.index("pays least")
    assert f"**{loss_curves.NAMES[by[-1]].capitalize()}** comes last" in said
    near = said.split("pays least")[1].split("within its interval")[0]
    for name in by[1:]:
        assert (loss_curves.NAMES[name] in near) == (RAW[name]["final"]["held_out_nats"]["low"] <= RAW[by[0]]["final"]["held_out_nats"]["high"])


def test_the_curves_end_where_the_table_says_within_the_windows_that_differ():
    figure = figures.held_out(list(FOUND.runs.values()), unit="nats")
    for line, run in zip(figure.data, FOUND.runs.values()):
        assert line.y[-1] == pytest.approx(run.final["held_out_nats"].value, abs=0.1)


def test_chapter_10_shows_the_runs_and_chapter_11_the_pair():
    text = words_of(open_chapter("pages/why/losses.py"))
    assert trained.table(FOUND, "bits") in text and trained.words(FOUND, "bits") in text
    text = words_of(open_chapter("pages/why/calibration.py"))
    assert trained.doubt_words(FOUND.runs["cross_entropy"], FOUND.runs["label_smoothing"], "bits") in text


@pytest.mark.parametrize("name", MEASURED)
def test_the_validation_passage_costs_each_member_what_its_card_says(name):
    passage = (registry.DATA / "validation.txt").read_text(encoding="utf-8")
    got = scoring.score(registry.row(name).load(), passage).bits_per_byte
    assert got == pytest.approx(MEASURED[name]["passage_bits_per_byte"], abs=1e-3)
    card = (series.FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"\| {re.escape(name)} \|.*\| {MEASURED[name]['passage_bits_per_byte']:.3f} \|", card)


def test_the_checkpoints_cost_less_and_less():
    costs = [MEASURED[f"nano@{step}"]["passage_bits_per_byte"] for step in series.steps()[:-1]]
    last = json.loads((registry.DATA / "measured.json").read_text())["nano"]["passage_bits_per_byte"]
    assert [*costs, last] == sorted([*costs, last], reverse=True)


def test_a_member_is_read_by_transformers_alike():
    import torch
    from transformers import LlamaForCausalLM

    ours = series.load_step(256)
    theirs = LlamaForCausalLM.from_pretrained(series.FOLDER / "steps" / "256", dtype=torch.float32).eval()
    ids = (ours.start_id, *ours.encode("The old man went down to the sea.").ids)
    with torch.inference_mode():
        expected = theirs(torch.tensor([ids])).logits[0].log_softmax(-1)
    (states,), _ = ours.states([ids])
    assert torch.allclose(ours.logits(states).log_softmax(-1), expected, atol=1e-4)
