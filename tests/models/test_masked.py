"""The masked model sees both sides, agrees with transformers, and scores a text as hiding its tokens one by one would."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmviz import losses, masking, models
from lmviz.errors import ReaderError
from lmviz.models import files, gaps, registry, weights
from lmviz.models.llama import Llama, LlamaConfig
from lmviz.models.masked import MaskedLlama, load_masked
from lmviz.models.port import MaskedLM
from lmviz.training.masked import measure
from tests.models.conftest import CONTROL, tokenizer_json

TEXT = "the cat sat on the mat and the dog"
CONFIG = LlamaConfig(300, 64, 96, 3, 4, 2, 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small random encoder on disk, far from uniform."""
    place = tmp_path_factory.mktemp("weights") / "encoder"
    network = Llama(CONFIG, causal=False)
    network.init_weights(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(10.0 if parameter.dim() == 2 else 1.3)

    def fill(target):
        save_file(weights.to_hf(network.state_dict(), CONFIG), target / "model.safetensors", metadata={"format": "pt"})
        (target / "config.json").write_text(
            json.dumps(
                weights.hf_config(CONFIG, architectures=["EuroBertForMaskedLM"], model_type="eurobert", pad_token_id=2, bos_token_id=0, eos_token_id=None)
            )
        )
        (target / "tokenizer.json").write_text(tokenizer_json(), encoding="utf-8")

    files.build(place, fill)
    return place


@pytest.fixture(scope="module")
def model(folder):
    return load_masked(folder, name="encoder", tokenizer_name="test", control=CONTROL)


@pytest.fixture(scope="module")
def reference(folder):
    """ids → float64 log-probabilities [T, V] of plain transformers."""
    from transformers import EuroBertForMaskedLM

    network = EuroBertForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()

    def log_probs(ids):
        with torch.inference_mode():
            return network(torch.tensor([list(ids)])).logits[0].double().log_softmax(-1)

    return log_probs


def test_the_port_is_kept_and_a_causal_network_is_refused(model):
    assert isinstance(model, MaskedLM)
    with pytest.raises(ValueError, match="both sides"):
        MaskedLlama(Llama(CONFIG), model.tokenizer, name="n", revision="r", start_id=0, mask_id=1)


def test_every_position_agrees_with_transformers(model, reference):
    ids = (0, *model.encode(TEXT).ids)
    (states,) = model.states([ids])
    assert torch.allclose(model.logits(states).double().log_softmax(-1), reference(ids), atol=1e-4)


def test_what_comes_later_changes_what_stands_before_but_no_other_text(model):
    one, two, other = (0, 70, 71, 72), (0, 70, 71, 90), (0, 80, 81, 82, 83)
    alone, changed = model.states([one])[0], model.states([two])[0]
    assert not torch.allclose(alone[1], changed[1], atol=1e-3)
    assert torch.allclose(model.states([other, one])[1], alone, atol=1e-5)  # packed with texts of other lengths
    assert torch.allclose(model.states([two, one])[1], alone, atol=1e-5)  # and of the same


def test_an_encoder_has_no_past():
    network = Llama(CONFIG, causal=False)
    with pytest.raises(ValueError, match="causal"):
        network.read(torch.tensor([1, 2]), [2], remember=True)


def test_a_filled_text_reads_what_was_left_and_is_asked_for_what_was_there(model, reference):
    ids = np.array(model.encode(TEXT).ids)
    seen = gaps.fill(model, TEXT, masking.by_hand(ids, [2, 5], mask_id=1), top_k=4)
    inputs = ids.copy()
    inputs[[2, 5]] = 1
    expected = reference([0, *inputs])[1:]
    assert np.allclose(seen.log_probs, expected.gather(1, torch.tensor(ids)[:, None])[:, 0], atol=1e-4)
    assert (seen.top_ids == expected.topk(4).indices.numpy()).all()
    assert np.allclose(seen.entropies, -(expected.exp() * expected).sum(1), atol=1e-4)


def test_hiding_each_token_in_turn_is_hiding_them_one_by_one(model, reference):
    ids = model.encode(TEXT).ids
    one_by_one = []
    for t, true in enumerate(ids):
        inputs = [0, *ids[:t], 1, *ids[t + 1 :]]
        one_by_one.append(float(reference(inputs)[1 + t, true]))
    turn = gaps.pseudo(model, TEXT)
    assert np.allclose(turn.log_probs, one_by_one, atol=1e-4)
    assert turn.total_nats == pytest.approx(-sum(one_by_one), abs=1e-3) and turn.n_bytes == len(TEXT)


@pytest.mark.parametrize("tokens", [1, 30, 10_000])
def test_batches_of_any_size_give_the_same_sum(model, monkeypatch, tokens):
    whole = gaps.pseudo(model, TEXT)
    monkeypatch.setattr(gaps, "BATCH_TOKENS", tokens)
    told = []
    assert np.allclose(gaps.pseudo(model, TEXT, tick=told.append).log_probs, whole.log_probs, atol=1e-5)
    assert told == sorted(told) and told[-1] == 1.0


def test_the_loss_of_a_masked_model_is_the_mean_over_what_is_hidden(model):
    ids = np.array(model.encode(TEXT).ids)
    hidden = masking.by_hand(ids, [1, 4], mask_id=1)
    (states,) = model.states([(0, *hidden.inputs.tolist())])
    expected = losses.masked_cross_entropy(model.logits(states)[1:], torch.tensor(ids), torch.tensor(hidden.chosen)).item()
    assert gaps.fill(model, TEXT, hidden).losses[hidden.chosen].mean() == pytest.approx(expected, abs=1e-4)


def test_a_text_that_is_too_long_is_explained_and_can_be_cut(model):
    long = "the cat sat " * 40
    with pytest.raises(ReaderError, match="reads 63 at once"):
        gaps.pseudo(model, long)
    short = gaps.first_tokens(model, long, 63)
    assert long.startswith(short) and len(model.encode(short)) <= 63 and len(gaps.pseudo(model, short)) == len(model.encode(short))


def test_a_cut_never_falls_inside_a_character(model):
    assert gaps.first_tokens(model, "aé" * 9, 2) in ("a", "aé")


def test_nothing_to_read_is_nothing_wrong(model):
    assert len(gaps.pseudo(model, "")) == 0
    with pytest.raises(ValueError, match="one entry for each"):
        gaps.fill(model, TEXT, masking.by_hand(np.array([5]), [0], mask_id=1))


# the bundled weights


def test_the_bundled_masked_model_is_offered_by_itself_and_not_among_the_causal_ones():
    assert models.masked_names() == ["masked"] and "masked" not in models.names()
    assert models.load_masked() is models.load_masked("masked")
    models.load("nano")
    with pytest.raises(ReaderError, match="no masked model"):  # also once a model of that name is in memory
        models.load_masked("nano")
    with pytest.raises(ReaderError, match="no model called"):
        models.load("masked")


def test_the_validation_passage_costs_what_the_card_says():
    card = (registry.DATA / "masked" / "README.md").read_text(encoding="utf-8")
    nats, right, chosen = re.search(r"([\d.]+) nats and ([\d.]+) % over (\d+) chosen tokens of `../validation.txt`", card).groups()
    found = measure(models.load_masked(), [(registry.DATA / "validation.txt").read_text(encoding="utf-8")])
    assert found["nats"] == pytest.approx(float(nats), abs=1e-3)
    assert (f"{100 * found['accuracy']:.1f}", str(found["n_chosen"])) == (right, chosen)
    assert "seed" in card and "Works held out" in card and "MIT" in card


def test_transformers_reads_the_bundled_weights_and_agrees():
    from transformers import AutoModelForMaskedLM

    ours = models.load_masked()
    theirs = AutoModelForMaskedLM.from_pretrained(registry.DATA / "masked", dtype=torch.float32).eval()
    ids = np.array(ours.encode("It was a dark and stormy night, and the rain fell.").ids)
    inputs = [0, *masking.by_hand(ids, [3, 8], mask_id=ours.mask_id).inputs.tolist()]
    with torch.inference_mode():
        expected = theirs(torch.tensor([inputs])).logits[0].log_softmax(-1)
    (states,) = ours.states([inputs])
    assert torch.allclose(ours.logits(states).log_softmax(-1), expected, atol=1e-4)


def test_both_sides_are_worth_more_than_a_shuffled_text():
    """It reads its context: the same hidden tokens cost less in their own text than among the same words in another order."""
    model = models.load_masked()
    text = (registry.DATA / "validation.txt").read_text(encoding="utf-8")
    ids = np.array(model.encode(text).ids[:200])
    rng = np.random.default_rng(0)
    positions = list(range(5, 200, 10))

    def nats(order):
        hidden = masking.by_hand(order, positions, mask_id=model.mask_id)
        (states,) = model.states([(model.start_id, *hidden.inputs.tolist())])
        return losses.masked_cross_entropy(model.logits(states)[1:], torch.tensor(order), torch.tensor(hidden.chosen)).item()

    shuffled = ids.copy()
    others = [i for i in range(200) if i not in positions]
    shuffled[others] = rng.permutation(ids[others])
    assert nats(ids) < nats(shuffled) - 0.5


def test_a_damaged_file_is_named(tmp_path):
    folder = shutil.copytree(registry.DATA / "masked", tmp_path / "masked")
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ReaderError, match="model.safetensors"):
        load_masked(folder, name="masked", tokenizer_name="lmviz", control=CONTROL, remedy="fetch it again")
