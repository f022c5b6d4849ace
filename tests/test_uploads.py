import codecs
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmviz import uploads
from lmviz.errors import ReaderError


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip() and not text.startswith("\ufeff")))
def test_utf8_comes_back_as_it_was(text):
    assert uploads.text_from(text.encode(), "a.txt") == text
    assert uploads.text_from(codecs.BOM_UTF8 + text.encode(), "A.MD") == text


@pytest.mark.parametrize(("mark", "encoding"), [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")])
def test_the_utf16_that_windows_writes_is_read(mark, encoding):
    assert uploads.text_from(mark + "Grüße, 😀\r\n".encode(encoding), "note.txt") == "Grüße, 😀\n"


def test_line_ends_of_every_kind_become_one():
    assert uploads.text_from(b"a\r\nb\rc\nd", "a.md") == "a\nb\nc\nd"


@pytest.mark.parametrize(
    ("raw", "name", "says"),
    [
        (b"x" * 20_000_000, "novel.txt", "20.0 MB"),
        (b"x" * (uploads.MAX_BYTES + 1), "long.md", "1.00 MB"),
        (b"caf\xe9 au lait", "menu.txt", "byte 4 cannot be read"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "picture.txt", "is not text"),
        (b"\x00\x01\x02plain enough", "half.txt", "is not text"),
        (b"\x01\x02\x03\x04" * 50, "controls.txt", "is not text"),
        (b"", "empty.txt", "is empty"),
        (b" \n\t\n", "blank.md", "is empty"),
        (b"%PDF-1.7", "paper.pdf", "not a .txt or .md file"),
        (b"text", "no_suffix", "not a .txt or .md file"),
    ],
)
def test_what_cannot_be_read_gets_one_sentence_that_names_the_file(raw, name, says):
    with pytest.raises(ReaderError) as caught:
        uploads.text_from(raw, name)
    sentence = str(caught.value)
    assert says in sentence and name in sentence
    assert len(sentence) < 200 and sentence.endswith(".")


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_a_sentence(raw):
    try:
        text = uploads.text_from(raw, "a.txt")
    except ReaderError:
        return
    assert text.strip() and "\r" not in text and "\x00" not in text


def test_random_bytes_are_refused():
    with pytest.raises(ReaderError):
        uploads.text_from(os.urandom(5000), "noise.txt")


def test_a_file_name_cannot_smuggle_what_is_not_seen_and_no_path():
    with pytest.raises(ReaderError, match="U\\+202E") as caught:
        uploads.text_from(b"", "/home/me/\u202egpj.txt")
    assert "/home" not in str(caught.value)


def test_a_full_upload_of_plain_letters_is_accepted():
    assert len(uploads.text_from(b"a" * uploads.MAX_BYTES, "full.txt")) == uploads.MAX_BYTES
