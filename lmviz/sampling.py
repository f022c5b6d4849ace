"""From a next-token distribution to a next token: greedy, temperature, top-k, nucleus. And a text that goes on, one token at a time.

A decoding rule changes logits before a token is drawn; what a token *costs* is always counted under the model's own,
unchanged distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmviz.checks import logits_tensor, number
from lmviz.models.port import CausalLM


def temperature(logits, t: float) -> Tensor:
    """Logits [..., V] ÷ t: below 1 sharper, above 1 flatter. Raises ValueError unless t is above 0. Source: Ackley et al. 1985.

    >>> temperature([0.0, 2.0], 0.5).tolist()
    [0.0, 4.0]
    """
    return logits_tensor(logits) / number(t, "t", "above 0", lambda t: t > 0)


def top_k(logits, k: int) -> Tensor:
    """Logits [..., V] of the k likeliest tokens, −inf for the others; ties go to the lower id. Source: Fan et al. 2018.

    >>> top_k([0.0, 3.0, 1.0, 2.0], 2).tolist()
    [-inf, 3.0, -inf, 2.0]
    """
    logits = logits_tensor(logits)
    if int(k) != k or k < 1:
        raise ValueError(f"k must be an integer of at least 1, got {k!r}")
    order = logits.argsort(dim=-1, descending=True, stable=True)
    return _only(logits, order, torch.arange(logits.shape[-1]) < k)


def nucleus(logits, p: float) -> Tensor:
    """Logits [..., V] of the smallest set of likeliest tokens whose probability is at least p, −inf for the others. Source: Holtzman et al. 2020, section 3.

    >>> nucleus([2.0, 0.0, 1.0], 0.7).tolist()  # probabilities 0.67, 0.09, 0.24
    [2.0, -inf, 1.0]
    """
    logits = logits_tensor(logits)
    p = number(p, "p", "above 0 and at most 1", lambda p: 0 < p <= 1)
    order = logits.argsort(dim=-1, descending=True, stable=True)
    probs = logits.gather(-1, order).double().softmax(-1)
    return _only(logits, order, probs.cumsum(-1) - probs < p)  # kept: what comes before has not reached p yet


def _only(logits: Tensor, order: Tensor, kept: Tensor) -> Tensor:
    kept = kept.expand(order.shape)
    mask = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, kept)
    return logits.masked_fill(~mask, -torch.inf)


def draw(logits, generator: torch.Generator) -> Tensor:
    """One id a row of [..., V], from softmax(logits). Raises ValueError for a row without a finite logit.

    >>> draw([-float("inf"), 0.0], torch.Generator()).item()
    1
    """
    logits = logits_tensor(logits)
    probs = logits.double().softmax(-1).reshape(-1, logits.shape[-1])
    return torch.multinomial(probs, 1, generator=generator).view(logits.shape[:-1])


@dataclass(frozen=True)
class Rule:
    """A decoding rule: `kind` is "greedy", "sample", "temperature", "top-k" or "nucleus", `value` its parameter."""

    kind: str
    value: float = 0.0

    def pick(self, logits, generator: torch.Generator) -> Tensor:
        """Ids [...] chosen from logits [..., V].

        >>> Rule("greedy").pick([0.0, 2.0, 1.0], torch.Generator()).item()
        1
        """
        if self.kind == "greedy":
            return logits_tensor(logits).argmax(-1)
        changes = {"sample": lambda z: z, "temperature": lambda z: temperature(z, self.value), "top-k": lambda z: top_k(z, int(self.value)), "nucleus": lambda z: nucleus(z, self.value)}  # fmt: skip
        if self.kind not in changes:
            raise ValueError(f"kind must be greedy, {', '.join(changes)}, got {self.kind!r}")
        return draw(changes[self.kind](logits), generator)


@dataclass(frozen=True, eq=False)
class Walk:
    """Texts on their way: their ids so far (start token first), what the model remembers of them, and its logits [N, V] for their next tokens."""

    ids: tuple[tuple[int, ...], ...]
    pasts: tuple[object, ...]
    logits: Tensor


def begin(model: CausalLM, prompts: Sequence[Sequence[int]]) -> Walk:
    """Read prompts (ids without the start token, possibly none) up to where the next token is to be chosen."""
    return resume(model, [(model.start_id, *prompt) for prompt in prompts])


def resume(model: CausalLM, texts: Sequence[Sequence[int]]) -> Walk:
    """The same for texts that hold their start token already."""
    texts = tuple(map(tuple, texts))
    return _read(model, texts, texts, None)


def step(model: CausalLM, walk: Walk, chosen: Sequence[int]) -> Walk:
    """One token longer: a model with a memory reads one token a text, a model without (an n-gram) the text again."""
    texts = tuple((*ids, int(new)) for ids, new in zip(walk.ids, chosen, strict=True))
    remembers = walk.pasts[0] is not None
    return _read(model, texts, tuple(ids[-1:] for ids in texts) if remembers else texts, walk.pasts if remembers else None)


def _read(model: CausalLM, texts: tuple, unread: tuple, pasts: tuple | None) -> Walk:
    states, pasts = model.states(unread, pasts, remember=True)
    return Walk(texts, tuple(pasts), model.logits(torch.stack([rows[-1] for rows in states])))


def go_on(model: CausalLM, prompts: Sequence[Sequence[int]], rule: Rule, length: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Continue prompts by `length` tokens each under a rule: ids [N, length], and what each cost in nats [N, length] under the model itself.

    Raises ValueError if a prompt and its continuation do not fit the model's context.
    """
    if not prompts or length < 1:
        raise ValueError(f"there must be a prompt and length must be at least 1, got {len(prompts)} prompts and length {length}")
    if (longest := 1 + max(map(len, prompts)) + length) > model.context + 1:
        raise ValueError(f"start token, prompt and length must fit the context of {model.context}, got {longest - 1} tokens to read")
    walk, ids, nats = begin(model, prompts), [], []
    while True:
        chosen = rule.pick(walk.logits, generator)
        ids.append(chosen)
        nats.append(walk.logits.logsumexp(-1) - walk.logits.gather(-1, chosen.unsqueeze(-1)).squeeze(-1))
        if len(ids) == length:
            return torch.stack(ids, 1), torch.stack(nats, 1)
        walk = step(model, walk, chosen.tolist())


RULES = {  # the decoding rules that chapter 13 compares
    "greedy": Rule("greedy"),
    "sample": Rule("sample"),
    "temperature 0.7": Rule("temperature", 0.7),
    "top-k 20": Rule("top-k", 20),
    "nucleus 0.9": Rule("nucleus", 0.9),
}
