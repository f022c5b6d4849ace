"""SmolLM2 under our engine against plain transformers: every token of varied texts, over the full vocabulary."""

import hashlib
import runpy
from pathlib import Path

import numpy as np
import pytest

from lmviz.models import scoring

pytestmark = pytest.mark.smollm2

TEXTS = {
    "plain": "The cat sat on the mat.",
    "one character": "a",
    "one space": " ",
    "unicode": "Zażółć gęślą jaźń — naïve façade, Ελληνικά, русский, 中文字, 日本語, e\u0301 and é",
    "emoji": "I 💛 pizza 🍕🍕🍕 and 🏳️‍🌈",
    "family": "A family: 👨‍👩‍👧‍👦!",
    "code": "def f(x):\n\treturn {k: v**2 for k, v in x.items() if v > 0}  # ¬\n\n\n",
    "control characters": "a\x00b\x01c\x04d\x06\x13\x14\x16\x1de\x7f\u200b\ufeff\r\n",
    "right to left": "שלום עולם \u202eabc\u202c مرحبا بالعالم",
    "repeated": "buffalo " * 60,
    "digits": "In 1984, 3.14159 and 2,718,281 were  1 and\t22.",
    "typed control": "<|endoftext|><|im_start|>user\nhello<|im_end|>",
    "unlikely": "q8#zX}\\ ~~ colourless green ideas sleep furiously, qwrtpsdf",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_every_figure_of_a_text_is_that_of_plain_transformers(smollm2, smollm2_reference, agree, kind):
    scored = scoring.score(smollm2, TEXTS[kind])
    agree(scored, smollm2_reference.figures(0, [t.id for t in scored.tokens]))
    assert "".join(t.text for t in scored.tokens) == TEXTS[kind]


def test_texts_scored_together_are_those_of_plain_transformers_one_by_one(smollm2, smollm2_reference, agree):
    texts = [TEXTS[kind] for kind in ("family", "plain", "one character", "repeated", "digits")] + ["", "The cat sat on the mat."]
    for text, scored in zip(texts, scoring.score_many(smollm2, texts)):
        assert scored.text == text
        if text:
            agree(scored, smollm2_reference.figures(0, [t.id for t in scored.tokens]))


def test_8000_tokens_are_those_that_plain_transformers_gave(smollm2):
    recorder = runpy.run_path(str(Path(__file__).with_name("record_8000.py")))
    scored = scoring.score(smollm2, recorder["long_text"]())
    wanted = np.load(recorder["RECORDING"])
    assert len(scored) == 8000 < smollm2.context
    np.testing.assert_allclose(scored.log_probs, wanted["log_probs"], rtol=0, atol=1e-3)
    np.testing.assert_allclose(scored.entropies, wanted["entropies"], rtol=0, atol=1e-3)
    np.testing.assert_allclose(scored.top_log_probs[:, 0], wanted["top_log_probs"], rtol=0, atol=1e-3)


def test_the_opening_sentence_costs_what_the_design_measured(smollm2):
    losses = scoring.score(smollm2, "The cat sat on the mat").losses  # 5.1 9.1 3.1 0.9 0.3 1.1: measured with transformers, for start id 0
    np.testing.assert_allclose(losses, [5.1, 9.1, 3.1, 0.9, 0.3, 1.1], atol=0.05)


def test_the_start_of_text_is_token_zero_and_not_the_declared_one(smollm2):
    assert smollm2.start_id == 0 and smollm2.token_bytes(0) == b"<|endoftext|>" and smollm2.token_bytes(1) == b"<|im_start|>"
    assert scoring.score(smollm2, "The cat sat on the mat.").perplexity == pytest.approx(19.85, abs=0.01)  # with token 1: 435.6


def test_the_whole_distribution_is_that_of_plain_transformers(smollm2, smollm2_reference):
    ids = smollm2.encode("The cat sat on the").ids
    wanted = smollm2_reference.log_probs(0, [*ids, 0])
    for position in (0, 3, len(ids)):
        q = scoring.distribution(smollm2, "The cat sat on the", position)
        assert q.shape == (49152,) and float(q.exp().sum()) == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(q.numpy(), wanted[position].numpy(), rtol=0, atol=1e-3)


def test_a_text_typed_on_word_by_word_scores_as_if_it_had_come_at_once(smollm2):
    memory = scoring.PrefixMemory()
    words = "The old man looked at the sea and wondered where the boats had gone".split()
    for n in range(1, len(words) + 1):
        text = " ".join(words[:n])
        reused, fresh = scoring.score(smollm2, text, memory=memory), scoring.score(smollm2, text)
        for name in ("log_probs", "entropies", "top_log_probs", "tail_log_prob"):
            np.testing.assert_allclose(getattr(reused, name), getattr(fresh, name), rtol=0, atol=1e-4)


def test_the_weights_are_the_published_ones(smollm2):
    from lmviz.models import files

    source = files.find_smollm2_gguf()
    assert hashlib.sha256(source.read_bytes()).hexdigest() == files.SMOLLM2_SHA256
    assert 134e6 < smollm2.n_parameters < 135e6
