"""How long the token strip takes in the browser, for 60, 500 and 2 000 tokens: python tests/bench/bench_strip.py [--slow 4]

Draw, colour and words are timed in Chromium from the call to the finished layout and the next frame; select is the way
from a click through Python to the answer on the page, on a real server. --slow N slows the processor N times, as a phone would be.
"""

import argparse
import importlib.util
import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from lmviz.ui import token_strip as strip  # noqa: E402


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STAND_IN = """async ([js, css, data]) => {
  const host = document.body.appendChild(document.createElement('div'));
  host.style.cssText = `width: 980px; --st-orange-color: #d55e00; --st-blue-color: #0072b2; --st-primary-color: #0b5fa5;
    --st-background-color: #fff; --st-text-color: #14171a; --st-font: sans-serif; --st-code-font: monospace`;
  const parentElement = host.attachShadow({mode: 'open'});
  parentElement.innerHTML = `<style>${css}</style><div class="strip"></div>`;
  const draw = (await import(URL.createObjectURL(new Blob([js], {type: 'text/javascript'})))).default;
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const time = async (act) => { await frame(); const start = performance.now(); act(); host.offsetHeight; await frame(); return performance.now() - start };
  const out = {draw: await time(() => draw({data, parentElement, setTriggerValue() {}}))};
  const root = parentElement.querySelector('.strip');
  const all = async (name, acts) => { out[name] = []; for (const act of acts) out[name].push(await time(act)) };
  await all('colour', ['entropy', 'rank', 'surprise', 'probability', 'loss'].map((m) => () => root.querySelector(`input[value=${m}]`).click()));
  await all('words', Array(4).fill(() => root.querySelector('[data-toggle=words]').click()));
  await all('patch', [1, 2, 3, 4].map((selected) => () => draw({data: {...data, selected}, parentElement, setTriggerValue() {}})));
  return out;
}"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--slow", type=float, default=1.0)
    slow = arguments.parse_args().slow
    browsing = load(ROOT / "tests/browser/conftest.py")
    texts = load(ROOT / "tests/browser/apps/strip_texts.py")
    js, css = ((ROOT / f"lmviz/ui/token_strip.{kind}").read_text() for kind in ("js", "css"))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browsing.CHROMIUM if browsing.CHROMIUM.exists() else None, args=browsing.FLAGS)
        print(f"{'tokens':>7} {'draw':>8} {'colour':>8} {'words':>8} {'patch':>8} {'select':>8}   ms, medians; processor slowed {slow:g} times")
        for n in (60, 500, 2000):
            tokens, losses = texts.long_tokens(n)
            data = strip.strip_data(tokens, measures=texts.measures(losses)) | {
                "key": "b",
                "selected": 0,
                "title": "",
                "scroll": 480 if n > strip.LONG else None,
            }
            drawn = []
            for _ in range(3):
                page = chromium.new_page()
                page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slow})
                drawn.append(page.evaluate(STAND_IN, [js, css, data]))
                page.close()
            row = [statistics.median(d["draw"] for d in drawn)]
            row += [statistics.median(t for d in drawn for t in d[name]) for name in ("colour", "words", "patch")]
            row.append(select(chromium, browsing, n))
            print(f"{n:>7} " + " ".join(f"{t:8.1f}" for t in row), flush=True)


def select(chromium, browsing, n: int) -> float:
    url, server = browsing.serving.serve(ROOT / "tests/browser/apps/strip_app.py", {})
    try:
        page = chromium.new_page()
        page.goto(f"{url}/?show={n}")
        browsing.settle(page)
        page.wait_for_selector(".chip")
        answered = """(i) => new Promise((done) => { const start = performance.now();
            const look = () => document.body.innerText.includes(`selected ${i} `) ? done(performance.now() - start) : setTimeout(look, 2);
            document.querySelector('[data-testid="stBidiComponentIsolated"]').shadowRoot.querySelector(`[data-n="${i}"]`).click(); look() })"""
        times = [page.evaluate(answered, i) for i in range(5, 15)]
        page.close()
        return statistics.median(times)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
