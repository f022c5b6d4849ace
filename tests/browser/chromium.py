"""Where a Chromium is: prints its path, or says in one line what is missing."""

import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of a system Chromium, else of Playwright's own, else None."""
    if system := next(filter(None, map(shutil.which, NAMES)), None):
        return system
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


if __name__ == "__main__":
    found = find()
    print(found or "No Chromium for the browser tests: install the package chromium, or run `python -m playwright install chromium`.")
    sys.exit(not found)
