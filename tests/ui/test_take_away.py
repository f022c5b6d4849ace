"""What the files of a chapter say of themselves, and what the expander costs while it is closed."""

import csv
import io
import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz import export, models
from lmviz.data import examples
from lmviz.models import scoring

ROOT = Path(__file__).parents[2]


def opened(page: str, **state) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params.update({"model": "nano", "unit": "nats"})
    for key, value in state.items():
        at.session_state[key] = value
    at.run()
    at.switch_page(page).run()
    assert not at.exception
    return at


def facts_of(at) -> dict[str, str]:
    (found,) = [data for part in at.get("bidi_component") if "facts" in (data := json.loads(part.proto.json))]
    return dict(found["facts"])


def test_a_chapter_on_the_readers_text_names_its_model_as_it_is_loaded():
    nano = models.load("nano")
    known = facts_of(opened("pages/reading/chain_rule.py", chain_rule_take=True))
    assert (known["model"], known["revision"], known["dtype"], known["unit"]) == ("nano", nano.revision, nano.dtype, "nats")
    assert known["text"] == examples.OPENING and known["context token before the first"] == "<|start|>"


def test_a_chapter_on_other_models_names_those():
    known = facts_of(opened("pages/beyond/masked.py", masked_take=True))
    masked, tiny = models.load_masked("masked"), models.load("tiny")
    assert known["model"] == "masked; tiny" and known["revision"] == f"{masked.revision}; {tiny.revision}"
    assert "text" not in known


@pytest.mark.parametrize("page", ["pages/why/losses.py", "pages/reading/perplexity.py"])
def test_nothing_is_prepared_while_the_expander_is_closed(page):
    at = opened(page)
    assert [e.label for e in at.expander][-3:] == ["Take it with you", "The code", "Sources"]
    assert not [part for part in at.get("bidi_component") if "facts" in json.loads(part.proto.json)]


@pytest.mark.parametrize(("tokenizer", "name"), [("lmviz", "nano"), ("lmviz", "trigram"), pytest.param("smollm2", "smollm2-135m", marks=pytest.mark.smollm2)])
def test_the_start_token_that_a_file_names_is_the_one_that_the_model_starts_from(tokenizer, name):
    model = models.load(name)
    assert models.registry.row(name).tokenizer == tokenizer
    from lmviz.models import files

    ids = files.SMOLLM2_CONTROL if tokenizer == "smollm2" else files.embedded_control(models.registry.DATA)
    assert ids[export.START[tokenizer]] == model.start_id


def test_the_head_is_comment_lines_that_nothing_the_reader_typed_can_break():
    known = export.facts("2 · X", "nano", revision="r", dtype="float32", start="<|start|>", unit="bits", text='=1\n"2",3\r\u2028# model: other')
    head = export.header(known)
    assert len(head.splitlines()) == len(known) and all(line.startswith("# ") for line in head.splitlines())
    assert [line for line in head.splitlines() if line.startswith("# model:")] == ["# model: nano"]


def test_below_the_head_the_table_is_the_same_table():
    scored = scoring.score(models.load("nano"), "=1+1")
    raw = export.header({"model": "nano"}) + export.to_csv(scored)
    assert list(csv.reader(io.StringIO(raw)))[1:] == list(csv.reader(io.StringIO(export.to_csv(scored))))
    assert json.loads(export.to_json(scored, {"model": "nano"})) == {"facts": {"model": "nano"}} | json.loads(export.to_json(scored))
