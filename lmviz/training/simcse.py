"""SimCSE: teach a model that a sentence is itself, and no other, by reading it twice with dropout.

A batch of N sentences is read twice; each reading differs only by what dropout hides. The loss is InfoNCE: of the N second
readings, find the one of the same sentence. Source: Gao, Yao & Chen (2021), section 3.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from lmviz import losses
from lmviz.models import products
from lmviz.models.embedding import encoded, mean_states


@dataclass(frozen=True)
class Settings:
    """What a run needs; the learning rate is Adam's, falling to zero along a straight line."""

    steps: int = 120
    batch: int = 32
    temperature: float = 0.05
    dropout: float = 0.1
    lr: float = 3e-4
    seed: int = 0


@dataclass(frozen=True)
class Step:
    """One step: its number from 1, and the mean loss of its batch, nats."""

    step: int
    loss: float


def trainee(model):
    """The model with a network of its own, in float32, ready to be trained: what is shared stays as it is."""
    own = copy.copy(model)
    own.network, own.name, own.revision = products.trainable(model.network), f"{model.name} after SimCSE", f"{model.revision}-simcse"
    return own


def train(model, sentences: Sequence[str], settings: Settings) -> Iterator[Step]:
    """Train `model` (a `trainee`) in place, yielding after every step; leave the loop to stop. Same seed, same run.

    Raises ValueError for fewer sentences than a batch holds.
    """
    if len(sentences) < settings.batch or settings.batch < 2:
        raise ValueError(f"sentences must be at least a batch of {settings.batch}, and a batch at least 2; got {len(sentences)}")
    generator = torch.Generator().manual_seed(settings.seed)
    rows = encoded(model, sentences)
    adam = torch.optim.Adam([p for p in model.network.parameters()], lr=settings.lr)
    order: list[int] = []
    for step in range(settings.steps):
        if len(order) < settings.batch:
            order = torch.randperm(len(rows), generator=generator).tolist()
        batch, order = [rows[i] for i in order[: settings.batch]], order[settings.batch :]
        # subtle: both readings in one pass; each row of dropout's mask is drawn anew, so they differ as two passes would
        both = mean_states(model.network, batch + batch, dropout=settings.dropout, generator=generator)
        loss = losses.info_nce(*both.split(len(batch)), temperature=settings.temperature).mean()
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.network.parameters(), 1.0)
        for group in adam.param_groups:
            group["lr"] = settings.lr * (1 - step / settings.steps)
        adam.step()
        yield Step(step + 1, float(loss.detach()))
