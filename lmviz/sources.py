"""Markov sources: texts whose entropy rate is known exactly, so that a loss can be compared with the least possible.

Each symbol depends on the one before and on nothing else. All information is in nats per symbol. Source: Shannon (1948), part I;
Cover & Thomas (2006), ch. 4.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

import torch

from lmviz import checks, information


@dataclass(frozen=True, eq=False)
class MarkovSource:
    """S symbols, transition [S, S] with P(next = j | now = i) in row i, and its stationary distribution [S]; float64. Made by `markov`."""

    symbols: tuple[str, ...]
    transition: torch.Tensor
    stationary: torch.Tensor


def markov(transition, symbols=None) -> MarkovSource:
    """A source from its transition matrix [S, S] and names for its symbols (default "0", "1", …).

    Raises ValueError if transition is not square, a row is not a distribution, symbols are not S different names, or the
    stationary distribution is not unique.

    >>> [round(p, 6) for p in markov([[0.9, 0.1], [0.5, 0.5]], "ab").stationary.tolist()]       # 5/6 and 1/6
    [0.833333, 0.166667]
    """
    transition = checks.distribution_tensor(transition, "transition").double()
    if transition.ndim != 2 or transition.shape[0] != transition.shape[1]:
        raise ValueError(f"transition must be a square matrix, got shape {tuple(transition.shape)}")
    symbols = tuple(str(i) for i in range(len(transition))) if symbols is None else tuple(symbols)
    if len(symbols) != len(transition) or len(set(symbols)) != len(symbols):
        raise ValueError(f"symbols must be {len(transition)} different names, one for each row of transition, got {symbols}")
    return MarkovSource(symbols, transition, stationary_distribution(transition))


def stationary_distribution(transition) -> torch.Tensor:
    """The π with π = π P, [S]: how often each symbol comes in the long run.

    By the elimination of Grassmann, Taksar & Heyman (1985), which never subtracts and so keeps every digit of small entries.
    Raises ValueError if rows are no distributions or if the long run depends on the start.

    >>> stationary_distribution([[0.0, 1.0], [1.0, 0.0]]).tolist()
    [0.5, 0.5]
    >>> stationary_distribution([[1.0, 0.0], [0.0, 1.0]])
    Traceback (most recent call last):
    ValueError: transition must have a symbol that every other can reach, got none: the long run depends on the start
    """
    transition = checks.distribution_tensor(transition, "transition").double()
    n = len(transition)
    reaches = (transition > 0) | torch.eye(n, dtype=torch.bool)
    for middle in range(n):
        reaches |= reaches[:, middle, None] & reaches[None, middle, :]
    recurrent = reaches.all(0).nonzero().squeeze(-1)  # what every symbol reaches is where the source stays for ever
    if len(recurrent) == 0:
        raise ValueError("transition must have a symbol that every other can reach, got none: the long run depends on the start")
    rates = transition[recurrent][:, recurrent].clone()
    for last in range(len(recurrent) - 1, 0, -1):  # leave out the last symbol, its visits credited to the symbols around it
        rates[:last, last] /= rates[last, :last].sum()
        rates[:last, :last] += rates[:last, last, None] * rates[last, :last]
    weights = torch.ones(len(recurrent), dtype=torch.float64)
    for i in range(1, len(recurrent)):
        weights[i] = weights[:i] @ rates[:i, i]
    return torch.zeros(n, dtype=torch.float64).scatter(0, recurrent, weights / weights.sum())


def entropy_rate(source: MarkovSource) -> float:
    """Σ_i π_i H(P(· | i)), nats per symbol: what the best possible model pays in the long run.

    >>> round(entropy_rate(PRESETS["fair coin"]), 6)      # ln 2
    0.693147
    """
    return (source.stationary @ information.entropy(source.transition)).item()


def cross_entropy_rate(source: MarkovSource, model: MarkovSource) -> float:
    """Σ_i π_i H(P(· | i), Q(· | i)), nats per symbol: what `model` pays in the long run on what `source` says.

    π and P are the source's, Q the model's transition. +inf if the model calls a step impossible that the source takes.
    Raises ValueError if their symbols differ.

    >>> coin, biased = PRESETS["fair coin"], markov([[0.9, 0.1], [0.9, 0.1]], ("heads", "tails"))
    >>> round(cross_entropy_rate(coin, biased), 6)
    1.203973
    """
    if source.symbols != model.symbols:
        raise ValueError(f"model must have the symbols of source, {source.symbols}, got {model.symbols}")
    costs = information.cross_entropy(source.transition, model.transition)
    visited = source.stationary > 0
    return (source.stationary[visited] @ costs[visited]).item()  # a symbol that never comes costs nothing, even if it would cost +inf


def sample(source: MarkovSource, length: int, *, generator: torch.Generator | None = None) -> torch.Tensor:
    """A text of `length` symbol ids, int64 [length]; the first is drawn from the stationary distribution.

    The same generator seed gives the same text. Raises ValueError if length is not a whole number ≥ 1.

    >>> sample(PRESETS["cycle"], 5, generator=torch.Generator().manual_seed(0)).diff().remainder(3).tolist()
    [1, 1, 1, 1]
    """
    length = int(checks.number(length, "length", "that is whole and at least 1", lambda n: n >= 1 and n == int(n)))
    cumulative = [list(accumulate(row)) for row in source.transition.tolist()]
    draws = torch.rand(length, dtype=torch.float64, generator=generator).tolist()
    steps = list(accumulate(source.stationary.tolist()))
    ids = []
    for draw in draws:
        # subtle: the steps may sum to a rounding less than 1; drawing below the sum itself can never run past the last possible symbol
        symbol = bisect_right(steps, draw * steps[-1])
        ids.append(symbol)
        steps = cumulative[symbol]
    return torch.tensor(ids)


def symbol_log_probs(source: MarkovSource, ids) -> torch.Tensor:
    """log P(s_t | s_{t−1}) of every symbol, nats, [..., T]; the first is log π(s_1). −inf is an impossible step.

    ids [..., T]. Raises ValueError for ids outside 0 … S − 1 or an empty sequence.

    >>> symbol_log_probs(PRESETS["cycle"], [0, 1, 0])[1:].tolist()
    [0.0, -inf]
    """
    ids = checks.ids_tensor(ids, "ids", len(source.symbols))
    if ids.ndim == 0:
        raise ValueError(f"ids must be a sequence [..., T], got a single id {ids.item()}")
    first = source.stationary.log()[ids[..., :1]]
    return torch.cat([first, source.transition.log()[ids[..., :-1], ids[..., 1:]]], -1)


def log_prob(source: MarkovSource, ids) -> torch.Tensor:
    """log P(s_1 … s_T), nats, [...]: the sum of `symbol_log_probs`. ids [..., T]. Raises ValueError as that does.

    >>> round(log_prob(PRESETS["fair coin"], [0, 1, 1]).item(), 6)         # three coins: −3 ln 2
    -2.079442
    """
    return symbol_log_probs(source, ids).sum(-1)


def fit(ids, symbols, *, pseudocount: float = 1.0) -> MarkovSource:
    """The Markov model of a text: P(j | i) = (steps i → j + pseudocount) / (steps from i + S·pseudocount).

    With pseudocount 0 it is the maximum-likelihood model, which calls everything impossible that the text did not show.
    ids [T] with T ≥ 2. Raises ValueError for bad ids, pseudocount < 0, or a symbol with no step from it if pseudocount is 0.

    >>> fit([0, 1, 0, 1, 0], "ab", pseudocount=0.0).transition.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    pseudocount = checks.number(pseudocount, "pseudocount", "at least 0", lambda c: c >= 0)
    n = len(symbols)
    ids = checks.ids_tensor(ids, "ids", n)
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"ids must be one sequence of at least 2 symbols, got shape {tuple(ids.shape)}")
    counts = (ids[:-1] * n + ids[1:]).bincount(minlength=n * n).reshape(n, n).double() + pseudocount
    totals = counts.sum(-1, keepdim=True)
    if (totals == 0).any():
        raise ValueError(f"ids must show a step from every symbol when pseudocount is 0, got none from {symbols[(totals == 0).nonzero()[0, 0]]!r}")
    return markov(counts / totals, symbols)


PRESETS: dict[str, MarkovSource] = {
    "fair coin": markov([[0.5, 0.5], [0.5, 0.5]], ("heads", "tails")),
    "die": markov([[1 / 6] * 6] * 6, "123456"),
    "weather": markov([[0.9, 0.1], [0.5, 0.5]], ("sun", "rain")),
    # Markov (1913): 20,000 letters of Eugene Onegin; a vowel follows a vowel with 0.128, a consonant with 0.663
    "Onegin": markov([[0.128, 0.872], [0.663, 0.337]], ("vowel", "consonant")),
    "cycle": markov([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], "abc"),
}
"""Sources to play with, by name: without memory, with memory, and without surprise."""
