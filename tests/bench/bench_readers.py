"""Fifty readers at once against one alone: `python tests/bench/bench_readers.py [--sessions 50] [--duration 40]`.

Starts the app on a free port of 127.0.0.1, waits until the model is warm, lets one reader and then fifty click tokens and
change the unit (think time 2 s, no new text), and prints the ratios of rerun p95 and first-load p50. Asserts nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))
from tests.serving import serve  # noqa: E402

ACTIONS = ["component:chain_rule_strip.clicked=0:5", "choice:unit"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--duration", type=float, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    url, server = serve(ROOT / "app.py", {"HF_HUB_OFFLINE": "1"})
    try:
        visit(url, server.pid, sessions=1, duration=15)  # the first visitor pays for imports and the model: not what is measured
        alone = visit(url, server.pid, sessions=1, duration=options.duration)
        many = visit(url, server.pid, sessions=options.sessions, duration=options.duration)
    finally:
        server.terminate()
        server.wait(20)
    rows = [
        ("rerun p95", alone["rerun_ms"]["p95"], many["rerun_ms"]["p95"]),
        ("first load p50", alone["first_load_ms"]["p50"], many["first_load_ms"]["p50"]),
    ]
    print(f"{'':16}{'one alone':>12}{f'{options.sessions} readers':>14}{'ratio':>8}   bar ≤ 5")
    for name, one, fifty in rows:
        print(f"{name:16}{one:9.0f} ms{fifty:11.0f} ms{fifty / one:8.2f}   {'met' if fifty <= 5 * one else 'MISSED'}")
    print(f"errors: {alone['errors'] + many['errors']}; server memory {many['server_rss_mib']} MiB; load average {many['load_avg']:.1f}")
    if options.json:
        options.json.write_text(json.dumps({"alone": alone, "many": many}, indent=1))


def visit(url: str, pid: int, *, sessions: int, duration: float) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "load.json"
        acts = [part for action in ACTIONS for part in ("--act", action)]
        command = [sys.executable, str(HERE / "load_client.py"), "--url", url, "--page", "chain_rule", "--sessions", str(sessions), "--duration", str(duration)]
        command += ["--think", "2", "--server-pid", str(pid), "--json", str(out), *acts]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        result = json.loads(out.read_text())
    if result["errors"]:
        print("errors:", result["first_errors"], file=sys.stderr)
    return result


if __name__ == "__main__":
    main()
