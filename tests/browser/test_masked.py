"""Chapter 12 in a real Chromium: tokens are hidden and shown by click and by key, and the guesses follow."""

from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app.py"
CHIP = ".gaps button.chip"


@pytest.fixture(scope="module")
def url(serve):
    return serve(APP)


def pressed(page) -> list[int]:
    return page.locator(CHIP).evaluate_all("chips => chips.map((c, i) => c.getAttribute('aria-pressed') === 'true' ? i : -1).filter(i => i >= 0)")


def until_pressed(page, expected: list[int]):
    """The chips live in a shadow tree, which a page function does not see: ask again until it is so."""
    for _ in range(300):
        if pressed(page) == expected:
            return
        page.wait_for_timeout(200)
    assert pressed(page) == expected


def answer(page) -> str:
    return page.get_by_text("Hidden:").first.inner_text()


def test_clicks_hide_and_show_tokens_and_the_guess_follows(open_page, url, settled):
    page = open_page(f"{url}/masked?model=nano")
    page.wait_for_selector(CHIP)
    (first,) = pressed(page)
    before = answer(page)
    other = 1 if first != 1 else 4
    page.locator(CHIP).nth(other).click()
    until_pressed(page, sorted([first, other]))
    settled(page)
    page.get_by_text("mean over what is hidden").wait_for()
    assert answer(page) != before
    page.locator(CHIP).nth(other).click()
    until_pressed(page, [first])
    settled(page)
    assert page.locator(CHIP).nth(other).locator(".value").inner_text().strip() == ""
    assert page.locator(CHIP).nth(other).evaluate("chip => chip.getRootNode().activeElement === chip")  # the focus stays where it was


def test_the_keyboard_reaches_every_token_and_keeps_its_place(open_page, url, settled):
    page = open_page(f"{url}/masked?model=nano")
    page.wait_for_selector(CHIP)
    (first,) = pressed(page)
    page.locator(CHIP).first.focus()
    page.keyboard.press("End")
    page.keyboard.press("Space")
    last = page.locator(CHIP).count() - 1
    until_pressed(page, sorted({first, last}))
    settled(page)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    until_pressed(page, sorted({first, last, last - 1}))


def test_drawing_again_draws_other_tokens(open_page, url, settled):
    page = open_page(f"{url}/masked?model=nano")
    chosen = ".gaps span.chip.hidden"
    page.wait_for_selector(chosen)
    words = lambda: page.locator(chosen).all_inner_texts()  # noqa: E731
    before = words()
    page.get_by_role("button", name="Draw again").click()
    page.get_by_text("Seed 1.").wait_for()
    settled(page)
    assert words() != before
