"""“Take it with you” in a real browser: the files hold the figure that stands on the page, and say what it is."""

import csv
import io
import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from lmviz import models, units
from lmviz.models import scoring

APP = "app.py"
TEXT = "=1+1 is two"  # its first token must not become a formula
SPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def files(browser, serve):
    """The files of chapter 10 by kind, saved once."""
    from urllib.parse import quote

    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{serve(APP)}/losses?model=nano&unit=nats&text={quote(TEXT)}")
    page.get_by_text("Take it with you").click(timeout=60_000)
    page.wait_for_function("() => [...document.querySelectorAll('*')].some(e => e.shadowRoot?.querySelector('.pick select option')?.textContent.includes('Loss and pull'))", timeout=60_000)  # fmt: skip
    found = {"page": page}
    for button in ("Picture, SVG", "Picture, PNG", "Numbers, CSV", "Numbers, JSON", "Tokens, CSV", "Tokens, JSON"):
        with page.expect_download(timeout=60_000) as arriving:
            page.get_by_role("button", name=button).click()
        found[button] = open(arriving.value.path(), "rb").read()
    yield found
    context.close()


def table(raw: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    lines = raw.decode("utf-8").splitlines(keepends=True)
    n = sum(line.startswith("# ") for line in lines)
    head = dict(line[2:].rstrip("\n").split(": ", 1) for line in lines[:n])
    return head, list(csv.DictReader(io.StringIO("".join(lines[n:]))))


def test_every_file_says_which_model_revision_dtype_start_token_and_unit_it_is_of(files):
    nano = models.load("nano")
    said = {"model": "nano", "revision": nano.revision, "dtype": nano.dtype, "context token before the first": "<|start|>", "unit": "nats", "text": TEXT}
    heads = [table(files[kind])[0] for kind in ("Numbers, CSV", "Tokens, CSV")] + [
        json.loads(files[kind])["facts"] for kind in ("Numbers, JSON", "Tokens, JSON")
    ]
    assert all(said.items() <= head.items() for head in heads)
    words = " ".join(" ".join(element.itertext()) for element in ElementTree.fromstring(files["Picture, SVG"]).findall(f"{SPACE}text"))
    assert all(value in words for value in said.values())


def test_the_numbers_of_the_figure_are_the_curve_that_is_drawn(files):
    _, rows = table(files["Numbers, CSV"])
    drawn = [row for row in rows if row["series"] == "cross-entropy" and "loss" in row["y_axis"].lower() and "nats" in row["y_axis"]]
    assert len(drawn) > 20 and {row["x_axis"] for row in drawn} == {"probability of the true token, p"}
    p, loss = (np.array([float(row[axis]) for row in drawn]) for axis in "xy")
    np.testing.assert_allclose(loss, -np.log(p), rtol=1e-4, atol=1e-6)
    assert len(json.loads(files["Numbers, JSON"])["rows"]) == len(rows)


def test_the_tokens_are_those_of_a_fresh_run_and_no_cell_is_a_formula(files):
    scored = scoring.score(models.load("nano"), TEXT)
    _, rows = table(files["Tokens, CSV"])
    assert [float(row["loss_nats"]) for row in rows] == pytest.approx(scored.losses.tolist(), abs=1e-4)
    assert [float(row["loss_bits"]) for row in rows] == pytest.approx([units.to_bits(x) for x in scored.losses], abs=1e-4)
    assert scored.tokens[0].text.startswith("=") and not any(cell[:1] in "=+@" and cell for row in rows for cell in row.values())
    assert math.isclose(json.loads(files["Tokens, JSON"])["total_nats"], scored.total_nats, abs_tol=1e-3)


def test_the_pictures_hold_the_figure_and_need_nothing_from_elsewhere(files):
    svg = ElementTree.fromstring(files["Picture, SVG"])
    assert len(svg.findall(f".//{SPACE}path")) > 5
    assert {"cross-entropy", "squared error", "hinge"} <= {"".join(element.itertext()) for element in svg.findall(f"{SPACE}text")}, (
        "lines without labels have a key"
    )
    assert b"url(http" not in files["Picture, SVG"] and b"#00000" not in files["Picture, SVG"]  # no page address, no placeholder colour
    image = Image.open(io.BytesIO(files["Picture, PNG"])).convert("RGB")
    assert image.width == pytest.approx(2 * float(svg.get("width")), abs=2)
    assert len(image.getcolors(maxcolors=1 << 24)) > 50


def test_the_open_expander_passes_axe(files, axe):
    assert axe(files["page"]) == []
