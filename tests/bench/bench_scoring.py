"""Scoring speed and memory against plain transformers, minicons and ppllm: SmolLM2, float32, this machine, one run.

    python tests/bench/bench_scoring.py --setup     # once: an environment for each peer under build/peers
    python tests/bench/bench_scoring.py             # the table; --json FILE keeps it

Every scorer is a process of its own (`scorers.py`), one works at a time, rounds are interleaved and medians compared, so
that a machine that is busy for a moment is busy for all. Nothing here is asserted: a bar that is missed is printed.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FLOP_PER_TOKEN = 269e6  # 2 × 134.5 million weights
BATCH = {"ppllm": 4, "minicons": 8, "minicons rank=True": 8}  # texts a batch
SENTENCE = "The old man looked out at the sea and wondered where all of the fishing boats had gone this morning."
WORDS = "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were".split()
PROSE = ("It was late in the evening when the travellers came down from the hills, and nobody in the village had expected them before the spring. "
         "The innkeeper, who had been counting 17 copper coins for the third time, looked up at the door and said nothing at all. ")  # fmt: skip


def texts_for_the_batch(count_tokens) -> list[str]:
    """64 texts of 3–140 tokens, the lengths spread evenly, in no order."""
    rng = random.Random(64)
    words, texts = (PROSE * 3).split(), []
    for i in range(64):
        wanted, start = 3 + round(137 * i / 63), rng.randrange(30)
        n = 1
        while count_tokens(" ".join(words[start : start + n + 1])) <= wanted and start + n < len(words):
            n += 1
        texts.append(" ".join(words[start : start + n]))
    rng.shuffle(texts)
    return texts


class Worker:
    """One scorer in one process."""

    def __init__(self, python: Path, name: str, folder: Path):
        environment = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")}
        environment |= {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT) if name == "lmviz" else ""}
        self.name = name
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([python, HERE / "scorers.py", name, folder], stdin=-1, stdout=-1, stderr=self.log, text=True, env=environment, cwd="/")
        self.read()

    def read(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{self.name} ended: {self.log.read()[-2000:]}")
        return json.loads(line)

    def ask(self, **request) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)


def peer_folder(target: Path) -> Path:
    """The converted weights as a folder that any transformers-based scorer reads, its tokenizer beginning each text with id 0."""
    from tokenizers import AddedToken, Tokenizer, processors

    from lmviz.models import files

    source = files.prepare_smollm2()
    for name in ("model.safetensors", "config.json"):
        os.symlink(source / name, target / name)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    start = "<|endoftext|>"
    tokenizer.add_special_tokens([AddedToken(start, special=True, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A", special_tokens=[(start, 0)])
    tokenizer.save(str(target / "tokenizer.json"))
    facts = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": start, "eos_token": start, "pad_token": start, "model_max_length": 8192}
    (target / "tokenizer_config.json").write_text(json.dumps(facts))
    return target


def setup(peers: Path) -> None:
    for name in ("ppllm", "minicons"):
        subprocess.run([sys.executable, "-m", "venv", peers / name], check=True)
        subprocess.run([peers / name / "bin/python", "-m", "pip", "install", "-q", "-r", HERE / f"requirements-{name}.txt"], check=True)
    subprocess.run([peers / "ppllm/bin/python", "-m", "pip", "install", "-q", "--no-deps", "ppllm==0.2.3"], check=True)


def interleaved(workers: dict[str, Worker], rounds: int, requests: dict[str, dict]) -> dict[str, list[dict]]:
    """Each worker's replies to its own request, asked in turn, after one round that does not count."""
    replies = {name: [] for name in requests}
    for turn in range(rounds + 1):
        for name, request in requests.items():
            reply = workers[name].ask(**request)
            if turn:
                replies[name].append(reply)
    return replies


def median(replies: list[dict]) -> float:
    return statistics.median(reply["seconds"] for reply in replies)


def best(replies: list[dict]) -> float:
    """The fastest round: steadier than the median where others use the machine."""
    return min(reply["seconds"] for reply in replies)


def difference(mine: dict, theirs: dict) -> float:
    """The largest difference in nats: token by token, or text by text where a scorer gives only sums (then per token)."""
    worst = 0.0
    for a, b in zip(mine["log_probs"], theirs["log_probs"], strict=True):
        if len(a) == len(b):
            worst = max(worst, max(abs(x - y) for x, y in zip(a, b)))
        else:
            worst = max(worst, abs(sum(a) - sum(b)) / len(a))
    return worst


def cold(python: Path, code: str) -> float:
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")} | {
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
    }
    started = time.perf_counter()
    subprocess.run([python, "-c", code], check=True, env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def run(peers: Path, rounds: int, only: set[str]) -> list[dict]:
    from lmviz.models import files
    from lmviz.models.tokenizer import ByteBPE

    bpe = ByteBPE.from_file(files.prepare_smollm2() / "tokenizer.json", "smollm2", files.SMOLLM2_CONTROL)
    rows: list[dict] = []

    def row(what: str, value: float, bar: float, at_least: bool, detail: str) -> None:
        met = value >= bar if at_least else value <= bar
        rows.append({"what": what, "value": round(value, 3), "bar": bar, "at_least": at_least, "met": met, "detail": detail})
        print(f"{'met   ' if met else 'MISSED'}  {what}: {value:.2f} (bar {'≥' if at_least else '≤'} {bar})  {detail}", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        folder = peer_folder(Path(scratch))
        python = {"lmviz": sys.executable, "transformers": sys.executable, "ppllm": peers / "ppllm/bin/python"}
        python |= dict.fromkeys(("minicons", "minicons rank=True"), peers / "minicons/bin/python")
        if only & {"sentence", "batch", "edit"}:
            names = list(python) if "batch" in only else ["lmviz", "transformers"]
            workers = {name: Worker(python[name], name, folder) for name in names}
        if "sentence" in only:
            assert len(bpe.encode(SENTENCE)) == 21, len(bpe.encode(SENTENCE))
            replies = interleaved(workers, 4 * rounds, {name: {"do": "score", "texts": [SENTENCE]} for name in ("lmviz", "transformers")})
            mine, theirs = median(replies["lmviz"]), median(replies["transformers"])
            row("one sentence of 21 tokens, full output, time against plain transformers", mine / theirs, 1.0, False,
                f"{mine * 1e3:.0f} ms, {theirs * 1e3:.0f} ms; difference {difference(replies['lmviz'][0], replies['transformers'][0]):.1e} nats")  # fmt: skip
        if "batch" in only:
            texts = texts_for_the_batch(lambda text: len(bpe.encode(text)))
            lengths = [len(bpe.encode(text)) for text in texts]
            requests = {"lmviz": {"do": "score", "texts": texts}}
            for name in ("ppllm", "minicons", "minicons rank=True"):
                requests[name] = {"do": "score", "texts": texts, "options": {"batch": BATCH[name]}}
            gflops = workers["lmviz"].ask(do="matmul")["gflops"]
            replies = interleaved(workers, rounds, requests)
            gflops = max(gflops, workers["lmviz"].ask(do="matmul")["gflops"])
            mine = median(replies["lmviz"])
            for name, bar in (("ppllm", 1.5), ("minicons", 2.5), ("minicons rank=True", 4.0)):
                theirs = median(replies[name])
                row(f"64 texts of {min(lengths)}–{max(lengths)} tokens, full output, times faster than {name}", theirs / mine, bar, True,
                    f"{sum(lengths) / mine:.0f} against {sum(lengths) / theirs:.0f} tokens/s (its batches of {requests[name]['options']['batch']}); "
                    f"by fastest rounds {best(replies[name]) / best(replies['lmviz']):.2f}; "
                    f"difference {difference(replies['lmviz'][0], replies[name][0]):.1e} nats")  # fmt: skip
            row("share of the machine's float32 limit on those 64 texts", FLOP_PER_TOKEN * sum(lengths) / mine / gflops / 1e9, 0.65, True,
                f"{sum(lengths)} tokens in {mine:.2f} s; limit {gflops:.0f} GFLOP/s")  # fmt: skip
        if "edit" in only:
            long = " ".join((PROSE * 13).split()[:580])
            for text, bar in ((SENTENCE, 2.0), (long, 15.0)):
                start = text[: text.rstrip(".").rindex(" ")]
                edited, fresh, far = [], [], 0.0
                for i in range(2 * rounds + 1):
                    after = f"{start} {WORDS[i % len(WORDS)]}"
                    edit, whole = workers["lmviz"].ask(do="edit", before=text, after=after), workers["lmviz"].ask(do="score", texts=[after])
                    far = max(far, difference(edit, whole))
                    if i:
                        edited.append(edit)
                        fresh.append(whole)
                row(f"editing the last word of {len(bpe.encode(text))} tokens, times faster than afresh", median(fresh) / median(edited), bar, True,
                    f"{median(edited) * 1e3:.0f} ms against {median(fresh) * 1e3:.0f} ms; difference {far:.1e} nats")  # fmt: skip
        if only & {"sentence", "batch", "edit"}:
            for worker in workers.values():
                worker.close()
        if "long" in only:
            rng, replies = random.Random(8), {"lmviz": [], "transformers": []}
            text = " ".join(rng.choice(WORDS) for _ in range(8000))
            for _ in range(max(1, rounds // 3)):
                for name in replies:  # a process each, so that each peak is its own
                    worker = Worker(python[name], name, folder)
                    worker.ask(do="score", texts=[SENTENCE])
                    replies[name].append(worker.ask(do="score", texts=[text]))
                    worker.close()
            peaks = {name: statistics.median(reply["peak"] for reply in found) / 2**20 for name, found in replies.items()}
            far = difference(replies["lmviz"][0], replies["transformers"][0])
            row("one text of 8,000 tokens: peak memory over the loaded model, against plain transformers", peaks["lmviz"] / peaks["transformers"], 0.25, False,
                f"{peaks['lmviz']:.0f} MiB, {peaks['transformers']:.0f} MiB; difference {far:.1e} nats")  # fmt: skip
            row("one text of 8,000 tokens: time, against plain transformers", median(replies["lmviz"]) / median(replies["transformers"]), 1.1, False,
                f"{median(replies['lmviz']):.1f} s, {median(replies['transformers']):.1f} s")  # fmt: skip
        if "cold" in only:
            ours = f"from lmviz import models; m = models.load('smollm2-135m'); from lmviz.models import scoring; scoring.score(m, {SENTENCE!r})"
            theirs = f"from minicons import scorer; scorer.IncrementalLMScorer({str(folder)!r}, 'cpu').token_score([{SENTENCE!r}])"
            times = {"lmviz": [], "minicons": []}
            for turn in range(rounds + 1):
                pair = cold(sys.executable, ours), cold(python["minicons"], theirs)
                if turn:
                    for name, seconds in zip(times, pair):
                        times[name].append(seconds)
            mine, other = (statistics.median(found) for found in times.values())
            row("import, load and first score in a new process, times sooner than minicons", other / mine, 2.5, True, f"{mine:.1f} s, {other:.1f} s")
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true", help="make the peers' environments and stop")
    parser.add_argument("--peers", type=Path, default=ROOT / "build/peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="sentence,batch,edit,long,cold", help="which rows, by comma")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if options.setup:
        setup(options.peers)
        return 0
    if not options.peers.exists():
        raise SystemExit("The peers are not set up: run with --setup first.")
    rows = run(options.peers.resolve(), options.rounds, set(options.only.split(",")))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
