"""Loss by position, loss by memory, and what windows cost."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from toy_model import START, Toy  # noqa: E402

from lmviz import context_length  # noqa: E402
from lmviz.models import scoring  # noqa: E402

TEXT = "a bigram remembers one token and no more"


def test_a_group_holds_the_positions_from_its_edge_to_the_next():
    losses = np.arange(300.0)
    nats, counts = context_length.by_position(losses)
    edges = context_length.EDGES
    assert counts.tolist() == [b - a for a, b in zip(edges, edges[1:])]
    assert nats.tolist() == [sum(range(a, b)) for a, b in zip(edges, edges[1:])]


def test_a_token_that_was_not_scored_is_in_no_group():
    nats, counts = context_length.by_position(np.array([math.nan, 2.0]))
    assert counts[:2].tolist() == [0, 1] and nats[:2].tolist() == [0.0, 2.0]


def test_every_group_has_a_name():
    assert len(context_length.group_names()) == len(context_length.EDGES) - 1


def test_means_pool_nats_and_counts_rather_than_average_averages():
    pool = context_length.Pooled(np.array([[3.0], [4.0]]), np.array([[3], [1]]))
    assert pool.means.tolist() == [7 / 4]


def test_a_group_without_tokens_has_no_mean_and_one_text_has_no_interval():
    pool = context_length.Pooled(np.array([[3.0, 0.0]]), np.array([[3, 0]]))
    assert pool.means[0] == 1.0 and math.isnan(pool.means[1]) and np.isnan(pool.half_widths).all()


def test_with_equal_counts_the_interval_is_that_of_a_mean_of_text_means():
    per_text = np.array([[1.0], [2.0], [6.0]])
    pool = context_length.Pooled(per_text * 5, np.full((3, 1), 5))
    assert pool.half_widths[0] == pytest.approx(1.96 * per_text.std(ddof=1) / math.sqrt(3))


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        counts = rng.integers(5, 15, size=(30, 1))
        means = 4.0 + rng.normal(size=(30, 1))
        pool = context_length.Pooled(means * counts, counts)
        hits += abs(pool.means[0] - 4.0) <= pool.half_widths[0]
    assert 0.88 <= hits / 400 <= 0.98


@given(st.integers(1, 600), st.integers(1, 80), st.data())
def test_tokens_read_is_what_the_model_is_really_given(n_tokens, context, data):
    stride = data.draw(st.integers(1, context))
    toy = Toy()
    scoring.score(toy, "x" * n_tokens, context=context, stride=stride, top_k=1)
    assert context_length.tokens_read(n_tokens, context, stride) == toy.tokens_read


def test_one_window_reads_every_token_once():
    assert context_length.tokens_read(40, 40, 40) == 40


@pytest.mark.parametrize("n_tokens", [1, 2, 6, 40, 200])
def test_the_memories_start_with_none_and_end_with_all_that_can_be_had(n_tokens):
    tried = context_length.memories(n_tokens)
    assert tried[0] == 0 and tried[-1] == min(n_tokens - 1, context_length.BEFORE[-1]) and tried == sorted(set(tried))


@pytest.mark.parametrize("before", context_length.BEFORE)
def test_a_memory_is_never_longer_than_said_nor_much_shorter(before):
    from lmviz.models.windows import windows

    context, stride = context_length.memory_windows(before)
    seen = [t - w.begin for w in windows(300, context, stride) for t in range(w.counted, w.end)]
    assert max(seen) == before and min(seen[before:]) >= 0.75 * before


def test_a_bigram_gains_from_the_first_token_of_memory_and_from_no_other():
    toy = Toy()
    full = scoring.score(toy, TEXT, top_k=1).losses
    (one,), (four,) = context_length.with_memory(toy, [TEXT], 1), context_length.with_memory(toy, [TEXT], 4)
    np.testing.assert_allclose(one, full, atol=1e-6)
    np.testing.assert_allclose(four, full, atol=1e-6)


def test_without_memory_every_token_is_predicted_from_the_start_token_alone():
    toy = Toy()
    (none,) = context_length.with_memory(toy, [TEXT], 0)
    from_start = -torch.log_softmax(toy.table[START].double(), 0)[list(TEXT.encode())]
    np.testing.assert_allclose(none, from_start, atol=1e-6)


def test_windows_make_a_bigram_forget_only_at_their_seams():
    toy = Toy()
    full = scoring.score(toy, TEXT, top_k=1)
    assert context_length.with_windows(toy, TEXT, 8, 4).total_nats == pytest.approx(full.total_nats, abs=1e-5)
    seams = context_length.with_windows(toy, TEXT, 8, 8)
    at_start = -torch.log_softmax(toy.table[START].double(), 0)[list(TEXT.encode())].numpy()
    expected = [at_start[i] if i % 8 == 0 and i <= len(TEXT) - 8 else full.losses[i] for i in range(len(TEXT))]
    assert seams.total_nats == pytest.approx(sum(expected), abs=1e-5)
    assert (seams.n_tokens, seams.n_bytes, seams.tokens_read) == (40, 40, 40)
