import math

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.csgraph
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from lmviz import information, sources

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")

INF = float("inf")


def random_source(n, seed=0, concentration=0.5):
    return sources.markov(np.random.default_rng(seed).dirichlet(np.full(n, concentration), size=n))


@st.composite
def transitions(draw):
    n = draw(st.integers(2, 7))
    rows = draw(st.lists(st.lists(st.integers(0, 20), min_size=n, max_size=n).filter(any), min_size=n, max_size=n))
    counts = np.array(rows, dtype=np.float64)
    return counts / counts.sum(-1, keepdims=True)


def recurrent_classes(transition):
    """How many sets of states are never left once entered, by scipy's strongly connected components."""
    n, label = scipy.sparse.csgraph.connected_components(scipy.sparse.csr_matrix(transition > 0), connection="strong")
    return sum(all(label[j] == c for i in np.flatnonzero(label == c) for j in np.flatnonzero(transition[i])) for c in range(n))


def test_the_weather_worked_by_hand():
    weather = sources.PRESETS["weather"]  # π₁·0.1 = π₂·0.5, so π = (5/6, 1/6)
    np.testing.assert_allclose(weather.stationary, [5 / 6, 1 / 6], rtol=1e-15)
    sunny = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert sources.entropy_rate(weather) == pytest.approx(5 / 6 * sunny + 1 / 6 * math.log(2), rel=1e-14)


@pytest.mark.parametrize("n", [2, 5, 60])
def test_the_stationary_distribution_is_the_left_eigenvector_that_scipy_finds(n):
    source = random_source(n)
    values, vectors = scipy.linalg.eig(source.transition.numpy(), left=True, right=False)
    expected = vectors[:, np.argmin(np.abs(values - 1))].real
    np.testing.assert_allclose(source.stationary, expected / expected.sum(), rtol=1e-9)


@given(transitions())
def test_one_step_leaves_the_stationary_distribution_as_it_is_or_there_is_more_than_one(transition):
    if recurrent_classes(transition) > 1:
        with pytest.raises(ValueError, match="the long run depends on the start"):
            sources.markov(transition)
        return
    stationary = sources.markov(transition).stationary.numpy()
    assert (stationary >= 0).all()
    np.testing.assert_allclose(stationary.sum(), 1.0, rtol=1e-14)
    np.testing.assert_allclose(stationary @ transition, stationary, atol=1e-15)


def test_what_is_left_for_ever_is_never_met_in_the_long_run():
    source = sources.markov([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75], [0.0, 0.5, 0.5]])
    np.testing.assert_allclose(source.stationary, [0.0, 0.4, 0.6], rtol=1e-14)


def test_a_source_that_hardly_ever_changes_its_mind_keeps_every_digit():
    rare = 1e-14
    with mp.workdps(50):
        stay_a, stay_b = mp.mpf(1 - rare), mp.mpf(1 - 3 * rare)
        leave_a, leave_b = mp.mpf(rare), mp.mpf(3 * rare)
        expected = float(leave_b / (leave_a + leave_b))
        assert abs(stay_a + leave_a - 1) < mp.mpf("1e-15") and abs(stay_b + leave_b - 1) < mp.mpf("1e-15")
    source = sources.markov([[1 - rare, rare], [3 * rare, 1 - 3 * rare]])
    assert source.stationary[0].item() == pytest.approx(expected, rel=1e-14)


def test_a_source_without_memory_has_the_entropy_of_its_symbols():
    assert sources.entropy_rate(sources.PRESETS["fair coin"]) == pytest.approx(math.log(2), rel=1e-15)
    assert sources.entropy_rate(sources.PRESETS["die"]) == pytest.approx(math.log(6), rel=1e-14)
    assert sources.entropy_rate(sources.PRESETS["cycle"]) == 0.0


@pytest.mark.parametrize("n", [2, 6, 40])
def test_the_entropy_rate_is_the_mean_of_scipys_entropies(n):
    source = random_source(n, seed=1)
    expected = np.average(scipy.stats.entropy(source.transition.numpy(), axis=-1), weights=source.stationary.numpy())
    assert sources.entropy_rate(source) == pytest.approx(expected, rel=1e-12)


def test_the_entropy_rate_is_the_entropy_of_pairs_less_that_of_singles():
    source = random_source(5, seed=2)
    pairs = (source.stationary.unsqueeze(-1) * source.transition).reshape(-1)
    expected = (information.entropy(pairs) - information.entropy(source.stationary)).item()
    assert sources.entropy_rate(source) == pytest.approx(expected, rel=1e-12)


def test_memory_makes_onegin_cheaper_than_its_letters_alone():
    onegin = sources.PRESETS["Onegin"]
    assert onegin.stationary[0].item() == pytest.approx(0.432, abs=5e-4)  # Markov (1913) counted 8,638 vowels in 20,000 letters
    assert sources.entropy_rate(onegin) < information.entropy(onegin.stationary).item() - 0.1


@pytest.mark.parametrize("name", sources.PRESETS)
def test_the_empirical_cross_entropy_converges_to_the_entropy_rate(name):
    source = sources.PRESETS[name]
    rate = sources.entropy_rate(source)
    costs = -sources.symbol_log_probs(source, sources.sample(source, 50_000, generator=torch.Generator().manual_seed(0)))
    # the standard error of a mean over blocks of 100, which are nearly independent
    blocks = costs.reshape(-1, 100).mean(-1)
    standard_error = (blocks.std() / math.sqrt(len(blocks))).item()
    assert abs(costs.mean().item() - rate) <= 4 * standard_error + 1e-4
    assert standard_error < 0.01


def test_the_empirical_cross_entropy_of_another_model_converges_to_the_cross_entropy_rate():
    source, model = random_source(4, seed=3), random_source(4, seed=4, concentration=5.0)
    costs = -sources.symbol_log_probs(model, sources.sample(source, 50_000, generator=torch.Generator().manual_seed(1)))
    blocks = costs.reshape(-1, 100).mean(-1)
    assert abs(costs.mean().item() - sources.cross_entropy_rate(source, model)) <= 4 * (blocks.std() / math.sqrt(len(blocks))).item() + 1e-4


@given(transitions(), st.integers(0, 100))
def test_no_model_beats_the_source_itself(transition, seed):
    if recurrent_classes(transition) > 1:
        return
    source, model = sources.markov(transition), random_source(len(transition), seed=seed, concentration=2.0)
    assert sources.cross_entropy_rate(source, source) == pytest.approx(sources.entropy_rate(source), rel=1e-14, abs=1e-15)
    assert sources.cross_entropy_rate(source, model) >= sources.entropy_rate(source) - 1e-12


def test_a_model_that_forbids_what_the_source_does_costs_infinity_unless_it_never_comes_to_that():
    coin = sources.PRESETS["fair coin"]
    assert sources.cross_entropy_rate(coin, sources.markov([[0.0, 1.0], [0.5, 0.5]], coin.symbols)) == INF
    leaving = sources.markov([[0.5, 0.5], [0.0, 1.0]], coin.symbols)  # heads only at the start, never in the long run
    forbidding = sources.markov([[0.0, 1.0], [0.0, 1.0]], coin.symbols)
    assert sources.cross_entropy_rate(leaving, forbidding) == 0.0


def test_a_model_fitted_to_more_text_comes_closer_to_the_entropy_rate():
    source = random_source(5, seed=5)
    text = sources.sample(source, 30_000, generator=torch.Generator().manual_seed(2))
    excess = [sources.cross_entropy_rate(source, sources.fit(text[:n], source.symbols)) - sources.entropy_rate(source) for n in (30, 1000, 30_000)]
    assert excess[0] > excess[1] > excess[2] > 0
    assert excess[2] < 5e-3


def test_a_fitted_model_counts_steps():
    ids = [0, 0, 1, 0, 2, 2, 0]
    exact = sources.fit(ids, "abc", pseudocount=0.0)
    np.testing.assert_allclose(exact.transition, [[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0.5, 0, 0.5]], rtol=1e-15)
    smoothed = sources.fit(ids, "abc")
    np.testing.assert_allclose(smoothed.transition, [[2 / 6, 2 / 6, 2 / 6], [2 / 4, 1 / 4, 1 / 4], [2 / 5, 1 / 5, 2 / 5]], rtol=1e-15)


def test_the_maximum_likelihood_model_makes_its_own_text_likelier_than_any_other():
    text = sources.sample(random_source(3, seed=6, concentration=2.0), 200, generator=torch.Generator().manual_seed(3))
    best = sources.symbol_log_probs(sources.fit(text, "abc", pseudocount=0.0), text)[1:].sum()
    for seed in range(20):
        assert sources.symbol_log_probs(random_source(3, seed=seed, concentration=2.0), text)[1:].sum() <= best


def test_the_log_probability_of_a_text_is_the_product_written_out():
    source = random_source(3, seed=7)
    pi, p = source.stationary.tolist(), source.transition.tolist()
    ids = [2, 0, 0, 1]
    expected = math.log(pi[2] * p[2][0] * p[0][0] * p[0][1])
    assert sources.log_prob(source, ids).item() == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(sources.log_prob(source, [[ids], [ids[::-1]]])[0], [expected], rtol=1e-14)


def test_the_probabilities_of_all_texts_of_one_length_sum_to_one():
    source = random_source(3, seed=8)
    every = torch.cartesian_prod(*[torch.arange(3)] * 5)
    assert sources.log_prob(source, every).exp().sum().item() == pytest.approx(1.0, rel=1e-13)


def test_a_text_of_one_symbol_has_its_stationary_probability():
    assert sources.log_prob(sources.PRESETS["weather"], [1]).item() == pytest.approx(math.log(1 / 6), rel=1e-14)


def test_the_same_seed_says_the_same_text_and_another_seed_another():
    source = random_source(6)
    first, again, other = (sources.sample(source, 100, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_sampled_steps_come_as_often_as_the_transition_says():
    source = random_source(4, seed=9, concentration=3.0)
    ids = sources.sample(source, 40_000, generator=torch.Generator().manual_seed(4)).numpy()
    observed = np.zeros((4, 4))
    np.add.at(observed, (ids[:-1], ids[1:]), 1)
    for row, p in zip(observed, source.transition.numpy(), strict=True):
        assert scipy.stats.chisquare(row, p * row.sum()).pvalue > 1e-4


def test_an_impossible_step_is_never_sampled():
    source = sources.markov([[0.1] * 7 + [0.3, 0.0], *[[1 / 3, 0, 1 / 3, 0, 0, 0, 0, 1 / 3, 0]] * 8])
    ids = sources.sample(source, 20_000, generator=torch.Generator().manual_seed(5))
    assert sources.symbol_log_probs(source, ids).isfinite().all()
    assert 8 not in ids.tolist()


def test_rows_that_sum_to_a_rounding_less_than_one_never_run_past_the_last_symbol():
    source = sources.markov([[0.5, 0.499991], [0.5, 0.499991]])
    ids = sources.sample(source, 300_000, generator=torch.Generator().manual_seed(6))
    assert (torch.rand(300_000, dtype=torch.float64, generator=torch.Generator().manual_seed(6)) > 0.499991 + 0.5).any()
    assert set(ids.tolist()) == {0, 1}


def test_every_preset_names_its_symbols():
    for source in sources.PRESETS.values():
        assert len(source.symbols) == len(source.transition) == len(source.stationary)
        assert all(isinstance(symbol, str) and symbol for symbol in source.symbols)


@pytest.mark.parametrize(
    ("transition", "symbols", "message"),
    [
        ([[0.5, 0.4], [0.5, 0.5]], None, "transition must be a distribution .*sum 0.9"),
        ([[1.5, -0.5], [0.5, 0.5]], None, "transition must hold no negative probability"),
        ([[0.5, 0.5]], None, "transition must be a square matrix"),
        ([0.5, 0.5], None, "transition must be a square matrix"),
        ([], None, "transition must not be empty"),
        ([[0.5, 0.5], [0.5, 0.5]], "abc", "symbols must be 2 different names"),
        ([[0.5, 0.5], [0.5, 0.5]], "aa", "symbols must be 2 different names"),
        ([[1.0, 0.0], [0.0, 1.0]], None, "the long run depends on the start"),
    ],
)
def test_what_is_no_source_is_refused(transition, symbols, message):
    with pytest.raises(ValueError, match=message):
        sources.markov(transition, symbols)


def test_bad_texts_lengths_and_models_are_refused():
    coin = sources.PRESETS["fair coin"]
    with pytest.raises(ValueError, match="ids must be ids from 0 to 1, got 2"):
        sources.log_prob(coin, [0, 2])
    with pytest.raises(ValueError, match="ids must not be empty"):
        sources.log_prob(coin, torch.empty(0, dtype=torch.long))
    with pytest.raises(ValueError, match="ids must be a sequence"):
        sources.log_prob(coin, 1)
    with pytest.raises(ValueError, match="length must be a number that is whole and at least 1, got 0"):
        sources.sample(coin, 0)
    with pytest.raises(ValueError, match="model must have the symbols of source"):
        sources.cross_entropy_rate(coin, sources.PRESETS["weather"])
    with pytest.raises(ValueError, match="pseudocount must be a number at least 0, got -1"):
        sources.fit([0, 1], coin.symbols, pseudocount=-1)
    with pytest.raises(ValueError, match="ids must be one sequence of at least 2 symbols"):
        sources.fit([0], coin.symbols)
    with pytest.raises(ValueError, match="ids must show a step from every symbol when pseudocount is 0, got none from 'tails'"):
        sources.fit([0, 0, 1], coin.symbols, pseudocount=0)
