"""`python -m lmviz`: scores in words and as JSON, and bad input answered in a sentence with exit code 2."""

import io
import json
import math
import subprocess
import sys

import pytest

from lmviz import __main__ as cli
from lmviz import models
from lmviz.models import registry, scoring


class Standard:
    def __init__(self, raw):
        self.buffer = io.BytesIO(raw)


@pytest.fixture
def name():
    """The smallest model that is here."""
    return models.names()[-1]


def run(capsys, *arguments):
    code = cli.main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, sentence, *arguments):
    code, out, err = run(capsys, *arguments)
    assert code == 2 and out == "" and sentence in err and "Traceback" not in err and err.startswith("lmviz: ")


def test_score_prints_every_token_and_the_totals(capsys, name):
    code, out, err = run(capsys, "score", "The cat sat", "--model", name)
    scored = scoring.score(models.load(name), "The cat sat")
    assert code == 0 and err == "" and len(out.splitlines()) == len(scored) + 2
    assert f"{len(scored)} tokens, 11 bytes" in out and "nats" in out and "perplexity" in out


def test_json_holds_the_public_names_and_the_numbers_of_the_library(capsys, name):
    code, out, _ = run(capsys, "score", "The cat sat", "--model", name, "--json", "--top-k", "3")
    raw, scored = json.loads(out), scoring.score(models.load(name), "The cat sat", top_k=3)
    assert code == 0 and raw == json.loads(json.dumps(scored.as_dict()))
    for field in ("model", "revision", "dtype", "tokens", "log_probs", "entropies", "ranks", "top_ids", "top_log_probs", "tail_log_prob",
                  "n_bytes", "total_nats", "mean_nats", "perplexity", "bits_per_byte"):  # fmt: skip
        assert field in raw
    assert raw["total_nats"] == pytest.approx(-sum(raw["log_probs"])) and set(raw["tokens"][0]) == {"id", "text", "start", "end"}


def test_bits_are_nats_over_log_two(capsys, name):
    def mean(*more):
        out = run(capsys, "score", "The cat sat on the mat", "--model", name, *more)[1]
        return float(out.split("mean ")[1].split()[0].replace("\u2009", "").replace("\u202f", ""))

    assert mean("--bits") == pytest.approx(mean() / math.log(2), rel=0.01)


def test_the_first_token_can_be_left_out(capsys, name):
    raw = json.loads(run(capsys, "score", "The cat sat", "--model", name, "--json", "--no-first-token")[1])
    assert raw["log_probs"][0] is None and all(value is not None for value in raw["log_probs"][1:])


def test_a_file_and_standard_input_are_read_as_the_text_they_hold(capsys, monkeypatch, tmp_path, name):
    (tmp_path / "text.txt").write_text("The cat 🐱\n", encoding="utf-8")
    from_file = run(capsys, "score", str(tmp_path / "text.txt"), "--model", name, "--json")[1]
    monkeypatch.setattr(sys, "stdin", Standard("The cat 🐱\n".encode()))
    from_stdin = run(capsys, "score", "-", "--model", name, "--json")[1]
    assert from_file == from_stdin and json.loads(from_file)["text"] == "The cat 🐱\n"


@pytest.mark.parametrize("text", ["a/b/../c?", "x" * 5000, "what\nfile?"])
def test_what_is_no_file_is_text(capsys, name, text):
    assert json.loads(run(capsys, "score", text, "--model", name, "--json")[1])["text"] == text


def test_input_that_is_not_utf8_is_refused_with_its_place(capsys, monkeypatch, tmp_path, name):
    monkeypatch.setattr(sys, "stdin", Standard(b"The caf\xe9"))
    refused(capsys, "standard input is not UTF-8 text: byte 8", "score", "-", "--model", name)
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    refused(capsys, "image.png is not UTF-8 text: byte 1", "score", str(tmp_path / "image.png"), "--model", name)


def test_empty_input_is_refused(capsys, monkeypatch, name):
    monkeypatch.setattr(sys, "stdin", Standard(b""))
    refused(capsys, "The text is empty", "score", "-", "--model", name)
    refused(capsys, "The text is empty", "score", "", "--model", name)


def test_an_unknown_model_is_refused_with_the_known_ones(capsys):
    refused(capsys, "no model called “gpt-9”", "score", "x", "--model", "gpt-9")


def test_a_folder_is_refused_in_a_sentence(capsys, tmp_path, name):
    refused(capsys, "is a folder", "score", str(tmp_path), "--model", name)


def test_a_file_that_may_not_be_read_is_refused_in_a_sentence(capsys, monkeypatch, tmp_path, name):
    (tmp_path / "secret.txt").write_text("x")

    def denied(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    refused(capsys, "cannot be read", "score", str(tmp_path / "secret.txt"), "--model", name)


@pytest.mark.parametrize("top_k", ["0", "-3"])
def test_top_k_below_one_is_refused(capsys, name, top_k):
    refused(capsys, "--top-k must be at least 1", "score", "x", "--model", name, f"--top-k={top_k}")


def test_half_a_surrogate_pair_is_refused(capsys, name):
    refused(capsys, "half a character", "score", "a\ud83d", "--model", name)


def test_out_of_memory_is_a_sentence(capsys, monkeypatch, name):
    def full(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(scoring, "score", full)
    refused(capsys, "ran out of memory", "score", "x", "--model", name)


def test_models_lists_every_model_and_whether_it_is_here(capsys):
    code, out, _ = run(capsys, "models")
    assert code == 0 and [line.split()[0] for line in out.splitlines()] == [row.name for row in registry.ROWS]
    listed = json.loads(run(capsys, "models", "--json")[1])
    assert [m["name"] for m in listed if m["available"]] == models.names() and all(m["licence"] for m in listed)


def test_the_module_runs_as_a_command(name):
    done = subprocess.run([sys.executable, "-m", "lmviz", "score", "-", "--model", name, "--json"], input=b"\xff", capture_output=True, timeout=60)
    assert done.returncode == 2 and b"not UTF-8" in done.stderr and b"Traceback" not in done.stderr
