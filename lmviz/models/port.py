"""What a language model is, to the rest of the book: four methods and a few facts, no state.

`states` turns token ids into one row per position — whatever the model knows once it has read that token: a hidden
vector for a transformer, the last two ids for a trigram. `logits` turns rows into scores over the vocabulary. Keeping
the two apart lets `scoring` read a whole text while never holding [T, V].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Encoded:
    """A text as token ids: ids[i] stands for bytes starts[i]:ends[i] of the UTF-8 text; together they are the text."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    text_bytes: bytes
    unreadable: tuple[str, ...] = ()  # characters that the vocabulary cannot write, read as U+FFFD instead

    def __len__(self) -> int:
        return len(self.ids)


@runtime_checkable
class CausalLM(Protocol):
    """A next-token model. Stateless: safe to share between threads, every method a pure function of its arguments."""

    name: str
    revision: str  # names the exact weights: part of every cache key
    dtype: str
    vocab_size: int
    context: int  # most ids (start token included) that one window may hold
    start_id: int  # the "start of text" token that the first token is conditioned on
    tokenizer_name: str  # perplexities compare only between models of one tokenizer

    def encode(self, text: str) -> Encoded:
        """Ids and byte offsets. Text never becomes a control token. No start token is added."""
        ...

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for; for a control token, its name."""
        ...

    def states(
        self, batch: Sequence[Sequence[int]], pasts: Sequence[object] | None = None, *, remember: bool = False, tick: Callable[[float], None] | None = None
    ) -> tuple[list[torch.Tensor], list[object]]:
        """One [T_i, D] tensor per sequence and, with `remember`, per sequence what a later call can go on from.

        `pasts[i]` (from an earlier call, or None) is what came before batch[i]; it is not changed. A past has
        `prefix(n)` and `n_bytes`; a model without memory returns None for each. `tick(fraction)` is called now and then.
        """
        ...

    def logits(self, states: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """[N, D] rows → float32 [N, V] scores (`out`, if given, is room for them that may be used); log_softmax of a row is the next token's log-probabilities."""
        ...


@runtime_checkable
class MaskedLM(Protocol):
    """A model that reads a whole text at once, from both sides, and says what could stand at each position. Stateless, as above."""

    name: str
    revision: str
    dtype: str
    vocab_size: int
    context: int  # most ids (start token included) that it can read at once
    start_id: int  # every sequence begins with it
    mask_id: int  # stands where a token is hidden
    tokenizer_name: str

    def encode(self, text: str) -> Encoded:
        """Ids and byte offsets. Text never becomes a control token, the mask included. No start token is added."""
        ...

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for; for a control token, its name."""
        ...

    def states(self, batch: Sequence[Sequence[int]], *, tick: Callable[[float], None] | None = None) -> list[torch.Tensor]:
        """One [T_i, D] tensor per sequence; row t has seen the whole sequence, itself included, unless it is masked."""
        ...

    def logits(self, states: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """[N, D] rows → float32 [N, V] scores; log_softmax of row t is what could stand *at* t (not after it, as in a causal model)."""
        ...
