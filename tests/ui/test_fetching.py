"""Fetching SmolLM2 from inside the app: offered, begun, watched, stopped, gone on with, and chosen without a restart."""

import importlib.util
import sys
import threading
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmviz import models
from lmviz.models import fetch
from lmviz.ui import fetching, runtime

ROOT = Path(__file__).parents[2]


def neighbour(name):
    spec = importlib.util.spec_from_file_location(f"neighbour_{name}", ROOT / "tests" / "models" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


machinery = neighbour("test_fetch")
server, gguf, machine, sources = machinery.server, machinery.gguf, machinery.machine, machinery.sources


@pytest.fixture
def fetcher(machine, sources, monkeypatch):
    """The app's fetcher, its sources on the test's own server; it does not begin before `go` is set."""
    go = threading.Event()

    def work(report, stopped):
        report(fetch.Progress("fetching", "", 31_400_000, 93_000_000, 12.2, 0.3))
        while not go.wait(0.02):
            if stopped():
                raise fetch.Stopped
        return fetch.fetch(report, stopped, sources)

    made = fetch.Fetcher(work)
    made.go = go
    monkeypatch.setattr(fetching, "fetcher", lambda: made)
    monkeypatch.setattr(models, "_loaded", {name: model for name, model in models._loaded.items() if name != "smollm2-135m"})
    yield made
    made.stop(wait=30)


def first_page() -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=60).run()


def test_smollm2_is_fetched_from_the_first_page_and_chosen_without_a_restart(fetcher):
    at = first_page()
    assert any("SmolLM2 weights are not on this machine" in text.value for text in at.text)
    assert "smollm2-135m" not in models.names() and "SmolLM2" not in at.selectbox(key="model").options
    at.button(key="fetch_home_start").click().run()
    assert not at.exception and fetcher.progress.running
    assert [bar.proto.text for bar in at.get("progress")] == ["Fetching SmolLM2: 31.4 of 93.0 MB, about 12 s left"]

    at.button(key="fetch_home_stop").click().run()
    fetcher._thread.join(30)
    at.run()
    assert fetcher.progress.stage == "stopped" and not at.exception
    at.button(key="fetch_home_start").click().run()
    fetcher.go.set()
    fetcher._thread.join(60)
    at.run()
    assert not at.exception and "SmolLM2" in at.selectbox(key="model").options and at.session_state["model"] != "smollm2-135m"
    at.button(key="fetch_use").click().run()
    for thread in list(runtime._warming.values()):
        thread.join(60)
    at.run()
    assert not at.exception and at.session_state["model"] == "smollm2-135m" and models.is_loaded("smollm2-135m")
    assert not [button for button in at.button if (button.key or "").startswith("fetch_")]


def test_a_failure_says_why_and_everything_else_works(fetcher, server):
    server.codes += [404, 404]
    fetcher.go.set()
    at = first_page()
    at.button(key="fetch_home_start").click().run()
    fetcher._thread.join(60)
    at.run()
    assert not at.exception and any("could not be fetched" in text.value and "HTTP 404" in text.value for text in at.text)
    assert at.button(key="fetch_home_start").label == "Fetch SmolLM2 (94 MB)"
    at.switch_page("pages/reading/chain_rule.py").run()
    assert not at.exception


def test_where_the_host_forbids_it_nothing_is_offered(fetcher, monkeypatch):
    monkeypatch.setenv("LMVIZ_FETCH", "0")
    at = first_page()
    assert not at.exception and not fetching.is_offered()
    assert not [button for button in at.button if (button.key or "").startswith("fetch_")]


def test_a_hub_model_can_be_named_only_where_the_host_allows_it_and_is_chosen_once_it_is_there(monkeypatch, tmp_path):
    folder = neighbour("test_hub").checkpoint("gpt2", tmp_path / "small-gpt2")
    monkeypatch.setenv("LMVIZ_HUB_LOCAL", "1")
    monkeypatch.setattr(fetching, "_smollm2_is_offered", lambda: False)
    monkeypatch.setattr(models, "_failures", {})
    assert not fetching.is_offered()
    monkeypatch.setenv("LMVIZ_HUB", "1")
    at = first_page()
    at.session_state["fetch_more"] = True
    at.run()
    for name, model in (("no such name", None), (str(folder), f"hub:{folder}")):
        at.text_input(key="fetch_hub_name").set_value(name)
        at.button(key="fetch_hub_start").click().run()
        for thread in list(runtime._warming.values()):
            thread.join(60)
        at.run()
        assert not at.exception
        if model is None:
            assert any("not the name of a model on the hub" in text.value for text in at.text)
    at.run()
    assert at.session_state["model"] == f"hub:{folder}" and "small-gpt2" in at.selectbox(key="model").options
    at.switch_page("pages/reading/chain_rule.py").run()
    assert not at.exception
    models.unload(f"hub:{folder}")
