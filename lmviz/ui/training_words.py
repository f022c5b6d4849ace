"""Chapter 17, the sentences: numbers of runs become words here."""

import math

from lmviz import display
from lmviz.figures.training_curves import amount, said
from lmviz.lab import recorded as stored
from lmviz.lab.choices import SIZES, Settings
from lmviz.lab.curve import Curve
from lmviz.lab.workshop import Experiment

NAMES = {"held_out": "held-out cross-entropy", "training": "training loss", "perplexity": "held-out perplexity", "accuracy": "held-out accuracy", "ece": "calibration error"}  # fmt: skip


def answer(curves: list[Curve], unit: str) -> str:
    """The question of the chapter, answered with the recorded runs' numbers."""
    ends = {c.loss: f"**{last(c, 'held_out', unit)}**" for c in curves}
    found = f"With cross-entropy it comes down to :orange[{ends['cross_entropy']}] a {curves[0].per} of text it never read"
    if "squared_error" in ends:
        found += f"; with squared error, in as many steps, to {ends['squared_error']}"
    return f"A loss is a teacher: token by token it says what was wrong, and how much. Below, one small model learns from different ones. {found}. Choose what to make small, and watch your own."


def last(curve: Curve, quantity: str, unit: str) -> str:
    """The last value of a quantity, with its unit; "–" if there is none."""
    values = curve.series(quantity)[1]
    return amount(curve, quantity, values[-1], unit) if values else display.UNDEFINED


def alt(curves: list[Curve], quantity: str, unit: str) -> str:
    """The curves in words: where each begins and ends."""
    parts = []
    for curve in curves:
        steps, values = curve.series(quantity)
        if values:
            first, end = (amount(curve, quantity, v, unit) for v in (values[0], values[-1]))
            parts.append(f"{curve.label} from {first} at step {steps[0]} to {end} at step {steps[-1]}")
    floor = f" The entropy of the source is {display.amount(curves[0].floor, unit)}." if curves[0].floor is not None else ""
    return f"{NAMES[quantity]} of {len(curves)} training run{'s' if len(curves) > 1 else ''}: {'; '.join(parts)}.{floor}"


def table(curves: list[Curve], unit: str) -> str:
    """The runs as a Markdown table, one row each, at their last measurement."""
    per = curves[0].per
    lines = [f"| trained on | its own loss | held-out cross-entropy, {unit} a {per} | accuracy | calibration error |", "|---" * 5 + "|"]
    for curve in curves:
        held = display.number(said(curve, "held_out", curve.held_out[-1], unit)) if curve.held_out else display.UNDEFINED
        lines.append(
            f"| {display.md_escape(curve.label)} | {last(curve, 'training', unit)} | **{held}** | {last(curve, 'accuracy', unit)} | {last(curve, 'ece', unit)} |"
        )
    return "\n".join(lines)


def recorded(curves: list[Curve], unit: str) -> str:
    """What the recorded runs are and show; one run, or one under each loss."""
    first = curves[0]
    tokens = display.number(first.total_steps * first.tokens_per_step / 1e6, 2)
    if len(curves) == 1:
        half = halfway(first)
        return (
            f"Recorded: our small model nano read {tokens} million tokens of old novels in {display.number(first.total_steps)} steps, once. What it paid for text it never read fell to "
            f":orange[**{last(first, 'held_out', unit)}**] a {first.per}; its training loss had done half of its way down after {display.number(half)} steps."
        )
    best, *others = ranked(curves, "held_out")
    text = (
        f"Recorded: {len(curves)} copies of our small model nano, with the same first weights and the same {tokens} million tokens of old novels in the same order; one seed. Only the loss differs, and the learning rate, chosen for each by its own loss in short trials. "
        f"The one trained on {best.label} pays least for text it never read, :orange[**{last(best, 'held_out', unit)}**] a {best.per}; the one trained on {others[-1].label} most, **{last(others[-1], 'held_out', unit)}**."
    )
    finals = stored.finals()
    if tied := [c for c in others if best.loss in finals and c.loss in finals and finals[c.loss].low <= finals[best.loss].high]:
        names = " and ".join(filter(None, (", ".join(c.label for c in (best, *tied)[:-1]), tied[-1].label)))
        low, high = (display.amount(end, unit) for end in (finals[best.loss].low, finals[best.loss].high))
        text += f" But {names} are too close to call: the 95 % interval of the first, from {low} to {high}, reaches the others’, and one run each from one seed cannot say which of them teaches better."
    if windows := stored.held_out_windows():
        text += (
            f" Curves and table are measured on {windows[0]} windows of held-out text; chapter 10 measures the ends again on {windows[1]} and differs a little."
        )
    return text


def mine(curves: list[Curve], unit: str) -> str:
    """What the reader's own runs show so far."""
    known = [c for c in curves if len(c.held_out) > 1 and math.isfinite(c.held_out[-1])]
    if not known:
        return "The first measurements come within seconds."
    best = ranked(known, "held_out")[0]
    if best.held_out[-1] > best.held_out[0]:
        return f"No run is below where it began, {display.amount(best.held_out[0], unit)} a {best.per}: the steps are too long. Nothing has become infinite, but a smaller learning rate would learn more."
    if best.floor is not None:
        left = display.amount(best.kl, unit, 2)
        return (
            f"{_cap(best.label)} pays :orange[**{last(best, 'held_out', unit)}**] a {best.per} in the long run. The source's entropy is :violet[**{display.amount(best.floor, unit)}**]: what nobody can avoid. "
            f"Training has left {left} of KL, and that is all it could ever remove."
        )
    lead = f"{_cap(best.label)} pays least for text it never read: :orange[**{last(best, 'held_out', unit)}**] a byte, as if it were choosing among {last(best, 'perplexity', unit)} equally likely ones."
    own_low = min(best.held_out)
    if best.held_out[-1] > 1.02 * own_low:
        at = best.held_step[best.held_out.index(own_low)]
        lead += f" It was better before: {display.amount(own_low, unit)} after {display.number(at)} steps. Since then it learns its text by heart; its training loss still falls."
    return lead


def samples(curve: Curve) -> str:
    """What a run has written, newest first."""
    rows = [f"- **{display.number(step)} steps** · {display.md_escape(text)}" for step, text in reversed(curve.samples)]
    return "\n".join(rows) or "Nothing yet."


def progress(experiment: Experiment, ahead: int) -> str:
    """Where an experiment stands."""
    n = len(experiment.chosen)
    what = "One run" if n == 1 else f"{n} runs, taking turns"
    if experiment.state == "waiting":
        return f"Waiting: {ahead} experiment{'s' if ahead != 1 else ''} of other readers first. Yours begins by itself."
    if not experiment.runs:
        return f"{what}: reading the text"
    step = max(run.steps_done for run in experiment.runs)
    done = f"{what}: step {display.number(step)} of {display.number(experiment.runs[0].total_steps)}"
    if experiment.state == "paused":
        return f"{done}, paused"
    left = experiment.seconds_left
    return done if left is None else f"{done}, about {duration(left)} left"


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(4.4), duration(95)
    ('4 s', '2 min')
    """
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def expected(chosen: list[Settings], waiting: int) -> str:
    """How long it will take, before the start."""
    n = len(chosen)
    each = SIZES[chosen[0].size]
    words = (
        f"{display.number(each.steps)} steps each, about {each.name} on a quiet core"
        if n > 1
        else f"{display.number(each.steps)} steps, about {each.name} on a quiet core"
    )
    return words + (f". {waiting} of other readers first." if waiting else ".")


def used(run) -> str:
    text = "The model you trained now reads in every chapter, for as long as this session lasts; the choice at the top leads back."
    return text + (" It has learned from most of the bundled passages, so chapters that measure on them flatter it." if run.data.kind == "passages" else "")


def ranked(curves: list[Curve], quantity: str) -> list[Curve]:
    """Lowest last value first."""
    return sorted((c for c in curves if c.series(quantity)[1]), key=lambda c: c.series(quantity)[1][-1])


def halfway(curve: Curve) -> int:
    """The first measured step at which half of what the training loss has fallen was done."""
    middle = (curve.training[0] + min(curve.training)) / 2
    return next(step for step, value in zip(curve.step, curve.training, strict=True) if value <= middle)


def _cap(text: str) -> str:
    return display.md_escape(text[:1].upper() + text[1:])
