"""The bundled tokenizer: lossless on any text, and deaf to the names of control tokens."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmviz.models.ngram import DATA
from lmviz.models.tokenizer import ByteBPE
from lmviz.training.tokenizer import CONTROL, learn

BUNDLED = ByteBPE.from_file(DATA / "tokenizer" / "tokenizer.json", "lmviz", CONTROL)
readable = st.text(st.characters(exclude_categories=["Cs"]))


@given(readable)
def test_any_text_comes_back_byte_for_byte(text):
    assert BUNDLED.decode(BUNDLED.encode(text).ids) == text.encode()


@given(st.lists(st.sampled_from([*CONTROL, "<|", "|>", "start", " ", "x"])).map("".join))
def test_typed_text_never_becomes_a_control_token(text):
    assert not set(BUNDLED.encode(text).ids) & set(CONTROL.values())


@given(readable)
def test_spans_lie_end_to_end(text):
    encoded = BUNDLED.encode(text)
    assert list(encoded.starts) == [0, *encoded.ends[:-1]][: len(encoded)]
    assert (encoded.ends[-1] if encoded.ids else 0) == len(text.encode())


def test_all_256_bytes_are_tokens():
    assert {BUNDLED.token_bytes(i) for i in range(BUNDLED.vocab_size)} >= {bytes([b]) for b in range(256)}


def test_the_bundled_tokenizer_has_4096_entries_and_the_control_ids_on_file():
    assert BUNDLED.vocab_size == 4096
    assert json.loads((DATA / "tokenizer" / "control.json").read_text()) == CONTROL


def test_no_token_is_matched_outside_the_merges():
    assert json.loads(Path(DATA / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"] == []


def test_a_vocabulary_too_small_for_the_bytes_is_refused():
    with pytest.raises(ValueError, match="at least 259"):
        learn(["abc"], 200)
