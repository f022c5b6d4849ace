"""Chapter 3 in a real Chromium: a text gets its die, its ladder and its mistakes, and the sliders move what they should."""

from pathlib import Path

import pytest

from lmviz import display, models
from lmviz.models import scoring

APP = Path(__file__).parents[2] / "app.py"
TEXT = "The dog sat on the piano"


@pytest.fixture(scope="module")
def url(serve):
    return serve(APP)


def texts(page, key: str) -> list[str]:
    return page.locator(f"[class*='st-key-{key}'] .js-plotly-plot text").all_text_contents()


def until(page, told, wait=200, times=300):
    """`told()` once it is true: a chart is drawn after the script has ended."""
    for _ in range(times):
        if told():
            return
        page.wait_for_timeout(wait)
    assert told()


def test_a_typed_text_gets_its_die_its_ladder_and_its_mistakes(open_page, url, settled):
    page = open_page(f"{url}/perplexity?model=nano")
    box = page.get_by_role("textbox", name="Your text")
    box.fill(TEXT)
    box.press("Control+Enter")
    sides = display.number(scoring.score(models.load("nano"), TEXT).perplexity)
    until(page, lambda: sides in texts(page, "perplexity_die"))
    costs = [f"{display.number(scoring.score(models.load(name), TEXT).bits_per_byte)}" for name in models.names()]
    until(page, lambda: set(costs) <= set(texts(page, "perplexity_ladder_")))  # every model has read it
    assert any(text.startswith("PPMd") for text in texts(page, "perplexity_ladder_"))
    for name in ("Padding", "Shift", "Start token", "Softmax twice", "Tokenizers", "Averaging"):
        page.get_by_role("radio", name=name, exact=True).click()
        settled(page)
        until(page, lambda: {"wrong", "right"} <= {text.split()[-1] for text in texts(page, "perplexity_pitfall_") if text.strip()})
    assert page.locator("[data-testid='stException']").count() == 0


def test_the_slider_from_loss_to_perplexity_turns_the_second_die_alone(open_page, url, settled):
    page = open_page(f"{url}/perplexity?model=nano")
    until(page, lambda: "33.1" in texts(page, "perplexity_seed_die"))
    first = texts(page, "perplexity_die")
    thumb = page.locator(".st-key-perplexity_seed_nats").get_by_role("slider")
    thumb.focus()
    page.keyboard.press("ArrowLeft")
    until(page, lambda: "33.1" not in texts(page, "perplexity_seed_die") and texts(page, "perplexity_seed_die"))
    assert texts(page, "perplexity_die") == first
