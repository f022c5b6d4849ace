"""What the server holds in memory: `python tests/bench/bench_memory.py [--models nano smollm2-135m]`.

For each model a fresh server: started; after its first reader has seen chapter 1; after a text of 4 000 characters was
scored; after ten readers have read a text of their own each; after every chapter was opened on a text of its reader's. Prints resident memory in MB, and in Markdown; asserts nothing.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]
from load_client import Visitor  # noqa: E402

from tests.serving import serve  # noqa: E402

LONG = (ROOT / "LICENSE").read_text(encoding="utf-8") * 8


def resident(pid: int) -> float:
    """Resident memory in MB (10⁶ bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024 / 1e6


async def read(url: str, model: str, text: str, page: str = "chain_rule") -> None:
    async with Visitor(url, page, urlencode({"model": model, "text": text}), timeout=300) as visitor:
        await visitor.load()
        if visitor.exceptions:
            print(f"{page}: {visitor.exceptions}", file=sys.stderr)


def measure(model: str) -> list[float]:
    others = ["nano", "trigram", "bigram", "unigram", "uniform"]
    url, process = serve(ROOT / "app.py", {"HF_HUB_OFFLINE": "1", "LMVIZ_MODELS": ",".join(dict.fromkeys([model, *others]))}, patience=120)
    try:
        time.sleep(5)
        found = []
        asyncio.run(read(url, model, "The cat sat on the mat"))
        time.sleep(20)  # the model is warming up meanwhile
        found.append(resident(process.pid))
        asyncio.run(read(url, model, LONG[:4_000]))
        found.append(resident(process.pid))

        async def ten():
            await asyncio.gather(*(read(url, model, f"{i} {LONG[300 * i : 300 * i + 600]}") for i in range(10)))

        asyncio.run(ten())
        found.append(resident(process.pid))
        for page in sorted(p.stem for p in (ROOT / "pages").glob("[!s]*/*.py")):
            asyncio.run(read(url, model, "The keys to the cabinet lay under a stone", page))
        found.append(resident(process.pid))
    finally:
        process.terminate()
        process.wait(20)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["nano", "smollm2-135m"])
    options = parser.parse_args()
    print("| model | one reader, chapter 1 | a text of 4 000 characters | ten readers more | every chapter |\n|---|---:|---:|---:|---:|")
    for model in options.models:
        print(f"| {model} | " + " | ".join(f"{mb:.0f} MB" for mb in measure(model)) + " |", flush=True)


if __name__ == "__main__":
    main()
