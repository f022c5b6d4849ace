"""The way down a tree, read off a distribution, multiplies up to what the distribution says."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz.vocabulary import growth, hierarchical, ways


def arrays(tree):
    return tree.nodes.numpy(), tree.turns.numpy()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=60), st.booleans(), st.data())
def test_the_turns_multiply_to_the_probability_and_the_sides_left_make_up_the_rest(weights, by_frequency, data):
    p = np.array(weights) / sum(weights)
    tree = hierarchical.of_counts(weights) if by_frequency else hierarchical.balanced(len(p))
    leaf = data.draw(st.integers(0, len(p) - 1))
    turns = ways.way(np.log(p), *arrays(tree), leaf, shown=60)
    assert [turn.turn for turn in turns] == [turn for _, turn in tree.path(leaf)]
    assert math.exp(ways.log_prob(turns)) == pytest.approx(p[leaf], rel=1e-9)
    assert sum(math.exp(turn.other_log_mass) for turn in turns) == pytest.approx(1 - p[leaf], abs=1e-9)
    left = [i for turn in turns for i in turn.other_ids]
    assert sorted([*left, leaf]) == list(range(len(p)))  # every other token is on exactly one side that was not taken
    for turn in turns:
        assert turn.other_count == len(turn.other_ids) and list(p[list(turn.other_ids)]) == sorted(p[list(turn.other_ids)], reverse=True)


def test_a_tree_that_is_trained_says_the_turns_that_are_read_off_its_own_distribution():
    import torch

    tree = hierarchical.balanced(13)
    generator = torch.Generator().manual_seed(0)
    state, weight, bias = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((1, 4), (12, 4), (12,)))
    everything = hierarchical.all_log_probs(state, tree, weight, bias)[0].numpy()
    for leaf in range(13):
        own = [1 / (1 + math.exp(-turn * float(state[0] @ weight[node] + bias[node]))) for node, turn in tree.path(leaf)]
        assert [math.exp(turn.log_prob) for turn in ways.way(everything, *arrays(tree), leaf)] == pytest.approx(own)


@pytest.mark.parametrize("leaf", [-1, 4])
def test_a_leaf_that_is_not_there_is_refused(leaf):
    with pytest.raises(ValueError, match="leaf"):
        ways.way(np.log([0.25] * 4), *arrays(hierarchical.balanced(4)), leaf)


def test_a_power_has_its_exponent_and_a_constant_has_none():
    sizes = [10, 100, 1000]
    assert growth.exponent(sizes, [7 * V**1.5 for V in sizes]) == pytest.approx(1.5)
    assert growth.exponent(sizes, [4, 4, 4]) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="sizes"):
        growth.exponent([5, 5], [1, 2])
