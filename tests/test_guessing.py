"""The guessing game's numbers: Shannon's own table, games worked by hand, and the state of a game."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lmviz import guessing, guessing_play, tokens_guessed, units
from lmviz.data.guessing import passages, shannon_1951
from lmviz.guessing_play import GIVE_UP, Play

# Shannon (1951), Table I, percent; below each column, from section 6, the bounds he computed, in bits
TABLE = {
    1: ([18.2, 10.7, 8.6, 6.7, 6.5, 5.8, 5.6, 5.2, 5.0, 4.3, 3.1, 2.8, 2.4, 2.3, 2.1, 2.0, 1.6, 1.6, 1.6, 1.3, 1.2, 0.8, 0.3, 0.1, 0.1, 0.1, 0.1], 4.03, 3.19),
    2: ([29.2, 14.8, 10.0, 8.6, 7.1, 5.5, 4.5, 3.6, 3.0, 2.6, 2.2, 1.9, 1.5, 1.2, 1.0, 0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1], 3.42, 2.50),
    4: ([47, 18, 14] + [21 / 17] * 17, 2.6, 1.7),  # smoothed as he says: "the remaining group totaling 21 was divided uniformly over the rows from 4 to 20"
}
ranks_lists = st.lists(st.integers(1, 27), min_size=1, max_size=120)


@pytest.mark.parametrize("column", TABLE)
def test_the_bounds_of_shannons_table_are_those_he_printed(column):
    percent, upper, lower = TABLE[column]
    shares = np.array(percent) / sum(percent)
    assert units.to_bits(guessing.upper_bound(shares)) == pytest.approx(upper, abs=0.1)  # he had more digits than he printed, and rounded
    assert units.to_bits(guessing.lower_bound(shares)) == pytest.approx(lower, abs=0.1)


def test_shannons_printed_game_has_the_counts_that_he_gives_in_words():
    text, guesses = shannon_1951()
    assert len(text) == len(guesses) == 102
    counts = guessing.counts(guesses)
    assert counts[:5].tolist() == [79, 8, 3, 2, 2] and counts[5:].sum() == 8


def test_bounds_worked_by_hand():
    # four letters: guesses 1, 1, 2, 4; q = 1/2, 1/4, 0, 1/4
    found = guessing.bounds([1, 1, 2, 4])
    assert units.to_bits(found.upper) == pytest.approx(1.5)
    by_hand = 2 * Fraction(1, 4) * 1 + 3 * Fraction(-1, 4) * Fraction(math.log2(3)) + 4 * Fraction(1, 4) * 2
    assert units.to_bits(found.lower) == pytest.approx(float(by_hand))
    assert found.n == 4


@given(ranks_lists)
def test_the_lower_bound_never_passes_the_upper_when_better_guesses_come_more_often(ranks):
    shares = np.sort(guessing.counts(ranks) / len(ranks))[::-1]
    assert 0 <= guessing.lower_bound(shares) <= guessing.upper_bound(shares) + 1e-12


@given(st.integers(1, 27))
def test_when_all_of_n_guess_numbers_are_equally_frequent_both_bounds_are_log_n(n):
    shares = np.full(n, 1 / n)
    assert guessing.upper_bound(shares) == pytest.approx(math.log(n), abs=1e-12)
    assert guessing.lower_bound(shares) == pytest.approx(math.log(n), abs=1e-12)


@given(ranks_lists)
def test_the_upper_bound_is_scipys_entropy_of_the_guess_numbers(ranks):
    assert guessing.bounds(ranks).upper == pytest.approx(stats.entropy(guessing.counts(ranks)), abs=1e-12)


def test_an_ideal_reader_of_a_known_source_finds_its_entropy_between_the_bounds():
    rng = np.random.default_rng(0)
    p = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [1.0, 0.0, 0.0]])  # three contexts, equally frequent
    entropy = np.mean([stats.entropy(row) for row in p])
    ranks = [1 + rng.choice(3, p=p[rng.integers(3)]) for _ in range(20_000)]  # columns are in the order of guessing
    found = guessing.bounds(ranks, 3)
    assert found.lower < entropy < found.upper


def test_what_was_not_found_under_a_cap_counts_as_any_of_the_rest_above_and_as_the_next_guess_below():
    found = guessing.bounds([1, 1, 11, 4000], 100, cap=10)
    half = math.log(2) / 2 + math.log(2) / 2
    assert found.upper == pytest.approx(half + 0.5 * math.log(90))
    assert found.lower == pytest.approx(guessing.bounds([1, 1, 11, 11], 100).lower)


@pytest.mark.parametrize("ranks", [[0], [28], [1.5], []])
def test_numbers_that_no_game_can_have_are_refused(ranks):
    with pytest.raises(ValueError, match="ranks must"):
        guessing.bounds(ranks)


@pytest.mark.parametrize("shares", [[0.5, 0.4], [1.2, -0.2], [], [[1.0]]])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="shares must"):
        guessing.upper_bound(shares)


@given(st.lists(st.floats(-5, 0), min_size=2, max_size=27))
def test_ranks_of_all_symbols_are_a_permutation_even_with_ties(log_probs):
    assert sorted(guessing.rank_of(log_probs, i) for i in range(len(log_probs))) == list(range(1, len(log_probs) + 1))


def test_the_spread_of_redrawn_games_holds_the_bounds_themselves():
    ranks = shannon_1951()[1]
    low, high = guessing.spread(ranks, np.random.default_rng(1), times=200)
    found = guessing.bounds(ranks)
    assert low < found.lower < found.upper < high
    assert (low, high) == guessing.spread(ranks, np.random.default_rng(1), times=200)


def test_the_passages_are_written_in_shannons_symbols_and_differ():
    texts = [p.text for p in passages()]
    assert 6 <= len(texts) <= 10 and len(set(texts)) == len({p.id for p in passages()}) == len(texts)
    for p in passages():
        assert set(p.text) <= set(guessing.ALPHABET) and "  " not in p.text and p.text == p.text.strip()
        assert 60 <= len(p.text) <= 110 and p.id.isalnum() and p.id.islower()


# ---------------------------------------------------------------- a game


@given(st.text(guessing.ALPHABET, min_size=1, max_size=8), st.randoms())
def test_a_game_of_letters_ends_with_one_guess_number_a_letter_and_counts_every_new_miss_once(text, random):
    play, expected = Play("letters", "crow", 1), []
    for letter in text:
        order = list(guessing.ALPHABET)
        random.shuffle(order)
        for candidate in order[: order.index(letter) + 1]:
            play = guessing_play.guess(play, candidate, text)
            if candidate != letter:
                again = guessing_play.guess(play, candidate, text)  # a second time costs nothing
                assert again.wrong == play.wrong and again.turn == play.turn + 1
                play = again
        expected.append(order.index(letter) + 1)
    assert play.over(len(text)) and play.guesses == tuple(expected)
    assert guessing_play.guess(play, "a", text) == play


def test_a_token_is_found_whatever_its_spaces_and_capitals_and_shown_after_ten_misses():
    tokens = ("the", " keeper", " of")
    play = guessing_play.guess(Play("tokens", "crow", 1), " The ", tokens)
    assert play.guesses == (1,)
    for n in range(GIVE_UP):
        play = guessing_play.guess(play, f"miss{'abcdefghij'[n]}", tokens)
    assert play.guesses == (1, GIVE_UP + 1) and "keeper" in play.said
    beside = guessing_play.guess(play, "it's", tokens)
    assert beside.wrong == () and "not counted" in beside.said


class Dice:
    """A model of five tokens whose next token does not depend on anything."""

    name, revision, dtype, vocab_size, context, start_id, tokenizer_name = "dice", "1", "float32", 6, 100, 5, "dice"
    spelled = ["the", " the", "The", " cat", "!", "<s>"]
    probs = [0.1, 0.2, 0.1, 0.3, 0.25, 0.05]

    def token_bytes(self, i):
        return self.spelled[i].encode()

    def encode(self, text):
        from lmviz.models.port import Encoded

        assert text == "the cat"
        return Encoded((0, 3), (0, 3), (3, 7), text.encode())

    def states(self, batch, pasts=None, *, remember=False, tick=None):
        import torch

        return [torch.zeros(len(ids), 1) for ids in batch], [None] * len(batch)

    def logits(self, states, out=None):
        import torch

        return torch.tensor(self.probs).log().expand(len(states), -1)


def test_tokens_that_are_the_same_guess_are_put_together_and_only_letters_count():
    reading = tokens_guessed.read(Dice(), "the cat")
    assert reading.n_classes == 2 and reading.ranks == (1, 2)  # "the" has 0.4 in all, "cat" 0.3
    np.testing.assert_allclose(np.exp(-reading.nats), [0.4 / 0.7, 0.3 / 0.7], rtol=1e-6)
