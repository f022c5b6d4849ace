"""The cached logits behind the sliders: the right rows, computed once, bounded."""

import numpy as np
import pytest
import torch

from lmviz import models
from lmviz.models import scoring
from lmviz.ui import logits, runtime
from lmviz.ui.memory import Memory

TEXT = "The cat sat on the mat and looked at the moon."


@pytest.fixture
def nothing_kept():
    logits._kept.clear()
    yield
    logits._kept.clear()


@pytest.mark.parametrize("name", ["nano", "trigram"])
def test_the_log_softmax_of_the_logits_is_what_the_text_was_scored_with(name, nothing_kept):
    scored = scoring.score(models.load(name), TEXT)
    rows = logits.reader_logits(scored)
    targets = torch.tensor([token.id for token in scored.tokens])
    assert rows.shape == (len(scored), scored.vocab_size) and rows.dtype == torch.float32
    log_probs = torch.log_softmax(rows.double(), -1)[torch.arange(len(scored)), targets]
    assert np.abs(log_probs.numpy() - scored.log_probs).max() < 1e-5


def test_a_second_question_runs_no_model(nothing_kept, monkeypatch):
    scored = scoring.score(models.load("nano"), TEXT)
    first = logits.reader_logits(scored)
    monkeypatch.setattr(runtime.service(), "call", lambda function: pytest.fail("the model ran again"))
    assert torch.equal(logits.reader_logits(scored, positions=[3, 1]), first[[3, 1]])


def test_a_long_text_gives_its_first_tokens_and_asking_beyond_says_so(nothing_kept):
    scored = scoring.score(models.load("trigram"), TEXT * 40)
    assert len(scored) > logits.LONGEST == logits.n_kept(scored)
    with pytest.raises(ValueError, match="positions must be from 0 to 299"):
        logits.reader_logits(scored, positions=[300])


def test_what_is_kept_stays_below_its_bound(nothing_kept, monkeypatch):
    monkeypatch.setattr(logits, "_kept", Memory(400_000, logits.n_bytes))
    model = models.load("trigram")
    made = [logits.reader_logits(scoring.score(model, f"{TEXT} {n}")).nbytes for n in range(4)]
    assert logits._kept.size <= 400_000 < sum(made)


def test_the_logits_can_take_part_in_autograd(nothing_kept):
    z = logits.reader_logits(scoring.score(models.load("nano"), TEXT)).clone().requires_grad_()
    torch.logsumexp(z, -1).sum().backward()
    assert torch.allclose(z.grad.sum(-1), torch.ones(len(z)), atol=1e-5)
