"""The sentences and the small interactions of chapter 3: the die, the seed figure, the ladder."""

import math

import numpy as np
import streamlit as st

from lmviz import display, models, units
from lmviz import ladder as ladder_of
from lmviz.figures import die
from lmviz.figures import ladder as ladder_figure
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, compression_others, runtime, scores, show, wrong
from lmviz.ui.links import linked

SEED_NATS, SEED_QUOTED = 3.5, 30.0  # "a cross-entropy of 3.5 is a perplexity of about 30.0", as it is often quoted
LADDER_CHARACTERS = 4_000  # every model reads the text


def answer(scored: ScoredText, unit: str) -> str:
    """The question of the chapter, answered with this text's numbers."""
    base = "2" if unit == "bits" else "e"
    mean = display.number(display.in_unit(scored.mean_nats, unit))
    return (
        f"On average a token costs the model :orange[**{display.amount(scored.mean_nats, unit)}**], exactly as much as a throw of a fair die with "
        f":blue[**{display.number(scored.perplexity)} sides**], {base} to the power {mean}. That is the text's **perplexity**."
    )


def dice_alt(scored: ScoredText) -> str:
    least, most = math.exp(np.nanmin(scored.losses)), math.exp(min(np.nanmax(scored.losses), 700))
    return (
        f"For each of {scored.n_scored} tokens, the sides of its own die on a logarithmic axis, from {display.number(least)} to {display.number(most)}; "
        f"a line at their geometric mean, the perplexity {display.number(scored.perplexity)}."
    )


def die_alt(sides: float) -> str:
    return f"A wheel of {display.number(sides)} equal pieces, one marked; the last piece is as narrow as the fraction that is left."


def dice_words(scored: ScoredText, selected: int) -> str:
    """What the selected token's own die is."""
    loss, text = scored.losses[selected], display.md_escape(display.visible(scored.tokens[selected].text))
    if math.isnan(loss):
        return "Each token has a die of its own. The selected one is not scored."
    sides = display.number(units.perplexity(loss))
    return f"Each token has a die of its own; that of :violet[**{text}**] has {sides} sides. Together, the stems above the line are as long as those below."


def seed() -> str:
    """The figure everybody quotes, checked here and now."""
    right = units.perplexity(SEED_NATS)
    return (
        f"A cross-entropy of {SEED_NATS} nats a token is often said to be a perplexity of about {SEED_QUOTED:.1f}. **It is {display.number(right)}**: "
        f"exp({SEED_NATS}) = {right:.2f}. A perplexity of {SEED_QUOTED:.1f} would take {math.log(SEED_QUOTED):.2f} nats. In bits it is the same number: "
        f"{SEED_NATS} nats are {units.to_bits(SEED_NATS):.2f} bits, and 2 to the power {units.to_bits(SEED_NATS):.2f} is {2 ** units.to_bits(SEED_NATS):.1f}."
    )


@st.fragment
def from_loss() -> None:
    """A slider from loss to perplexity, and the die it makes."""
    left, right = st.columns([6, 5], gap="large", vertical_alignment="center")
    with left:
        st.markdown(seed())
        nats = linked(st).slider("Mean loss, nats a token", 0.0, 11.0, SEED_NATS, 0.05, key="perplexity_seed_nats", format="%.2f")
        sides, more = units.perplexity(nats), units.perplexity(nats + 0.1)
        st.markdown(
            f"exp({nats:.2f}) = **{display.number(sides)}**. One tenth of a nat more would make it {display.number(more)}: each tenth adds "
            f"{display.number(100 * (more / sides - 1), 2)} %, wherever you start. Equal steps of loss are equal factors of perplexity."
        )
    with right:
        charts.draw(die.die, sides, 270, key="perplexity_seed_die", alt=die_alt(sides))


@st.fragment(parallel=True)
def ladder(scored: ScoredText) -> None:
    """The reader's text under every model of this machine, from knowing nothing down to the best; filled in as models answer."""
    if scored.n_bytes == 0:
        return
    text, model = scored.text[:LADDER_CHARACTERS], scored.model
    names = models.names()
    rows = {name: models.registry.row(name) for name in names}
    top = scored if text == scored.text else scores.scored(text, model)
    place = st.empty()
    rungs = [ladder_of.rung(top, rows[model].tokenizer if model in rows else model)]
    if model != "uniform":
        rungs.append(ladder_of.uniform(len(top), len(text.encode()), top.vocab_size, model=f"uniform {top.vocab_size}", tokenizer=top.model))
    others = [name for name in names if name != model]
    marks = compressed(text)
    for name in [*[n for n in others if _ready(text, n)], *[n for n in others if not _ready(text, n)]]:
        if not _ready(text, name):
            _draw_ladder(place, rungs, model, len(others), marks)
        other = scores.scored(text, name)
        if other is None:  # subtle: that model failed and a new run was asked for, which does not always stop a parallel fragment at once
            return
        rungs.append(ladder_of.rung(other, rows[name].tokenizer))
    _draw_ladder(place, rungs, model, len(others), marks)
    st.markdown(ladder_words(rungs, marks, cut=text != scored.text))
    show.tokenizer_note({r.model: r.n_tokens for r in ladder_of.ladder(rungs) if not r.model.startswith("uniform ")})


def _ready(text: str, name: str) -> bool:
    first = scores.first_view(name)
    return (first is not None and first.text == text) or runtime.service().peek(name, text) is not None


def compressed(text: str) -> tuple[tuple[str, float], ...]:
    """Bits per byte that PPMd and xz need for a text, each file with its own head."""
    sizes = compression_others.sizes(text)
    return tuple((name, 8 * sizes[name] / len(text.encode())) for name in ("PPMd", "xz"))


def _draw_ladder(place, rungs: list[ladder_of.Rung], model: str, n_others: int, marks: tuple) -> None:
    """The rungs that are known, in the room that all will need."""
    steps = ladder_of.ladder(rungs)
    alt = "Bits per byte of the text under each model: " + ", ".join(f"{rung_name(r)} {display.number(r.bits_per_byte)}" for r in steps) + "."
    alt += " Compressed: " + ", ".join(f"{name} {display.number(value)}" for name, value in marks) + "."
    with place:
        charts.draw(
            ladder_figure.ladder, tuple(steps), tuple(rung_name(r) for r in steps), model, n_others + 2, marks, key=f"perplexity_ladder_{len(rungs)}", alt=alt
        )


def rung_name(rung: ladder_of.Rung) -> str:
    if rung.model.startswith("uniform"):
        return f"uniform over {display.number(rung.vocab_size)}"
    return models.registry.row(rung.model).title


def ladder_words(rungs: list[ladder_of.Rung], marks: tuple[tuple[str, float], ...], *, cut: bool = False) -> str:
    """What the ladder shows, in numbers."""
    steps = ladder_of.ladder(rungs)
    top, bottom = steps[0], steps[-1]
    blind = next((r for r in steps if r.model.startswith("uniform ") or r.model == "uniform"), top)
    words = (
        f"Whoever knows nothing must give each of the {display.number(blind.vocab_size)} tokens the same chance and pays log {display.number(blind.vocab_size)} = "
        f"{display.amount(math.log(blind.vocab_size), 'bits')} a token, {display.number(blind.bits_per_byte)} bits per byte here. {rung_name(bottom)} pays "
        f"**{display.number(bottom.bits_per_byte)}**, {display.number(100 * (1 - bottom.total_nats / blind.total_nats), 2)} % less."
    )
    (first, one), (second, other) = marks
    words += f" {first} and {second}, which learn from nothing but the text itself, need {display.number(one)} and {display.number(other)} bits per byte of it."
    words += books_words([r.model for r in steps])
    return words + (f" Every model is to read it, so only the first {display.number(LADDER_CHARACTERS)} characters are used." if cut else "")


def books_words(order: list[str]) -> str:
    """What is to be said when this text puts the models in another order than whole books do; empty if it does not. `order`: costliest first."""
    known = models.registry.held_out()
    here = [name for name in order if name in known]
    there = sorted(here, key=known.get, reverse=True)
    if here == there:
        return ""
    said = ", ".join(f"{models.registry.row(name).title} {display.number(known[name])}" for name in there)
    return f" One text may please a lesser model by luck. Over whole books that none of them has read the order is: {said} (PPMd {display.number(known['PPMd'])}, xz {display.number(known['xz'])})."


def prediction(scored: ScoredText) -> tuple[str, list[str], int, str, list[str]]:
    """What becomes of the perplexity without the costliest token? Computed from this text."""
    worst = int(np.nanargmax(scored.losses))
    rest = np.delete(scored.losses, worst)
    rest = rest[~np.isnan(rest)]
    token = display.md_escape(display.visible(scored.tokens[worst].text))
    without = units.perplexity(float(rest.mean())) if len(rest) else 1.0
    fall = 1 - without / scored.perplexity if math.isfinite(scored.perplexity) else 1.0
    options = ["by less than 10 %", "by 10 to 30 %", "by 30 to 60 %", "by more than 60 %"]
    answer_at = int(np.searchsorted([0.1, 0.3, 0.6], fall, side="right"))
    because = (
        f"Without it the mean over the other {len(rest)} is {display.amount(float(rest.mean()) if len(rest) else 0.0, 'bits')}, a perplexity of {display.number(without)} "
        f"instead of {display.number(scored.perplexity)}: {display.number(100 * fall, 2)} % less. One token weighs 1/T in the mean loss, but exp turns what is added into what is multiplied."
    )
    under = (
        f"It is one token of {len(rest) + 1}, but it carries {display.number(100 * scored.losses[worst] / scored.total_nats, 2)} % of the loss."
        if math.isfinite(scored.total_nats)
        else ""
    )
    over = f"The other {len(rest)} tokens cost what they did before, and they are the average now."
    why_not = wrong.by_range(
        [0.1, 0.3, 0.6],
        answer_at,
        lambda edge: f"a perplexity of {display.number(scored.perplexity * (1 - edge))}",
        display.number(without),
        under=under,
        over=over,
    )
    return (
        f"“{token}” was the costliest token. If it were left out of the average, by how much would the perplexity fall?",
        options,
        answer_at,
        because,
        why_not,
    )


def snippet(scored: ScoredText) -> str:
    return f"""from lmviz import models, units
from lmviz.models import scoring

{show.text_line(scored.text)}
scored = scoring.score(models.load({scored.model!r}), text)
print(scored.mean_nats)                         # mean loss, nats a token
print(units.perplexity(scored.mean_nats))       # the sides of the die
print(scored.bits_per_byte)                     # what compares across tokenizers
print(units.perplexity(3.5))                    # 33.1, not 30.0
for name in models.names():                     # the ladder
    print(name, scoring.score(models.load(name), scored.text).bits_per_byte)
"""
