"""Results that people hand around: what goes out comes back, and nothing else comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmviz import results
from lmviz.errors import ReaderError
from lmviz.results import Result

LENGTHS = {("letters", "crow"): 94, ("letters", "beans"): 90, ("tokens", "crow"): 25}
games = st.one_of(
    st.builds(Result, st.just("letters"), st.sampled_from(["crow", "beans"]), st.lists(st.integers(1, 27), min_size=1, max_size=90).map(tuple)),
    st.builds(Result, st.just("tokens"), st.just("crow"), st.lists(st.integers(1, 11), min_size=1, max_size=25).map(tuple)),
)


def length(form, passage):
    return LENGTHS.get((form, passage))


@given(games)
def test_a_code_gives_the_result_back_and_fits_an_address(result):
    code = results.encode(result)
    assert results.decode(code, length) == result == results.decode(f"  {code.upper()}\n", length)
    assert all(c.isascii() and (c.isalnum() or c == "-") for c in code) and len(code) < 120


@given(games, st.data())
def test_a_slip_of_one_character_is_seen(result, data):
    code = results.encode(result)
    place = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([c for c in "abc123xyz-" if c != code[place]]))
    with pytest.raises(ReaderError):
        results.decode(code[:place] + other + code[place + 1 :], length)


@given(st.lists(games, max_size=6))
def test_codes_are_found_in_lines_in_links_and_joined_by_dots(found):
    codes = [results.encode(r) for r in found]
    assert results.find_codes("\n".join(codes), length) == found
    assert results.find_codes(f"http://example.org/guessing_game?unit=nats#results={'.'.join(codes)}", length) == found
    assert results.find_codes(" ".join(f"http://localhost:1/x#results={c}" for c in codes), length) == found


@given(st.lists(games, min_size=1, max_size=5))
def test_a_csv_gives_all_results_back(found):
    assert results.from_csv(results.to_csv(found).encode(), length) == found


@given(st.text(max_size=80))
def test_any_other_text_gets_a_sentence(text):
    try:
        found = results.find_codes(text, length)
    except ReaderError as trouble:
        assert str(trouble).endswith(".") and "<" not in str(trouble)
    else:
        assert found == []


@given(st.binary(max_size=200))
def test_any_other_file_gets_a_sentence(raw):
    with pytest.raises(ReaderError):
        results.from_csv(raw, length)


HEAD = ",".join(results.HEADER)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("1,letters,crow,1,28", "no game can have"),
        ("1,letters,crow,1,0", "no game can have"),
        ("1,tokens,crow,1,12", "no game can have"),
        ("1,letters,moon,1,1", "no passage"),
        ("1,words,crow,1,1", "no passage"),
        ("1,letters,crow,2,1", "position 1 was expected"),
        ("1,letters,crow,1", "not a row"),
        ("1,letters,crow,1,-3", "not a row"),
        ("1,letters,crow,1,=2+2", "not a row"),
        ("\n".join(f"1,tokens,crow,{i},1" for i in range(1, 27)), "no game can have"),
    ],
)
def test_rows_that_no_game_can_have_are_named(rows, says):
    with pytest.raises(ReaderError, match=says):
        results.from_csv(f"{HEAD}\n{rows}\n".encode(), length)


def test_too_many_codes_are_refused_before_they_are_read():
    with pytest.raises(ReaderError, match="up to 300"):
        results.find_codes("x " * 301, length)


def test_what_was_typed_is_never_repeated_with_markup():
    with pytest.raises(ReaderError) as trouble:
        results.decode("<img src=x>-a-b-c", length)
    assert "<" not in str(trouble.value)
