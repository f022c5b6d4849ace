"""What a public host may limit, through app.py."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz import __main__ as cli
from lmviz import models, settings
from lmviz.models import fetch, files

APP = Path(__file__).parents[2] / "app.py"


def opened(page: str | None = None, **query: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for name, text in query.items():
        at.query_params[name] = text
    at.run()
    if page:
        at.switch_page(page).run()
    assert not at.exception
    return at


def offers(at) -> list[str]:
    """What on the page is about fetching, and the sentence that SmolLM2 is missing."""
    return [b.key for b in at.button if (b.key or "").startswith("fetch_")] + [t.value for t in at.text if "SmolLM2" in t.value]


def test_only_the_models_that_the_host_names_may_be_chosen(monkeypatch):
    monkeypatch.setenv("LMVIZ_MODELS", "nano, unigram")
    assert models.names() == ["nano", "unigram"]
    at = opened(model="bigram")
    assert at.session_state["model"] == "nano" and len(at.selectbox(key="model").options) == 2
    assert any("not here (bigram)" in note.value for note in at.info)


def test_a_model_that_may_not_be_chosen_is_not_offered_for_fetching(monkeypatch):
    monkeypatch.setattr(files, "smollm2_is_converted", lambda: False)
    monkeypatch.setattr(files, "find_smollm2_gguf", lambda: None)
    assert fetch.is_offered() and offers(opened())
    monkeypatch.setenv("LMVIZ_MODELS", "nano")
    assert not fetch.is_offered() and not offers(opened())


def test_a_longer_text_than_the_host_allows_is_cut_and_the_page_says_so(monkeypatch):
    monkeypatch.setenv("LMVIZ_MAX_CHARACTERS", "12")
    monkeypatch.setenv("LMVIZ_MODELS", "nano")
    at = opened("pages/reading/heatmap.py", text="Words and more words")
    shown = [note.value for kind in (at.info, at.caption, at.markdown) for note in kind]
    assert any("first 12" in text or "12 characters" in text for text in shown), shown[:8]


@pytest.mark.parametrize(
    ("page", "button"),
    [
        ("pages/lab/training.py", "training_start"),
        ("pages/beyond/exposure.py", "exposure_live_train"),
        ("pages/beyond/contrastive.py", "contrastive_run"),
    ],
)
def test_without_training_slots_there_is_no_button_to_train(page, button, monkeypatch):
    monkeypatch.setenv("LMVIZ_MODELS", "nano")
    assert opened(page).button(key=button)
    monkeypatch.setenv("LMVIZ_TRAINING_SLOTS", "0")
    at = opened(page)
    assert button not in [other.key for other in at.button]
    assert any("switched off" in caption.value for caption in at.caption)


def test_the_command_line_prints_the_table_and_what_is_set(capsys, monkeypatch):
    monkeypatch.setenv("LMVIZ_FETCH", "0")
    assert cli.main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert settings.table() in printed and "LMVIZ_FETCH=False" in printed
