"""The book without a mouse: Tab alone goes from the top of every page to the way on, and one always sees where one is."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["", *(page.stem for page in sorted((ROOT / "pages").glob("*/*.py")) if page.stem != "contents")]
MOST = 260  # stops on a page; contents and sources have the most links
WHERE = """() => {
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    if (!e || e === document.body) return null;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    const name = e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent || e.getAttribute('placeholder') || e.title || '';
    return {
        tag: e.tagName, name: name.trim().slice(0, 60), seen: box.width * box.height > 0 && box.bottom > 0 && box.top < innerHeight,
        marked: style.outlineStyle !== 'none' || style.boxShadow !== 'none', on: Boolean(e.closest('.st-key-way_on')),
    };
}"""


@pytest.fixture(scope="module")
def url(serve):
    return serve(ROOT / "app.py")


def settled(page) -> dict | None:
    """Where the focus stands. A table writes its cells for screen readers a moment after it is drawn, and a page scrolls: both are waited for."""
    for _ in range(50):
        stop = page.evaluate(WHERE)
        if stop is None or stop["name"] and stop["seen"]:
            break
        page.wait_for_timeout(100)
    return stop


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_the_way_on_and_every_stop_has_a_name_and_is_seen(open_page, url, name):
    page = open_page(f"{url}/{name}?model=nano")
    last = page.locator(".st-key-way_on a").last
    last.wait_for()
    goal, stops = last.inner_text().strip(), []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        stop = settled(page)
        assert stop is not None, f"the focus left the page after {stops[-1:]}"
        stops.append(stop)
        if stop["on"] and stop["name"] == goal:
            break
    else:
        raise AssertionError(f"{goal} was not reached in {MOST} stops; the last were {stops[-3:]}")
    assert [s for s in stops if not s["name"]] == []
    assert [s for s in stops if not s["seen"]] == []
    assert [s for s in stops if s["tag"] in ("A", "BUTTON", "SUMMARY") and not s["marked"]] == []
