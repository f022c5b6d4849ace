"""The accumulated error against its definition written out, on a source whose truth is known; the bootstrap against theory."""

import math

import numpy as np
import pytest

from lmviz import exposure, models, roads, sampling, word_starts
from tests.toy_model import Toy


def test_the_accumulated_error_is_the_definition_written_out():
    rng = np.random.default_rng(0)
    own, human = rng.random((7, 5)) + 0.1, rng.random((7, 5)) + 0.1
    for length in range(1, 6):
        total = sum(sum(own[n][t] for n in range(7)) / 7 for t in range(length))
        rate = sum(sum(human[n][t] for n in range(7)) / 7 for t in range(length)) / length
        assert exposure.accumulated_error(own, human)[length - 1] == pytest.approx(total / rate)
        assert exposure.excess_error(own, human)[length - 1] == pytest.approx(100 * (total - length * rate) / (length * rate))


def test_a_model_that_is_as_wrong_after_its_own_words_has_no_excess():
    kl = np.random.default_rng(1).random((4, 6))
    np.testing.assert_allclose(exposure.excess_error(kl, kl), 0, atol=1e-9)
    np.testing.assert_allclose(exposure.accumulated_error(kl, kl), np.arange(1, 7))


def test_a_text_that_is_over_early_counts_as_far_as_it_goes():
    own, human = [[1.0, np.nan], [3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]]
    assert exposure.regret(own).tolist() == [2.0, 6.0]
    assert exposure.excess_error(own, human).tolist() == [100.0, 200.0]


def test_on_a_markov_source_the_measure_finds_the_exact_expectation():
    """Truth o and model p over {a, b}; after "a" p is right, after "b" it is wrong; p stays in b longer than o does, so its own words lead it where it errs."""
    o, p = np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([[0.9, 0.1], [0.1, 0.9]])
    kl = np.array([sum(o[s, k] * math.log(o[s, k] / p[s, k]) for k in (0, 1)) for s in (0, 1)])

    def state_probs(chain, steps):
        rows, now = [], np.array([0.0, 1.0])
        for _ in range(steps):
            rows.append(now)
            now = now @ chain
        return np.array(rows)

    exact = 100 * ((state_probs(p, 8) @ kl).cumsum() / (state_probs(o, 8) @ kl).cumsum() - 1)
    rng = np.random.default_rng(2)

    def simulated(chain, n=20_000):
        states, rows = np.ones(n, dtype=int), []
        for _ in range(8):
            rows.append(kl[states])
            states = (rng.random(n) < chain[states, 1]).astype(int)
        return np.array(rows).T

    found = exposure.excess_error(simulated(p), simulated(o))
    assert exact[-1] > 50  # exposure bias, as it is defined
    np.testing.assert_allclose(found, exact, rtol=0.05, atol=1.5)


@pytest.mark.parametrize("call", [
    lambda: exposure.regret([1.0, 2.0]), lambda: exposure.regret([[-1.0]]), lambda: exposure.regret([[np.nan]]), lambda: exposure.excess_error([[1.0]], [[0.0]]),
    lambda: exposure.excess_error([[1.0, 2.0]], [[1.0]]), lambda: exposure.repetition_rate([[1, 2]], n=3), lambda: exposure.bootstrap(np.mean, [1, 2], [1], rng=np.random.default_rng(0)),
])  # fmt: skip
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_repetition_is_the_share_of_n_grams_that_came_before():
    row = [1, 2, 3, 1, 2, 3, 1, 2]
    seen, repeated = set(), 0
    for gram in zip(row, row[1:], row[2:]):
        repeated += gram in seen
        seen.add(gram)
    assert exposure.repetition_rate([row], n=3)[0] == pytest.approx(repeated / 6)


def test_the_bootstrap_interval_is_as_wide_as_the_standard_error_says():
    values = np.random.default_rng(3).normal(size=(400, 2))
    low, high = exposure.bootstrap(lambda rows: rows.mean(0), values, rng=np.random.default_rng(4))
    np.testing.assert_allclose(high - low, 2 * 1.96 * values.std(0) / 20, rtol=0.12)
    assert (low < values.mean(0)).all() and (values.mean(0) < high).all()


def test_the_left_road_costs_what_the_text_costs_and_the_right_road_is_what_the_model_writes():
    import torch

    from lmviz.models import scoring

    model, text = models.load("nano"), "The old king was very happy, and the queen was glad."
    both, scored = roads.walked(model, text, 3), scoring.score(model, text)
    np.testing.assert_allclose([step.nats for step in both.human], scored.losses[3 : 3 + len(both.human)], atol=1e-4)
    assert [step.text for step in both.human] == [token.text for token in scored.tokens[3:]] and both.prompt == "".join(t.text for t in scored.tokens[:3])
    assert [step.said for step in both.human] == [texts[0] for texts in scored.top_texts[3:]]
    ids, nats = sampling.go_on(model, [model.encode(text).ids[:3]], sampling.RULES["greedy"], roads.LENGTH, generator=torch.Generator())
    assert [step.text for step in both.own] == [roads.token_text(model, i) for i in ids[0].tolist()]
    np.testing.assert_allclose([step.nats for step in both.own], nats[0], atol=1e-4)
    assert roads.Roads.from_dict(both.as_dict()) == both
    first = next(t for t, (a, b) in enumerate(zip(both.human, both.own)) if a.text != b.text)
    assert both.parted == first == next(t for t, step in enumerate(both.human) if step.said != step.text)  # greedy: until it would have said something else


def test_a_prompt_that_is_the_whole_text_leaves_the_left_road_empty():
    both = roads.walked(Toy(), "ab", 2)
    assert both.human == () and len(both.own) == roads.LENGTH and both.parted is None


def test_what_follows_a_word_sums_the_model_s_own_tokens_given_that_the_word_has_ended():
    model = models.load("nano")
    vocabulary = [model.token_bytes(i) for i in range(model.vocab_size)]
    names, (classes,) = word_starts.kinds(vocabulary)
    text = "The old king was"
    encoded = model.encode(text)
    ends = word_starts.word_ends(text.encode())
    assert [text[:end] for end in ends] == ["The", "The old", "The old king"]
    found = word_starts.at_word_ends(model, encoded, ends, classes, len(names)).exp()
    assert found.sum(-1).tolist() == pytest.approx([1.0] * 3)
    (states,), _ = model.states([[model.start_id, *encoded.ids]])
    probs = model.logits(states)[list(encoded.ends).index(ends[1]) + 1].softmax(-1).tolist()
    continues = sum(p for p, token in zip(probs, vocabulary) if token and (token[:1].isalpha() or token[0] >= 0x80))
    starts_with_k = sum(p for p, token in zip(probs, vocabulary) if token.startswith(b" k"))
    assert found[1, names.index(" k")].item() == pytest.approx(starts_with_k / (1 - continues), rel=1e-4)


def test_an_offset_inside_a_token_is_refused():
    model = models.load("nano")
    names, (classes,) = word_starts.kinds([model.token_bytes(i) for i in range(model.vocab_size)])
    with pytest.raises(ValueError, match="ends"):
        word_starts.at_word_ends(model, model.encode("The old"), [1], classes, len(names))
