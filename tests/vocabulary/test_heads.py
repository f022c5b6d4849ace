"""A tree of choices and clusters by frequency: proper distributions, their own gradients, and costs that add up."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz.coding import huffman
from lmviz.vocabulary import adaptive, hierarchical
from lmviz.vocabulary.adaptive import AdaptiveHead
from lmviz.vocabulary.hierarchical import HierarchicalHead


def zipf(V: int) -> np.ndarray:
    return np.array([1 / (k + 1) for k in range(V)]) / sum(1 / (k + 1) for k in range(V))


def randomised(head: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in head.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    return head


@pytest.mark.parametrize("V", [2, 3, 5, 64, 1000, 4096])
@pytest.mark.parametrize("kind", ["balanced", "Huffman"])
def test_the_leaves_of_any_tree_sum_to_one(V, kind):
    tree = hierarchical.balanced(V) if kind == "balanced" else hierarchical.of_counts(zipf(V))
    head = randomised(HierarchicalHead(tree, 6)).double()
    states = torch.randn(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    everything = head.all_log_probs(states).detach()
    assert everything.exp().sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-9)
    targets = torch.tensor([0, V // 2, V - 1])
    assert torch.allclose(-head(states, targets), everything[torch.arange(3), targets])


def test_a_hand_made_tree_is_the_product_of_its_turns():
    tree = hierarchical.tree(["0", "10", "11"])
    weight, bias = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0.5, -1.0])
    state = torch.tensor([[0.3, 0.7]])

    def σ(z):
        return 1 / (1 + math.exp(-z))

    right, again = σ(0.3 + 0.5), σ(1.4 - 1.0)
    expected = [1 - right, right * (1 - again), right * again]
    assert hierarchical.all_log_probs(state, tree, weight, bias).exp()[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_no_row_of_the_head_but_those_on_the_way_gets_a_gradient():
    tree = hierarchical.balanced(16)
    head = randomised(HierarchicalHead(tree, 4))
    head(torch.ones(1, 4), torch.tensor([5])).sum().backward()
    touched = set(head.weight.grad.abs().sum(1).nonzero()[:, 0].tolist())
    assert touched == {node for node, _ in tree.path(5)} and len(touched) == 4


def test_an_untrained_tree_charges_one_bit_a_choice():
    tree = hierarchical.of_counts(zipf(50))
    losses = HierarchicalHead(tree, 3)(torch.ones(50, 3), torch.arange(50))
    assert losses.tolist() == pytest.approx((tree.depths * math.log(2)).tolist(), rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=200))
def test_the_expected_depth_of_huffmans_tree_is_within_one_of_the_entropy(counts):
    p = np.array(counts) / sum(counts)
    depth = float((p * hierarchical.of_counts(counts).depths.numpy()).sum())
    entropy = -(p * np.log2(p)).sum()
    assert entropy - 1e-9 <= depth < entropy + 1


def test_a_tree_needs_a_complete_prefix_code():
    for words in (["0", "10"], ["0", "01", "1"], ["0"], ["", "1"]):
        with pytest.raises(ValueError, match="words"):
            hierarchical.tree(words)
    assert huffman.kraft(map(len, huffman.words([1, 2, 2]))) == 1


def test_a_tree_deeper_than_a_machine_word_is_refused():
    words = ["0" * k + "1" for k in range(63)] + ["0" * 63]
    with pytest.raises(ValueError, match="at most 62"):
        hierarchical.tree(words)
    assert hierarchical.tree(["0" * k + "1" for k in range(62)] + ["0" * 62]).path(0) == [(0, 1)]


def test_a_sparse_gradient_holds_the_rows_on_the_way_and_is_the_dense_one():
    tree = hierarchical.of_counts(zipf(32))
    states, targets = torch.randn(5, 3, generator=torch.Generator().manual_seed(2)), torch.tensor([0, 31, 7, 7, 20])
    dense, sparse = (randomised(HierarchicalHead(tree, 3, sparse=s)) for s in (False, True))
    for head in (dense, sparse):
        head(states, targets).sum().backward()
    on_the_way = {node for y in targets.tolist() for node, _ in tree.path(y)}
    assert set(sparse.weight.grad.coalesce().indices()[0].tolist()) <= on_the_way | {0}  # node 0 fills the ends of shorter ways
    assert torch.allclose(sparse.weight.grad.to_dense(), dense.weight.grad, atol=1e-6) and torch.allclose(sparse.bias.grad, dense.bias.grad)


def test_a_target_that_is_no_leaf_is_refused():
    head = HierarchicalHead(hierarchical.balanced(4), 2)
    with pytest.raises(ValueError, match="targets"):
        head(torch.ones(1, 2), torch.tensor([4]))


def test_a_trained_tree_learns_a_distribution_to_its_entropy():
    p = torch.tensor([0.5, 0.2, 0.1, 0.1, 0.06, 0.04])
    head = HierarchicalHead(hierarchical.of_counts(p.tolist()), 1)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = (p * head(torch.ones(6, 1), torch.arange(6))).sum()
        value.backward()
        return value

    optimiser.step(loss)
    assert float(loss().detach()) == pytest.approx(float(-(p * p.log()).sum()), abs=1e-4)


def test_adaptive_softmax_sums_to_one_in_the_order_of_the_ids():
    counts = torch.randperm(300, generator=torch.Generator().manual_seed(3)).double() + 1
    head = randomised(AdaptiveHead(counts, 16, cutoffs=[20, 100]))
    states = torch.randn(4, 16, generator=torch.Generator().manual_seed(4))
    everything = head.all_log_probs(states).detach()
    assert everything.exp().sum(1).tolist() == pytest.approx([1] * 4, abs=1e-5)
    targets = torch.tensor([0, 7, 150, 299])
    assert torch.allclose(-head(states, targets), everything[torch.arange(4), targets], atol=1e-5)
    assert int(head.rank[int(counts.argmax())]) == 0


def test_the_cost_model_by_hand_and_its_best_cutoffs_by_trying_all():
    probs = zipf(60)
    by_hand = 8 * (10 + 2) + probs[10:30].sum() * (8 * 2 + 2 * 20) + probs[30:].sum() * (8 * 1 + 1 * 30)
    assert adaptive.expected_cost([10, 30], probs, 8) == pytest.approx(by_hand)
    every = [[a, b] for a in range(1, 59) for b in range(a + 1, 60)]
    cheapest = min(adaptive.expected_cost(cut, probs, 8) for cut in every)
    assert adaptive.expected_cost(adaptive.best_cutoffs(probs, 8, tried=60), probs, 8) == pytest.approx(cheapest)


@pytest.mark.parametrize("cutoffs", [[], [0, 5], [5, 5], [5, 60]])
def test_cutoffs_that_make_no_clusters_are_refused(cutoffs):
    with pytest.raises(ValueError, match="cutoffs"):
        adaptive.expected_cost(cutoffs, zipf(60), 8)


def test_a_state_too_short_for_its_clusters_is_refused():
    with pytest.raises(ValueError, match="hidden_size"):
        AdaptiveHead(zipf(60), 8, cutoffs=[10, 30])
