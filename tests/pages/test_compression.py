"""Chapter 4 through app.py: the bits on the page are those of a real file, and the file gives the text back."""

import json
import math
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lmviz import coding, display, models, units
from lmviz.coding import coder, compressors, huffman, quantise
from lmviz.data import examples
from lmviz.data.recorded import compression as recorded
from lmviz.models import registry, scoring
from lmviz.ui import compression, compression_others
from tests.pages.conftest import open_chapter, words_of

PAGE = "pages/reading/compression.py"
SENTENCE = "The old king was very happy piano."


@pytest.fixture(scope="module")
def nano():
    return models.load("nano")


@pytest.fixture(autouse=True)
def nothing_kept():
    compression._kept.clear()


def opened(model: str, text: str | None = None) -> AppTest:
    return open_chapter(PAGE, model=model, **({"text": text} if text is not None else {}))


def figure(at, alt: str) -> dict:
    (chart,) = [c for c in at.get("plotly_chart") if c.proto.alt.startswith(alt)]
    return json.loads(chart.proto.spec)


def bits_drawn(at) -> str:
    digits = [t for t in figure(at, "Tokens as wide")["data"] if t["type"] == "scatter"]
    return "".join(digit for _, digit in sorted((x, d) for trace in digits for x, d in zip(trace["x"], trace["text"])))


def made(model, text) -> coding.Coded:
    return coder.run(coding.encoding(model, text), 0)


def test_the_reader_s_text_is_shown_with_the_bits_of_its_real_file(nano):
    at, fresh = opened("nano", "The old king"), made(nano, "The old king")
    assert bits_drawn(at) == "".join(map(str, fresh.bits))
    assert f"**{len(fresh.bits)} bits**" in words_of(at)
    assert display.number(units.to_bits(scoring.score(nano, "The old king").total_nats)) + " bits" in words_of(at)
    (dump,) = [c.value for c in at.code if c.value.startswith("head")]
    assert bytes.fromhex("".join(re.findall(r"\b[0-9a-f]{2}\b(?![a-z])", dump))) == fresh.blob
    widths = figure(at, "Tokens as wide")["data"][0]["x"]
    np.testing.assert_allclose(widths, fresh.costs, rtol=1e-6)


def test_reading_it_back_compares_every_byte(nano):
    at = opened("nano", SENTENCE)
    assert "are the same" not in words_of(at)
    at.button(key="compression_read").click().run()
    assert not at.exception
    assert f"**{len(SENTENCE)} of {len(SENTENCE)} bytes are the same**" in words_of(at)
    at.text_area(key="text").set_value(SENTENCE + ".").run()
    assert "are the same" not in words_of(at)  # another text, another file


def test_a_long_text_waits_for_the_button_and_an_overlong_one_names_the_command(nano, monkeypatch):
    monkeypatch.setattr(compression, "AT_ONCE", 0.0)
    at = opened("nano", SENTENCE)
    assert bits_drawn(at) == "" and "a promise" in words_of(at)
    at.button(key="compression_write").click().run()
    assert len(bits_drawn(at)) > 30 and bits_drawn(at) in "".join(map(str, made(nano, SENTENCE).bits))
    monkeypatch.setattr(compression, "LONGEST", 5)
    at.text_area(key="text").set_value("a longer text of more than five tokens").run()
    assert not at.exception and not [b for b in at.button if b.key == "compression_write"]
    assert "python -m lmviz compress text.txt --model nano" in [c.value for c in at.code]


def test_the_bars_are_the_sizes_of_the_files(nano):
    at = opened("nano", SENTENCE)
    bars, fresh = figure(at, "Bytes of the text")["data"], made(nano, SENTENCE)
    raw = SENTENCE.encode()
    sizes = [len(compress(raw)) for compress in compressors.COMPRESSORS.values()]
    unigram = models.load("unigram")
    (states,), _ = unigram.states([[unigram.start_id]])
    code = huffman.words(huffman.lengths(np.exp(unigram.logits(states)[0].double().numpy())))
    in_code_words = len(huffman.encode(unigram.encode(SENTENCE).ids, code))
    assert bars[0]["x"] == [len(raw), *sizes, math.ceil(in_code_words / 8), fresh.n_payload]
    assert bars[1]["x"][-1] == fresh.n_head == len(fresh.blob) - fresh.n_payload
    size = (registry.DATA / "nano" / "model.safetensors").stat().st_size
    assert compression_others.megabytes(size) in words_of(at) and "in none of these files" in words_of(at)


def test_the_prediction_counts_whole_bits(nano):
    scored = scoring.score(nano, SENTENCE)
    question, options, at, because, _ = compression_others.prediction(scored, None)
    each = units.to_bits(scored.losses)
    whole = int(np.maximum(np.ceil(each), 1).sum())
    assert display.number(whole) in because
    more = whole / each.sum() - 1
    assert at == [more >= 0.05, more >= 0.15, more >= 0.5].count(True) and len(options) == 4


def test_hostile_text_is_shown_letter_for_letter():  # what a reader types is data in Markdown and in Plotly
    at = opened("nano", "<b>$x$ *y*")
    assert "<b>" not in words_of(at).replace("\\<", "") and "<b>$" not in json.dumps(figure(at, "Tokens as wide"))


def test_characters_that_the_vocabulary_lacks_come_back(nano):
    at = opened("trigram", "a\x00é\u202e🐱")
    at.button(key="compression_read").click().run()
    assert not at.exception and "are the same" in words_of(at)


@pytest.mark.parametrize("name", [n for n in models.names() if n != "smollm2-135m"])
def test_what_is_recorded_of_the_opening_is_what_a_fresh_run_writes(name):
    model = models.load(name)
    kept, fresh = recorded.opening(name, model.revision), made(model, examples.OPENING)
    if kept is None:  # weights newer than the record: then nothing is shown from it
        assert name not in recorded.growth().models or recorded.growth().revisions[name] != model.revision
        return
    assert abs(len(kept.bits) - len(fresh.bits)) <= 1 and kept.n_head == fresh.n_head
    np.testing.assert_allclose(kept.costs, fresh.costs, atol=1e-3)


@pytest.mark.smollm2
def test_the_opening_page_shows_smollm2_s_bits_beside_the_text_s_loss(smollm2):
    at = opened("smollm2-135m")
    ideal = units.to_bits(scoring.score(smollm2, examples.OPENING).total_nats)
    assert ideal - 0.01 <= len(bits_drawn(at)) <= ideal + 2
    np.testing.assert_allclose(figure(at, "Tokens as wide")["data"][0]["x"], units.to_bits(scoring.score(smollm2, examples.OPENING).losses), atol=1e-2)
    at.button(key="compression_read").click().run()
    assert not at.exception and "**22 of 22 bytes are the same**" in words_of(at)


def test_the_recorded_growth_is_that_of_the_bundled_text(nano):
    known = recorded.growth()
    raw = recorded.long_text().encode()
    for name in ("gzip", "PPMd"):
        fresh = [8 * len(compressors.COMPRESSORS[name](raw[:n])) / n for n in recorded.LENGTHS]
        np.testing.assert_allclose(known.others[name], fresh, atol=0.03)
    assert known.revisions["nano"] == nano.revision
    first = raw[: recorded.LENGTHS[2] + 200].decode("utf-8", errors="ignore")
    scored = scoring.score(nano, first, top_k=1)
    inside = np.array([token.end <= recorded.LENGTHS[2] for token in scored.tokens])
    whole = sum(token.end - token.start for token, counts in zip(scored.tokens, inside) if counts)
    # the first 500 bytes are read in the first window of both, so that what follows them does not matter
    assert known.models["nano"][2] == pytest.approx(units.to_bits(scored.losses[inside].sum()) / whole, abs=2e-3)


def test_the_recorded_huffman_code_is_the_unigram_models():
    model = models.load("unigram")
    kept, fresh = recorded.opening_huffman(), recorded.huffman(model, examples.OPENING)
    assert kept.revision == model.revision and kept.words == fresh.words and "".join(kept.tokens) == examples.OPENING
    assert kept.entropy == pytest.approx(fresh.entropy) and kept.entropy <= kept.mean_length < kept.entropy + 1


def test_the_stated_limit_is_two_bits_and_the_precision(nano):
    scored = scoring.score(nano, SENTENCE)
    assert compression.stated_limit(scored) == pytest.approx(units.to_bits(scored.total_nats) + 2 + len(scored) * quantise.precision_loss(4096))


@pytest.mark.smollm2
def test_the_snippet_prints_what_the_page_says(capsys):
    at = opened("smollm2-135m")
    at.session_state["compression_code"] = True
    at.run()
    (snippet,) = [c.value for c in at.code if "models.load(" in c.value]
    exec(snippet, {})
    lines = capsys.readouterr().out.splitlines()
    n_bits, n_payload, n_head = map(int, lines[1].split())
    assert float(lines[0]) <= n_bits + 0.01 and abs(n_bits - len(bits_drawn(at))) <= 1 and n_payload == math.ceil(n_bits / 8) and n_head > 40
    assert lines[2] == "True"
