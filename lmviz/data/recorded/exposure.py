"""What nano loses by reading its own words: `python -m lmviz.data.recorded.exposure` (about four minutes of one core).

Human texts of two kinds, the bundled passages and lines of held-out novels, are cut into a prompt and a continuation; nano continues the
prompts by every decoding rule. (`… exposure texts TOKENS` cuts the novels anew.) Recorded, step by step and text by text, in nats: what each token costs nano, and KL(oracle ‖ nano) after
human words and after nano's own. The oracle SmolLM2 has another vocabulary: it is compared where words end (`lmviz.word_starts`).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lmviz.data import examples

FILE = Path(__file__).parent / "exposure.npz"
NOVELS = Path(__file__).parent / "exposure_novels.npz"
MODEL, ORACLES = "nano", ("smollm2-135m", "tiny")  # an oracle stands in for the truth, so it should know more than the model
SOURCES = ("passages", "novels")
TEXTS, PROMPT, LENGTH, WORDS, SAMPLES = 30, 32, 48, 12, 4


@dataclass(frozen=True, eq=False)
class Recorded:
    """What was found on one kind of text. Rows are texts, columns steps; "human" or a decoding rule → array, nats."""

    nats: dict[str, np.ndarray]  # [N, LENGTH] what each token costs nano, mean of a text's samples
    repeated: dict[str, np.ndarray]  # [N] share of tokens that repeat an earlier one of the continuation
    kl: dict[str, dict[str, np.ndarray]]  # by oracle: [N, steps] KL(oracle ‖ nano); steps are words or tokens
    judged: dict[str, np.ndarray]  # [N] nats a byte that SmolLM2 pays for the first WORDS words; empty without it


def main() -> None:
    import torch

    from lmviz import models

    torch.set_num_threads(1)
    available = models.names()
    facts = {"model": MODEL, "revision": models.load(MODEL).revision, "prompt": PROMPT, "length": LENGTH, "words": WORDS, "samples": SAMPLES}
    facts["oracles"] = {name: models.load(name).revision for name in ORACLES if name in available}
    arrays = {}
    for source in SOURCES:
        for name, values in measure(source, oracles=tuple(facts["oracles"])).items():
            arrays[f"{source}/{name}"] = values.astype(np.float32)
            print(source, name, values.shape, round(float(values.mean()), 4), flush=True)
    np.savez_compressed(FILE, facts=np.array(json.dumps(facts)), **arrays)


def texts(source: str) -> list[tuple[int, ...]]:
    """The first PROMPT + LENGTH ids of each of up to TEXTS human texts: bundled English prose, or lines of held-out novels."""
    from lmviz import models

    if source == "novels":
        with np.load(NOVELS, allow_pickle=False) as archive:
            return [tuple(row) for row in archive["ids"].tolist()]
    prose = [p.text for p in examples.passages() if p.language.startswith("en") and p.register not in ("code", "poem", "list", "pattern")]
    rows = [models.load(MODEL).encode(text).ids[: PROMPT + LENGTH] for text in prose]
    return [row for row in rows if len(row) == PROMPT + LENGTH][:TEXTS]


def cut_novels(tokens: Path) -> None:
    """Beginnings of lines, spread evenly over the works that no model has read: their ids, [TEXTS, PROMPT + LENGTH]."""
    from lmviz import models

    stream, newline, n = np.load(tokens / "valid.npy"), models.load(MODEL).encode("\n").ids[0], PROMPT + LENGTH
    breaks = np.flatnonzero(stream == newline)
    long = breaks[:-1][np.diff(breaks) > n] + 1  # the rest of such a line is long enough
    starts = long[np.linspace(0, len(long) - 1, TEXTS).astype(int)]
    np.savez_compressed(NOVELS, ids=np.stack([stream[start : start + n] for start in starts]))


def measure(source: str, *, oracles: tuple[str, ...], rules: tuple[str, ...] | None = None, most: int | None = None) -> dict[str, np.ndarray]:
    """Arrays by name, as `Recorded` has them; `rules` and `most` texts make it a cheap part of the whole."""
    import torch

    from lmviz import exposure, models, sampling

    model = models.load(MODEL)
    rows = texts(source)[:most]
    prompts = [row[:PROMPT] for row in rows]
    found = {}
    for name in ("human", *(rules or sampling.RULES)):
        samples = 1 if name in ("human", "greedy") else SAMPLES
        heads = [prompt for prompt in prompts for _ in range(samples)]
        if name == "human":
            ids = torch.tensor([row[PROMPT:] for row in rows])
        else:
            ids, _ = sampling.go_on(model, heads, sampling.RULES[name], LENGTH, generator=torch.Generator().manual_seed(0))
        nats = np.stack([-log_probs_after(model, prompt, row).gather(-1, row[:, None])[:, 0].numpy() for prompt, row in zip(heads, ids)])
        found[f"nats/{name}"] = nats.reshape(len(rows), samples, LENGTH).mean(1)
        found[f"repeated/{name}"] = exposure.repetition_rate(ids, n=1).reshape(len(rows), samples).mean(1)
        for oracle in oracles:  # one sample a text: oracles are slow
            if models.load(oracle).tokenizer_name == model.tokenizer_name:
                found[f"kl/{oracle}/{name}"] = by_tokens(models.load(oracle), model, prompts, ids[::samples])
            else:
                found[f"kl/{oracle}/{name}"], found[f"judged/{name}"] = by_words(models.load(oracle), model, prompts, ids[::samples])
    return found


def log_probs_after(model, prompt, row):
    """log P of every token at each position of a continuation row [L], after its prompt: float64 [L, V]."""
    (states,), _ = model.states([[model.start_id, *prompt, *row.tolist()[:-1]]])
    return model.logits(states[len(prompt) :]).double().log_softmax(-1)


def by_tokens(oracle, model, prompts, ids) -> np.ndarray:
    """[N, L] KL(oracle ‖ model) over the whole vocabulary, at each token of the continuations ids [N, L]."""
    from lmviz import information

    pairs = ((log_probs_after(lm, prompt, row).exp() for lm in (oracle, model)) for prompt, row in zip(prompts, ids, strict=True))
    return np.stack([information.kl_divergence(o, p).numpy() for o, p in pairs])


def by_words(oracle, model, prompts, ids) -> tuple[np.ndarray, np.ndarray]:
    """[N, WORDS] KL(oracle ‖ model) over what follows each of the first WORDS words; and [N] nats a byte the oracle pays for them.

    A continuation of fewer words (a row of dots, say) has NaN where there is nothing to compare.
    """
    from lmviz import information, word_starts

    names, classes = word_starts.kinds(*([lm.token_bytes(i) for i in range(lm.vocab_size)] for lm in (oracle, model)))
    kl, judged = np.full((len(prompts), WORDS), np.nan), np.full(len(prompts), np.nan)
    for n, (prompt, row) in enumerate(zip(prompts, ids.tolist(), strict=True)):
        head, tail = (b"".join(map(model.token_bytes, part)).decode("utf-8", "replace") for part in (prompt, row))
        text, border = head + tail, len(head.encode())
        encodings = [lm.encode(text) for lm in (oracle, model)]
        ends = [j for j in word_starts.word_ends(text.encode(), border) if all(j in e.ends for e in encodings)][:WORDS]
        if not ends:
            continue
        encodings = [_until(e, ends[-1]) for e in encodings]
        o, p = (word_starts.at_word_ends(lm, e, ends, c, len(names)) for lm, e, c in zip((oracle, model), encodings, classes))
        kl[n, : len(ends)] = information.kl_divergence(o.exp(), p.exp()).numpy()
        judged[n] = paid(oracle, encodings[0], border, ends[-1]) / (ends[-1] - border)
    return kl, judged


def _until(encoded, end: int):
    """The first tokens of a text, up to byte `end`."""
    n = sum(stop <= end for stop in encoded.ends)
    return type(encoded)(encoded.ids[:n], encoded.starts[:n], encoded.ends[:n], encoded.text_bytes[:end])


def paid(model, encoded, start: int, end: int) -> float:
    """Nats for the tokens of a text that end within its bytes start … end."""
    import torch

    ids = [i for i, stop in zip(encoded.ids, encoded.ends) if stop <= end]
    first = sum(stop <= start for stop in encoded.ends)
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    log_probs = model.logits(states[first:]).double().log_softmax(-1)
    return -log_probs.gather(-1, torch.tensor(ids[first:])[:, None]).sum().item()


@lru_cache(1)
def load() -> tuple[dict, dict[str, Recorded]]:
    """What was run, and what was found on each kind of text."""
    with np.load(FILE, allow_pickle=False) as archive:
        facts = json.loads(str(archive["facts"]))
        arrays = {name: archive[name].astype(np.float64) for name in archive.files if name != "facts"}
    return facts, {source: _recorded(source, facts["oracles"], arrays) for source in SOURCES}


def _recorded(source: str, oracles, arrays: dict[str, np.ndarray]) -> Recorded:
    def part(kind: str) -> dict[str, np.ndarray]:
        head = f"{source}/{kind}/"
        return {name.removeprefix(head): values for name, values in arrays.items() if name.startswith(head)}

    return Recorded(part("nats"), part("repeated"), {oracle: part(f"kl/{oracle}") for oracle in oracles}, part("judged"))


if __name__ == "__main__":
    cut_novels(Path(sys.argv[2])) if sys.argv[1:2] == ["texts"] else main()
