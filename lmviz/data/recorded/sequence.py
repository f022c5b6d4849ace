"""Nano trained on what it writes itself, five ways, three seeds: `python -m lmviz.data.recorded.sequence` (about a quarter of an hour of one core).

`python -m lmviz.data.recorded.sequence windows CORPUS TOKENS` cuts the texts anew: training works for the runs, held-out works to measure on.
"""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

from lmviz.data import examples

HERE = Path(__file__).parent
FILE, WINDOWS = HERE / "sequence.json", HERE / "sequence_windows.npz"
STEPS, EVERY, SEEDS = 80, 20, (1, 2, 3)
BATCHES = 32  # of which gradients are compared


def main() -> None:
    import torch

    from lmviz import models
    from lmviz.training import sequence

    torch.set_num_threads(1)
    model, setting = models.load("nano"), sequence.Setting()
    record = {"model": model.name, "revision": model.revision, "setting": vars(setting), "steps": STEPS, "seeds": list(SEEDS), "after": {}}
    record["gradients"] = gram_matrices(model, setting)
    record["before"] = written(model.network, model)
    record["runs"] = {method: [] for method in sequence.METHODS}
    for seed in SEEDS:
        for method in sequence.METHODS:
            rows, network = one_run(model, method, setting, seed)
            record["runs"][method].append(rows)
            print(method, seed, rows[-1], flush=True)
            if seed == SEEDS[0]:
                record["after"][method] = written(network, model)
        FILE.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")  # after every seed: a run that is broken off leaves whole seeds


def one_run(model, method: str, setting, seed: int, steps: int = STEPS):
    """One run from nano: what is measured every EVERY steps, and the trained network."""
    import torch

    from lmviz.models import products
    from lmviz.training import sequence

    train, held_out = (torch.from_numpy(part) for part in windows())
    network = products.trainable(model.network)
    rows = [{"step": 0} | _measured(network, held_out, setting)]
    for step in sequence.run(network, train, method, setting, steps=steps, generator=torch.Generator().manual_seed(seed)):
        if step.number % EVERY == 0:
            rows.append({"step": step.number} | _measured(network, held_out, setting))
    return rows, network


def _measured(network, held_out, setting) -> dict[str, float]:
    import torch

    from lmviz.training import sequence

    found = sequence.measure(network, held_out, setting, generator=torch.Generator().manual_seed(0))
    return {name: round(value, 5) for name, value in found.items()}


def gram_matrices(model, setting, batches: int = BATCHES) -> dict[str, list[list[float]]]:
    """For each method the inner products [batches, batches] of the gradients that so many minibatches give at nano's own weights.

    The three sequence-level methods look at the very same texts, written once a minibatch.
    """
    import torch

    from lmviz import sequence_level
    from lmviz.models import products
    from lmviz.training import sequence

    train = torch.from_numpy(windows()[0])
    network, generator = products.trainable(model.network), torch.Generator().manual_seed(0)
    gradients: dict[str, list] = {name: [] for name in sequence.METHODS if name != "scheduled_sampling"}  # which has mixed inputs, and cross-entropy's gradient
    for _ in range(batches):
        rows = train[torch.randperm(len(train), generator=generator)[: setting.rows("cross_entropy")]]
        value, _ = sequence.loss(network, rows, "cross_entropy", setting, generator=generator)
        gradients["cross_entropy"].append(sequence.flat_gradient(network, value))
        rows = rows[: setting.prompts].repeat_interleave(setting.samples, 0)
        heads, references = rows[:, : 1 + setting.prompt], rows[:, 1 + setting.prompt :]
        ids = sequence.write(network, heads, setting.length, generator=generator)
        rewards = sequence.rewards_of(ids, references).view(-1, setting.samples)
        log_probs = sequence_level.sequence_log_prob(sequence.continuation_logits(network, torch.cat([heads, ids], 1), setting), ids)
        for name in ("reinforce", "reinforce_baseline", "minimum_risk"):
            value = sequence.of_samples(log_probs.view(-1, setting.samples), rewards, ids.view(-1, setting.samples, setting.length), name, setting)
            gradients[name].append(sequence.flat_gradient(network, value))
    grams = {name: torch.stack(rows).double() for name, rows in gradients.items()}
    return {name: [[float(f"{value:.5g}") for value in row] for row in (g @ g.T).tolist()] for name, g in grams.items()}


def prompts(length: int = 24) -> list[tuple[str, str]]:
    """Title and beginning of three bundled English stories, the first `length` tokens of each."""
    from lmviz import models

    tokenizer = models.load("nano").tokenizer
    stories = [p for p in examples.passages() if p.register == "story" and p.language.startswith("en")][:3]
    return [(p.title, tokenizer.decode(tokenizer.encode(p.text).ids[:length]).decode("utf-8", "replace")) for p in stories]


def written(network, model, length: int = 32) -> list[dict[str, str]]:
    """What a network writes after the beginnings of `prompts`, sampled from one seed."""
    import torch

    from lmviz.training import sequence

    rows = []
    for number, (title, prompt) in enumerate(prompts()):
        head = torch.tensor([[model.start_id, *model.tokenizer.encode(prompt).ids]])
        ids = sequence.write(network, head, length, generator=torch.Generator().manual_seed(number))[0]
        rows.append({"title": title, "prompt": prompt, "text": model.tokenizer.decode(ids.tolist()).decode("utf-8", "replace")})
    return rows


@lru_cache(1)
def windows() -> tuple[np.ndarray, np.ndarray]:
    """Texts of start token, prompt and continuation: for training [1024, 49] and held out [128, 49], int64."""
    with np.load(WINDOWS, allow_pickle=False) as archive:
        return archive["train"].astype(np.int64), archive["held_out"].astype(np.int64)


@lru_cache(1)
def load() -> dict:
    """The recorded runs."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def cut(corpus: Path, tokens: Path) -> None:
    """Cut the texts out of the corpus, as training does: half of the training texts start where lines do."""
    from lmviz.training import sequence, stream

    streams, length = stream.prepare(corpus, tokens), sequence.Setting().window
    train = stream.windows(streams.train, 0, batch=1024, context=length - 1, seed=13, line_starts=streams.line_starts)
    held_out = stream.fixed_windows(streams.valid, 128, length - 1)
    np.savez_compressed(WINDOWS, train=train.astype(np.uint16), held_out=held_out.astype(np.uint16))


if __name__ == "__main__":
    cut(Path(sys.argv[2]), Path(sys.argv[3])) if sys.argv[1:2] == ["windows"] else main()
