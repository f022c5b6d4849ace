"""The guided path in a real browser: ticks outlive the page, stay in that browser, and can be taken away; and the search box."""

import pytest
from playwright.sync_api import expect

from lmviz.data import path

APP = "app.py"
TEXT = "A dog slept by the door"


@pytest.fixture(scope="module")
def book(serve):
    return serve(APP, env={"LMVIZ_MODELS": "nano,trigram,bigram,unigram,uniform"})


def kept(page):
    return page.evaluate("() => localStorage.getItem('lmviz-path')")


def test_a_tick_is_kept_in_the_browser_without_an_account_and_can_be_taken_away(book, open_page, settled):
    page = open_page(f"{book}/perplexity")
    page.get_by_text("Stop 3 of 9").wait_for()
    assert kept(page) is None
    page.locator(".st-key-perplexity_predict label").nth(1).click()
    page.get_by_text("✓ done").wait_for(timeout=30_000)
    page.wait_for_function("() => localStorage.getItem('lmviz-path') === '[\"perplexity\"]'", timeout=30_000)

    page.goto(book)  # a session that knows nothing
    page.get_by_text("1 of 9 are done").wait_for(timeout=60_000)
    assert kept(page) == '["perplexity"]'
    page.get_by_text("All stops").click()
    page.get_by_role("button", name="Begin again, without ticks").click()
    page.get_by_text("9 stops through").filter(has_text="about 90 minutes").wait_for(timeout=30_000)
    page.wait_for_function("() => localStorage.getItem('lmviz-path') === null", timeout=30_000)

    page.evaluate("() => localStorage.setItem('lmviz-path', '{\"x\": [\"<img src=x>\"]')")  # what is there need not be ours
    page.goto(book)
    settled(page)
    page.get_by_text("about 90 minutes").wait_for(timeout=60_000)


def answer(page, name: str):
    page.locator(f".st-key-{name}_predict label").nth(1).click()


def slide(page, key: str):
    thumb = page.locator(f".st-key-{key}").get_by_role("slider")
    thumb.focus()
    page.keyboard.press("ArrowRight")


def type_text(page):
    box = page.get_by_role("textbox", name="Your text")
    box.fill(TEXT)
    box.press("Control+Enter")


def play(page):
    page.get_by_role("button", name="Play it yourself").click()
    expect(page.get_by_role("application")).to_be_focused(timeout=60_000)
    page.keyboard.press("t")


WHAT_TO_DO = {
    "chain_rule": type_text,
    "heatmap": lambda page: page.locator("[role=option]").nth(3).click(),
    "perplexity": None,
    "compression": None,
    "guessing_game": play,
    "entropy": lambda page: page.locator(".st-key-entropy_preset").get_by_text("Loaded die").click(),
    "gradient": lambda page: slide(page, "gradient_step"),
    "losses": lambda page: slide(page, "losses_gamma"),
    "calibration": lambda page: slide(page, "calibration_temperature"),
}


def test_who_does_what_each_stop_asks_has_nine_ticks_at_the_end(book, open_page, settled):
    assert list(WHAT_TO_DO) == [stop.page for stop in path.STOPS]
    page = open_page(book)
    page.get_by_text("Begin with 1").first.click()
    for number, (name, act) in enumerate(WHAT_TO_DO.items(), 1):
        page.wait_for_url(f"**/{name}*", timeout=60_000)
        page.get_by_text(f"Stop {number} of 9").wait_for(timeout=60_000)
        settled(page)
        if act is not None:
            act(page)
            settled(page)
        if name == "guessing_game":  # noticed when the next page begins
            page.get_by_text("T is right").first.wait_for(timeout=60_000)
        else:
            answer(page, name)
            page.get_by_text("✓ done").wait_for(timeout=60_000)
        if number in (2, 6, 9):  # also after a page without a text of its own
            assert page.get_by_role("textbox", name="Your text").input_value() == TEXT
        page.get_by_role("link", name="Contents").first.click()
        page.get_by_text("All 9 stops are done" if number == 9 else "Go on with").first.click(timeout=60_000)


def test_who_searches_finds_a_chapter_goes_there_and_keeps_the_session(book, open_page, settled, axe, sideways):
    page = open_page(f"{book}/?unit=nats", width=390, height=844)
    box = page.get_by_role("textbox", name="Find in the book")
    box.fill("in-batch negatives")
    box.press("Enter")
    link = page.get_by_role("link", name="15 · Contrastive losses are cross-entropies").first
    link.wait_for(timeout=60_000)
    assert axe(page) == [] and sideways(page) <= 0
    page.locator(".st-key-contents_search_contrastive a").click()
    page.get_by_text("Which sentence belongs to which?").first.wait_for(timeout=60_000)
    assert "unit=nats" in page.url


def test_the_open_phone_menu_is_told_as_it_is(book, open_page, axe):
    page = open_page(f"{book}/glossary", width=390, height=844)
    page.locator('[data-testid="stExpandSidebarButton"]').click()
    page.get_by_role("link", name="9 · The gradient is ŷ − y").first.wait_for(timeout=30_000)
    page.wait_for_function("() => document.querySelector('[data-testid=\"stSidebarNavItems\"][role=none]')", timeout=30_000)
    assert axe(page) == []
