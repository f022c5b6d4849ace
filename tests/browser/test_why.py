"""Chapters 9 and 10 in a real Chromium: a slider moves curve and colours, and nothing else moves."""

from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app.py"
CURVES = ".st-key-losses_curves .scatterlayer .js-line"
SCROLLED = "() => document.querySelector('[data-testid=\"stMain\"]').scrollTop"


@pytest.fixture(scope="module")
def url(serve):
    return serve(APP)


def slider(page, key: str):
    return page.locator(f".st-key-{key}").get_by_role("slider")


def paths(page, selector: str) -> list[str]:
    return page.locator(selector).evaluate_all("lines => lines.map(line => line.getAttribute('d'))")


def at_rest(page, selector: str, n: int, settled) -> list[str]:
    """The n paths once they no longer change: a chart is drawn anew after the script has ended."""
    last, same = None, 0
    for _ in range(60):
        settled(page)
        page.wait_for_timeout(250)
        now = paths(page, selector)
        same = same + 1 if now == last and len(now) == n else 0
        if same == 3:
            return now
        last = now
    raise AssertionError(f"the curves never came to rest: {len(last)} of {n}")


def row(page, name: str):
    """The cells of one loss: texts and background colours."""
    cells = page.locator(".rows tbody tr", has=page.locator("th", has_text=name)).locator("td")
    return cells.evaluate_all("cells => cells.map(cell => [cell.textContent, getComputedStyle(cell).backgroundColor])")


def press(page, key: str, times: int = 1, button: str = "ArrowRight"):
    thumb = slider(page, key)
    thumb.focus()
    for _ in range(times):
        page.keyboard.press(button)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_gamma_slider_moves_the_focal_curve_and_recolours_its_row_alone(open_page, url, settled, scheme):
    page = open_page(f"{url}/losses", scheme=scheme)
    page.wait_for_selector(CURVES)
    page.wait_for_selector(".rows tbody td")
    before = at_rest(page, CURVES, 10, settled)  # five losses, five pulls
    focal, ce = row(page, "focal"), row(page, "cross-entropy")
    slider(page, "losses_gamma").scroll_into_view_if_needed()
    where = page.evaluate(SCROLLED)
    press(page, "losses_gamma", times=10)
    after = at_rest(page, CURVES, len(before), settled)
    changed = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert len(changed) == 2  # focal's loss and focal's pull
    assert row(page, "cross-entropy") == ce
    assert row(page, "focal") != focal
    assert page.evaluate(SCROLLED) == where
    assert page.evaluate("() => document.activeElement.closest('.st-key-losses_gamma') !== null")


def test_a_confident_mistake_blazes_under_cross_entropy_and_is_nearly_blank_under_squared_error(open_page, url):
    page = open_page(f"{url}/losses")
    page.wait_for_selector(".rows tbody td")
    chosen = page.locator(".rows thead th[scope=col]").evaluate_all("heads => heads.findIndex(head => head.classList.contains('selected'))")
    cells = {name: row(page, name)[chosen] for name in ("cross-entropy", "squared error")}
    assert float(cells["cross-entropy"][0]) > 0.9 and float(cells["squared error"][0]) < 0.1
    white = page.locator(".rows tbody td", has_text="0").evaluate_all("cells => getComputedStyle(cells.find(cell => cell.textContent === '0')).backgroundColor")
    distances = {name: _distance(page, colour, white) for name, (_, colour) in cells.items()}
    assert distances["cross-entropy"] > 5 * distances["squared error"], distances


def test_a_click_in_the_legend_hides_a_loss_in_both_pictures_and_a_slider_does_not_bring_it_back(open_page, url, settled):
    page = open_page(f"{url}/losses")
    page.wait_for_selector(CURVES)
    shown = len(at_rest(page, CURVES, 10, settled))
    page.locator(".st-key-losses_shown").get_by_text("hinge").click()
    page.wait_for_function("([selector, n]) => document.querySelectorAll(selector).length === n", arg=[CURVES, shown - 2])
    press(page, "losses_smoothing", times=3)
    at_rest(page, CURVES, shown - 2, settled)


def test_the_step_slider_moves_the_points_and_the_sentence(open_page, url, settled):
    page = open_page(f"{url}/gradient")
    page.wait_for_selector(".st-key-gradient_steps .js-line")
    says = page.get_by_text("takes the loss from").inner_text()
    points = ".st-key-gradient_steps .points path"
    before = page.locator(points).evaluate_all("all => all.map(point => point.getAttribute('transform'))")
    lines = at_rest(page, ".st-key-gradient_steps .js-line", len(paths(page, ".st-key-gradient_steps .js-line")), settled)
    slider(page, "gradient_step").scroll_into_view_if_needed()
    where = page.evaluate(SCROLLED)
    press(page, "gradient_step", times=8)
    page.wait_for_function("old => [...document.querySelectorAll('p')].some(p => p.textContent.startsWith('A step of 5.00'))", arg=says)
    settled(page)
    page.wait_for_timeout(300)
    after = page.locator(points).evaluate_all("all => all.map(point => point.getAttribute('transform'))")
    assert before != after
    assert paths(page, ".st-key-gradient_steps .js-line") == lines  # the curves are those of the token, whatever the step
    assert page.evaluate(SCROLLED) == where
    assert page.evaluate("() => document.activeElement.closest('.st-key-gradient_step') !== null")


def _distance(page, colour: str, other: str) -> float:
    """Between two CSS colours, as they are painted."""
    paint = """colours => colours.map(colour => { const c = document.createElement('canvas').getContext('2d');
        c.fillStyle = colour; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; })"""
    a, b = page.evaluate(paint, [colour, other])
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5
