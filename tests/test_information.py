import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from scipy.spatial.distance import jensenshannon

from lmviz import information

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")

SIZES = [2, 7, 1000, 50_000]


def dirichlet(n, seed, *, concentration=0.3, batch=()):
    return torch.from_numpy(np.random.default_rng(seed).dirichlet(np.full(n, concentration), size=batch))


@st.composite
def distribution_pairs(draw):
    n = draw(st.integers(2, 12))
    weights = st.lists(st.integers(0, 1000), min_size=n, max_size=n).filter(any)
    p, q = (np.array(draw(weights), dtype=np.float64) for _ in range(2))
    return p / p.sum(), q / q.sum()


def test_entropy_of_a_half_and_two_quarters_is_one_and_a_half_bits():
    assert information.entropy([0.5, 0.25, 0.25]).item() == pytest.approx(1.5 * math.log(2), rel=1e-15)


def test_a_certain_outcome_has_no_entropy():
    assert information.entropy([0.0, 1.0, 0.0]).item() == 0.0


def test_zero_is_printed_without_a_minus():
    certain = [1.0, 0.0]
    for nats in (information.entropy(certain), *(function(certain, certain) for function in TWO_ARGUMENTS)):
        assert math.copysign(1.0, nats.item()) == 1.0 and nats.item() == 0.0


@pytest.mark.parametrize("n", SIZES)
def test_entropy_and_kl_agree_with_scipy(n):
    p, q = dirichlet(n, 0, batch=3), dirichlet(n, 1, concentration=5.0, batch=3)
    np.testing.assert_allclose(information.entropy(p), scipy.stats.entropy(p.numpy(), axis=-1), rtol=1e-12)
    np.testing.assert_allclose(information.kl_divergence(p, q), scipy.special.rel_entr(p.numpy(), q.numpy()).sum(-1), rtol=1e-11)


@pytest.mark.parametrize("n", SIZES)
def test_kl_agrees_with_torch(n):
    p, q = dirichlet(n, 2, batch=2), dirichlet(n, 3, concentration=5.0, batch=2)
    expected = torch.nn.functional.kl_div(q.log(), p, reduction="none").sum(-1)
    np.testing.assert_allclose(information.kl_divergence(p, q), expected, rtol=1e-11)


def test_jensen_shannon_agrees_with_scipy_which_gives_its_root():
    p, q = dirichlet(50, 4, batch=6), dirichlet(50, 5, batch=6)
    expected = jensenshannon(p.numpy(), q.numpy(), axis=-1) ** 2
    np.testing.assert_allclose(information.js_divergence(p, q), expected, rtol=1e-11)


def test_probabilities_at_the_edge_of_float64_agree_with_fifty_digits():
    p = [1.0, 5e-324, 1e-300, 1e-17]
    q = [1e-300, 1.0, 5e-324, 1e-17]
    with mp.workdps(50):
        exact_p, exact_q = [mp.mpf(v) for v in p], [mp.mpf(v) for v in q]
        entropy = -sum(v * mp.log(v) for v in exact_p)
        cross = -sum(v * mp.log(w) for v, w in zip(exact_p, exact_q, strict=True))
    assert information.entropy(p).item() == pytest.approx(float(entropy), rel=1e-14)
    assert information.cross_entropy(p, q).item() == pytest.approx(float(cross), rel=1e-14)
    assert information.kl_divergence(p, q).item() == pytest.approx(float(cross - entropy), rel=1e-14)
    assert information.js_divergence(p, q).item() == pytest.approx(math.log(2), rel=1e-14)


@given(distribution_pairs())
def test_cross_entropy_is_entropy_plus_kl(pair):
    p, q = pair
    cross, entropy, kl = information.cross_entropy(p, q).item(), information.entropy(p).item(), information.kl_divergence(p, q).item()
    assert cross == pytest.approx(entropy + kl, rel=1e-12, abs=1e-13)  # inf = inf included


@given(distribution_pairs())
def test_kl_is_never_negative_and_infinite_exactly_where_q_forbids_what_p_allows(pair):
    p, q = pair
    kl = information.kl_divergence(p, q).item()
    assert kl >= -1e-15
    assert math.isinf(kl) == bool(((p > 0) & (q == 0)).any())


@given(distribution_pairs())
def test_kl_is_zero_only_between_equals(pair):
    p, q = pair
    assert information.kl_divergence(p, p).item() == 0.0
    if np.abs(p - q).max() > 1e-6:
        assert information.kl_divergence(p, q).item() > np.abs(p - q).sum() ** 2 / 2 * (1 - 1e-6)  # Pinsker


@given(distribution_pairs())
def test_jensen_shannon_is_symmetric_and_at_most_one_bit(pair):
    p, q = pair
    js = information.js_divergence(p, q).item()
    assert js == pytest.approx(information.js_divergence(q, p).item(), abs=1e-15)
    assert -1e-15 <= js <= math.log(2) + 1e-15


@given(distribution_pairs())
def test_entropy_is_largest_for_the_uniform_distribution(pair):
    p, _ = pair
    assert -1e-15 <= information.entropy(p).item() <= math.log(len(p)) + 1e-14


def test_kl_is_not_symmetric():
    p, q = [0.5, 0.5], [0.9, 0.1]
    forward, backward = math.log(5 / 3), 0.9 * math.log(1.8) + 0.1 * math.log(0.2)
    assert information.kl_divergence(p, q).item() == pytest.approx(forward, rel=1e-14)
    assert information.kl_divergence(q, p).item() == pytest.approx(backward, rel=1e-14)


def test_any_leading_shape_is_a_batch_and_leading_shapes_broadcast():
    p, q = dirichlet(9, 6, batch=(2, 1, 4)), dirichlet(9, 7, batch=(3, 1))
    kl = information.kl_divergence(p, q)
    assert kl.shape == (2, 3, 4)
    assert kl[1, 2, 3].item() == pytest.approx(information.kl_divergence(p[1, 0, 3], q[2, 0]).item(), rel=1e-14)


def test_float64_stays_float64_and_float32_float32():
    assert information.entropy(torch.tensor([0.5, 0.5], dtype=torch.float64)).dtype == torch.float64
    assert information.entropy(torch.tensor([0.5, 0.5])).dtype == torch.float32
    assert information.entropy(np.array([0.5, 0.5])).dtype == torch.float64


def test_a_float32_softmax_over_fifty_thousand_words_is_accepted():
    probs = torch.randn(4, 50_000, generator=torch.Generator().manual_seed(0)).mul(5).softmax(-1)
    expected = scipy.stats.entropy(probs.double().numpy(), axis=-1)
    np.testing.assert_allclose(information.entropy(probs), expected, rtol=1e-5)


TWO_ARGUMENTS = [information.cross_entropy, information.kl_divergence, information.js_divergence]


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, 0.4], "p must be a distribution over its last dimension .*sum 0.9"),
        ([[0.5, 0.5], [0.5, 0.6]], r"p must be a distribution .*sum 1.1 in row \(1,\)"),
        ([1.5, -0.5], "p must hold no negative probability, got -0.5"),
        ([float("nan"), 1.0], "p must not hold NaN"),
        ([float("inf"), 0.0], "p must be a distribution .*sum inf"),
        ([], "p must not be empty"),
        (1.0, "p must have a last dimension"),
        ("half", "p must be numbers in a rectangular array"),
        ([[0.5, 0.5], [1.0]], "p must be numbers in a rectangular array"),
    ],
)
def test_what_is_no_distribution_is_refused_by_name(p, message):
    with pytest.raises(ValueError, match=message):
        information.entropy(p)


@pytest.mark.parametrize("function", TWO_ARGUMENTS)
def test_a_bad_q_is_called_q(function):
    with pytest.raises(ValueError, match="q must be a distribution .*sum 0.8"):
        function([0.5, 0.5], [0.4, 0.4])
    with pytest.raises(ValueError, match="q must have as many outcomes as p, 2, got 3"):
        function([0.5, 0.5], [0.2, 0.3, 0.5])
    with pytest.raises(ValueError, match="q must have leading dimensions that fit"):
        function([[0.5, 0.5]] * 2, [[0.5, 0.5]] * 3)
