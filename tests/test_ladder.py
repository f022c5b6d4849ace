"""One text under several models: what compares, and what does not."""

import math

import numpy as np
import pytest

from lmviz import ladder
from lmviz.models.scored import ScoredText, Token


def scored(losses, name="m", text="abcd", vocab_size=7):
    T = len(losses)
    tokens = tuple(Token(0, text[i : i + 1], i, i + 1) for i in range(T - 1)) + (Token(0, text[T - 1 :], T - 1, len(text.encode())),)
    columns = {key: np.zeros(T) for key in ("entropies", "ranks", "tail_log_prob")}
    return ScoredText(name, "r", "float32", text, tokens, -np.array(losses, dtype=float), **columns, top_ids=np.zeros((T, 1)), top_log_probs=np.zeros((T, 1)),
                      top_texts=(("",),) * T, vocab_size=vocab_size)  # fmt: skip


def test_a_uniform_rung_has_the_perplexity_of_its_vocabulary():
    assert ladder.uniform(11, 30, 49_152).perplexity == pytest.approx(49_152)


def test_spelling_in_bytes_costs_eight_bits_a_byte_whatever_the_text():
    assert ladder.uniform(5, 5, 256).bits_per_byte == pytest.approx(8)


def test_a_lower_perplexity_can_be_a_higher_cost_of_the_same_text():
    spelled, cut = ladder.uniform(22, 22, 256), ladder.uniform(6, 22, 49_152)
    assert spelled.perplexity < cut.perplexity and spelled.bits_per_byte > cut.bits_per_byte


def test_the_rung_of_a_scored_text_shares_its_total_among_tokens_and_bytes():
    r = ladder.rung(scored([1.0, 2.0, 6.0]), "t")
    assert (r.total_nats, r.n_tokens, r.n_bytes) == (9.0, 3, 4)
    assert r.perplexity == pytest.approx(math.exp(3.0))
    assert r.bits_per_byte == pytest.approx(9 / (4 * math.log(2)))


def test_tokens_that_are_not_scored_count_nowhere():
    r = ladder.rung(scored([math.nan, 2.0, 6.0]), "t")
    assert (r.total_nats, r.n_tokens, r.n_bytes) == (8.0, 2, 3)


def test_a_rung_of_nothing_is_refused():
    with pytest.raises(ValueError, match="scored"):
        ladder.rung(scored([math.nan]), "t")


def test_the_ladder_goes_from_the_dearest_to_the_cheapest():
    rungs = [ladder.rung(scored([c] * 3, name=str(c)), "t") for c in (2.0, 5.0, 1.0)]
    assert [r.model for r in ladder.ladder(rungs)] == ["5.0", "2.0", "1.0"]


def test_rungs_of_different_texts_do_not_make_a_ladder():
    with pytest.raises(ValueError, match="one text"):
        ladder.ladder([ladder.uniform(1, 4, 9), ladder.uniform(1, 5, 9)])


@pytest.mark.parametrize("bad", [(0, 4, 9), (1, 4, 0)])
def test_a_uniform_rung_needs_tokens_and_a_vocabulary(bad):
    with pytest.raises(ValueError, match="vocab_size and n_tokens"):
        ladder.uniform(*bad)


def test_only_equal_chances_are_called_uniform():
    assert ladder.uniform(6, 22, 49_152).is_uniform
    assert not ladder.rung(scored([1.0, 2.0, 6.0]), "t").is_uniform
