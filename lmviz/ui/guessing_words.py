"""Chapter 5, its longer sentences: what is compared with what, how far to trust it, what to predict, the code."""

from __future__ import annotations

import numpy as np

from lmviz import betting, display, guessing
from lmviz.data.guessing import passages
from lmviz.data.recorded import guessing as recorded
from lmviz.ui import guessing_game, show, wrong


def compared(model: str, unit: str) -> str:
    """What exactly stands beside what."""
    letters, tokens = recorded.best_recorded(model), recorded.best_recorded(model, "tokens")
    played = [recorded.game(letters, p.id) for p in passages()]
    n = sum(len(g.ranks) for g in played)
    told, untold = (sum(map(sum, (getattr(g, name) for g in played))) / n for name in ("nats", "raw_nats"))
    return (
        f"The passages were written for this book, in Shannon's 27 symbols, so you and {guessing_game.title(letters)} see exactly the same text. The model thinks in tokens, not letters: its chance "
        "for a letter is the summed chance of all the ways in which tokens can spell the text up to that letter (ways with less than a thousandth of the chance are left out). "
        f"You know that no capital and no comma will come, so the model is told too: its 27 chances are divided by their sum. Over all {len(played)} passages its loss is then {display.amount(told, unit)} "
        f"a letter; untold it would be {display.amount(untold, unit)}. Among tokens, {guessing_game.title(tokens)} plays: words that differ by a space or a capital count as one, for both sides."
    )


def chance_words(model: str, unit: str) -> str:
    """How far the bounds of one game can be trusted: the same guess numbers, redrawn."""
    played = recorded.game(recorded.best_recorded(model), passages()[0].id)
    low, high = guessing.spread(played.ranks, np.random.default_rng(0), times=400)
    found = guessing.bounds(played.ranks)
    return (
        f"One sentence is little. Redrawing the {len(played.ranks)} guess numbers of the opening picture at random, as if other sentences had come, moves its bounds from "
        f"{display.number(display.in_unit(found.lower, unit))} to {display.number(display.in_unit(low, unit))} at the low end and from {display.number(display.in_unit(found.upper, unit))} to "
        f"{display.amount(high, unit)} at the high end (95 % of 400 redraws)."
    )


def prediction(model: str) -> tuple[str, list[str], int, str, list[str]]:
    """Where in its words did the model need the most guesses?"""
    played = [recorded.game(recorded.best_recorded(model), p.id) for p in passages()]
    kinds: dict[str, list[int]] = {"the first letter of a word": [], "a later letter of a word": [], "the space after a word": []}
    for g in played:
        for i, (symbol, rank) in enumerate(zip(g.symbols, g.ranks)):
            kind = "the space after a word" if symbol == " " else "a later letter of a word" if i and g.symbols[i - 1] != " " else "the first letter of a word"
            kinds[kind].append(rank)
    means = {kind: float(np.mean(ranks)) for kind, ranks in kinds.items()}
    options = list(means)
    answer = max(range(3), key=lambda i: means[options[i]])
    because = (
        "Mean number of guesses: "
        + ", ".join(f"{display.number(mean)} for {kind}" for kind, mean in means.items())
        + ". A word is decided at its beginning; what follows is spelling."
    )
    name = guessing_game.title(recorded.best_recorded(model))
    why_not = wrong.others(
        answer,
        [
            f"It needed {display.number(means[kind])} there, {display.number(means[options[answer]] / means[kind], 2)} times fewer than for {options[answer]}; at the first guess it was right {display.number(100 * np.mean(np.array(ranks) == 1), 2)} % of the time."
            for kind, ranks in kinds.items()
        ],
    )
    return f"Over all {len(played)} passages, where did {name} need the most guesses?", options, answer, because, why_not


def code(model: str) -> None:
    show.code(
        snippet(model),
        guessing.upper_bound,
        guessing.lower_bound,
        guessing.rank_of,
        betting.expected,
        betting.best_bet,
        key="guessing_game_code",
        of=(recorded.best_recorded(model),),
    )


def snippet(model: str) -> str:
    return f"""from lmviz import guessing, letters, models, units
from lmviz.data.guessing import passages

model, text = models.load({recorded.best_recorded(model)!r}), passages()[0].text
reading = letters.read(model, text)                 # log P of each of 27 letters at each place
ranks = [guessing.rank_of(row, y) for row, y in zip(reading.log_probs, reading.targets)]
bounds = guessing.bounds(ranks)
losses = -reading.among[range(len(text)), reading.targets]
print(ranks.count(1), "of", len(text), "at the first guess")
print(units.to_bits(bounds.lower), units.to_bits(bounds.upper), units.to_bits(losses.mean()))
"""
