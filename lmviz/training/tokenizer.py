"""Learn a byte-level BPE: start from the 256 bytes, keep joining the pair that is seen most often.

No normaliser, so nothing is ever lost; the control tokens stand in the vocabulary but not in the matcher, so typed text
can never produce them. Source: Sennrich et al. 2016; Radford et al. 2019.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

START, MASK, PAD = "<|start|>", "<|mask|>", "<|pad|>"
CONTROL = {START: 0, MASK: 1, PAD: 2}


def learn(texts: Iterable[str], vocab_size: int = 4096) -> str:
    """The JSON of a `tokenizers` tokenizer with `vocab_size` entries: 3 control tokens, 256 bytes, the rest learned.

    >>> from lmviz.models.tokenizer import ByteBPE
    >>> bpe = ByteBPE(learn(["the cat sat on the mat"] * 9, 270), "toy", CONTROL)
    >>> bpe.decode(bpe.encode("the Ω <|start|>").ids).decode()
    'the Ω <|start|>'
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if vocab_size < 256 + len(CONTROL):
        raise ValueError(f"vocab_size must be at least {256 + len(CONTROL)}, got {vocab_size}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=list(CONTROL), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(_paragraphs(texts), trainer)
    learned = json.loads(tokenizer.to_str())
    learned["added_tokens"] = []  # subtle: what is listed here is matched in typed text
    return json.dumps(learned, ensure_ascii=False, indent=None)


def _paragraphs(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        yield from text.splitlines(keepends=True)
