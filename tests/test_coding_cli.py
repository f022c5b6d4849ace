"""`python -m lmviz compress` and `decompress`: files in, files out, also from one process to another."""

import subprocess
import sys

import pytest

from lmviz import __main__ as cli
from lmviz import coding, models
from lmviz.data import examples

TEXT = "\ufeffOne\r\ntwo 🐱\n\x00" + examples.OPENING


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "note.txt"
    path.write_bytes(TEXT.encode())
    return path


def run(capsys, *arguments):
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, sentence, *arguments):
    code, out, err = run(capsys, *arguments)
    assert code == 2 and out == "" and sentence in err and "Traceback" not in err


def test_a_file_written_by_one_process_is_read_by_another_byte_for_byte(capsys, file, tmp_path):
    done = subprocess.run([sys.executable, "-m", "lmviz", "compress", str(file), "--model", "nano"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "note.txt → note.txt.lmv" in done.stderr and "100%" in done.stderr
    assert (tmp_path / "note.txt.lmv").read_bytes() == coding.encode(models.load("nano"), TEXT)
    file.unlink()
    code, out, _ = run(capsys, "decompress", tmp_path / "note.txt.lmv")
    assert code == 0 and file.read_bytes() == TEXT.encode() and f"{len(TEXT.encode())} bytes" in out


def test_compress_says_what_it_wrote_beside_the_others_and_can_check_it(capsys, file, tmp_path):
    code, out, err = run(capsys, "compress", file, "--model", "trigram", "--check", "-o", tmp_path / "small")
    blob = (tmp_path / "small").read_bytes()
    assert code == 0 and f"→ {len(blob)} bytes with trigram" in out and "gzip" in out and "The model itself is in none" in out and "reading it back" in err


def test_an_empty_file_makes_the_round_trip(capsys, tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    assert run(capsys, "compress", tmp_path / "empty.txt", "--model", "uniform")[0] == 0
    assert run(capsys, "decompress", tmp_path / "empty.txt.lmv", "-o", tmp_path / "again")[0] == 0
    assert (tmp_path / "again").read_bytes() == b""


def test_nothing_is_overwritten_unless_asked(capsys, file, tmp_path):
    (tmp_path / "note.txt.lmv").write_bytes(b"precious")
    refused(capsys, "is there already", "compress", file, "--model", "uniform")
    assert (tmp_path / "note.txt.lmv").read_bytes() == b"precious"
    assert run(capsys, "compress", file, "--model", "uniform", "--force")[0] == 0
    refused(capsys, "is there already", "decompress", tmp_path / "note.txt.lmv")


def test_what_cannot_be_coded_or_decoded_is_refused_in_a_sentence(capsys, file, tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    refused(capsys, "is not UTF-8 text: byte 4", "compress", tmp_path / "latin.txt", "--model", "uniform")
    refused(capsys, "cannot be read", "compress", tmp_path / "absent.txt")
    refused(capsys, "no model called", "compress", file, "--model", "gpt-9")
    refused(capsys, "There is no folder", "compress", file, "-o", tmp_path / "no" / "where")
    refused(capsys, "does not end in .lmv", "decompress", file)
    refused(capsys, "begins with other bytes", "decompress", file, "-o", tmp_path / "x")
    assert run(capsys, "compress", file, "--model", "uniform")[0] == 0
    whole = (tmp_path / "note.txt.lmv").read_bytes()
    (tmp_path / "cut.lmv").write_bytes(whole[:-3])
    refused(capsys, "damaged or cut off", "decompress", tmp_path / "cut.lmv")
    assert not (tmp_path / "cut").exists()
