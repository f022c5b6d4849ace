"""Fifty people open one link: `python tests/bench/bench_link.py [--pages chain_rule,losses] [--within 10] [--cold]`.

Starts the app on a free port of 127.0.0.1, lets one visitor and then fifty open the same page (with a text of their teacher's in the
link) within some seconds of each other, and prints the ratio of the median time to the finished page. With --cold each of the two meets
a server that has just begun to answer. Asserts nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))
from tests.serving import serve  # noqa: E402

TEXT = "Every Friday the baker left one loaf on the wall for whoever came by first."
PAGES = "chain_rule,heatmap,perplexity,compression,entropy,gradient,losses,masked,exposure,distillation,contrastive,vocabulary,training,downstream"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", default=PAGES)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--within", type=float, default=10, help="seconds in which all of them come")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kept = {}
    server = None if options.cold else serve(ROOT / "app.py", {"HF_HUB_OFFLINE": "1"})
    print(f"{'page':16}{'one alone':>12}{f'{options.sessions} people':>14}{'slowest':>12}{'ratio':>8}   bar ≤ 5")
    try:
        for page in options.pages.split(","):
            if server:
                visit(server, page, 1, 0, "warm up")  # imports and first views, which the first visitor of a page pays for
            alone = visit(server, page, 1, 0, "alone" if server else TEXT)
            many = visit(server, page, options.sessions, options.within, TEXT)
            one, fifty = alone["first_load_ms"]["p50"], many["first_load_ms"]["p50"]
            print(
                f"{page:16}{one:9.0f} ms{fifty:11.0f} ms{many['first_load_ms']['max']:9.0f} ms{fifty / one:8.2f}   {'met' if fifty <= 5 * one else 'MISSED'}",
                flush=True,
            )
            if alone["errors"] + many["errors"]:
                print("errors:", alone["first_errors"], many["first_errors"])
            kept[page] = {"alone": alone, "many": many}
    finally:
        if server:
            end(server)
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1))


def end(server) -> None:
    server[1].terminate()
    server[1].wait(20)


def visit(server, page: str, sessions: int, within: float, text: str) -> dict:
    """What load_client measures of visitors who open the page and leave. Without a server, a new one is started for them."""
    url, process = server or (fresh := serve(ROOT / "app.py", {"HF_HUB_OFFLINE": "1"}))
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "load.json"
            command = [
                sys.executable,
                str(HERE / "load_client.py"),
                "--url",
                url,
                "--page",
                page,
                "--query",
                urlencode({"text": text}),
                "--sessions",
                str(sessions),
            ]
            command += ["--ramp", str(within), "--duration", "0", "--server-pid", str(process.pid), "--json", str(out), "--act", "rerun"]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
            return json.loads(out.read_text())
    finally:
        if server is None:
            end(fresh)


if __name__ == "__main__":
    main()
