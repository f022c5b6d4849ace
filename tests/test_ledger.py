"""The ledger: products against sums."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmviz.ledger import ledger


@given(st.lists(st.floats(-12, 0), min_size=1, max_size=40))
def test_the_product_is_the_exponential_of_the_sum(log_probs):
    book = ledger(np.array(log_probs))
    assert math.isclose(book.products_float64[-1], math.exp(-book.total_nats[-1]), rel_tol=1e-9, abs_tol=5e-324)


def test_float32_reaches_exactly_zero_at_the_hand_counted_row():
    # each factor is 2^-10: the smallest float32 is 2^-149, so 14 factors (2^-140) live and 15 (2^-150) round to 0 (ties to even)
    book = ledger(np.full(20, -10 * math.log(2)))
    assert book.products_float32[13] > 0
    assert book.float32_dies_at == 14
    assert book.float64_dies_at is None
    assert math.isclose(book.total_nats[-1], 200 * math.log(2))


def test_float64_reaches_exactly_zero_later():
    book = ledger(np.full(120, -10 * math.log(2)))  # the smallest float64 is 2^-1074
    assert book.float64_dies_at == 107


def test_tokens_that_are_not_scored_are_left_out():
    assert len(ledger(np.array([math.nan, -1.0, -2.0])).probs) == 2
