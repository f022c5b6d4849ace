"""A link, its QR code and the presenter's view, in a real Chromium."""

import io
import re

import pytest

APP = "app.py"


@pytest.fixture(scope="module")
def book(serve):
    return serve(APP)


def slider(page):
    return page.get_by_role("slider", name="γ of focal")


def gamma(page) -> float:
    return float(slider(page).evaluate("e => e.value ?? e.getAttribute('aria-valuenow')"))


def scanned(page) -> str:
    """What a phone's camera reads off the page."""
    import zxingcpp
    from PIL import Image

    picture = page.locator('[data-testid="stImage"] img')
    picture.wait_for()
    page.wait_for_function("() => document.querySelector('[data-testid=\"stImage\"] img')?.complete")
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.screenshot())))
    return code.text


def test_the_link_and_its_qr_code_open_the_page_as_it_was_in_a_fresh_browser(book, open_page, settled):
    page = open_page(f"{book}/losses?model=nano&unit=nats&token=2&losses_gamma=4.2")
    assert gamma(page) == 4.2
    slider(page).press("ArrowLeft")
    page.wait_for_url(re.compile("losses_gamma=4.1"))
    page.locator(".st-key-share button").first.click()
    link = page.locator('[data-testid="stPopoverBody"] code')
    link.wait_for(timeout=30_000)
    page.wait_for_function("() => document.querySelector('[data-testid=\"stPopoverBody\"] code')?.innerText.includes('4.1')")
    address = link.inner_text().strip()
    assert address == f"{book}/losses?model=nano&unit=nats&token=2&losses_gamma=4.1"
    assert scanned(page) == address

    fresh = open_page(address)
    assert gamma(fresh) == 4.1
    assert fresh.locator('[role="option"][aria-selected="true"]').first.get_attribute("data-n") == "2"
    fresh.get_by_role("link", name="← 9 · The gradient").click()
    fresh.wait_for_url(re.compile("/gradient"))
    settled(fresh)
    assert "losses_gamma" not in fresh.url and "unit=nats" in fresh.url
    fresh.get_by_role("link", name="10 · The alternatives →").click()
    fresh.wait_for_url(re.compile("/losses.*losses_gamma=4.1"))
    settled(fresh)
    assert gamma(fresh) == 4.1


def test_a_clicker_goes_through_the_book_pausing_at_the_question_and_at_its_answer(book, open_page, settled, axe, sideways):
    page = open_page(f"{book}/gradient?model=nano&view=present")
    bar = page.get_by_role("navigation", name="Presenter")
    bar.wait_for(timeout=120_000)
    assert not page.locator('[data-testid="stHeader"]').is_visible() and not page.locator(".st-key-model").is_visible()
    assert page.evaluate("() => parseFloat(getComputedStyle(document.documentElement).fontSize)") >= 20
    assert sideways(page) <= 0 and not axe(page)

    question = page.locator(".st-key-gradient_predict")
    page.keyboard.press("PageDown")
    page.wait_for_function(
        "() => { const r = document.querySelector('.st-key-gradient_predict').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight }"
    )
    bar.get_by_text("Reveal the answer").wait_for()
    answers = page.locator(".st-key-gradient_predict ~ *", has_text=".")
    before = answers.count()
    page.keyboard.press("PageDown")
    bar.get_by_text("10 · The alternatives").wait_for()
    settled(page)
    assert answers.count() > before and question.is_visible()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile("/losses.*view=present"))
    settled(page)
    assert page.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollTop") == 0
    page.keyboard.press("PageUp")
    page.wait_for_url(re.compile("/gradient.*view=present"))
    settled(page)

    box = page.get_by_role("textbox", name="Your text")
    box.click()
    box.press("End")
    for key in ("ArrowLeft", "ArrowRight", "PageDown", "PageUp"):
        page.keyboard.press(key)
    chip = page.locator('[role="option"]').first
    chip.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(700)
    assert "/gradient" in page.url and bar.get_by_text("To the question").is_visible()
    page.get_by_role("heading").first.click()
    page.keyboard.press("Escape")
    page.locator('[data-testid="stHeader"]').wait_for(state="visible")
    assert "view=" not in page.url
