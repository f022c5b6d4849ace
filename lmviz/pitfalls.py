"""Perplexities computed wrongly, each beside the right one: mistakes found in published code, on real logits.

Everything here returns a perplexity (a number of equally likely tokens). Logits are [N, V] and come from a model that
read a start token and then N − 1 ids: row i is what it expects after i ids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lmviz import units


def perplexity(logits, targets) -> float:
    """exp of the mean cross-entropy of targets [N] under logits [N, V]; NaN if N = 0.

    >>> perplexity([[0.0, 0.0], [0.0, 0.0]], [0, 1])
    2.0
    """
    from lmviz import losses  # and torch with it: pooling needs neither

    return units.perplexity(losses.cross_entropy(logits, targets, ignore_index=None).double().mean().item()) if len(targets) else math.nan


def pooled(texts: Sequence[Sequence[float]]) -> float:
    """Perplexity of several texts, given their losses in nats: add up nats and tokens, divide, then exponentiate.

    >>> round(pooled([[1.0, 1.0, 1.0], [4.0]]), 3)              # exp(7/4)
    5.755
    """
    return units.perplexity(math.fsum(loss for text in texts for loss in text) / sum(map(len, texts)))


def averaged(texts: Sequence[Sequence[float]]) -> float:
    """WRONG: the mean of the texts' perplexities. A short hard text outweighs a long easy one (Hugging Face evaluate's perplexity).

    >>> round(averaged([[1.0, 1.0, 1.0], [4.0]]), 3)            # (e + e⁴)/2
    28.658
    """
    return math.fsum(units.perplexity(math.fsum(text) / len(text)) for text in texts) / len(texts)


def padding_scored(logits, targets, pad_id: int) -> float:
    """WRONG: scores the padding as well. logits [N, V] of the padded row, targets [n ≤ N] the real ids (huggingface/evaluate #636)."""
    import torch

    padded = torch.full((len(logits),), pad_id)
    padded[: len(targets)] = torch.as_tensor(targets)
    return perplexity(logits, padded)


def shifted(logits, ids, shift: int) -> float:
    """Row i of the logits scored against ids[i + shift − 1]: right for shift 1 only. logits [N + 1, V] after 0 … N of ids [N].

    shift 0 asks the model to predict the token it has just read; shift 2 to look past the next one
    (huggingface/transformers #35066). Averaged over the pairs that exist.

    >>> logits = [[math.log(p), math.log(1 - p)] for p in (0.5, 0.25, 0.75)]
    >>> round(shifted(logits, [0, 1], 1), 4), round(shifted(logits, [0, 1], 0), 4)     # 1/√(½·¾); 1/√(¼·¼)
    (1.633, 4.0)
    """
    if shift not in (0, 1, 2):
        raise ValueError(f"shift must be 0 (missing), 1 (right) or 2 (shifted twice), got {shift}")
    rows, targets = {0: (logits[1:], ids), 1: (logits[:-1], ids), 2: (logits[:-2], ids[1:])}[shift]
    return perplexity(rows, targets)


def softmax_twice(logits, targets) -> float:
    """WRONG: hands probabilities to a loss that applies softmax itself (pytorch #82081); never below about V/e.

    >>> round(softmax_twice([[50.0, 0.0]], [0]), 4)            # 1 + 1/e, where all but certainty should give 1
    1.3679
    """
    import torch

    return perplexity(torch.softmax(torch.as_tensor(logits), -1), targets)
