"""Chapter 13 in a real Chromium: two roads are walked, a rule changes the right one, and a copy of nano is trained for a moment."""

from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app.py"
TICKS = ".st-key-exposure_roads .js-plotly-plot g.{axis} text"


@pytest.fixture(scope="module")
def url(serve):
    return serve(APP)


def labels(page, axis: str) -> list[str]:
    return page.locator(TICKS.format(axis=axis)).all_text_contents()


def box_of(page) -> dict:
    """Where the picture stands, once the one before it has gone."""
    page.wait_for_function("() => document.querySelectorAll('.st-key-exposure_roads .js-plotly-plot').length === 1", timeout=30_000)
    return page.locator(".st-key-exposure_roads .js-plotly-plot").first.bounding_box()


def at_rest(page, axis: str, settled, *, other_than=None) -> list[str]:
    """The tokens of a road once they no longer change."""
    last, same = None, 0
    for _ in range(120):
        settled(page)
        page.wait_for_timeout(250)
        now = labels(page, axis)
        same = same + 1 if now and now == last and now != other_than else 0
        if same == 3:
            return now
        last = now
    raise AssertionError(f"the road never came to rest: {last}")


def test_another_rule_walks_another_road_and_leaves_the_human_s(open_page, url, settled):
    page = open_page(f"{url}/exposure?model=nano")
    page.wait_for_selector(".st-key-exposure_roads .bars path", timeout=60_000)
    human, own = at_rest(page, "yaxislayer-above", settled), at_rest(page, "y2tick", settled)
    assert len([token for token in own if token]) == 16
    page.locator(".st-key-exposure_rule").get_by_role("radio", name="sample", exact=True).click()
    other = at_rest(page, "y2tick", settled, other_than=own)
    assert other != own and human
    page.get_by_role("button", name="Draw again").click()
    assert at_rest(page, "y2tick", settled, other_than=other) != other
    box = box_of(page)
    assert box["height"] == pytest.approx(460, abs=2)  # nothing below has moved


def test_the_picture_stands_above_the_fold(open_page, url):
    page = open_page(f"{url}/exposure?model=nano")
    page.wait_for_selector(".st-key-exposure_roads .bars path", timeout=60_000)
    box = box_of(page)
    assert box["y"] + box["height"] <= 900


def test_a_live_run_can_be_stopped_and_what_it_drew_stays(open_page, url, settled):
    page = open_page(f"{url}/exposure?model=nano")
    train = page.get_by_role("button", name="Train", exact=True)
    train.wait_for(timeout=60_000)
    train.scroll_into_view_if_needed()
    train.click()
    page.locator("[class*='st-key-exposure_live_']").locator(".js-plotly-plot").first.wait_for(timeout=60_000)
    page.locator(".st-key-exposure_live_stop button").click()
    settled(page)
    page.locator("[class*='st-key-exposure_live_']").locator(".js-plotly-plot").first.wait_for(timeout=30_000)
    said = page.get_by_text("steps of REINFORCE with baseline").last
    said.wait_for(timeout=30_000)
    assert int(said.inner_text().split()[0]) < 30
    assert page.locator("[data-testid='stException']").count() == 0
