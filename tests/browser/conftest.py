"""A real Chromium for the tests of this folder: a server for a script, pages that fail on what a reader would trip over, axe."""

import subprocess
from importlib import resources
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import sync_playwright

from tests import serving

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
IDLE = "() => document.querySelector('[data-testid=\"stApp\"]')?.getAttribute('data-test-script-state') === 'notRunning'"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")  # subtle: Playwright keeps an event loop running, in which no later test could call asyncio.run
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM if CHROMIUM.exists() else None, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def serve():
    """serve(script, env=None) → the address of a Streamlit server that runs `script`; one server for each pair, ended with the session."""
    servers = {}

    def start(script, env: dict[str, str] | None = None) -> str:
        wanted = (str(script), tuple(sorted((env or {}).items())))
        if wanted not in servers:
            servers[wanted] = serving.serve(Path(script), env or {})
        return servers[wanted][0]

    yield start
    for _, process in servers.values():
        process.terminate()
    for _, process in servers.values():
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture
def open_page(browser):
    """open_page(url, width=1440, height=900, scheme="light") → a settled page; any console error, page error or outside request fails the test."""
    contexts, wrong = [], []

    def open_one(url: str, *, width: int = 1440, height: int = 900, scheme: str = "light", **options):
        options = {"reduced_motion": "reduce"} | options  # colours that fade in would be measured half way
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        host = urlparse(url).netloc
        # Streamlit itself probes PAGE/_stcore/… on a deep link and gets a 404: not the app's doing
        page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type == "error" and "Failed to load resource" not in m.text else None)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("request", lambda r: wrong.append(f"outside request: {r.url}") if r.url.startswith("http") and urlparse(r.url).netloc != host else None)
        page.on("response", lambda r: wrong.append(f"{r.status}: {r.url}") if r.status >= 400 and "/_stcore/" not in r.url else None)
        page.goto(url)
        settle(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def page(open_page, serve, request):
    """A page on the script that the module names in APP."""
    return open_page(serve(request.module.APP))


def settle(page, timeout: float = 60_000):
    """Wait until the script has run and no component is still arriving."""
    page.wait_for_selector('[data-testid="stApp"]', timeout=timeout)
    page.wait_for_function(IDLE, timeout=timeout)


@pytest.fixture
def settled():
    return settle


@pytest.fixture(scope="session")
def axe():
    """axe(page) → the WCAG 2.1 A and AA violations, as "rule: first node" lines."""
    source = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

    def violations(page) -> list[str]:
        page.evaluate(source)
        found = page.evaluate("() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")["violations"]
        return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]} {rule['nodes'][0]['failureSummary']}" for rule in found]

    return violations


@pytest.fixture
def sideways():
    """sideways(page) → how many pixels the page scrolls sideways."""
    script = """() => { const m = document.querySelector('[data-testid="stMain"]') || document.documentElement;
        return Math.max(m.scrollWidth - m.clientWidth, document.documentElement.scrollWidth - innerWidth) }"""
    return lambda page: page.evaluate(script)
