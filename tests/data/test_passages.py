"""The passages are text to read and text to measure on, so their form is checked like code."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

import lmviz

FOLDER = Path(lmviz.__file__).parent / "data" / "passages"
PASSAGES = json.loads((FOLDER / "passages.json").read_text(encoding="utf-8"))
README = (FOLDER / "README.md").read_text(encoding="utf-8")
UNSPACED_LANGUAGES = {"ja", "zh"}

every_passage = pytest.mark.parametrize("passage", PASSAGES, ids=lambda passage: passage["id"])


def n_words(passage: dict[str, str]) -> int:
    return len(passage["text"].split())


def sentences(text: str) -> set[tuple[str, ...]]:
    """Sentences as tuples of lower-case words, so that spacing and punctuation cannot hide a repeat."""
    return {tuple(re.findall(r"\w+", part.lower())) for part in re.split(r"[.!?\n。؟]", text)}


def readme_counts(heading: str) -> dict[str, tuple[int, int]]:
    """name -> (passages, words), from the README table whose first column is `heading`."""
    _, _, below = README.partition(f"| {heading} |")
    table = below.split("\n\n")[0]
    rows = re.findall(r"^\| `([^`]+)` \|[^\n]*\| (\d+) \| ([\d ]+) \|$", table, flags=re.MULTILINE)
    return {name: (int(count), int(words.replace(" ", ""))) for name, count, words in rows}


def test_there_are_at_least_sixty_passages():
    assert len(PASSAGES) >= 60


def test_together_they_hold_between_8000_and_11000_words():
    assert 8_000 <= sum(map(n_words, PASSAGES)) <= 11_000


def test_plain_english_prose_dominates():
    laid_out = {"code", "list", "pattern", "poem"}
    prose = [p for p in PASSAGES if p["language"].startswith("en") and p["register"] not in laid_out]
    assert sum(map(n_words, prose)) >= 6_000


@every_passage
def test_a_passage_has_exactly_the_five_keys_and_all_are_filled(passage):
    assert set(passage) == {"id", "title", "register", "language", "text"}
    assert all(isinstance(value, str) and value.strip() for value in passage.values())


@every_passage
def test_an_id_is_kebab_case(passage):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", passage["id"])


def test_ids_and_titles_are_unique():
    for key in ("id", "title"):
        counts = Counter(passage[key] for passage in PASSAGES)
        assert [value for value, count in counts.items() if count > 1] == []


@every_passage
def test_text_is_nfc_normalised(passage):
    assert unicodedata.is_normalized("NFC", passage["title"] + passage["text"])


@every_passage
def test_no_line_ends_in_a_space_and_no_text_is_padded(passage):
    text = passage["text"]
    assert text == text.strip()
    assert [line for line in text.split("\n") if line != line.rstrip()] == []


@every_passage
def test_text_holds_no_tabs_returns_or_invisible_characters(passage):
    joiners = {"\u200d", "\ufe0f"}  # legal inside an emoji
    strange = [c for c in passage["text"] if c != "\n" and c not in joiners and unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}]
    assert strange == []


@every_passage
def test_a_text_in_a_spaced_language_has_at_least_forty_words(passage):
    if passage["language"] in UNSPACED_LANGUAGES:
        assert len(passage["text"]) >= 100
    else:
        assert n_words(passage) >= 40


def test_there_are_many_registers_and_at_least_five_languages():
    assert len({passage["register"] for passage in PASSAGES}) >= 10
    assert len({passage["language"].split("-")[0] for passage in PASSAGES}) >= 5


def test_there_is_right_to_left_text_and_text_without_spaces():
    languages = {passage["language"] for passage in PASSAGES}
    assert languages & {"ar", "he"}
    assert languages & UNSPACED_LANGUAGES


def test_no_sentence_of_eight_words_stands_in_two_passages():
    holders: dict[tuple[str, ...], list[str]] = {}
    for passage in PASSAGES:
        for sentence in sentences(passage["text"]):
            if len(sentence) >= 8:
                holders.setdefault(sentence, []).append(passage["id"])
    assert {" ".join(sentence): ids for sentence, ids in holders.items() if len(ids) > 1} == {}


@pytest.mark.parametrize(("heading", "key"), [("Register", "register"), ("Language", "language")])
def test_the_readme_counts_what_the_file_holds(heading, key):
    held: dict[str, tuple[int, int]] = {}
    for passage in PASSAGES:
        count, words = held.get(passage[key], (0, 0))
        held[passage[key]] = (count + 1, words + n_words(passage))
    assert readme_counts(heading) == held


@pytest.mark.parametrize("passage", [p for p in PASSAGES if p["id"].startswith("python-")], ids=lambda passage: passage["id"])
def test_the_python_passages_run(passage, capsys):
    exec(compile(passage["text"], passage["id"], "exec"), {})
    assert capsys.readouterr().out
