"""What is trained and how: one frozen row each."""

from __future__ import annotations

from dataclasses import dataclass

from lmviz.models.llama import LlamaConfig


@dataclass(frozen=True)
class Recipe:
    """Sizes, budget and learning rates of a run. `decay` is the number of last steps over which the rate falls to zero."""

    name: str
    config: LlamaConfig
    batch: int
    steps: int
    decay: int
    warmup: int = 100
    muon_lr: float = 0.02
    adam_lr: float = 0.004
    weight_decay: float = 0.05
    clip: float = 1.0
    seed: int = 1
    evaluate_every: int = 200
    evaluate_windows: int = 96
    loss: str = "cross_entropy"  # a name from `objectives`; what is reported as held out is always cross-entropy
    alpha: float = 0.5  # of "distillation": the weight of the text itself; 1 − alpha is the teacher's
    temperature: float = 1.0  # of "distillation": what softens teacher and student; over thousands of tokens a teacher is soft as it is
    most_bytes: int | None = None  # how much of the corpus is read; None: all
    kind: str = "causal"  # or "masked": what a run learns, see `loop.Task`

    @property
    def tokens_per_step(self) -> int:
        return self.batch * self.config.max_position_embeddings


def llama(hidden: int, layers: int, heads: int, intermediate: int, context: int, vocab_size: int = 4096) -> LlamaConfig:
    return LlamaConfig(vocab_size, hidden, intermediate, layers, heads, heads, context)


RECIPES = {
    "smoke": Recipe(
        "smoke", llama(64, 2, 2, 176, 64, 512), batch=16, steps=120, decay=40, warmup=10, evaluate_every=40, evaluate_windows=32, most_bytes=3_000_000
    ),
    "nano": Recipe("nano", llama(128, 4, 4, 352, 256), batch=16, steps=6200, decay=1400),
    "tiny": Recipe("tiny", llama(256, 6, 8, 640, 512), batch=8, steps=17000, decay=4500, warmup=100),  # grown from nano: see `grow`
    "masked": Recipe("masked", llama(256, 6, 8, 640, 256), batch=32, steps=7000, decay=2300, warmup=100, kind="masked"),  # started from tiny's weights
}


def rate(step: int, recipe: Recipe, decay_from: int | None = None) -> float:
    """The learning rate of a step as a share of its peak: warm-up, stable, then 1 − √progress to zero (Hägele et al. 2024).

    >>> r = RECIPES["smoke"]
    >>> rate(0, r), rate(60, r), rate(r.steps - 1, r) < 0.02
    (0.1, 1.0, True)
    """
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    begin = recipe.steps - recipe.decay if decay_from is None else decay_from
    return 1.0 if step < begin else max(0.0, 1.0 - ((step - begin + 1) / (recipe.decay + 1)) ** 0.5)
