"""One run: settings and data in, a trained model and its curve out. Deterministic: the same choices on the same machine give the same curve.

>>> run = Run(Settings(), Data("source", source="weather"), steps=2)
>>> while not run.finished: run.step()
>>> run.curve().total_steps, run.trouble is None
(2, True)
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch

from lmviz import losses, sources
from lmviz.lab import measure, optimisers
from lmviz.lab.choices import SIZES, Data, Settings
from lmviz.lab.curve import Curve
from lmviz.lab.material import START_ID, VOCABULARY, Material, led_by_start, material, tokenizer
from lmviz.models.causal import LlamaLM
from lmviz.models.llama import Llama, LlamaConfig
from lmviz.training.recipes import Recipe, rate

MEASURED, SAMPLED, SAMPLE_BYTES = 40, 6, 120  # how often a run is measured, how often it writes, how much (as far as its context reaches)


class Run:
    """A model on its way. `step()` takes one step; `curve()` says, at any time and from any thread, how far it has come."""

    def __init__(self, settings: Settings, data: Data, *, steps: int | None = None, read: Material | None = None):
        size = SIZES[settings.size]
        self.settings, self.data, self.total_steps = settings, data, steps or size.steps
        self.material = read or material(data, size.context)
        self.config = LlamaConfig(VOCABULARY, size.hidden, size.intermediate, size.layers, size.heads, size.heads, size.context)
        self.recipe = Recipe(
            "lab", self.config, size.batch, self.total_steps, max(1, self.total_steps // 4), max(1, self.total_steps // 20), seed=settings.seed
        )
        self.model = Llama(self.config)
        self.model.init_weights(torch.Generator().manual_seed(settings.seed))
        self.optimiser = optimisers.optimiser(settings.optimiser, self.model, settings.learning_rate, self.recipe)
        options = {"smoothing": settings.smoothing} if settings.loss == "label_smoothing" else {}
        self._loss = partial(getattr(losses, settings.loss), **options)
        self._order = np.random.default_rng([settings.seed, 17])
        self._every = max(1, self.total_steps // MEASURED)
        first = min(10, self.total_steps)
        self._writes = {round(first * (self.total_steps / first) ** (k / (SAMPLED - 1))) for k in range(SAMPLED)}  # evenly on a log scale
        self.steps_done, self.trouble = 0, None
        self._stretch: list[float] = []
        self._norms: list[float] = []
        self._training: list[tuple[int, float]] = []
        self._held_out: list[tuple[int, measure.HeldOut]] = [(0, measure.held_out(self.model, self.material))]
        self._samples: list[tuple[int, str]] = []

    @property
    def finished(self) -> bool:
        return self.steps_done == self.total_steps or self.trouble is not None

    def step(self) -> None:
        """Read a batch, step against the gradient; measure now and then. A loss or gradient that is no number ends the run, with `trouble` saying why."""
        c = self.config
        starts = self._order.integers(0, len(self.material.train) - c.max_position_embeddings, self.recipe.batch)
        ids = torch.from_numpy(led_by_start(self.material.train, starts, c.max_position_embeddings))
        logits = self.model(ids[:, :-1]) @ self.model.embedding.weight.T
        if not logits.isfinite().all():
            self.trouble = self._diverged("model’s output")
            return
        loss = self._loss(logits.reshape(-1, VOCABULARY), ids[:, 1:].reshape(-1)).mean()
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        norm = torch.stack([g.norm() for g in gradients]).norm().item()
        if not (math.isfinite(loss.item()) and math.isfinite(norm)):
            self.trouble = self._diverged("gradient" if math.isfinite(loss.item()) else "loss")
            return
        if norm > self.settings.clip:
            gradients = [g * (self.settings.clip / norm) for g in gradients]
        self.optimiser.step(gradients, self.steps_done + 1, rate(self.steps_done, self.recipe))
        self.steps_done += 1
        self._stretch.append(loss.item())
        self._norms.append(norm)
        try:
            if self.steps_done % self._every == 0 or self.steps_done == self.total_steps:
                self._look()
            if self.steps_done in self._writes:
                self._write()
        except FloatingPointError:
            self.trouble = self._diverged("model’s output")

    def _look(self) -> None:
        self._training.append((self.steps_done, math.fsum(self._stretch) / len(self._stretch)))
        self._stretch = []
        self._held_out.append((self.steps_done, measure.held_out(self.model, self.material)))

    def _write(self) -> None:
        generator = torch.Generator().manual_seed(self.settings.seed)
        text = measure.sample(self.model, SAMPLE_BYTES, temperature=self.settings.temperature, generator=generator)
        self._samples.append((self.steps_done, text))

    def _diverged(self, what: str) -> str:
        grew = f" The gradient's length had been {self._norms[0]:.2g} at the first step and {self._norms[-1]:.2g} at the last good one." if self._norms else ""
        clipped = " Gradients were not clipped." if math.isinf(self.settings.clip) else ""
        return (
            f"After {self.steps_done} steps the {what} was no longer a finite number: the steps were too long, each threw the weights further from where the gradient had been "
            f"measured, until float32 ran out of numbers.{grew}{clipped} A smaller learning rate is the cure; here it was {self.settings.learning_rate:g}."
        )

    def curve(self) -> Curve:
        """All that has been measured so far."""
        training, held, samples = tuple(self._training), tuple(self._held_out), tuple(self._samples)
        source = self.material.source
        return Curve(
            self.settings.label, self.settings.loss, self.data.unit, self.total_steps,
            step=tuple(s for s, _ in training), training=tuple(v for _, v in training),
            held_step=tuple(s for s, _ in held), held_out=tuple(h.cross_entropy for _, h in held),
            accuracy=tuple(h.accuracy for _, h in held), ece=tuple(h.ece for _, h in held), samples=samples,
            floor=None if source is None else sources.entropy_rate(source), tokens_per_step=self.recipe.tokens_per_step,
        )  # fmt: skip

    def language_model(self, name: str) -> LlamaLM:
        """The model as it is now, behind the port that all chapters use; a copy, so that training may go on."""
        network = Llama(self.config)
        network.load_state_dict(self.model.state_dict())
        return LlamaLM(network, tokenizer(), name=name, revision=f"{name}-{self.steps_done}", start_id=START_ID)
