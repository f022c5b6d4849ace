"""Four ways to one number, against torch, mpmath and the data's own counts."""

import math

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz import likelihood


def text(T: int = 7, V: int = 40, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return 4 * torch.randn(T, V, generator=generator), torch.randint(V, (T,), generator=generator)


def by_mpmath(logits, targets) -> float:
    with mpmath.workdps(40):
        total = mpmath.mpf(0)
        for z, y in zip(logits.tolist(), targets.tolist()):
            total += mpmath.log(mpmath.fsum(mpmath.exp(v) for v in z)) - mpmath.mpf(z[y])
        return float(total / len(targets))


@pytest.mark.parametrize("way", likelihood.WAYS, ids=lambda way: way.__name__)
def test_each_way_is_the_mean_loss_computed_with_forty_digits(way):
    logits, targets = text()
    assert abs(way(logits, targets) - by_mpmath(logits, targets)) < 4e-15


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(2, 50), st.integers(0, 10_000), st.floats(0.2, 5.0))
def test_the_four_ways_agree_to_the_last_digits_at_every_temperature(T, V, seed, temperature):
    logits, targets = text(T, V, seed)
    values = likelihood.four_ways(logits, targets, temperature=temperature)
    assert likelihood.largest_difference(values) <= 1e-14 * max(1.0, max(values))


def test_the_product_of_a_long_text_does_not_become_zero():
    logits, targets = text(T=2000, V=50)
    assert torch.softmax(logits.double(), -1)[torch.arange(2000), targets].prod() == 0
    assert abs(likelihood.maximum_likelihood(logits, targets) - likelihood.negative_log_likelihood(logits, targets)) < 1e-12


def test_a_token_called_impossible_costs_infinitely_much_in_all_four():
    assert likelihood.four_ways([[0.0, -math.inf]], [1]) == (math.inf,) * 4
    assert likelihood.largest_difference((math.inf,) * 4) == 0


def test_the_curve_over_temperatures_is_the_loss_of_the_divided_logits():
    logits, targets = text()
    for temperature, value in zip(likelihood.TEMPERATURES, likelihood.at_temperatures(logits, targets)):
        reference = torch.nn.functional.cross_entropy(logits.double() / temperature, targets).item()
        assert abs(value - reference) < 1e-5
    assert 1.0 in likelihood.TEMPERATURES


def test_the_likelihood_is_largest_where_the_curve_is_lowest():
    logits, targets = text(T=12, V=5, seed=3)
    curve = likelihood.at_temperatures(logits, targets)
    products = [torch.softmax(logits.double() / t, -1)[torch.arange(12), targets].prod().item() for t in likelihood.TEMPERATURES]
    assert products.index(max(products)) == curve.index(min(curve))


def test_a_batch_gives_torchs_cross_entropy_what_it_expects():
    sequences = [[3, 1, 4, 1, 5], [2, 6]]
    batch = likelihood.batch(sequences, start_id=0)
    logits = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1))
    flat = torch.nn.functional.cross_entropy(logits.reshape(-1, 8), batch.targets.reshape(-1), reduction="sum").item()
    by_hand = sum(-torch.log_softmax(logits[b, t], -1)[token].item() for b, ids in enumerate(sequences) for t, token in enumerate(ids))
    assert abs(flat - by_hand) < 1e-5
    assert batch.inputs[0].tolist() == [0, 3, 1, 4, 1]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: likelihood.negative_log_likelihood([[[0.0, 1.0]]], [[0]]), "targets must be those of one text"),
        (lambda: likelihood.four_ways([[0.0, 1.0]], [0], temperature=0.0), "temperature must be a number above 0"),
        (lambda: likelihood.batch([[1], []], start_id=0), "texts must be at least one, none of them empty"),
        (lambda: likelihood.maximum_likelihood([[0.0, 1.0]], [2]), "targets must be ids from 0 to 1"),
    ],
)
def test_bad_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
