"""A model that learns a source whose entropy is known: its cross-entropy falls to the entropy rate, and no further."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lmviz import sources
from lmviz.sources import MarkovSource

LENGTHS = (2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800, 1200, 2000, 3000, 5000, 8000, 12000)


@dataclass(frozen=True)
class LearningCurve:
    """For each length of training text, nats a symbol: what the fitted model pays on new text, and on the text it was fitted to."""

    lengths: tuple[int, ...]
    new_text: tuple[float, ...]  # exact: cross-entropy rate, not an estimate
    own_text: tuple[float, ...]
    floor: float  # the source's entropy rate
    beginning: str


def learning_curve(
    source: MarkovSource, *, lengths: Sequence[int] = LENGTHS, pseudocount: float = 0.5, generator: torch.Generator | None = None
) -> LearningCurve:
    """Fit a Markov model to longer and longer beginnings of one sampled text. Raises ValueError for a length below 2.

    >>> curve = learning_curve(sources.PRESETS["fair coin"], lengths=[2, 1000], generator=torch.Generator().manual_seed(0))
    >>> curve.new_text[0] > curve.new_text[1] > curve.floor
    True
    """
    if not lengths or min(lengths) < 2:
        raise ValueError(f"lengths must be at least 2 symbols each, got {list(lengths)}")
    ids = sources.sample(source, max(lengths), generator=generator)
    new_text, own_text = [], []
    for n in lengths:
        model = sources.fit(ids[:n], source.symbols, pseudocount=pseudocount)
        new_text.append(sources.cross_entropy_rate(source, model))
        own_text.append(0.0 - sources.symbol_log_probs(model, ids[:n])[1:].mean().item())
    names = [source.symbols[i] for i in ids[:40].tolist()]
    beginning = "".join(names) if all(len(name) == 1 for name in names) else " ".join(names[:14])
    return LearningCurve(tuple(lengths), tuple(new_text), tuple(own_text), sources.entropy_rate(source), beginning)
