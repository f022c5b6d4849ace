"""What chapter 3 shows before any model is loaded: computed once for each model by `view`, read back by `load`.

Loading needs no torch. A test compares what is stored with a fresh run.
"""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from lmviz import context_length, pitfall_readings
from lmviz.context_length import Pooled, WindowCost
from lmviz.data import examples

MEMORY_PASSAGES = ("lighthouse-cat", "swarm-stops-match", "why-ice-floats", "paper-travels", "grey-heron", "lentil-soup", "two-gardeners", "diary-botanist")
MEMORY_TOKENS = 200  # of each of these
WINDOW_PASSAGE = "lighthouse-cat"
WINDOW_CONTEXTS = (16, 32, 64, 128, 256)


@dataclass(frozen=True, eq=False)
class PerplexityView:
    """Chapter 3's precomputed numbers of one model; nats."""

    revision: str
    by_position: Pooled  # [English passages, groups of EDGES]
    by_memory: Pooled  # [MEMORY_PASSAGES, BEFORE]
    opening_memory: tuple[float, ...]  # mean loss of the opening text for each of memories(T)
    windows: tuple[WindowCost, ...]  # of WINDOW_PASSAGE
    readings: pitfall_readings.Readings  # of the opening text


def english() -> list[examples.Passage]:
    """The bundled passages in English that are not code."""
    return [p for p in examples.passages() if p.language.startswith("en") and p.register != "code"]


def passage(name: str) -> examples.Passage:
    return next(p for p in examples.passages() if p.id == name)


def window_settings(n_tokens: int, longest: int) -> list[tuple[int, int]]:
    """(context, stride) pairs worth comparing on a text, and last, if the model's `longest` context allows, the whole text at once."""
    contexts = [context for context in WINDOW_CONTEXTS if context < n_tokens and context <= longest]
    whole = [(n_tokens, n_tokens)] if n_tokens <= longest else []
    return [(context, stride) for context in contexts for stride in context_length.strides(context)] + whole


def beginning(model, text: str, n_tokens: int) -> str:
    """The text of the first n_tokens tokens, to a whole character."""
    encoded = model.encode(text)
    return text if len(encoded) <= n_tokens else encoded.text_bytes[: encoded.ends[n_tokens - 1]].decode("utf-8", errors="ignore")


def view(model) -> dict:
    """Every number of `PerplexityView` under a model, as plain values for JSON. Slow: about sixty thousand tokens."""
    from lmviz.models import scoring

    positions = [context_length.by_position(s.losses) for s in scoring.score_many(model, [p.text for p in english()], top_k=1)]
    texts = [beginning(model, passage(name).text, MEMORY_TOKENS) for name in MEMORY_PASSAGES]
    memories = [context_length.with_memory(model, texts, before) for before in context_length.BEFORE]
    opening = [context_length.with_memory(model, [examples.OPENING], b)[0].mean() for b in context_length.memories(len(model.encode(examples.OPENING)))]
    long = passage(WINDOW_PASSAGE).text
    costs = [context_length.with_windows(model, long, *setting) for setting in window_settings(len(model.encode(long)), model.context)]
    return {
        "model": model.name,
        "revision": model.revision,
        "by_position": {"nats": [nats.round(6).tolist() for nats, _ in positions], "counts": [counts.tolist() for _, counts in positions]},
        "by_memory": {"nats": [[round(float(losses[i].sum()), 6) for losses in memories] for i in range(len(texts))],
                      "counts": [[len(losses[i]) for losses in memories] for i in range(len(texts))]},
        "opening_memory": [round(float(mean), 6) for mean in opening],
        "windows": [asdict(cost) | {"total_nats": round(cost.total_nats, 6)} for cost in costs],
        "readings": asdict(pitfall_readings.readings(model, examples.OPENING)),
    }  # fmt: skip


@lru_cache(16)
def load(name: str) -> PerplexityView | None:
    """The stored view of a model, or None if none is bundled."""
    file = examples.FIRST_VIEWS / f"perplexity-{name}.json"
    if not file.exists():
        return None
    raw = json.loads(file.read_text(encoding="utf-8"))
    pools = {key: Pooled(np.array(raw[key]["nats"]), np.array(raw[key]["counts"])) for key in ("by_position", "by_memory")}
    costs = tuple(WindowCost(**cost) for cost in raw["windows"])
    return PerplexityView(
        raw["revision"], **pools, opening_memory=tuple(raw["opening_memory"]), windows=costs, readings=pitfall_readings.Readings(**raw["readings"])
    )


def is_stale(model) -> bool:
    """Whether the stored view is missing or of other weights."""
    kept = load(model.name)
    return kept is None or kept.revision != model.revision
