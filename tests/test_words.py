import hypothesis.strategies as strategies
import pytest
from hypothesis import given

from lmviz import words

texts = strategies.lists(strategies.text(alphabet="ab .\n\t", max_size=4))


def test_a_word_runs_to_the_next_token_that_starts_with_whitespace():
    assert words.word_groups(["The", " un", "believ", "able", " cat", "."]) == [0, 1, 4]


def test_a_new_line_ends_a_word():
    assert words.word_groups(["cat", "\n", "The", " cat"]) == [0, 1, 2, 3]
    assert words.word_groups(["cat.\n", "The"]) == [0, 1]


def test_the_later_pieces_of_one_character_stay_with_it():
    assert words.word_groups([" 😀", "", "", "a", " b"]) == [0, 4]
    assert words.word_groups(["a ", "", "b"]) == [0, 2]


def test_no_tokens_make_no_words():
    assert words.word_groups([]) == []
    assert words.word_sums([], []) == []


@given(texts)
def test_there_is_no_whitespace_where_two_tokens_of_a_word_meet(tokens):
    starts = words.word_groups(tokens)
    assert starts[:1] == [0][: len(tokens)]
    for begin, end in zip(starts, [*starts, len(tokens)][1:], strict=True):
        assert not any(token[0].isspace() for token in tokens[begin + 1 : end] if token)
        assert not any(token[-1].isspace() for token in [t for t in tokens[begin:end] if t][:-1])


@given(texts)
def test_the_words_of_a_text_cost_together_what_its_tokens_cost(tokens):
    losses = [0.5 + len(token) for token in tokens]
    assert sum(words.word_sums(losses, words.word_groups(tokens))) == pytest.approx(sum(losses))
