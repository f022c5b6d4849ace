"""What one training step of a head costs in time and in memory, against the size of the vocabulary.

A step is the loss of T tokens and its gradients for the states and for the head. Time is the processor's, of one core. Memory is counted,
not sampled: every tensor that is alive at once. Tokens are drawn as words are, the k-th most frequent in proportion to 1/k (Zipf 1949).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lmviz.vocabulary import chunked, hierarchical
from lmviz.vocabulary.adaptive import AdaptiveHead
from lmviz.vocabulary.hierarchical import HierarchicalHead

KINDS = ("full", "chunked", "adaptive", "tree")
SIZES = tuple(2**k for k in range(10, 19))
D = 64  # numbers a state


@dataclass(frozen=True)
class Cost:
    """Of one head and one vocabulary: seconds a token, and the bytes that one more token in the step would add to the most alive at once."""

    kind: str
    vocab_size: int
    seconds: float
    n_bytes: float


def zipf(vocab_size: int) -> np.ndarray:
    """Probabilities in proportion to 1, 1/2, 1/3 … [V].

    >>> zipf(2).round(3).tolist()
    [0.667, 0.333]
    """
    weights = 1 / np.arange(1, vocab_size + 1)
    return weights / weights.sum()


def step_of(kind: str, vocab_size: int, *, hidden_size: int = D) -> Callable[[Tensor, Tensor], tuple[Tensor, ...]]:
    """A function (states [T, D], targets [T]) → the mean loss and its gradients for the states and for every number of the head."""
    if kind in ("full", "chunked"):
        weight = (0.02 * torch.randn(vocab_size, hidden_size, generator=torch.Generator().manual_seed(0))).requires_grad_()
        numbers = [weight]

        def loss(states, targets):
            if kind == "chunked":
                return chunked.cross_entropy(states, weight, targets)
            return torch.nn.functional.cross_entropy(states @ weight.T, targets)
    elif kind in ("adaptive", "tree"):
        probs = zipf(vocab_size)
        tree = hierarchical.balanced(vocab_size) if kind == "tree" else None
        head = HierarchicalHead(tree, hidden_size, sparse=True) if tree else AdaptiveHead(probs, hidden_size)
        numbers = list(head.parameters())

        def loss(states, targets):
            return head(states, targets).mean()
    else:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")

    def step(states: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        states = states.detach().requires_grad_()
        value = loss(states, targets)
        return value.detach(), *torch.autograd.grad(value, [states, *numbers], allow_unused=True)  # a cluster that no target needs has no gradient

    return step


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors made inside the block and still alive; `peak` is the most there were after any operation."""

    def __init__(self):
        super().__init__()
        self.peak, self._alive = 0, {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        before = {t.untyped_storage()._cdata for t in _dense(args)}
        out = function(*args, **(kwargs or {}))
        for tensor in _dense(out):
            storage = tensor.untyped_storage()
            if storage._cdata not in self._alive and storage._cdata not in before:  # a view, or a result written in place, is nothing new
                self._alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self._alive = {key: kept for key, kept in self._alive.items() if not kept[0].expired()}
        self.peak = max(self.peak, sum(n_bytes for _, n_bytes in self._alive.values()))
        return out


def _dense(values) -> Iterator[Tensor]:
    for value in tree_leaves(values):
        if isinstance(value, Tensor):
            yield from (value._indices(), value._values()) if value.layout == torch.sparse_coo else (value,)


def peak_bytes(step: Callable[[Tensor, Tensor], object], states: Tensor, targets: Tensor) -> int:
    """The most bytes alive at once during a step, besides what was there before it."""
    with LiveBytes() as watch:
        step(states, targets)
    return watch.peak


def examples(vocab_size: int, n_tokens: int, *, hidden_size: int = D) -> tuple[Tensor, Tensor]:
    """Random states [T, D] and Zipf's targets [T]; a larger n_tokens begins with the same ones."""
    rng = np.random.default_rng(0)
    targets = np.searchsorted(zipf(vocab_size).cumsum(), rng.random(n_tokens)).clip(max=vocab_size - 1)
    return torch.randn(n_tokens, hidden_size, generator=torch.Generator().manual_seed(1)), torch.from_numpy(targets)


@contextmanager
def one_core():
    """All sums on this thread, so that its processor time is the whole of it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def tokens_of_a_step(kind: str, vocab_size: int) -> int:
    """So many that what grows with them outweighs what does not, and so few that the largest vocabulary fits: an even number.

    Two whole strips of the chunked softmax: twice the tokens of one.

    >>> [tokens_of_a_step(kind, 262_144) for kind in KINDS]
    [64, 128, 256, 1024]
    """
    return {"full": max(D, (1 << 22) // vocab_size), "chunked": 2 * chunked.rows_at_once(vocab_size), "adaptive": 256, "tree": 1024}[kind]


def measure(kind: str, vocab_size: int, *, patience: float = 0.1) -> Cost:
    """One point of the curves; steps are repeated for `patience` seconds, at least twice, and the quickest counts."""
    with one_core():
        step, T = step_of(kind, vocab_size), tokens_of_a_step(kind, vocab_size)
        states, targets = examples(vocab_size, T)
        more = peak_bytes(step, states, targets) - peak_bytes(step, states[: T // 2], targets[: T // 2])
        spent: list[float] = []
        while len(spent) < 2 or sum(spent) < patience:
            began = time.thread_time()
            step(states, targets)
            spent.append(time.thread_time() - began)
    return Cost(kind, vocab_size, min(spent) / T, 2 * more / T)
