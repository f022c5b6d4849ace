"""Chapter 17 in a real Chromium: start two losses side by side, see the curves move, leave and come back, stop; the result stays."""

import re

import pytest

pytestmark = pytest.mark.smollm2
MINUTES = 240_000
POINTS = """() => { const plot = document.querySelector('.st-key-training_curves .js-plotly-plot');
    return plot && plot.data ? plot.data.filter(t => t.name).map(t => [t.name, t.x.length]) : [] }"""


@pytest.fixture
def chapter(serve, open_page):
    page = open_page(f"{serve('app.py')}/training")
    page.locator(".st-key-training_curves .js-plotly-plot .main-svg").first.wait_for(timeout=MINUTES)
    return page


def wait_for_points(page, more_than: int):
    """Until both of the reader's curves have more points than that; returns how many they have."""
    page.wait_for_function(f"n => {{ const p = ({POINTS})(); return p.length === 2 && p.every(t => t[1] > n) }}", arg=more_than, timeout=MINUTES)
    return min(count for _, count in page.evaluate(POINTS))


def rows(page) -> str:
    return page.locator("table", has_text="trained on").first.inner_text()


def test_two_losses_are_trained_side_by_side_stopped_and_kept(chapter, settled, sideways, axe):
    assert "Recorded:" in chapter.inner_text("[data-testid='stMain']")
    chapter.get_by_role("button", name="Train 2 side by side").click()
    first = wait_for_points(chapter, 1)
    assert {name for name, _ in chapter.evaluate(POINTS)} == {"cross-entropy", "squared error"}
    then = wait_for_points(chapter, first)
    assert axe(chapter) == []  # with a progress bar and its buttons

    chapter.get_by_role("button", name="Pause").click()
    chapter.get_by_role("button", name="Go on").wait_for(timeout=MINUTES)
    chapter.get_by_role("button", name="Go on").click()
    chapter.get_by_role("button", name="Pause").wait_for(timeout=MINUTES)
    chapter.get_by_role("link", name="Contents").first.click()  # a page change does not end it
    chapter.wait_for_function("() => !location.pathname.endsWith('/training')")
    chapter.get_by_role("link", name=re.compile("17 · Train it yourself")).last.click(timeout=MINUTES)
    now = wait_for_points(chapter, then)

    chapter.get_by_role("button", name="Stop").click()
    chapter.get_by_role("button", name="Train 2 side by side").wait_for(timeout=MINUTES)
    settled(chapter)
    stopped = rows(chapter)
    assert "cross-entropy" in stopped and "squared error" in stopped
    chapter.wait_for_timeout(2500)
    assert rows(chapter) == stopped and min(n for _, n in chapter.evaluate(POINTS)) >= now
    assert sideways(chapter) <= 1


def test_on_a_phone_the_runs_are_started_and_seen_without_scrolling_sideways(serve, open_page, settled, sideways):
    page = open_page(f"{serve('app.py')}/training", width=390, height=844)
    page.get_by_role("radio", name="accuracy").click()
    settled(page)
    page.get_by_role("button", name="Train 2 side by side").click()
    wait_for_points(page, 1)
    assert sideways(page) <= 1
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Train 2 side by side").wait_for(timeout=MINUTES)
    assert sideways(page) <= 1
