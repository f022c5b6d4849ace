"""Page weight and first paint in Chromium, page by page: python tests/bench/bench_paint.py [--url URL] [--pages chain_rule …] [--rounds N] [--json FILE]

Each page is opened in a browser that has seen nothing, on a server of its own unless --url names one. Printed are medians: what came
over the network as it was sent (compressed if the server compresses), what came through the websocket, when the first thing was painted,
when the chapter's question stood on the page, and when all had come to rest. Nothing is asserted; on a busy machine times mean little.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
QUANTITIES = {
    "network_kB": "network kB",
    "websocket_kB": "socket kB",
    "requests": "requests",
    "paint_s": "paint s",
    "question_s": "question s",
    "rest_s": "at rest s",
}
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def opened(chromium, url: str, idle: str) -> dict[str, float]:
    """One visit by a new reader: kilobytes (1 000 bytes) and seconds since the address was entered."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    sent, socket = [], []
    network.on("Network.loadingFinished", lambda event: sent.append(event["encodedDataLength"]))
    network.on("Network.webSocketFrameReceived", lambda event: socket.append(len(event["response"]["payloadData"]) * 3 / 4))  # base64 of a binary frame
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("h1", timeout=120_000)
    question = time.perf_counter() - start
    page.wait_for_function(idle, timeout=120_000)
    page.wait_for_load_state("networkidle", timeout=120_000)
    rest = time.perf_counter() - start
    found = {
        "network_kB": sum(sent) / 1e3,
        "websocket_kB": sum(socket) / 1e3,
        "requests": len(sent),
        "paint_s": page.evaluate(PAINT) / 1e3,
        "question_s": question,
        "rest_s": rest,
    }
    context.close()
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--url", help="a running book; else one is started")
    arguments.add_argument("--pages", nargs="*", help="names in the address; '' is the first page; else all")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    browsing = load(ROOT / "tests/browser/conftest.py")
    server = None
    url = given.url
    if url is None:
        url, server = browsing.serving.serve(Path("app.py"), {})
    pages = given.pages if given.pages is not None else ["", *(p.stem for p in sorted((ROOT / "pages").glob("*/*.py")) if p.stem != "contents")]
    medians = {}
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browsing.CHROMIUM if browsing.CHROMIUM.exists() else None, args=browsing.FLAGS)
            print(f"{'page':<16}" + "".join(f"{name:>12}" for name in QUANTITIES.values()) + f"   medians of {given.rounds}")
            for name in pages:
                visits = [opened(chromium, f"{url}/{name}", browsing.IDLE) for _ in range(given.rounds)]
                medians[name] = {quantity: statistics.median(visit[quantity] for visit in visits) for quantity in QUANTITIES}
                print(
                    f"{name or 'contents':<16}" + "".join(f"{value:>12,.0f}" if value >= 100 else f"{value:>12.2f}" for value in medians[name].values()),
                    flush=True,
                )
            chromium.close()
    finally:
        if server is not None:
            server.terminate()
    if given.json:
        given.json.write_text(json.dumps({"rounds": given.rounds, "pages": medians}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
