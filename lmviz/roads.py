"""Two roads from one prompt: a model that reads a human's words (teacher forcing), and one that reads its own (free running).

Importing this needs no torch; walking does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from lmviz.models.port import CausalLM

LENGTH = 16  # tokens of each road


@dataclass(frozen=True)
class Step:
    """One token of a road: its text, what it cost the model in nats, and what the model would have put there by its decoding rule."""

    text: str
    nats: float
    said: str


@dataclass(frozen=True)
class Roads:
    """What a human wrote after a prompt, and what the model writes; `parted` is the first step where they differ, if both get there."""

    model: str
    revision: str
    prompt: str
    human: tuple[Step, ...]
    own: tuple[Step, ...]

    @property
    def parted(self) -> int | None:
        return next((t for t, (ours, theirs) in enumerate(zip(self.human, self.own)) if ours.text != theirs.text), None)

    def as_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Roads:
        human, own = (tuple(Step(**step) for step in values[road]) for road in ("human", "own"))
        return cls(values["model"], values["revision"], values["prompt"], human, own)


def token_text(model: CausalLM, token_id: int) -> str:
    """The text of a token; a piece of a character is shown as �, a control token by its name."""
    return model.token_bytes(token_id).decode("utf-8", "replace")


def forced(model: CausalLM, ids: tuple[int, ...], taken: int, rule: str, seed: int, *, length: int = LENGTH) -> tuple[Step, ...]:
    """Teacher forcing: the tokens ids[taken:], each predicted after the human tokens before it, and what the model would have said instead."""
    import torch

    from lmviz import sampling

    ids = ids[: taken + length]
    if taken == len(ids):
        return ()
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    logits = model.logits(states[taken:])
    said = sampling.RULES[rule].pick(logits, torch.Generator().manual_seed(seed))
    came = torch.tensor(ids[taken:])
    nats = logits.double().logsumexp(-1) - logits.double().gather(-1, came[:, None])[:, 0]
    return tuple(Step(token_text(model, i), n, token_text(model, s)) for i, n, s in zip(came.tolist(), nats.tolist(), said.tolist()))


def free(model: CausalLM, prompt: tuple[int, ...], rule: str, seed: int, *, length: int = LENGTH) -> Iterator[Step]:
    """Free running: token after token, each chosen by the rule after what the model itself has chosen so far. One step each time it is asked."""
    import torch

    from lmviz import sampling

    generator, walk = torch.Generator().manual_seed(seed), sampling.begin(model, [prompt])
    for t in range(length):
        chosen = sampling.RULES[rule].pick(walk.logits, generator)
        logits = walk.logits[0].double()
        text = token_text(model, chosen.item())
        yield Step(text, (logits.logsumexp(-1) - logits[chosen.item()]).item(), text)
        if t + 1 < length:
            walk = sampling.step(model, walk, chosen.tolist())


def walked(model: CausalLM, text: str, taken: int, rule: str = "greedy", seed: int = 0, *, length: int = LENGTH) -> Roads:
    """Both roads after the first `taken` tokens of a text."""
    ids = model.encode(text).ids
    prompt = b"".join(map(model.token_bytes, ids[:taken])).decode("utf-8", "replace")
    return Roads(
        model.name, model.revision, prompt, forced(model, ids, taken, rule, seed, length=length), tuple(free(model, ids[:taken], rule, seed, length=length))
    )


def opening_prompt(n_tokens: int) -> int:
    """How many tokens of a text are the prompt at first: a third of it, at least one, at most sixteen.

    >>> opening_prompt(6), opening_prompt(1), opening_prompt(300)
    (2, 1, 16)
    """
    return min(max(1, n_tokens // 3), 16)
