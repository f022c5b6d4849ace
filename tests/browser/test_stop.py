"""Long runs that a reader starts, in a real Chromium: *Stop* ends each, and what it had reached stays. (Chapter 13 has its own test.)"""

import re
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(scope="module")
def url(serve):
    return serve(APP)


@pytest.fixture
def started(open_page, url, settled):
    """started(page, button, progress) → the page once the run that the button begins says that it has come so far."""

    def start(name: str, button: str, progress: str):
        page = open_page(f"{url}/{name}")
        run = page.get_by_role("button", name=button)
        run.wait_for(timeout=60_000)
        settled(page)
        run.click()
        page.get_by_text(re.compile(progress)).wait_for(timeout=150_000)
        return page

    yield start


def test_simcse_is_run_and_stopped_and_what_it_reached_is_said(started, settled):
    page = started("contrastive?contrastive_steps=60", "Run SimCSE here", r"Step \d of 60")
    page.locator(".st-key-contrastive_stop button").click()
    said = page.get_by_text("then stopped")
    said.wait_for(timeout=60_000)
    settled(page)
    steps = int(said.inner_text().split("Your run: ")[1].split()[0])
    assert 1 <= steps < 60
    assert page.get_by_role("columnheader", name="your run").count() == 1
    assert page.locator("[data-testid='stException']").count() == 0


def test_measuring_costs_is_stopped_and_what_was_measured_stays(started):
    page = started("vocabulary?model=nano", "Measure it on this machine", r"V = .*: [3-9] of \d+")
    page.locator(".st-key-vocabulary_stop button").click()
    page.get_by_text(re.compile(r"^Your own points, \d+ of")).wait_for(timeout=30_000)
    assert page.locator("[data-testid='stProgress'], [data-testid='stException']").count() == 0


def test_reading_all_pairs_again_is_stopped_and_can_go_on(started, settled):
    page = started("downstream?model=nano", "Read them again", r"has read [1-9]\d* of")
    page.locator(".st-key-downstream_again_stop button").click()
    page.get_by_role("button", name="Go on").wait_for(timeout=30_000)
    settled(page)
    assert page.locator("[data-testid='stProgress'], [data-testid='stException']").count() == 0
