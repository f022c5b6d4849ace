"""What a model in training is worth, on text it never read; and what it would write."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lmviz import calibration, losses, sources
from lmviz.lab.material import START_ID, Material, tokenizer
from lmviz.models.llama import Llama


@dataclass(frozen=True)
class HeldOut:
    """Nats a token; the share of favourites that came; the expected calibration error of the favourites (15 bins of equal width)."""

    cross_entropy: float
    accuracy: float
    ece: float


@torch.no_grad()
def held_out(model: Llama, material: Material) -> HeldOut:
    """The model on the windows it never read. For a source, see `known_cross_entropy`; there the first symbol of a window, which nothing precedes, is left out.

    Raises FloatingPointError if the model's output is no longer finite; so does `sample`.
    """
    ids = torch.from_numpy(material.held_out)
    states, targets = model(ids[:, :-1]), ids[:, 1:]
    if material.source is not None:
        states, targets = states[:, 1:], targets[:, 1:]
    logits = (states @ model.embedding.weight.T).reshape(-1, len(model.embedding.weight))
    targets = targets.reshape(-1)
    _finite(logits)
    if material.source is None:
        cross_entropy = losses.cross_entropy(logits, targets).double().mean().item()
    else:
        cross_entropy = known_cross_entropy(logits, ids[:, 1:-1].reshape(-1), material)
    confidences, correct = calibration.top_predictions(logits, targets)
    return HeldOut(cross_entropy, correct.double().mean().item(), calibration.expected_calibration_error(confidences, correct))


def known_cross_entropy(logits: Tensor, previous: Tensor, material: Material) -> float:
    """h + Σ_i π_i · mean over places after symbol i of KL(P(· | i) ‖ model), nats a symbol: what the model pays in the long run.

    logits [N, V]; previous [N], the id before each place. No luck of the drawn symbols is in it, and it is never below the
    entropy rate h. Like `sources.cross_entropy_rate`, for a model that looks at more than one symbol.
    """
    source = material.source
    log_q = logits.double().log_softmax(-1)[:, list(material.symbol_ids)]
    now = torch.tensor([material.symbol_ids.index(i) for i in previous.tolist()])
    p = source.transition[now]
    gaps = torch.where(p > 0, p * (p.log() - log_q), 0.0).sum(-1)
    counts = now.bincount(minlength=len(source.symbols))
    means = now.bincount(gaps, minlength=len(source.symbols)) / counts
    weights = source.stationary * (counts > 0)  # a symbol that is rarer than the held-out text is long may not be there
    kl = (means.nan_to_num() @ weights / weights.sum()).item()
    return sources.entropy_rate(source) + kl


@torch.no_grad()
def sample(model: Llama, length: int, *, temperature: float, generator: torch.Generator) -> str:
    """`length` bytes that the model writes after the start of text, as text; what is no UTF-8 is "�"."""
    ids, pasts = [START_ID], None
    for _ in range(min(length, model.config.max_position_embeddings - 1)):
        states, pasts = model.read(torch.tensor(ids[-1:]), [1], pasts, remember=True)
        logits = states[0] @ model.embedding.weight.T / temperature
        _finite(logits)
        ids.append(int(torch.multinomial(logits.softmax(-1), 1, generator=generator)))
    return tokenizer().decode([i for i in ids[1:] if i > START_ID]).decode("utf-8", "replace")


def _finite(logits: Tensor) -> None:
    if not logits.isfinite().all():
        raise FloatingPointError("the model's output is no longer finite")
