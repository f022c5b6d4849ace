"""The pairs and passages of chapter 18 are a measuring instrument, so their form is checked like code."""

import re
from collections import Counter

import pytest

from lmviz.data import downstream, examples

PHENOMENA, PAIRS, CLOZE = downstream.phenomena(), downstream.pairs(), downstream.cloze()
README = (downstream.FOLDER / "README.md").read_text(encoding="utf-8")
PLAIN = re.compile(r"[A-Za-z ,.?';]+")


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def test_there_are_at_least_four_hundred_pairs_and_thirty_of_each_of_twelve_phenomena():
    assert len(PAIRS) >= 400 and len(PHENOMENA) >= 12
    assert min(len(p.pairs) for p in PHENOMENA) >= 30


def test_there_are_at_least_a_hundred_passages_of_two_sentences():
    assert len(CLOZE) >= 100
    assert {len(re.findall(r"[.?] [A-Z]", passage.context)) for passage in CLOZE} == {1}


def test_the_two_sentences_of_a_pair_differ_and_no_sentence_comes_twice():
    assert all(pair.good != pair.bad for pair in PAIRS)
    counts = Counter(" ".join(words(sentence)) for pair in PAIRS for sentence in (pair.good, pair.bad))
    assert [sentence for sentence, count in counts.items() if count > 1] == []


def test_the_two_sentences_of_a_pair_are_about_as_long():
    assert all(abs(len(words(pair.good)) - len(words(pair.bad))) <= 1 for pair in PAIRS)
    assert sum(len(words(pair.good)) == len(words(pair.bad)) for pair in PAIRS) >= 0.97 * len(PAIRS)
    assert all(3 <= len(words(pair.good)) <= 14 for pair in PAIRS)


@pytest.mark.parametrize("phenomenon", PHENOMENA, ids=lambda p: p.name)
def test_sentences_are_plain_begin_with_a_capital_and_end_once(phenomenon):
    for pair in phenomenon.pairs:
        for sentence in (pair.good, pair.bad):
            assert PLAIN.fullmatch(sentence) and "  " not in sentence and sentence == sentence.strip(), sentence
            assert sentence[0].isupper() and sentence[-1] in ".?" and not re.search(r"[.?].", sentence), sentence
            assert not re.search(r" [,.?]|\bi\b", sentence), sentence


def test_word_order_pairs_hold_the_same_words():
    assert all(Counter(words(p.good)) == Counter(words(p.bad)) for p in PAIRS if p.phenomenon == "word-order")


@pytest.mark.parametrize("name", ["world", "filler-gap"])
def test_each_choice_is_as_often_right_as_wrong_where_the_card_says_so(name):
    pairs = [p for p in PAIRS if p.phenomenon == name]
    right, wrong = Counter(p.right for p in pairs), Counter(p.wrong for p in pairs)
    assert right == wrong


@pytest.mark.parametrize("name", ["agreement", "agreement-phrase", "agreement-clause"])
def test_half_of_the_subjects_are_singular(name):
    pairs = [p for p in PAIRS if p.phenomenon == name]
    singular = {"is", "was", "has", "does"}
    assert sum(p.right in singular or (p.right.endswith("s") and not p.wrong.endswith("s")) for p in pairs) == len(pairs) / 2


def test_four_different_endings_of_equally_many_words_none_of_which_the_context_holds():
    for passage in CLOZE:
        assert len(passage.endings) == len(set(passage.endings)) == 4
        assert len({len(ending.split()) for ending in passage.endings}) == 1, passage
        assert all(re.fullmatch(r"[a-z ]+", ending) for ending in passage.endings)
        assert not [e for e in passage.endings if re.search(rf"\b{e}\b", passage.context, re.IGNORECASE)], passage
        assert PLAIN.fullmatch(passage.context) and passage.context[0].isupper() and passage.context[-1].islower()


def test_contexts_come_once_and_no_right_ending_is_a_habit():
    assert len({passage.context for passage in CLOZE}) == len(CLOZE)
    assert max(Counter(passage.endings[0] for passage in CLOZE).values()) <= 2


def test_no_sentence_stands_in_the_bundled_passages_or_in_the_first_examples():
    held = " ".join(" ".join(words(text)) for text in examples.by_title().values())
    assert [pair.good for pair in PAIRS if " ".join(words(pair.good)) in held] == []


def test_the_card_counts_what_the_files_hold_and_names_the_licence():
    table = dict(re.findall(r"^\| `([a-z-]+)` \|[^\n]*\| (\d+) \|$", README, flags=re.MULTILINE))
    assert {name: int(count) for name, count in table.items()} == {p.name: len(p.pairs) for p in PHENOMENA}
    assert f"{len(PAIRS)} minimal pairs" in README and f"{len(CLOZE)} passages" in README and downstream.LICENCE in README


@pytest.mark.parametrize("line", ["No choice here.", "{a|b} and {c|d}.", "{a|b|c}.", "{ab}."])
def test_a_line_without_exactly_one_choice_is_refused(line):
    with pytest.raises(ValueError, match="right|wrong"):
        downstream.pair("x", line)
