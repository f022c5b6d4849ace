"""The bundled weights are what their cards say, here and under transformers; a damaged file is named."""

import json
import shutil

import pytest
import torch

from lmviz.errors import ReaderError
from lmviz.models import registry, scoring
from lmviz.models.causal import load_llama
from lmviz.training.tokenizer import CONTROL

DATA = registry.DATA
MEASURED = {name: row for name, row in json.loads((DATA / "measured.json").read_text()).items() if "passage_bits_per_byte" in row}
PASSAGE = (DATA / "validation.txt").read_text(encoding="utf-8")
TRANSFORMERS = [name for name in ("nano", "tiny") if name in MEASURED]


@pytest.mark.parametrize("name", MEASURED)
def test_the_validation_passage_costs_what_was_recorded(name):
    model = registry.row(name).load()
    assert scoring.score(model, PASSAGE).bits_per_byte == pytest.approx(MEASURED[name]["passage_bits_per_byte"], abs=1e-3)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_the_card_states_the_recorded_numbers_and_the_works(name):
    card = (DATA / name / "README.md").read_text(encoding="utf-8")
    assert f"{MEASURED[name]['held_out_bits_per_byte']:.4f}" in card and "Works held out" in card and "seed" in card


LADDER = ("uniform", "unigram", "bigram", "trigram", "nano", "tiny", "smollm2-135m")


@pytest.mark.parametrize("column", ["held_out_bits_per_byte", "whole_works_bits_per_byte"])
def test_the_table_orders_models_as_their_numbers_do(column):
    costs = [MEASURED[name][column] for name in LADDER if column in MEASURED[name]]
    assert len(costs) >= len(LADDER) - 1 and costs == sorted(costs, reverse=True)


def test_the_table_holds_what_was_measured_dearest_first():
    every = json.loads((DATA / "measured.json").read_text())
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in (line.split("|") for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| "))}  # fmt: skip
    rows.pop("model")
    assert set(rows) == set(every)
    for name, row in every.items():
        whole = row["held_out_bits_per_byte"] if name in ("PPMd", "xz") else row.get("whole_works_bits_per_byte")
        assert rows[name][2] == ("–" if whole is None else f"{whole:.3f}")
    said = [float(cells[2]) for cells in rows.values() if cells[2] != "–"]
    assert said == sorted(said, reverse=True)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers_loads_the_files_and_agrees(name):
    from transformers import AutoTokenizer, LlamaForCausalLM

    ours = registry.row(name).load()
    theirs = LlamaForCausalLM.from_pretrained(DATA / name, dtype=torch.float32).eval()
    ids = (ours.start_id, *ours.encode(PASSAGE[:600]).ids)
    with torch.inference_mode():
        expected = theirs(torch.tensor([ids])).logits[0].log_softmax(-1)
    (states,), _ = ours.states([ids])
    assert torch.allclose(ours.logits(states).log_softmax(-1), expected, atol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(DATA / name)
    assert tokenizer(PASSAGE[:600], add_special_tokens=False)["input_ids"] == list(ids[1:])
    assert (tokenizer.bos_token_id, tokenizer.mask_token_id, tokenizer.pad_token_id) == tuple(CONTROL.values())


@pytest.mark.parametrize("damage", [lambda raw: raw[: len(raw) // 2], lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), lambda raw: b""])
def test_damaged_weights_are_named_with_a_remedy(damage, tmp_path):
    folder = shutil.copytree(DATA / "nano", tmp_path / "nano")
    file = folder / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ReaderError, match="model.safetensors") as caught:
        load_llama(folder, name="nano", tokenizer_name="lmviz", control=CONTROL, start_id=0, remedy="fetch it again")
    assert caught.value.remedy == "fetch it again"


def test_all_bundled_weights_stay_within_sixty_megabytes():
    assert sum(f.stat().st_size for f in DATA.rglob("*") if f.is_file()) < 60e6
