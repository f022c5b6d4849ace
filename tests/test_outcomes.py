"""Editing a distribution by hand keeps it one; learning a known source stops at its entropy."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lmviz import information, learning, outcomes, sources

shares = st.lists(st.integers(0, 20), min_size=2, max_size=8).filter(any).map(lambda counts: tuple(c / sum(counts) for c in counts))


@given(shares, st.integers(0, 7), st.floats(0, 1))
def test_setting_one_share_keeps_a_distribution_and_the_proportions_of_the_others(p, index, value):
    index %= len(p)
    q = outcomes.set_share(p, index, value)
    assert q[index] == value and math.isclose(sum(q), 1, abs_tol=1e-12) and min(q) >= 0
    for i in range(len(p)):
        for j in range(len(p)):
            if i != index != j and sum(p) - p[index] > 0:
                assert math.isclose(q[i] * p[j], q[j] * p[i], abs_tol=1e-12)


@pytest.mark.parametrize("name", outcomes.PRESETS)
def test_every_preset_and_all_that_is_made_of_it_is_two_distributions(name):
    start = outcomes.PRESETS[name]
    made = [start, outcomes.added(start, "new"), outcomes.exchanged(start), outcomes.renamed(start, 0, "x")]
    made += [outcomes.removed(start, 0)] if len(start) > outcomes.FEWEST else []
    for each in made:
        assert information.entropy(each.p) >= 0 and information.entropy(each.q) >= 0


def test_too_few_and_too_many_outcomes_are_refused():
    with pytest.raises(ValueError, match="2 to 8"):
        outcomes.removed(outcomes.PRESETS["Fair coin"], 0)
    eight = outcomes.added(outcomes.added(outcomes.PRESETS["Loaded die"], "7"), "8")
    with pytest.raises(ValueError, match="2 to 8"):
        outcomes.added(eight, "9")


@pytest.mark.parametrize("name", ["fair coin", "weather", "Onegin", "die"])
def test_a_fitted_model_never_pays_less_than_the_entropy_rate_on_new_text_and_comes_close_to_it(name):
    source = sources.PRESETS[name]
    curve = learning.learning_curve(source, generator=torch.Generator().manual_seed(1))
    assert all(nats >= curve.floor - 1e-12 for nats in curve.new_text)
    assert curve.new_text[-1] - curve.floor < 0.01 < curve.new_text[0] - curve.floor


def test_on_its_own_short_text_a_fitted_model_can_pay_less_than_the_entropy_rate():
    curve = learning.learning_curve(sources.PRESETS["die"], lengths=[20], pseudocount=0.01, generator=torch.Generator().manual_seed(0))
    assert curve.own_text[0] < curve.floor < curve.new_text[0]


def test_the_curve_repeats_with_its_seed_and_refuses_a_text_of_one_symbol():
    source = sources.PRESETS["weather"]
    first, second = (learning.learning_curve(source, generator=torch.Generator().manual_seed(5)) for _ in range(2))
    assert first == second
    with pytest.raises(ValueError, match="lengths must be at least 2"):
        learning.learning_curve(source, lengths=[1])
