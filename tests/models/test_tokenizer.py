"""Byte-level BPE: ids against an independent merge loop over the GGUF's own table, offsets, control names, unwritable bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz.errors import ReaderError
from lmviz.models import files
from lmviz.models.scored import token_texts
from lmviz.models.tokenizer import ByteBPE, byte_alphabet

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module")
def smol():
    return ByteBPE.from_file(files.prepare_smollm2() / "tokenizer.json", "smollm2", files.SMOLLM2_CONTROL)


@pytest.fixture(scope="module")
def gguf_tables():
    import gguf

    fields = gguf.GGUFReader(files.find_smollm2_gguf()).fields
    merges = fields["tokenizer.ggml.merges"].contents()
    return fields["tokenizer.ggml.tokens"].contents(), {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)}


def merge_by_hand(text, tokens, ranks):
    """Sennrich et al.'s loop, as slowly as it can be written: digits alone, GPT-2's split, then the best-ranked pair until none is left."""
    import regex

    stand_in = {byte: character for character, byte in byte_alphabet().items()}
    number = {token: i for i, token in enumerate(tokens)}
    ids = []
    for run in regex.findall(r"\p{N}|\P{N}+", text):
        for piece in regex.findall(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", run):
            parts = [stand_in[byte] for byte in piece.encode()]
            while len(parts) > 1:
                rank, i = min((ranks.get((a, b), 10**9), i) for i, (a, b) in enumerate(zip(parts, parts[1:])))
                if rank == 10**9:
                    break
                parts[i : i + 2] = [parts[i] + parts[i + 1]]
            ids += [number[part] for part in parts]
    return ids


@pytest.mark.smollm2
@pytest.mark.parametrize(
    "text", ["The cat sat on the mat.", "In 1984 it's 3.14  15\n\n  we'll\tsee ", "Ünïcode שלום 中文 ½ ² 👨‍👩‍👧‍👦", "a  1 b   c\r\n", "<|endoftext|>x"]
)
def test_smollm2_ids_are_those_of_a_merge_loop_over_the_files_own_table(smol, gguf_tables, text):
    assert list(smol.encode(text).ids) == merge_by_hand(text, *gguf_tables)


@pytest.mark.smollm2
@settings(max_examples=60, deadline=None)
@given(any_text)
def test_smollm2_ids_of_any_text_are_those_of_a_merge_loop(smol, gguf_tables, text):
    encoded = smol.encode(text)
    if not encoded.unreadable:
        assert list(encoded.ids) == merge_by_hand(text, *gguf_tables)


@pytest.mark.smollm2
@settings(max_examples=150, deadline=None)
@given(any_text)
def test_byte_offsets_cover_any_text_exactly(smol, text):
    covers(smol, text)


def covers(tokenizer, text):
    e = tokenizer.encode(text)
    assert e.text_bytes == text.encode()
    assert list(e.starts) == [0, *e.ends[:-1]][: len(e)] and (e.ends[-1] if len(e) else 0) == len(e.text_bytes)
    assert all(start <= end for start, end in zip(e.starts, e.ends))
    assert "".join(token_texts(e.text_bytes, e.starts, e.ends)) == text
    if not e.unreadable:
        assert [tokenizer.token_bytes(i) for i in e.ids] == [e.text_bytes[a:b] for a, b in zip(e.starts, e.ends)]
        assert tokenizer.decode(e.ids) == e.text_bytes
    assert not set(e.ids) & set(tokenizer.control.values())


@pytest.mark.parametrize("text", ["", "a", "👨‍👩‍👧‍👦", "\x00\x01\x7f", "<|start|> <|mask|>", "שלום\u202e"])
def test_the_small_tokenizer_covers_a_text_exactly(small, text):
    covers(small.tokenizer, text)


@pytest.mark.smollm2
@pytest.mark.parametrize("name", files.SMOLLM2_CONTROL)
def test_a_control_name_typed_by_a_reader_is_ordinary_text(smol, name):
    e = smol.encode(f"a{name}b")
    assert not set(e.ids) & set(files.SMOLLM2_CONTROL.values()) and smol.decode(e.ids) == f"a{name}b".encode()
    assert smol.token_bytes(files.SMOLLM2_CONTROL[name]) == name.encode()


@pytest.mark.smollm2
def test_the_six_bytes_that_smollm2_lacks_are_read_as_the_replacement_character_and_named(smol):
    lacking = [chr(b) for b in range(128) if smol.encode(chr(b)).unreadable]
    assert [ord(c) for c in lacking] == [4, 6, 19, 20, 22, 29]
    e = smol.encode("a\x04b\x04\x1d")
    assert e.unreadable == ("\x04", "\x1d") and e.text_bytes == b"a\x04b\x04\x1d"
    assert smol.decode(e.ids) == "a\ufffdb\ufffd\ufffd".encode()
    assert "".join(token_texts(e.text_bytes, e.starts, e.ends)) == "a\x04b\x04\x1d"


@pytest.mark.smollm2
def test_an_emoji_of_several_tokens_stays_one_readable_text(smol):
    e = smol.encode("hi 🦩!")
    texts = token_texts(e.text_bytes, e.starts, e.ends)
    assert len(e) > len(texts) - texts.count("") and "🦩" in "".join(texts) and any("🦩" in t for t in texts)
    assert all("\ufffd" not in t for t in texts)


def test_half_a_surrogate_pair_is_refused_in_a_sentence(small):
    with pytest.raises(ReaderError, match="Character 3 of the text is half a character"):
        small.encode("ab\ud83d")
