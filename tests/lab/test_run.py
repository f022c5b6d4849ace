"""A run: the same choices give the same curve, the known source gives the known floor, and what goes wrong is said."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load

from lmviz import sources, units
from lmviz.data import examples
from lmviz.errors import ReaderError
from lmviz.lab import choices, files, material, measure
from lmviz.lab.choices import Data, Settings
from lmviz.lab.run import Run
from lmviz.models import scoring, weights
from lmviz.models.llama import Llama

PAGE = "The miller counted his sacks, and the cat counted the mice. " * 60


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def small():
    """Sizes in a twentieth of the time: what is tested does not depend on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(choices.SIZES, "30 s", choices.Size("30 s", 24, 1, 2, 48, 32, 8, 30))
        yield


def done(settings: Settings, data: Data, steps: int | None = None) -> Run:
    run = Run(settings, data, steps=steps)
    while not run.finished:
        run.step()
    return run


TINY = Settings(size="30 s")


def test_the_same_seed_gives_the_same_curve_over_fifty_steps():
    first, second = (done(Settings(), Data(), steps=50).curve() for _ in range(2))
    assert first == second and len(first.held_out) > 10 and first.held_out[-1] < first.held_out[0] - 1


def test_another_seed_gives_another_curve():
    first, second = (done(dataclasses.replace(TINY, seed=seed), Data(), steps=5).curve() for seed in (1, 2))
    assert first.training != second.training


def test_taking_turns_changes_no_run():
    alone = done(TINY, Data(), steps=10).curve()
    a, b = Run(TINY, Data(), steps=10), Run(dataclasses.replace(TINY, loss="hinge"), Data(), steps=10)
    while not a.finished:
        a.step()
        b.step()
    assert a.curve() == alone


def test_runs_under_different_losses_start_from_the_same_weights_and_read_the_same_text():
    runs = [Run(dataclasses.replace(TINY, loss=loss), Data(), steps=2) for loss in choices.LOSSES]
    weights_of = [torch.cat([w.flatten() for w in run.model.parameters()]) for run in runs]
    assert all(torch.equal(weights_of[0], other) for other in weights_of)
    assert len({run.curve().held_out[0] for run in runs}) == 1
    assert len({tuple(run._order.integers(0, 10**6, 20)) for run in runs}) == 1


def test_an_untrained_model_is_at_log_v_and_each_loss_at_what_it_costs_to_know_nothing():
    V = material.VOCABULARY
    nothing = {"cross_entropy": math.log(V), "label_smoothing": math.log(V), "focal": math.log(V) * (1 - 1 / V) ** 2, "squared_error": 1 - 1 / V}
    for loss, expected in nothing.items():
        run = Run(dataclasses.replace(TINY, loss=loss), Data(), steps=40)
        run.step()
        assert run.curve().training[0] == pytest.approx(expected, rel=0.05), loss
        assert run.curve().held_out[0] == pytest.approx(math.log(V), rel=0.01)
    hinge = Run(dataclasses.replace(TINY, loss="hinge"), Data(), steps=40)
    hinge.step()
    assert 1.0 < hinge.curve().training[0] < 2.0  # the margin, and by how much the luckiest of 258 rivals leads


def test_on_a_known_source_the_held_out_loss_falls_to_the_entropy_rate_and_never_below():
    curve = done(TINY, Data("source", source="weather"), steps=150).curve()
    exact = sources.entropy_rate(sources.PRESETS["weather"])
    assert curve.floor == pytest.approx(exact, abs=1e-12)
    assert min(curve.held_out) >= exact
    assert curve.kl == pytest.approx(curve.held_out[-1] - exact) and curve.kl < 0.05


def test_the_known_cross_entropy_is_the_rate_of_the_source_module():
    """Reference: `sources.cross_entropy_rate` of a Markov model, whose log-probabilities are put into the logits."""
    read = material.material(Data("source", source="Onegin"), 32)
    wrong = sources.markov([[0.3, 0.7], [0.6, 0.4]], read.source.symbols)
    previous = torch.from_numpy(read.held_out[:, 1:-1].reshape(-1))
    for model in (wrong, read.source):
        logits = torch.full((len(previous), material.VOCABULARY), -math.inf)
        now = torch.tensor([read.symbol_ids.index(i) for i in previous.tolist()])
        logits[:, list(read.symbol_ids)] = model.transition.log().float()[now]
        assert measure.known_cross_entropy(logits, previous, read) == pytest.approx(sources.cross_entropy_rate(read.source, model), abs=1e-6)


def test_a_letter_source_has_the_letter_pairs_of_the_passages():
    source = material.source_of("letters")
    q, u = source.symbols.index("q"), source.symbols.index("u")
    assert source.transition[q].argmax() == u and len(source.symbols) == 27
    assert 2.0 < sources.entropy_rate(source) < math.log(27)


def test_a_rate_that_is_far_too_high_ends_in_a_sentence():
    run = done(dataclasses.replace(TINY, optimiser="sgd", learning_rate=1e6, clip=math.inf), Data(), steps=30)
    assert run.trouble is not None and run.steps_done < 30
    assert "finite" in run.trouble and "smaller learning rate" in run.trouble and "1e+06" in run.trouble
    assert all(math.isfinite(v) for v in run.curve().held_out)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_weights_that_are_no_numbers_end_the_run_wherever_they_are_met(number):
    run = Run(TINY, Data(), steps=30)
    run.step()
    with torch.no_grad():
        run.model.layers[0].down.weight[0, 0] = number
    for look in (lambda: measure.held_out(run.model, run.material), run._write):
        with pytest.raises(FloatingPointError):
            look()
    run.step()
    assert run.finished and run.steps_done == 1 and "finite" in run.trouble


def test_the_trained_model_scores_text_like_any_other():
    run = done(TINY, Data(), steps=3)
    text = "A cat, a mat. Ω"
    scored = scoring.score(run.language_model("yours"), text)
    ids = torch.from_numpy(np.concatenate([[material.START_ID], material.ids_of(text)]))
    with torch.no_grad():
        logits = run.model(ids[None, :-1])[0] @ run.model.embedding.weight.T
    expected = torch.nn.functional.cross_entropy(logits, ids[1:], reduction="sum").item()
    assert scored.total_nats == pytest.approx(expected, rel=1e-4)
    assert scored.n_bytes == len(text.encode()) == len(scored)
    assert "".join(token.text for token in scored.tokens).startswith("A cat")
    assert scored.bits_per_byte == pytest.approx(units.to_bits(expected) / scored.n_bytes, rel=1e-4)


def test_a_model_in_use_is_not_changed_by_further_training():
    run = Run(TINY, Data(), steps=5)
    model = run.language_model("yours")
    before = model.network.embedding.weight.clone()
    run.step()
    assert torch.equal(model.network.embedding.weight, before) and not torch.equal(run.model.embedding.weight, before)


def test_what_is_held_out_is_nowhere_in_what_is_learned():
    learned, kept = material.learned_passages(), material.kept_passages()
    assert len(kept) >= 5 and not set(learned) & set(kept)
    assert sorted([*learned, *kept]) == sorted(p.text for p in examples.passages() if p.language.startswith("en") and p.register != "code")
    mine = material.material(choices.own_text(PAGE + "The end is kept. " * 30), 32)
    first_kept = material.tokenizer().decode(mine.held_out[-1][1:].tolist())
    assert b"kept" in first_kept and b"kept" not in material.tokenizer().decode(mine.train[:-200].tolist())


@pytest.mark.parametrize(("text", "says"), [("", "0 bytes"), ("a" * 1999, "1999 bytes"), ("ä" * 500_001, "1.0 MB")])
def test_a_text_that_cannot_be_learned_from_gets_a_sentence(text, says):
    with pytest.raises(ReaderError, match=says):
        choices.own_text(text)


def test_the_shortest_text_trains_at_every_size():
    shortest = choices.own_text("x" * choices.FEWEST_BYTES)
    for size in choices.SIZES.values():
        read = material.material(shortest, size.context)
        assert len(read.held_out) >= 1 and len(read.train) > size.context


@pytest.mark.parametrize(
    "wrong",
    [{"loss": "mse"}, {"optimiser": "newton"}, {"size": "1 h"}, {"learning_rate": 0}, {"learning_rate": math.nan}, {"smoothing": 2}, {"temperature": 0}],
)
def test_settings_that_make_no_sense_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)


def test_the_saved_weights_are_the_model():
    run = done(TINY, Data(), steps=2)
    raw = files.safetensors(run)
    again = Llama(run.config)
    again.load_state_dict(weights.from_hf(load(raw), run.config))
    ids = torch.arange(10)[None]
    with torch.no_grad():
        assert torch.equal(again(ids), run.model(ids))
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    assert json.loads(header["config"])["hidden_size"] == run.config.hidden_size and json.loads(header["settings"])["loss"] == "cross_entropy"


def test_text_is_written_from_the_seed_and_only_from_the_seed():
    run = done(TINY, Data(), steps=3)
    texts = [measure.sample(run.model, 20, temperature=0.8, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
