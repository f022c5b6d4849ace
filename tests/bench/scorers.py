"""The scorers that `bench_scoring.py` compares, each in a process (and, for the peers, an environment) of its own.

`python scorers.py NAME FOLDER` reads one JSON request a line and answers with one JSON line: the seconds it took and what
was computed. Every scorer reads the same float32 weights in FOLDER and begins each text with the same start token.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path


class Transformers:
    """Plain transformers: one text at a time, float32 log-softmax over all logits, the true token's entry."""

    def __init__(self, folder):
        import torch
        from tokenizers import Tokenizer
        from transformers import LlamaForCausalLM

        self.torch = torch
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def score(self, texts, **_):
        torch = self.torch
        answers = []
        with torch.inference_mode():
            for text in texts:
                ids = torch.tensor([self.tokenizer.encode(text).ids])  # the folder's tokenizer puts the start token first
                log_probs = self.model(ids).logits[0, :-1].log_softmax(-1)
                answers.append(log_probs.gather(1, ids[0, 1:, None])[:, 0].tolist())
        return answers


class Minicons:
    """minicons: padded batches in the order given, `rank` on request."""

    rank = False

    def __init__(self, folder):
        import torch
        from minicons import scorer

        self.scorer = scorer.IncrementalLMScorer(folder, "cpu", dtype=torch.float32)

    def score(self, texts, batch=8, **_):
        answers = []
        for i in range(0, len(texts), batch):
            for row in self.scorer.token_score(texts[i : i + batch], rank=self.rank):
                answers.append([entry[1] for entry in row[1:]])
        return answers


class MiniconsRank(Minicons):
    rank = True


class Ppllm:
    """ppllm: batches sorted by length, padded; it keeps a loss per token, and sums them by text."""

    totals_only = True

    def __init__(self, folder):
        import torch
        from ppllm import ppl
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.ppl, self.torch = ppl, torch
        ppl.tqdm = lambda loader, **_: loader
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        ppl.fix_tokenizer(self.tokenizer)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def score(self, texts, batch=8, **_):
        loader = self.ppl.LoaderKwargs(batch_size=batch, num_workers=0)
        found = self.ppl.compute_ppl([{"text": text} for text in texts], self.model, self.tokenizer, loader_kwargs=loader)
        return [[-total] for total in found["total_losses"].tolist()]


class Ours:
    """lmviz: log-probabilities, entropies, ranks, top 10 and tail, of every text."""

    def __init__(self, folder):
        from lmviz import models
        from lmviz.models import scoring

        self.scoring, self.model = scoring, models.load("smollm2-135m")
        self.memory = scoring.PrefixMemory()

    def score(self, texts, **_):
        return [scored.log_probs.tolist() for scored in self.scoring.score_many(self.model, texts, top_k=10)]

    def edit(self, before, after):
        """Score `before` so that it is remembered, then time `after`."""
        self.scoring.score(self.model, before, memory=self.memory)
        started = time.perf_counter()
        scored = self.scoring.score(self.model, after, memory=self.memory)
        return time.perf_counter() - started, scored.log_probs.tolist()

    def matmul(self):
        """The best float32 rate of a large product on this machine, GFLOP/s, by the better of torch's two libraries (MKL, oneDNN)."""
        import torch

        from lmviz.models.products import times_transposed

        a, b, best = torch.randn(3072, 3072), torch.randn(3072, 3072), 0.0
        for product in (torch.mm, times_transposed):
            for _ in range(8):
                started = time.perf_counter()
                product(a, b)
                best = max(best, 2 * 3072**3 / (time.perf_counter() - started) / 1e9)
        return best


SCORERS = {"lmviz": Ours, "transformers": Transformers, "minicons": Minicons, "minicons rank=True": MiniconsRank, "ppllm": Ppllm}


def memory(field: str) -> int:
    """VmRSS or VmHWM of this process, bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def answer(scorer, request: dict) -> dict:
    gc.collect()
    if request["do"] == "edit":
        seconds, log_probs = scorer.edit(request["before"], request["after"])
        return {"seconds": seconds, "log_probs": [log_probs]}
    if request["do"] == "matmul":
        return {"gflops": scorer.matmul()}
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    started = time.perf_counter()
    log_probs = scorer.score(request["texts"], **request.get("options", {}))
    return {"seconds": time.perf_counter() - started, "log_probs": log_probs, "peak": memory("VmHWM") - before}


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")  # what a library prints goes to stderr, not among the replies
    os.dup2(2, 1)
    scorer = SCORERS[sys.argv[1]](sys.argv[2])
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(scorer, json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
