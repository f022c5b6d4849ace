"""Training a masked model: the loop of `loop.py` with another task — guess the chosen positions of a text from both sides.

Only the chosen positions reach the head, so its price is 15 % of a causal model's; but a step also learns from 15 % of
its tokens only. A causal model sees every length of text on the way through a window; a model that sees all at once does
not, so each step reads either whole windows or shorter cuts of them: readers' sentences are short.
Source: Devlin et al. 2019, section 3.1 (task and rule); the encoder is EuroBERT's (Boizard et al. 2025): a Llama without the causal mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from lmviz import masking
from lmviz.models.llama import Llama
from lmviz.models.port import MaskedLM
from lmviz.models.scoring import read_rows
from lmviz.training import export
from lmviz.training.loop import Task
from lmviz.training.recipes import Recipe
from lmviz.training.stream import Streams, fixed_windows, windows
from lmviz.training.tokenizer import CONTROL, MASK
from lmviz.vocabulary.chunked import cross_entropy as chunked_cross_entropy

SHORTER = (1, 2, 4, 8)  # a step reads windows, halves, quarters or eighths, each as often


def masked_tokens(recipe: Recipe, streams: Streams, read: int) -> tuple[Tensor, Tensor, Tensor]:
    """What a step reads: inputs, ids and chosen, each [B', T'] with B'·T' the recipe's tokens a step; a pure function of seed and `read`."""
    rng = np.random.default_rng([recipe.seed, read, 15])
    parts = int(rng.choice(SHORTER))
    length = recipe.config.max_position_embeddings // parts
    ids = windows(streams.train, read * parts, batch=recipe.batch * parts, context=length, seed=recipe.seed, line_starts=streams.line_starts)[:, :length]
    return _tensors(ids, masking.bert(ids, rng, mask_id=CONTROL[MASK], candidates=candidates(recipe.config.vocab_size), first=1))


def candidates(vocab_size: int) -> np.ndarray:
    """The ids that a random replacement is drawn from: every token but the control tokens."""
    return np.setdiff1d(np.arange(vocab_size), list(CONTROL.values()))


def _tensors(ids: np.ndarray, drawn: masking.Masking) -> tuple[Tensor, Tensor, Tensor]:
    return torch.from_numpy(drawn.inputs), torch.from_numpy(ids), torch.from_numpy(drawn.chosen)


def masked_loss(recipe: Recipe, forward: Callable[[Tensor], Tensor], embedding: Tensor, inputs: Tensor, ids: Tensor, chosen: Tensor) -> Tensor:
    """Mean cross-entropy in nats over the chosen positions; the others never meet the head."""
    return chunked_cross_entropy(forward(inputs)[chosen], embedding, ids[chosen])


def everywhere_loss(recipe: Recipe, forward: Callable[[Tensor], Tensor], embedding: Tensor, inputs: Tensor, ids: Tensor, chosen: Tensor) -> Tensor:
    """The mistake of chapter 12: the mean over every position, most of which the model can see."""
    return chunked_cross_entropy(forward(inputs)[:, 1:].flatten(0, 1), embedding, ids[:, 1:].flatten())


@torch.no_grad()
def masked_held_out(recipe: Recipe, model: Llama, streams: Streams, rows: int = 8) -> dict[str, float]:
    """Nats a chosen token and the share guessed right, and nats a token counted everywhere, on held-out windows whose draw is always the same."""
    length = recipe.config.max_position_embeddings
    ids = fixed_windows(streams.valid, recipe.evaluate_windows, length)[:, :length]
    rng = np.random.default_rng([recipe.seed, 51])
    drawn = _tensors(ids, masking.bert(ids, rng, mask_id=CONTROL[MASK], candidates=candidates(recipe.config.vocab_size), first=1))
    nats, everywhere, right, count = 0.0, 0.0, 0, 0
    for inputs, targets, chosen in zip(*(tensor.split(rows) for tensor in drawn)):
        states = model(inputs)
        everywhere += float(everywhere_loss(recipe, lambda _, known=states: known, model.embedding.weight, inputs, targets, chosen)) * len(inputs)
        logits, truth = states[chosen] @ model.embedding.weight.T, targets[chosen]
        nats += float((logits.logsumexp(1) - logits.gather(1, truth[:, None])[:, 0]).sum(dtype=torch.float64))
        right += int((logits.argmax(1) == truth).sum())
        count += len(truth)
    return {"valid_masked_nats": nats / count, "valid_masked_accuracy": right / count, "valid_all_nats": everywhere / len(ids)}


MASKED_TOKENS = Task(False, masked_tokens, masked_loss, masked_held_out)
EVERYWHERE = Task(False, masked_tokens, everywhere_loss, masked_held_out)


def measure(model: MaskedLM, texts: Iterable[str], *, seed: int = 0, every: int = 1) -> dict[str, float]:
    """Nats a chosen token, and the share guessed right, over whole texts cut into stretches of the model's context, each masked by BERT's rule.

    `every` reads only each so-manieth stretch.
    """
    tokens = model.context - 1
    rng = np.random.default_rng(seed)
    nats, right, count = 0.0, 0, 0
    for text in texts:
        ids = np.array(model.encode(text).ids)
        for start in range(0, len(ids), tokens * every):
            stretch = ids[start : start + tokens]
            drawn = masking.bert(stretch, rng, mask_id=model.mask_id, candidates=candidates(model.vocab_size))
            (states,) = model.states([(model.start_id, *drawn.inputs.tolist())])
            chosen = torch.from_numpy(drawn.chosen)
            rows = read_rows(model, states[1:][chosen], torch.from_numpy(stretch)[chosen], 1)
            nats, right, count = nats - rows.log_probs.sum(), right + int((rows.ranks == 1).sum()), count + len(rows.ranks)
    return {"nats": float(nats / count), "accuracy": right / count, "n_chosen": count}


def model_card(recipe: Recipe, streams: Streams, *, n_parameters: int, tokens: int, held_out: str, schedule: str, corpus: str = "Whole works of the folder given.",
               rights: str = "those of the texts it was trained on apply.", precision: str = "float32") -> str:  # fmt: skip
    """The README of an exported masked model."""
    card = export.model_card(
        recipe, streams, n_parameters=n_parameters, tokens=tokens, held_out=held_out, schedule=schedule, corpus=corpus, rights=rights, precision=precision
    )
    card = card.replace("A Llama of", "An encoder (a Llama without the causal mask: every position sees the whole text) of").replace(
        "Held-out bits per byte", "Held-out masked loss"
    )
    rule = (
        f"- **Task:** {masking.SHARE:.0%} of the tokens of each sequence are chosen; {masking.AS_MASK:.0%} of those are replaced by `{MASK}` (id {CONTROL[MASK]}), "
        f"{masking.AS_RANDOM:.0%} by a random token, the others are left; the loss counts the chosen ones only. "
        f"Sequences are windows of {recipe.config.max_position_embeddings} tokens or their halves, quarters and eighths, each as often.\n"
        "- **In transformers:** `EuroBertForMaskedLM.from_pretrained` reads these files; put the start token first.\n"
    )
    return card.replace("- **Tokens seen:**", rule + "- **Tokens seen:**")
