"""Four heads trained on the same frozen hidden states, chapter 16.

    python -m lmviz.data.recorded.heads read MODEL TOKENS CACHE [TRAIN] [HELD]    states of TRAIN and HELD tokens, kept in the folder CACHE
    python -m lmviz.data.recorded.heads train CACHE MODEL[/K] …                   trains the heads on them (or every Kth window), writes heads.json

TOKENS is the folder that `lmviz.training.stream.prepare` made. The heads learn from works that nano was trained on and are measured on works
that it was not. One core takes a minute for nano’s 300 000 tokens; SmolLM2 reads about 500 tokens a second, and its full head, 28 million
numbers, is the slowest to train. States are kept as float16 and never committed; a test repeats a small part on text that is.
"""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
CONTEXT = 128  # tokens a window, the start token first
AT_ONCE = 8  # windows that go through the layers together
MARKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the pass, where the held-out loss is measured
JUDGED = 4_096  # tokens that choose the learning rate
DEFAULT_TOKENS = {"train": 300_000, "held": 40_000}


@lru_cache(1)
def load() -> dict:
    """model → what was run and what came of it."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def windows_for(model, tokens: Path, part: str, n_tokens: int) -> list[list[int]]:
    """Ids of windows, each led by the model's start token, evenly spread over the training works or those held out."""
    from lmviz.training import stream

    streams = stream.prepare(Path(), tokens)
    source = streams.train if part == "train" else streams.valid
    spare = 1 if model.tokenizer_name == "lmviz" else 2  # another tokenizer may need more of ours to fill a window
    rows = stream.fixed_windows(source, n_tokens // CONTEXT, CONTEXT * spare)
    if model.tokenizer_name == "lmviz":
        return [[model.start_id, *row[1:].tolist()] for row in rows]
    from lmviz import models

    ours = models.load("nano")
    texts = [b"".join(map(ours.token_bytes, row[1:].tolist())).decode("utf-8", "replace").strip("\ufffd") for row in rows]
    found = ([model.start_id, *model.encode(text).ids[:CONTEXT]] for text in texts)
    return [row for row in found if len(row) == CONTEXT + 1]


def states_of(model, rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Float16 states [N, D] and the id that follows each, int32 [N]."""
    import torch

    states = []
    for start in range(0, len(rows), AT_ONCE):
        made, _ = model.states([row[:-1] for row in rows[start : start + AT_ONCE]])
        states.append(torch.cat(made).to(torch.float16).numpy())
    return np.concatenate(states), np.array([i for row in rows for i in row[1:]], dtype=np.int32)


def read(name: str, tokens: Path, cache: Path, *sizes: str) -> None:
    """Keep the states of a model, and what its own head loses on those held out."""
    import torch

    from lmviz import models
    from lmviz.vocabulary import chunked

    torch.set_num_threads(1)
    model = models.load(name)
    kept = {"facts": np.array(json.dumps({"model": name, "revision": model.revision, "vocab_size": model.vocab_size}))}
    for part, default, given in zip(DEFAULT_TOKENS, DEFAULT_TOKENS.values(), [*map(int, sizes), None, None]):
        kept[f"{part}_states"], kept[f"{part}_targets"] = states_of(model, windows_for(model, tokens, part, given or default))
        print(name, part, kept[f"{part}_states"].shape, flush=True)
    with torch.inference_mode():
        states = torch.from_numpy(kept["held_states"]).float()
        kept["own_losses"] = chunked.readings(states, model.network.embedding.weight, torch.from_numpy(kept["held_targets"]).long(), top_k=1).losses.numpy()
    print(name, "own head", kept["own_losses"].mean(), flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(cache / f"{name}.npz", **kept)


def open_states(file: Path) -> tuple[dict, dict[str, object], np.ndarray]:
    """Facts, tensors by name, and the losses of the model's own head, from what `read` kept."""
    import torch

    with np.load(file, allow_pickle=False) as archive:
        kept = {name: archive[name] for name in archive.files}
    facts, own = json.loads(str(kept.pop("facts"))), kept.pop("own_losses")
    return facts, {name: torch.from_numpy(array if array.dtype == np.float16 else array.astype(np.int64)) for name, array in kept.items()}, own


def every_kth(values, k: int):
    """Every kth window of rows [N, …]."""
    return values.reshape(-1, CONTEXT, *values.shape[1:])[::k].reshape(-1, *values.shape[1:])


def run(states, targets, held_states, held_targets, counts: np.ndarray, *, kinds=None, rates=None) -> dict[str, dict]:
    """Train every head on one pass over the states and measure it on those held out: kind → what came of it.

    The states are divided by their root mean square. A tenth of the tokens chooses the learning rate, on the last tenth, which is left out.
    """
    from lmviz.vocabulary import heads

    scale = states.float().square().mean().sqrt()
    states, held_states = states / scale, held_states / scale  # float16 stays float16
    n = len(states)
    learn, judge = slice(0, n - n // 10), slice(n - n // 10, n)
    short = states[: n // 10], targets[: n // 10]
    found = {}
    for kind in kinds or heads.KINDS:
        rate = heads.best_rate(kind, counts, short, (states[judge][:JUDGED], targets[judge][:JUDGED]), rates or heads.RATES)
        head = heads.make(kind, counts, states.shape[1])
        curve = heads.train(head, states[learn], targets[learn], rate=rate, held=(held_states, held_targets), marks=MARKS)
        work = heads.multiply_adds(kind, counts, states.shape[1])
        found[kind] = {
            "rate": rate,
            "multiply_adds": round(work),
            "n_parameters": sum(p.numel() for p in head.parameters()),
            "curve": [[n, round(s, 3), round(nats, 4)] for n, s, nats in curve],
        }
        if kind == "adaptive":
            found[kind]["cutoffs"] = head.cutoffs
        print(kind, found[kind], flush=True)
    return found


def small() -> dict[str, dict]:
    """The same on text that is in the repository, 1,800 tokens to learn from: what a test repeats."""
    import torch

    from lmviz import models
    from lmviz.data.recorded import exposure, vocabulary_counts

    model = models.load("nano")
    states, targets = states_of(model, [[model.start_id, *row] for row in exposure.texts("novels")])
    states, targets, cut = torch.from_numpy(states), torch.from_numpy(targets).long(), len(targets) * 5 // 6
    counts = vocabulary_counts.smoothed("lmviz", model.vocab_size)
    return run(states[:cut], targets[:cut], states[cut:], targets[cut:], counts, rates=(0.03,))


def train(cache: Path, *names: str) -> None:
    """Train on the states of the named models, and the small run; models that are not named keep what they have."""
    import torch

    from lmviz.data.recorded import vocabulary_counts

    torch.set_num_threads(1)
    found = load() if FILE.exists() else {}
    found["small"] = small()
    for name, _, every in (name.partition("/") for name in names):
        facts, kept, own = open_states(cache / f"{name}.npz")
        kept, own = {part: every_kth(values, int(every or 1)) for part, values in kept.items()}, every_kth(own, int(every or 1))
        counts = vocabulary_counts.smoothed({"smollm2-135m": "smollm2"}.get(name, "lmviz"), facts["vocab_size"])
        ran = run(*(kept[f"{part}_{what}"] for part in DEFAULT_TOKENS for what in ("states", "targets")), counts)
        sizes = {"hidden_size": kept["held_states"].shape[1], "n_held": len(own), "own_nats": round(float(own.mean()), 4)}
        found[name] = facts | sizes | {"heads": ran}
        FILE.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "read":
        read(rest[0], Path(rest[1]), Path(rest[2]), *rest[3:])
    elif command == "train":
        train(Path(rest[0]), *rest[1:])
