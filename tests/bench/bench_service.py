"""Fifty readers at once, at the service: how long until the last has an answer, and how many forward passes it took.

    python tests/bench/bench_service.py [--model smollm2-135m] [--readers 50] [--rounds 3] [--json FILE]

SmolLM2, float32, this machine; medians of interleaved rounds. Nothing is asserted: a bar that is missed is printed.
"""

import argparse
import json
import random
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lmviz import models  # noqa: E402
from lmviz.models import scoring  # noqa: E402
from lmviz.models.service import Service  # noqa: E402

NOUNS = "man dog ship king river letter winter garden soldier candle doctor horse window forest engine market".split()


def sentences(model, n: int, seed: int) -> list[str]:
    """n different sentences of 20 tokens."""
    rng, found = random.Random(seed), []
    while len(found) < n:
        a, b, c = rng.sample(NOUNS, 3)
        text = f"In the year of the {a}, number {rng.randrange(100, 999)}, the {b} went to the {c} again"
        if len(model.encode(text)) == 20 and text not in found:
            found.append(text)
    return found


def all_at_once(service: Service, name: str, texts: list[str]) -> float:
    """Seconds until the last of the readers, one a text and all at once, has an answer."""
    start = threading.Barrier(len(texts) + 1)
    wrong = []

    def reader(text: str) -> None:
        start.wait()
        with service.submit(name, text) as ticket:
            if ticket.result(600).text != text:
                wrong.append(text)

    threads = [threading.Thread(target=reader, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    start.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    assert not wrong
    return time.perf_counter() - started


def one_after_another(model, texts: list[str]) -> float:
    started = time.perf_counter()
    for text in texts:
        scoring.score(model, text)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = models.load(options.model)
    scoring.score(model, "warm")
    together, alone, forwards = [], [], []
    for turn in range(options.rounds):
        texts = sentences(model, options.readers, turn)
        service = Service()
        together.append(all_at_once(service, options.model, texts))
        forwards.append(service.forwards)
        service.close()
        alone.append(one_after_another(model, texts))
    service = Service()
    same = all_at_once(service, options.model, [texts[0]] * options.readers)
    ratio = statistics.median(together) / statistics.median(alone)
    rows = [
        {"what": f"{options.readers} readers, {options.readers} different sentences of 20 tokens: time until the last has its answer, against one after another",
         "value": round(ratio, 3), "bar": 0.5, "at_least": False, "met": ratio <= 0.5,
         "detail": f"{statistics.median(together):.2f} s, {statistics.median(alone):.2f} s; {statistics.median(forwards):.0f} batches"},
        {"what": f"{options.readers} readers, one sentence: forward passes made", "value": service.forwards, "bar": 1, "at_least": False,
         "met": service.forwards == 1, "detail": f"the last had its answer after {same * 1e3:.0f} ms"},
    ]  # fmt: skip
    service.close()
    for row in rows:
        print(f"{'met   ' if row['met'] else 'MISSED'}  {row['what']}: {row['value']} (bar ≤ {row['bar']})  {row['detail']}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
