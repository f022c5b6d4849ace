"""What the record of chapter 18 says: accuracies, intervals, correlations, computed from its items once a process. No model, no torch."""

from dataclasses import dataclass

import numpy as np

from lmviz import downstream as core
from lmviz.data import downstream as texts
from lmviz.data.recorded import downstream as recorded
from lmviz.downstream import Estimate
from lmviz.ui.memory import shared

SEED = 18
TESTS = ("pairs", "cloze")
CHANCE = {"pairs": 0.5, "cloze": 0.25}
ENOUGH = 3  # checkpoints, before anything can be called early or late


@dataclass(frozen=True, eq=False)
class Test:
    """One test over M models: `outcomes` [M, N], an accuracy a model, and how they go with the loss."""

    outcomes: np.ndarray
    accuracy: tuple[Estimate, ...]
    correlation: Estimate  # had other items been drawn
    over_models: Estimate  # had other models been drawn


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything the page says, M models in the order of the record."""

    record: recorded.Record
    bits: tuple[Estimate, ...]  # per byte of the passages
    tests: dict[str, Test]
    by_phenomenon: dict[str, tuple[Estimate, ...]]
    checkpoints: tuple[int, ...]  # indices of nano's own run, in order; the last is nano
    floors: dict[str, float]  # phenomenon → one half, or what the lengths of its sentences give away: the share that a uniform model has
    learned: dict[str, int | None]  # phenomenon → place in `checkpoints` from which on it is surely above its floor
    twins: core.Twins | None  # over all pairs
    apart: core.Twins | None  # over the pairs of one phenomenon

    @property
    def members(self) -> tuple[recorded.Member, ...]:
        return self.record.members

    def index(self, name: str) -> int | None:
        return self.record.index(name)


@shared()
def findings() -> Findings:
    """From the recorded items; the same numbers every time."""
    return of(recorded.load())


def of(record: recorded.Record) -> Findings:
    """From any record."""
    rng = np.random.default_rng(SEED)
    bits, bits_resampled = core.pooled_bits(record.nats, record.n_bytes, core.resampled(np.zeros(len(record.n_bytes)), rng))
    groups = phenomenon_of_pairs()
    outcomes = {"pairs": core.pair_outcomes(record.differences), "cloze": core.cloze_outcomes(record.cloze)}
    weights = {"pairs": core.resampled(groups, rng), "cloze": core.resampled(np.zeros(outcomes["cloze"].shape[1]), rng)}
    tests = {
        name: Test(
            outcomes[name],
            tuple(core.accuracy(row, weights[name]) for row in outcomes[name]),
            core.rank_correlation(bits, bits_resampled, outcomes[name], weights[name]),
            core.over_models(bits, outcomes[name].mean(1), rng),
        )
        for name in TESTS
    }
    by_phenomenon = {p.name: tuple(core.wilson(row[groups == p.name]) for row in outcomes["pairs"]) for p in texts.phenomena()}
    steps = sorted((m.step, i) for i, m in enumerate(record.members) if m.kind == "step")
    final = record.index("nano")
    checkpoints = (*(i for _, i in steps), *([final] if final is not None else []))
    blind = record.index("uniform")
    floors = {name: CHANCE["pairs"] if blind is None else max(CHANCE["pairs"], row[blind].value) for name, row in by_phenomenon.items()}
    families = ["nano" if m.kind == "step" else m.name for m in record.members]
    learned = {name: core.learned_at([row[i].low for i in checkpoints], floors[name]) for name, row in by_phenomenon.items()}
    return Findings(
        record,
        tuple(core.interval(samples, value) for value, samples in zip(bits, bits_resampled, strict=True)),
        tests,
        by_phenomenon,
        checkpoints,
        floors,
        learned,
        core.twins(bits, outcomes["pairs"], families=families),
        core.twins(bits, outcomes["pairs"], families=families, groups=groups),
    )


@shared()
def phenomenon_of_pairs() -> np.ndarray:
    """[N] the phenomenon's name of every pair."""
    return np.array([pair.phenomenon for pair in texts.pairs()])


def same_length(found: Findings, index: int) -> tuple[int, float, float]:
    """How many pairs have equally many tokens in both sentences; the accuracy on them, and on the others."""
    tokens = found.record.readings[found.members[index].name].tokens
    same = tokens[:, 0] == tokens[:, 1]
    outcomes = found.tests["pairs"].outcomes[index]
    return int(same.sum()), float(outcomes[same].mean()), float(outcomes[~same].mean())
