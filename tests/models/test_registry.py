"""The table of models and `load`: one in memory for all, the best first, the unknown refused in a sentence."""

import subprocess
import sys
import threading

import pytest

from lmviz import models
from lmviz.errors import ReaderError
from lmviz.models import registry


def row(name, load, available=True):
    return registry.ModelRow(name, name, "transformer", "", "MIT", "", "t", lambda: available, load, remedy="fetch it")


@pytest.fixture
def table(monkeypatch):
    loads = []

    def slow():
        loads.append(1)
        threading.Event().wait(0.05)
        return object()

    monkeypatch.setattr(registry, "ROWS", (row("gone", slow, available=False), row("best", slow), row("next", slow)))
    monkeypatch.setattr(models, "_loaded", {})
    return loads


def test_names_are_those_that_can_be_loaded_best_first(table):
    assert models.names() == ["best", "next"]


def test_no_name_is_the_best_there_is_and_all_callers_share_it(table):
    assert models.load() is models.load("best") and len(table) == 1 and models.is_loaded("best") and not models.is_loaded("next")


def test_many_threads_load_once(table):
    got = []
    threads = [threading.Thread(target=lambda: got.append(models.load("best"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(table) == 1 and len(set(map(id, got))) == 1


def test_an_unknown_name_is_a_sentence_that_lists_the_known(table):
    with pytest.raises(ReaderError, match="no model called “gpt-9”.*gone, best, next"):
        models.load("gpt-9")


def test_a_model_that_is_not_here_is_a_sentence_with_the_remedy(table):
    with pytest.raises(ReaderError, match="not on this machine") as caught:
        models.load("gone")
    assert caught.value.remedy == "fetch it"


def test_no_model_at_all_is_a_sentence(table, monkeypatch):
    monkeypatch.setattr(registry, "ROWS", registry.ROWS[:1])
    with pytest.raises(ReaderError, match="No model is on this machine"):
        models.load()


def test_every_row_says_what_it_is_and_under_which_licence():
    names = [r.name for r in registry.ROWS]
    assert names[0] == "smollm2-135m" and len(set(names)) == len(names)
    assert all(r.title and r.about and r.licence and r.source and r.tokenizer for r in registry.ROWS)


@pytest.mark.parametrize("name", [r.name for r in registry.ROWS if r.available()])
def test_every_model_that_is_here_keeps_the_promises_of_the_port(name):
    from lmviz.models import scoring
    from lmviz.models.port import CausalLM

    model = models.load(name)
    assert isinstance(model, CausalLM) and model.name == name and model.revision and model.dtype == "float32"
    assert model.tokenizer_name == registry.row(name).tokenizer and 0 <= model.start_id < model.vocab_size
    scored = scoring.score(model, "The cat sat, 2 cats 🐱.")
    assert "".join(t.text for t in scored.tokens) == scored.text and (scored.losses >= 0).all()
    assert b"".join(model.token_bytes(t.id) for t in scored.tokens).decode() == scored.text


def test_torch_is_imported_with_the_collector_off_and_then_on_again():
    code = "from lmviz import models\nmodels.import_torch()\nimport gc, sys\nprint('torch' in sys.modules, gc.isenabled(), gc.get_freeze_count() > 100_000)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120).stdout.split() == ["True"] * 3
