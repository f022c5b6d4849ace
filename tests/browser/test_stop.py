"""Long runs that a reader starts, in a real Chromium: *Stop* ends each, and what it had reached stays. (Chapter 13 has its own test.)"""

import re
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(scope="module")
def url(serve):
    return serve(APP)


def test_simcse_is_run_and_stopped_and_what_it_reached_is_said(open_page, url, settled):
    page = open_page(f"{url}/contrastive?contrastive_steps=60")
    run = page.get_by_role("button", name="Run SimCSE here")
    run.wait_for(timeout=60_000)
    settled(page)
    run.scroll_into_view_if_needed()
    run.click()
    page.get_by_text(re.compile(r"Step \d of 60")).wait_for(timeout=60_000)
    page.locator(".st-key-contrastive_stop button").click()
    said = page.get_by_text("then stopped")
    said.wait_for(timeout=60_000)
    settled(page)
    steps = int(said.inner_text().split("Your run: ")[1].split()[0])
    assert 1 <= steps < 60
    assert page.get_by_role("columnheader", name="your run").count() == 1
    assert page.locator("[data-testid='stException']").count() == 0


def test_measuring_costs_is_stopped_and_what_was_measured_stays(open_page, url, settled):
    page = open_page(f"{url}/vocabulary?model=nano")
    run = page.get_by_role("button", name="Measure it on this machine")
    run.wait_for(timeout=60_000)
    settled(page)
    run.click()
    progress = page.get_by_text(re.compile(r"V = .*: [3-9] of \d+"))
    progress.wait_for(timeout=60_000)
    page.locator(".st-key-vocabulary_stop button").click()
    progress.wait_for(state="detached", timeout=30_000)
    settled(page)
    page.get_by_text(re.compile(r"^Your own points, \d+ of")).wait_for(timeout=30_000)
    assert page.locator("[data-testid='stException']").count() == 0


def test_reading_all_pairs_again_is_stopped_and_can_go_on(open_page, url, settled):
    page = open_page(f"{url}/downstream?model=nano")
    run = page.get_by_role("button", name="Read them again")
    run.wait_for(timeout=60_000)
    settled(page)
    run.click()
    page.get_by_text(re.compile(r"has read [1-9]\d* of")).wait_for(timeout=60_000)
    page.locator(".st-key-downstream_again_stop button").click()
    page.get_by_role("button", name="Go on").wait_for(timeout=30_000)
    settled(page)
    assert page.locator("[data-testid='stProgress']").count() == 0
