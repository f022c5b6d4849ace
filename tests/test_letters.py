"""Letters out of tokens, against every way of spelling written out; and the recorded games against a fresh one."""

import itertools
import math

import numpy as np
import pytest
import torch

from lmviz import guessing, letters, models
from lmviz.data.guessing import passage, passages
from lmviz.data.recorded import guessing as recorded
from lmviz.models import scoring
from lmviz.models.port import Encoded


class Spelled:
    """A model whose tokens can spell a text in many ways; what comes next depends on the last token and on how many there were."""

    name, revision, dtype, context, tokenizer_name = "spelled", "1", "float32", 1000, "spelled"
    vocabulary = ["a", "b", "ab", "ba", "aba", "c", "<s>", "abc", "!"]
    vocab_size, start_id = 9, 6

    def token_bytes(self, i):
        return self.vocabulary[i].encode()

    def encode(self, text):
        ids, ends, place = [], [], 0
        while place < len(text):
            token = max((t for t in self.vocabulary if text.startswith(t, place)), key=len)
            place += len(token)
            ids.append(self.vocabulary.index(token))
            ends.append(place)
        return Encoded(tuple(ids), (0, *ends[:-1]), tuple(ends), text.encode())

    def states(self, batch, pasts=None, *, remember=False, tick=None):
        return [torch.tensor([[i, k] for k, i in enumerate(ids)], dtype=torch.float32) for ids in batch], [None] * len(batch)

    def logits(self, states, out=None):
        return torch.stack([torch.sin(3.1 * torch.arange(9) * (1 + i) + k) * 2 for i, k in states.tolist()])


def probs_after(model, ids) -> list[float]:
    (states,), _ = model.states([[model.start_id, *ids]])
    return torch.softmax(model.logits(states[-1:]).double(), 1)[0].tolist()


def covering(model, prefix: str) -> float:
    """P(a text begins with `prefix`), by writing out every shortest token sequence that covers it."""
    total = 0.0
    stack = [((), "", 1.0)]
    while stack:
        ids, text, p = stack.pop()
        if len(text) >= len(prefix):
            total += p
            continue
        for i, share in enumerate(probs_after(model, ids)):
            longer = text + model.vocabulary[i]
            if i != model.start_id and (longer.startswith(prefix) or prefix.startswith(longer)):
                stack.append(((*ids, i), longer, p * share))
    return total


def test_letter_probabilities_are_ratios_of_sums_over_every_way_of_spelling():
    model, text = Spelled(), "abacab"
    reading = letters.read(model, text, alphabet="abc", kept=0.0, most=1000)
    for i, (a, letter) in itertools.product(range(len(text)), enumerate("abc")):
        by_hand = covering(model, text[:i] + letter) / covering(model, text[:i])
        assert math.exp(reading.log_probs[i, a]) == pytest.approx(by_hand, rel=1e-5)


def test_told_the_alphabet_every_row_sums_to_one_and_keeps_its_order():
    reading = letters.read(Spelled(), "abacab", alphabet="abc")
    np.testing.assert_allclose(np.exp(reading.among).sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.diff(reading.among, axis=1), np.diff(reading.log_probs, axis=1), atol=1e-12)


def test_a_model_of_single_letters_is_read_as_it_is():
    model = Spelled()
    model.vocabulary = ["a", "b", "c", "d", "e", "f", "<s>", "g", "h"]
    reading = letters.read(model, "cab", alphabet="abc")
    ids = [model.vocabulary.index(letter) for letter in "cab"]
    for i in range(3):
        expected = np.log(probs_after(model, ids[:i]))[:3]
        np.testing.assert_allclose(reading.log_probs[i], expected, rtol=1e-6)


def test_letters_cost_no_more_than_the_tokens_that_the_model_itself_would_cut():
    nano, text = models.load("nano"), passage("station").text.split(" when")[0]  # ends where a word does
    reading = letters.read(nano, text, kept=1e-4)
    y = reading.targets
    cut = nano.encode(text)
    assert cut.ends[-1] == len(text)
    by_letters = -reading.log_probs[np.arange(len(y)), y].sum()
    assert by_letters <= scoring.score(nano, text).total_nats + 1e-3
    assert by_letters == pytest.approx(scoring.score(nano, text).total_nats, rel=0.05)  # other ways of cutting hold little


@pytest.mark.parametrize("text", ["The cat", "a1", "é"])
def test_a_text_outside_the_alphabet_is_refused(text):
    with pytest.raises(ValueError, match="alphabet"):
        letters.read(Spelled(), text)


def fresh(name: str, id: str) -> dict:
    return recorded.letters_game(models.load(name), passage(id).text)


@pytest.mark.parametrize("name", ["nano", "trigram"])
def test_a_recorded_game_is_what_the_model_plays_now(name):
    row = recorded.load()[name]
    assert row["revision"] == models.load(name).revision, "other weights: run python -m lmviz.data.recorded.guessing"
    again = fresh(name, "station")
    assert again["wrong"] == row["letters"]["station"]["wrong"]
    np.testing.assert_allclose(again["nats"], row["letters"]["station"]["nats"], rtol=2e-3, atol=2e-4)
    tokens = recorded.tokens_game(models.load(name), passage("station").text)
    assert tokens["ranks"] == row["tokens"]["station"]["ranks"] and tokens["symbols"] == row["tokens"]["station"]["symbols"]
    if name == "nano":
        place = recorded.place(models.load(name), *recorded.PLACES[1])
        assert place["names"] == row["places"][1]["names"]
        np.testing.assert_allclose(place["probs"], row["places"][1]["probs"], rtol=1e-3)


@pytest.mark.smollm2
def test_smollm2s_recorded_game_begins_as_it_plays_now(smollm2):
    row = recorded.load()["smollm2-135m"]
    assert row["revision"] == smollm2.revision
    again = recorded.letters_game(smollm2, passages()[0].text[:10])
    np.testing.assert_allclose(again["nats"][:7], row["letters"]["lighthouse"]["nats"][:7], rtol=5e-3, atol=1e-3)


def test_every_recorded_game_covers_every_passage_and_its_numbers_fit_each_other():
    for name in recorded.load():
        for p in passages():
            game = recorded.game(name, p.id)
            assert "".join(game.symbols) == p.text and len(game.ranks) == len(game.nats) == len(p.text)
            assert all(letter not in wrong for letter, wrong in zip(game.symbols, game.wrong))
            assert all(raw >= told - 1e-4 for raw, told in zip(game.raw_nats, game.nats))  # being told the rules never hurts
            assert 0 < guessing.bounds(game.ranks).lower < math.log(27)
        for place in recorded.places(name) if "places" in recorded.load()[name] else ():
            assert sum(place.probs) == pytest.approx(1) and min(place.probs) >= 0 and len(place.probs) == len(place.names) + 1
