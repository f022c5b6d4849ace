"""Damaged weights of every kind: the app says which file, goes on with the next model, and tries again when it is asked to."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz import models
from lmviz.models import registry
from lmviz.ui import runtime

PAGE = "pages/reading/chain_rule.py"
APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A copy of the bundled models that may be damaged, nothing loaded, no SmolLM2, and a scoring service that remembers nothing."""
    shutil.copytree(registry.DATA, tmp_path / "models")
    monkeypatch.setattr(registry, "DATA", tmp_path / "models")
    monkeypatch.setattr(registry, "ROWS", tuple(row for row in registry.ROWS if row.name in ("nano", "bigram", "unigram")))
    monkeypatch.setattr(models, "_loaded", {})
    monkeypatch.setattr(models, "_failures", {})
    runtime.service.cache_clear()
    yield tmp_path / "models"
    runtime.service().close()
    runtime.service.cache_clear()


def settled(at: AppTest) -> AppTest:
    """The app once nothing loads any more."""
    for thread in list(runtime._warming.values()):
        thread.join(60)
    return at.run()


def opened(**query) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for name, value in query.items():
        at.query_params[name] = value
    settled(at.run())
    return settled(at.switch_page(PAGE).run())


def notes(at: AppTest) -> list[str]:
    return [text.value for text in at.text if "reads instead" in text.value]


def damage(file, how: str) -> None:
    raw = bytearray(file.read_bytes())
    if how == "cut short":
        file.write_bytes(raw[: len(raw) // 2])
    elif how == "missing":
        file.unlink()
    else:
        raw[len(raw) // 2] ^= 1
        file.write_bytes(raw)


@pytest.mark.parametrize("how", ["cut short", "damaged", "missing"])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("nano", "nano/model.safetensors"),
        ("nano", "nano/tokenizer.json"),
        ("bigram", "ngrams/counts.npz"),
        ("bigram", "tokenizer/tokenizer.json"),
        ("nano", "tokenizer/control.json"),
    ],
)
def test_each_damaged_file_is_named_with_the_remedy(data, name, file, how):
    damage(data / file, how)
    with pytest.raises(models.ReaderError, match=f"{file.split('/')[1]} .*{how}") as caught:
        registry.row(name).load()
    assert caught.value.remedy == "git checkout -- lmviz/data"


@pytest.mark.parametrize("content", ["", "{", "[]"])
@pytest.mark.parametrize("folder", ["nano", "ngrams", "tokenizer"])
def test_a_broken_list_of_files_is_a_sentence_too(data, folder, content):
    (data / folder / "manifest.json").write_text(content)
    with pytest.raises(models.ReaderError, match="list of files"):
        registry.row("bigram" if folder == "ngrams" else "nano").load()


def test_the_app_goes_on_with_the_next_model_and_says_which_failed_and_why(data):
    whole = (data / "nano" / "model.safetensors").read_bytes()
    damage(data / "nano" / "model.safetensors", "cut short")
    at = opened()
    assert not at.exception
    assert at.session_state["model"] == "bigram" and at.selectbox(key="model").value == "bigram"
    (said,) = notes(at)
    assert "nano cannot be used" in said and "model.safetensors" in said and "cut short" in said and "bigram reads instead" in said
    assert "git checkout -- lmviz/data" in [code.value for code in at.code]
    at.text_area(key="text").set_value("A new sentence").run()
    assert not at.exception and len(notes(at)) == 1 and at.text_area(key="text").value == "A new sentence"

    settled(at.button(key="fallen_again_nano").click().run())  # still damaged: it is said again
    assert at.session_state["model"] == "bigram" and len(notes(at)) == 1

    (data / "nano" / "model.safetensors").write_bytes(whole)
    settled(at.selectbox(key="model").select("nano").run())  # mended: the choice works
    assert not at.exception and at.session_state["model"] == "nano" and notes(at) == [] and models.is_loaded("nano")


def test_a_new_reader_of_a_server_with_a_damaged_model_is_told_too(data):
    damage(data / "nano" / "model.safetensors", "damaged")
    opened()
    for at in (opened(), opened(model="nano")):
        assert not at.exception and at.session_state["model"] == "bigram" and len(notes(at)) == 1
        assert not any("not here" in info.value for info in at.info)


def test_a_damaged_model_beside_the_readers_own_is_left_out_of_the_ladder(data):
    damage(data / "ngrams" / "counts.npz", "damaged")
    at = opened(text="The dog sat on the mat")
    settled(at.switch_page("pages/reading/perplexity.py").run())
    assert not at.exception and at.session_state["model"] == "nano"
    assert any("counts.npz" in text.value and "goes on without it" in text.value for text in at.text)
    assert models.names() == ["nano"]


def test_with_no_model_left_the_page_says_why_and_keeps_the_text(data):
    for file in ("control.json", "tokenizer.json"):
        damage(data / "tokenizer" / file, "damaged")
    at = opened(text="My own words")
    assert not at.exception and at.text_area(key="text").value == "My own words"
    assert any("is damaged" in text.value for text in at.text)
