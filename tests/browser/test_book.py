"""The journeys that matter, in a real Chromium, on the real app with the real model."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from lmviz import display, models
from lmviz.data import examples
from lmviz.models import scoring

APP = "app.py"
ROOT = Path(__file__).parents[2]
CHAPTERS = ["", *(page.stem for page in sorted((ROOT / "pages").glob("*/*.py")) if page.stem != "contents")]
# the sentences of chapter 1 that hold its numbers
WORDS = """() => [...document.querySelectorAll('[data-testid="stMain"] p')].map(p => p.innerText)
    .filter(text => /^The model gives|^What could have come| in all ÷ |^Put another token|^Computers do not/.test(text)).join('\\n')"""
HOSTILE = '<script>window.__owned=1</script> <img src=x onerror="window.__owned=1"> ![a](https://example.org/b.png) $x$ :red[y] `c` \u202etxt'


@pytest.fixture(scope="module")
def book(serve):
    return serve(APP)


def type_text(page, text, settled):
    box = page.get_by_role("textbox", name="Your text")
    box.fill(text)
    box.press("Control+Enter")
    wait_for_chips(page, text, settled)


def wait_for_chips(page, text, settled):
    """Until the first strip shows this text's first and last words."""
    last = text.split()[-1]
    page.wait_for_function("last => [...document.querySelectorAll('*')].some(e => e.shadowRoot?.textContent.includes(last))", arg=last, timeout=60_000)
    settled(page)


def chips(page):
    return page.locator('[role="option"]')


def test_a_typed_sentence_gets_its_strip_its_cost_and_its_perplexity(book, open_page, settled, smollm2):
    page = open_page(f"{book}/chain_rule")
    text = "The dog sat on the piano"
    type_text(page, text, settled)
    scored = scoring.score(smollm2, text)
    page.get_by_text(display.amount(scored.total_nats, "bits"), exact=False).first.wait_for(timeout=30_000)
    assert chips(page).count() == len(scored)
    assert display.number(scored.perplexity) in page.inner_text("main, [data-testid='stMain']")


def test_a_click_on_a_token_shows_what_could_have_come_there(book, open_page, settled):
    page = open_page(f"{book}/chain_rule")
    chips(page).nth(2).click()
    page.get_by_text("after “The cat”").first.wait_for(timeout=30_000)
    assert "token=2" in page.url


def test_the_arrow_keys_move_and_enter_selects(book, open_page, settled):
    page = open_page(f"{book}/chain_rule")
    chips(page).nth(0).click()
    page.get_by_text("as the first token").first.wait_for(timeout=30_000)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("after “The”").first.wait_for(timeout=30_000)


def test_the_colour_is_switched_without_a_run(book, open_page, settled):
    page = open_page(f"{book}/chain_rule")
    before = chips(page).first.evaluate("e => getComputedStyle(e).backgroundColor + e.outerHTML")
    runs = []
    page.on("websocket", lambda socket: runs.append(socket))
    frames = []
    page.expose_function("lmvizCount", lambda: frames.append(1))
    page.evaluate(
        "() => { const send = WebSocket.prototype.send; WebSocket.prototype.send = function (...a) { window.lmvizCount(); return send.apply(this, a) } }"
    )
    page.get_by_role("radio", name=re.compile("rank")).click()
    page.wait_for_timeout(400)
    after = chips(page).first.evaluate("e => getComputedStyle(e).backgroundColor + e.outerHTML")
    assert after != before and not frames


def test_a_swapped_token_changes_what_later_tokens_cost(book, open_page, settled, smollm2):
    page = open_page(f"{book}/chain_rule")
    chips(page).nth(2).click()
    page.get_by_text("after “The cat”").first.wait_for(timeout=30_000)
    scored = scoring.score(smollm2, examples.OPENING)
    page.get_by_role("radio", name=re.compile("^" + re.escape(display.visible(scored.top_texts[2][0])))).click()
    changed = scoring.score(smollm2, f"The cat{scored.top_texts[2][0]} on the mat")
    page.get_by_text(display.amount(changed.total_nats, "bits")).first.wait_for(timeout=30_000)


def test_a_shared_link_shows_the_same_in_a_fresh_browser(book, open_page, settled):
    text = "Two & two = 5? No: 4 % of “ünïcode” — перец"
    page = open_page(f"{book}/chain_rule?text={quote(text)}&unit=nats&token=1")
    wait_for_chips(page, text, settled)
    assert page.get_by_role("textbox", name="Your text").input_value() == text
    assert page.get_by_role("radio", name="nats").get_attribute("aria-checked") == "true"
    page.get_by_text("What could have come").first.wait_for()
    settled(page)
    first = page.evaluate(WORDS)
    assert len(first.splitlines()) == 5
    page.get_by_role("button", name="Share").click()
    link = page.locator("code", has_text="chain_rule").first.inner_text()
    again = open_page(link)
    wait_for_chips(again, text, settled)
    again.get_by_text("What could have come").first.wait_for()
    again.wait_for_function(f"first => ({WORDS})() === first", arg=first, timeout=30_000)


def test_choices_follow_the_reader_to_the_next_chapter(book, open_page, settled):
    page = open_page(f"{book}/chain_rule")
    type_text(page, "A short walk by the river", settled)
    page.get_by_role("link", name=re.compile("2 · Where the loss lands")).last.click()
    page.wait_for_url(re.compile("/heatmap"))
    wait_for_chips(page, "river", settled)
    assert page.get_by_role("textbox", name="Your text").input_value() == "A short walk by the river"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_hostile_text_is_shown_and_executes_nothing(book, open_page, settled, chapter):
    page = open_page(f"{book}/{chapter}?text={quote(HOSTILE)}")
    page.wait_for_timeout(1000)
    settled(page)
    page.wait_for_timeout(500)
    assert page.evaluate("() => window.__owned === undefined")
    assert page.locator("[data-testid='stMain'] img[src*='example.org'], [data-testid='stMain'] script").count() == 0


@pytest.mark.parametrize("query", ["?token=99999", "?token=-1&unit=furlongs&model=gpt-9", "?text=", "?text=%00%07&token=abc", "?model=<script>"])
def test_a_stale_or_hostile_link_opens_a_whole_page(book, open_page, settled, query):
    page = open_page(f"{book}/chain_rule{query}")
    page.get_by_role("textbox", name="Your text").wait_for()
    assert page.locator("[data-testid='stException']").count() == 0


def test_an_empty_text_gets_a_sentence_and_no_traceback(book, open_page, settled):
    page = open_page(f"{book}/chain_rule")
    box = page.get_by_role("textbox", name="Your text")
    box.fill("   ")
    box.press("Control+Enter")
    page.get_by_text("There is nothing to read yet").wait_for(timeout=30_000)
    assert page.locator("[data-testid='stException']").count() == 0


def test_a_cold_server_takes_the_first_reader_straight_to_a_chapter(serve, open_page, settled):
    page = open_page(f"{serve(APP, {'LMVIZ_TEST_COLD': '1'})}/chain_rule")
    page.get_by_text("What could have come").first.wait_for(timeout=30_000)
    assert page.get_by_text("Page not found").count() == 0


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_every_page_is_accessible_and_never_scrolls_sideways(book, open_page, settled, axe, sideways, chapter, width, scheme):
    page = open_page(f"{book}/{chapter}", width=width, scheme=scheme)
    page.locator(".st-key-way_on a").last.wait_for(timeout=60_000)  # the last that is drawn
    page.wait_for_timeout(800)
    assert sideways(page) <= 1
    assert axe(page) == []


def test_the_roles_are_the_colours_of_the_theme_in_light_and_dark(book, open_page, settled):
    """`theme.MODEL` and the others are placeholders of Streamlit's; the browser must replace them by our palette."""
    for scheme, expected in {"light": "rgb(170, 68, 153)", "dark": "rgb(221, 160, 207)"}.items():
        page = open_page(f"{book}/chain_rule", scheme=scheme)
        page.locator(".js-plotly-plot .bars path").first.wait_for(timeout=30_000)
        fills = page.locator(".js-plotly-plot .bars path").evaluate_all("bars => bars.map(b => getComputedStyle(b).fill)")
        assert expected in fills, fills


def test_the_models_of_this_machine_can_be_chosen(book, open_page, settled):
    page = open_page(f"{book}/chain_rule")
    page.get_by_role("combobox", name="Model").click()
    for name in models.names():
        assert page.get_by_role("option", name=models.registry.row(name).title, exact=True).count() == 1
