"""The table of the bundled models: what its commands measure and count is what the models say, and what they leave alone stays."""

import json
import math
import shlex

import numpy as np
import pytest

from lmviz.models import registry
from lmviz.training import cli, counts, distil, ladder, members, series
from lmviz.training.corpus import held_out, works
from lmviz.training.evaluate import bits_per_byte


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four works of a few words each."""
    place = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(1)
    for name in "abcd":
        words = rng.choice(["the", "old", "ship", "came", "home", "again", "and", "slept"], 900)
        (place / f"{name}.txt").write_text("\n".join(" ".join(words[i : i + 9]) for i in range(0, 900, 9)), encoding="utf-8")
    return place


def test_the_named_models_are_measured_and_the_others_keep_their_numbers(folder, tmp_path):
    kept = [w for w in works(folder) if w.name in held_out(works(folder))]
    (tmp_path / "measured.json").write_text(
        json.dumps({"nano": {"held_out_bits_per_byte": 9.0}, "uniform": {"held_out_bits_per_byte": 1.0, "whole_works_bits_per_byte": 1.0}})
    )
    assert ladder.main(["uniform", "unigram", "--corpus", str(folder), "--out", str(tmp_path), "--whole"]) == 0
    rows = json.loads((tmp_path / "measured.json").read_text())
    assert rows["nano"] == {"held_out_bits_per_byte": 9.0}
    uniform = registry.row("uniform").load()
    tokens, n_bytes = sum(len(uniform.encode(w.text)) for w in kept), sum(len(w.text.encode()) for w in kept)
    assert rows["uniform"]["whole_works_bits_per_byte"] == pytest.approx(tokens * math.log2(4096) / n_bytes, abs=1e-3)
    assert rows["unigram"]["held_out_bits_per_byte"] == pytest.approx(bits_per_byte(registry.row("unigram").load(), [w.text for w in kept]), abs=1e-3)
    table = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert f"| unigram | 4,096 | {rows['unigram']['held_out_bits_per_byte']:.3f} | {rows['unigram']['whole_works_bits_per_byte']:.3f} |" in table
    assert all(w.name in table for w in kept) and "| PPMd | – | – |" in table
    assert ladder.main(["uniform", "--corpus", str(folder), "--out", str(tmp_path)]) == 0  # a new measurement of the excerpts alone
    assert "whole_works_bits_per_byte" not in json.loads((tmp_path / "measured.json").read_text())["uniform"]  # may be of other weights


def test_an_unknown_model_or_folder_is_a_sentence_and_a_status(folder, tmp_path, capsys):
    assert ladder.main(["nobody", "--corpus", str(folder), "--out", str(tmp_path)]) == 1
    assert ladder.main(["uniform", "--corpus", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 1
    assert counts.main(["--corpus", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "no model called “nobody”" in said and "no folder" in said and not list(tmp_path.iterdir())


def test_counting_a_folder_writes_what_the_n_grams_read(folder, tmp_path):
    assert counts.main(["--corpus", str(folder), "--out", str(tmp_path)]) == 0
    with np.load(tmp_path / "ngrams" / "counts.npz") as found:
        stream = np.load(tmp_path / "tokens" / "train.npy")
        assert found["unigram"].sum() == len(stream)
        bundled = set(np.load(registry.DATA / "ngrams" / "counts.npz").files)
        assert set(found.files) == bundled
    card = (tmp_path / "ngrams" / "README.md").read_text(encoding="utf-8")
    assert f"in {len(stream):,} tokens" in card and (tmp_path / "ngrams" / "manifest.json").exists()


@pytest.mark.parametrize("what, command", ladder.MADE_BY)
def test_every_command_of_the_table_is_one_that_its_program_takes(what, command, monkeypatch):
    words = shlex.split(command)
    assert words[:2] == ["python", "-m"]
    if words[2:4] == ["lmviz", "train"]:
        cli.parser().parse_args(words[4:])
        return
    program = {f"lmviz.training.{module.__name__.rsplit('.', 1)[1]}": module for module in (counts, distil, ladder, members, series)}[words[2]]

    class Taken(Exception):
        pass

    real = program.argparse.ArgumentParser.parse_args

    def parse(self, argv=None):
        real(self, argv)  # exits with status 2 if an option is unknown or missing
        raise Taken

    monkeypatch.setattr(program.argparse.ArgumentParser, "parse_args", parse)
    with pytest.raises(Taken):
        program.main(words[3:])
