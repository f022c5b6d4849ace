"""Decoding rules against brute force, and continuations against whole texts read again."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmviz import models, sampling
from tests.toy_model import Toy

LOGITS = arrays("float64", 6, elements=st.floats(-8, 8), unique=True)


def kept(logits) -> set[int]:
    return set(torch.isfinite(logits).nonzero().flatten().tolist())


@settings(max_examples=60, deadline=None)
@given(LOGITS, st.floats(0.01, 1.0))
def test_the_nucleus_is_the_smallest_set_that_holds_p(z, p):
    z = torch.from_numpy(z)
    probs = z.softmax(-1)
    enough = [set(s) for n in range(1, 7) for s in itertools.combinations(range(6), n) if probs[list(s)].sum() >= p - 1e-12]
    found = kept(sampling.nucleus(z, p))
    assert len(found) in (min(map(len, enough)), min(map(len, enough)) + (abs(probs.sum().item() - p) < 1e-9))
    assert probs[list(found)].sum() >= p - 1e-9 and min(probs[list(found)]) >= max([*probs[list(set(range(6)) - found)], torch.tensor(0.0)])


@settings(max_examples=40, deadline=None)
@given(LOGITS, st.integers(1, 8))
def test_top_k_keeps_the_k_likeliest(z, k):
    assert kept(sampling.top_k(torch.from_numpy(z), k)) == set(sorted(range(6), key=lambda i: -z[i])[:k])


def test_what_is_kept_keeps_its_odds():
    z = torch.tensor([2.0, 1.0, 0.0, -1.0])
    probs = sampling.top_k(z, 2).softmax(-1)
    assert (probs[0] / probs[1]).item() == pytest.approx(torch.e, rel=1e-6) and probs[2:].sum() == 0


def test_a_temperature_is_a_power_of_the_probabilities():
    z = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    sharpened = z.softmax(-1) ** (1 / 0.7)
    torch.testing.assert_close(sampling.temperature(z, 0.7).softmax(-1), sharpened / sharpened.sum())


def test_draws_come_as_often_as_they_are_likely():
    z = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64).log()
    counts = torch.bincount(sampling.draw(z.expand(20_000, 3), torch.Generator().manual_seed(0)), minlength=3) / 20_000
    torch.testing.assert_close(counts.double(), z.exp(), atol=0.012, rtol=0)  # more than three standard errors


@pytest.mark.parametrize("call", [lambda: sampling.top_k([0.0], 0), lambda: sampling.nucleus([0.0], 0.0), lambda: sampling.temperature([0.0], 0.0),
                                  lambda: sampling.Rule("beam").pick([0.0], torch.Generator()), lambda: sampling.go_on(Toy(), [[1]], sampling.RULES["greedy"], 0, generator=torch.Generator())])  # fmt: skip
def test_a_rule_that_is_none_is_refused(call):
    with pytest.raises(ValueError):
        call()


@pytest.mark.parametrize("name", ["nano", "trigram"])
def test_a_greedy_continuation_is_the_argmax_of_the_whole_text_read_again_at_every_step(name):
    model = models.load(name)
    prompts = [model.encode(text).ids for text in ("The old king", "It was a dark and")]
    ids, nats = sampling.go_on(model, prompts, sampling.RULES["greedy"], 5, generator=torch.Generator())
    for prompt, row, costs in zip(prompts, ids.tolist(), nats.tolist()):
        text = [model.start_id, *prompt]
        for token, cost in zip(row, costs):
            (states,), _ = model.states([text])
            log_probs = model.logits(states)[-1].log_softmax(-1)
            assert token == log_probs.argmax().item() and cost == pytest.approx(-log_probs[token].item(), abs=1e-4)
            text.append(token)


def test_the_same_seed_gives_the_same_text_and_another_seed_another():
    first, again, other = (
        sampling.go_on(Toy(), [[65, 66]], sampling.RULES["sample"], 20, generator=torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist() != other.tolist()


def test_a_continuation_longer_than_the_context_is_refused():
    model = models.load("nano")
    with pytest.raises(ValueError, match="context"):
        sampling.go_on(model, [[5] * 250], sampling.RULES["greedy"], 10, generator=torch.Generator())
