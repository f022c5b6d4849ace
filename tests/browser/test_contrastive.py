"""Chapter 15 in a real Chromium: a run of one's own is started and stopped, and what it reached stays."""

import re
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(scope="module")
def url(serve):
    return serve(APP)


def test_simcse_is_run_and_stopped_and_what_it_reached_is_said(open_page, url, settled):
    page = open_page(f"{url}/contrastive?model=nano&contrastive_steps=60")
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
