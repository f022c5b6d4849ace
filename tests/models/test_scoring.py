"""Scoring on a small random Llama: figures, batching, prefix memory, and what is refused."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz.models import scoring
from lmviz.models.port import CausalLM, Encoded
from lmviz.models.scored import ScoredText

FIGURES = ("log_probs", "entropies", "top_log_probs", "tail_log_prob")
TEXT = "the cat sat on the mat; 7 dogs 🐕 sat too"


def same(a, b, within=1e-4):
    assert a.tokens == b.tokens and a.text == b.text
    for name in FIGURES:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=within, err_msg=name)
    np.testing.assert_array_equal(a.ranks, b.ranks)


class Fixed:
    """A model whose logits are the same wherever it stands: each figure can be worked by hand."""

    name, revision, dtype, context, start_id, tokenizer_name = "fixed", "0", "float32", 100, 0, "digits"

    def __init__(self, logits):
        self.row = torch.tensor(logits, dtype=torch.float32)
        self.vocab_size = len(logits)

    def encode(self, text):
        n = len(text)
        return Encoded(tuple(int(c) for c in text), tuple(range(n)), tuple(range(1, n + 1)), text.encode())

    def token_bytes(self, token_id):
        return str(token_id).encode()

    def states(self, batch, pasts=None, *, remember=False, tick=None):
        return [torch.zeros(len(ids), 1) for ids in batch], [None] * len(batch)

    def logits(self, states, out=None):
        rows = self.row.expand(len(states), -1)
        return rows.clone() if out is None else out.copy_(rows)


def test_the_figures_of_a_distribution_worked_by_hand():
    scored = scoring.score(Fixed([math.log(4), math.log(2), 0.0, 0.0]), "0123", top_k=2)  # p = 1/2 1/4 1/8 1/8
    np.testing.assert_allclose(scored.losses, [math.log(2), math.log(4), math.log(8), math.log(8)], atol=1e-6)
    np.testing.assert_allclose(scored.entropies, 1.75 * math.log(2), atol=1e-6)
    assert scored.ranks.tolist() == [1, 2, 3, 3]
    assert scored.top_ids[0].tolist() == [0, 1] and scored.top_texts[0] == ("0", "1")
    np.testing.assert_allclose(scored.tail_log_prob, math.log(1 / 4), atol=1e-6)
    assert scored.total_nats == pytest.approx(9 * math.log(2)) and scored.n_bytes == 4
    assert scored.bits_per_byte == pytest.approx(9 / 4) and scored.perplexity == pytest.approx(2 ** (9 / 4))


def test_a_logit_of_minus_infinity_is_a_probability_of_zero_and_not_a_fault():
    scored = scoring.score(Fixed([0.0, -math.inf, 0.0]), "012", top_k=1)
    assert scored.log_probs.tolist() == [pytest.approx(-math.log(2)), -math.inf, pytest.approx(-math.log(2))]
    np.testing.assert_allclose(scored.entropies, math.log(2), atol=1e-6)
    assert scored.ranks[1] == 3 and scored.total_nats == math.inf and scored.perplexity == math.inf


def test_a_certain_prediction_costs_nothing_and_leaves_no_tail():
    scored = scoring.score(Fixed([0.0, -math.inf, -math.inf]), "00", top_k=1)
    assert scored.log_probs.tolist() == [0, 0] and scored.entropies.tolist() == [0, 0]
    assert scored.tail_log_prob.tolist() == [-math.inf] * 2


def test_huge_logits_neither_overflow_nor_lose_the_tail():
    scored = scoring.score(Fixed([1000.0, 920.0, 920.0]), "01", top_k=1)
    np.testing.assert_allclose(scored.log_probs, [0, -80], atol=1e-9)
    np.testing.assert_allclose(scored.tail_log_prob, math.log(2) - 80, rtol=1e-6)  # 1 − Σ top would be 0
    assert (scored.entropies >= 0).all() and (scored.entropies < 1e-30).all()


def test_all_of_the_vocabulary_as_top_k_leaves_an_empty_tail(small):
    scored = scoring.score(small, "the cat", top_k=small.vocab_size)
    assert (scored.tail_log_prob == -math.inf).all()
    np.testing.assert_allclose(np.exp(scored.top_log_probs).sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("top_k", [1, 5, 10, 40])
def test_every_figure_is_that_of_plain_transformers(small, small_reference, agree, top_k):
    scored = scoring.score(small, TEXT, top_k=top_k)
    agree(scored, small_reference.figures(0, [t.id for t in scored.tokens], top_k), within=1e-4)
    assert (np.diff(scored.top_log_probs, axis=1) <= 0).all()


def test_a_long_text_read_out_in_several_pieces_is_that_of_plain_transformers(small, small_reference, agree, monkeypatch):
    text = "xyzq " * 12
    whole = scoring.score(small, text)
    agree(whole, small_reference.figures(0, [t.id for t in whole.tokens]), within=1e-4)
    if hasattr(scoring, "HEAD_ROWS"):
        monkeypatch.setattr(scoring, "HEAD_ROWS", 7)
    same(whole, scoring.score(small, text))


def test_the_rank_of_the_favourite_is_one_and_its_log_prob_the_first_alternative(small):
    scored = scoring.score(small, TEXT)
    for i, token in enumerate(scored.tokens):
        assert (scored.ranks[i] == 1) == (scored.top_ids[i, 0] == token.id)
        if scored.ranks[i] <= 10:
            assert scored.top_ids[i, int(scored.ranks[i]) - 1] == token.id
            assert scored.top_log_probs[i, int(scored.ranks[i]) - 1] == scored.log_probs[i]


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.text("the cat🐱\n 4é", max_size=30), max_size=6))
def test_texts_together_have_the_numbers_of_texts_one_by_one(small, texts):
    for text, together in zip(texts, scoring.score_many(small, texts), strict=True):
        same(together, scoring.score(small, text))


def test_many_texts_make_few_trips_through_the_layers(small, monkeypatch):
    trips = []
    states = type(small).states
    monkeypatch.setattr(type(small), "states", lambda self, batch, *a, **k: trips.append(len(batch)) or states(self, batch, *a, **k))
    scoring.score_many(small, ["the cat sat"] * 3 + ["a dog"] * 40)
    assert len(trips) == 1 and sum(trips) == 43


def test_the_full_matrix_of_logits_is_never_held(small, monkeypatch):
    held = []
    logits = type(small).logits
    monkeypatch.setattr(type(small), "logits", lambda self, states, out=None: held.append(len(states)) or logits(self, states, out))
    n = len(scoring.score(small, "xyzq " * 400, context=64))
    assert sum(held) == n > 1500 and max(held) <= 256


def test_without_the_first_token_it_counts_nowhere(small):
    scored, whole = scoring.score(small, TEXT, first_token=False), scoring.score(small, TEXT)
    assert math.isnan(scored.log_probs[0]) and math.isnan(scored.ranks[0]) and math.isnan(scored.entropies[0])
    np.testing.assert_array_equal(scored.log_probs[1:], whole.log_probs[1:])
    assert scored.n_scored == len(whole) - 1 and scored.n_bytes == whole.n_bytes - whole.tokens[0].end
    assert scored.total_nats == pytest.approx(whole.total_nats - whole.losses[0])


def test_the_empty_text_has_no_tokens_and_no_mean(small):
    scored = scoring.score(small, "")
    assert len(scored) == 0 and scored.total_nats == 0 and math.isnan(scored.mean_nats) and math.isnan(scored.bits_per_byte)
    assert scored.top_ids.shape == (0, 10) and scored.as_dict()["perplexity"] is None


def test_a_result_is_read_only(small):
    scored = scoring.score(small, TEXT)
    with pytest.raises(ValueError, match="read-only"):
        scored.log_probs[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        scored.text = "x"


def test_a_result_survives_json(small):
    for scored in (scoring.score(small, TEXT, first_token=False), scoring.score(Fixed([0.0, -math.inf]), "01", top_k=2), scoring.score(small, "")):
        back = ScoredText.from_dict(json.loads(json.dumps(scored.as_dict(), allow_nan=False)))
        assert back.tokens == scored.tokens and back.top_texts == scored.top_texts and back.revision == scored.revision
        for name in (*FIGURES, "ranks", "top_ids"):
            np.testing.assert_array_equal(getattr(back, name).reshape(getattr(scored, name).shape), getattr(scored, name))


@pytest.mark.parametrize("wrong", [{"top_k": 0}, {"top_k": 301}, {"context": 0}, {"context": 65}, {"stride": 0}, {"stride": 65}])
def test_what_is_out_of_range_is_refused_by_name(small, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        scoring.score(small, TEXT, **wrong)


def test_the_small_llama_is_the_port(small):
    assert isinstance(small, CausalLM)


# prefix memory ----------------------------------------------------------------------------------------------------


def edits(text):
    yield from (text[:i] + "Z" + text[i + 1 :] for i in range(len(text)))  # a change at every place
    yield from (text[:i] for i in range(1, len(text)))  # every beginning
    yield from (text + end for end in ("!", " the", "🐕", ""))


def test_an_edit_at_any_place_scores_as_if_read_afresh(small):
    text = "the cat sat on 🐱 mats"
    for edited in edits(text):
        memory = scoring.PrefixMemory()
        scoring.score(small, text, memory=memory)
        same(scoring.score(small, edited, memory=memory), scoring.score(small, edited))


def test_a_chain_of_edits_through_one_memory_scores_as_if_read_afresh(small):
    memory = scoring.PrefixMemory()
    for edited in edits("a dog, the cat"):
        same(scoring.score(small, edited, memory=memory), scoring.score(small, edited))


def test_an_edit_costs_its_own_end_and_not_the_sentence(small, monkeypatch):
    memory = scoring.PrefixMemory()
    text = "xyzq xyzq xyzq xyzq xyzq 1"  # the figure is a token of its own
    scoring.score(small, text, memory=memory)
    read = []
    states = type(small).states
    monkeypatch.setattr(type(small), "states", lambda self, batch, *a, **k: read.append(sum(map(len, batch))) or states(self, batch, *a, **k))
    scoring.score(small, text[:-1] + "2", memory=memory)
    scoring.score(small, text[:-6], memory=memory)
    assert read == []  # another last token is another entry of a row that is known; a beginning is known altogether
    scoring.score(small, text[:-1] + "12", memory=memory)
    scoring.score(small, text[:-1] + "345", memory=memory)
    assert read == [1, 2]


def test_a_beginning_of_a_long_text_does_not_keep_the_long_text_alive(small):
    memory = scoring.PrefixMemory()
    scoring.score(small, "xyzq xyzq xyzq", memory=memory)
    (entry,) = memory._entries.values()
    for shorter in ("xyzq", "xyzq x!"):  # pieces of it: found there, not kept once more
        same(scoring.score(small, shorter, memory=memory), scoring.score(small, shorter))
    assert [
        e for e in memory._entries.values() if e is not entry and e.past.keys[0].untyped_storage().data_ptr() == entry.past.keys[0].untyped_storage().data_ptr()
    ] == []


def test_texts_remembered_together_do_not_keep_each_other_alive(small):
    memory = scoring.PrefixMemory()
    scoring.score_many(small, ["x", "y", "the cat", "a dog sat on 🐱 mats"], memory=memory)
    assert len(memory._entries) == 4
    for entry in memory._entries.values():
        for kept in (entry.states, *entry.past.keys, *entry.past.values):
            assert kept.untyped_storage().nbytes() == kept.nbytes


def test_another_model_another_top_k_share_nothing(small, small_folder):
    from lmviz.models.causal import LlamaLM

    memory = scoring.PrefixMemory()
    other = LlamaLM(small.network, small.tokenizer, name="other", revision=small.revision, start_id=0)
    scoring.score(small, TEXT, memory=memory)
    assert memory.longest((other.name, other.revision, 10), small.encode(TEXT).ids) is None
    assert scoring.score(small, TEXT, memory=memory, top_k=3).top_ids.shape[1] == 3


def test_batched_texts_with_a_memory_have_the_numbers_of_texts_one_by_one(small):
    memory = scoring.PrefixMemory()
    scoring.score(small, "the cat sat", memory=memory)
    texts = ["the cat ate", "the cat sat on", "a dog", "the cat sat", "", "the cow"]
    for text, together in zip(texts, scoring.score_many(small, texts, memory=memory)):
        same(together, scoring.score(small, text))


def test_windowed_texts_with_a_memory_have_the_numbers_without(small):
    memory = scoring.PrefixMemory()
    for text in ("xyzq " * 30, "xyzq " * 30 + "w", "xyzq " * 20):
        for stride in (16, 4):
            same(scoring.score(small, text, context=16, stride=stride, memory=memory), scoring.score(small, text, context=16, stride=stride))


def test_the_memory_keeps_within_its_bytes_and_drops_the_oldest(small):
    one = 2 * 3 * 2 * 16 * 4  # bytes a position: keys and values, layers, groups, head_dim, float32
    memory = scoring.PrefixMemory(max_bytes=one * 25)
    for text in ("abcdefghij", "klmnopqrst", "uvwxyzABCD"):
        scoring.score(small, text, memory=memory)
    key = ("small", small.revision, 10)
    assert memory.longest(key, small.encode("abcdefghij").ids) is None
    assert memory.longest(key, small.encode("uvwxyzABCD").ids)[0] == len(small.encode("uvwxyzABCD"))
    scoring.score(small, "0123456789" * 3, memory=memory)  # larger than the memory: not kept, nothing dropped
    assert memory.longest(key, small.encode("0123456789").ids) is None and memory.longest(key, small.encode("uvw").ids)


# the whole distribution -------------------------------------------------------------------------------------------


def test_the_distribution_at_a_place_is_the_one_that_scored_the_token_there(small):
    scored = scoring.score(small, TEXT)
    for i, token in enumerate(scored.tokens):
        q = scoring.distribution(small, TEXT, i)
        assert float(q[token.id]) == pytest.approx(scored.log_probs[i], abs=1e-5)
        assert float(-(q.exp() * q).sum()) == pytest.approx(scored.entropies[i], abs=1e-5)
    assert scoring.distribution(small, TEXT, len(scored)).shape == (300,)
    for position in (-1, len(scored) + 1):
        with pytest.raises(ValueError, match="position"):
            scoring.distribution(small, TEXT, position)


def test_the_distribution_far_into_a_long_text_reads_as_much_as_a_window_holds(small, small_reference):
    text = "xyzq " * 40
    ids = small.encode(text).ids
    wanted = small_reference.log_probs(0, (*ids[100 - 63 : 100], 0))[-1]
    np.testing.assert_allclose(scoring.distribution(small, text, 100).numpy(), wanted.numpy(), rtol=0, atol=1e-4)


def test_thousands_of_tokens_in_one_window_are_those_of_plain_transformers(wide):
    model, reference = wide
    scored = scoring.score(model, "xyzq " * 1300)
    assert len(scored) > 5000
    wanted = reference.figures(0, [t.id for t in scored.tokens])
    for name in FIGURES:
        np.testing.assert_allclose(getattr(scored, name), wanted[name], rtol=0, atol=1e-3)


@pytest.mark.parametrize("V, k", [(49152, 10), (49152, 1), (4096, 8), (4096, 9), (49152, 40), (49100, 10), (300, 10)])
def test_the_best_of_a_large_vocabulary_are_those_of_topk(V, k):
    z = torch.randn(5, V, generator=torch.Generator().manual_seed(V + k))
    z[1, 7:19] = 9.0 + torch.arange(12) / 100  # many of the best in one block
    z[2, ::2] = -torch.inf
    values, ids = scoring.best(z, k)
    wanted = z.topk(k, dim=1)
    assert torch.equal(values, wanted.values) and torch.equal(ids, wanted.indices)


def test_the_best_of_a_row_of_equals_are_distinct_and_equal():
    values, ids = scoring.best(torch.zeros(2, 49152), 10)
    assert (values == 0).all() and all(len(set(row)) == 10 for row in ids.tolist())
