import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from lmviz import units

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")


def test_a_bit_is_the_surprise_of_a_fair_coin():
    assert units.to_nats(1.0) == pytest.approx(float(mp.log(2)), rel=1e-15)


def test_eight_equally_likely_outcomes_are_three_bits():
    assert units.to_bits(math.log(8)) == pytest.approx(3.0, rel=1e-15)


@given(st.floats(-1e6, 1e6))
def test_bits_and_nats_convert_back_and_forth(nats):
    assert units.to_nats(units.to_bits(nats)) == pytest.approx(nats, rel=1e-14, abs=0)


def test_arrays_and_tensors_convert_like_floats():
    nats = [0.0, 1.0, 2.5, math.inf]
    expected = [n / math.log(2) for n in nats]
    np.testing.assert_allclose(units.to_bits(np.array(nats)), expected, rtol=1e-15)
    np.testing.assert_allclose(units.to_bits(torch.tensor(nats, dtype=torch.float64)).numpy(), expected, rtol=1e-15)
    np.testing.assert_allclose(units.to_nats(np.array(expected)), nats, rtol=1e-15)


@pytest.mark.parametrize("sides", [1, 2, 6, 49152])
def test_perplexity_of_a_fair_die_is_its_number_of_sides(sides):
    assert units.perplexity(math.log(sides)) == pytest.approx(sides, rel=1e-12)


def test_a_cross_entropy_of_three_and_a_half_nats_is_a_perplexity_of_thirty_three_point_one():
    assert units.perplexity(3.5) == pytest.approx(float(mp.exp(mp.mpf("3.5"))), rel=1e-14)
    assert round(units.perplexity(3.5), 1) == 33.1


def test_a_perplexity_too_large_for_a_float_is_infinite():
    assert units.perplexity(1000.0) == math.inf
    assert units.perplexity(math.inf) == math.inf


def test_a_uniform_guess_over_bytes_costs_eight_bits_a_byte():
    assert units.bits_per_byte(11 * math.log(256), 11) == pytest.approx(8.0, rel=1e-14)


@pytest.mark.parametrize("n_bytes", [0, -1])
def test_a_text_without_bytes_has_no_bits_per_byte(n_bytes):
    with pytest.raises(ValueError, match="n_bytes must be positive, got"):
        units.bits_per_byte(1.0, n_bytes)
