"""The sentences and the pictures of chapter 18: every model as a point, phenomena early and late, two models of equal loss."""

import numpy as np
import streamlit as st

from lmviz import display
from lmviz.data import downstream as texts
from lmviz.figures import downstream as figures
from lmviz.figures.downstream import Point, percent
from lmviz.ui import charts, reader, show, wrong
from lmviz.ui.downstream_numbers import CHANCE, ENOUGH, Findings, findings, same_length
from lmviz.ui.links import linked

TEST_NAMES = {"pairs": "minimal pairs", "cloze": "missing last words"}
LOSS_NAMES = {"nano-cross_entropy": "cross-entropy", "nano-label_smoothing": "label smoothing", "nano-focal": "focal", "nano-squared_error": "squared error",
              "nano-hinge": "hinge", "student": "student"}  # fmt: skip
BESIDE = {"uniform": "top left", "unigram": "bottom left", "bigram": "bottom left", "trigram": "bottom left",  # away from nano's line, and from each other
          "nano-cross_entropy": "middle left", "nano-label_smoothing": "bottom center", "nano-focal": "top center", "student": "bottom left"}  # fmt: skip
COLUMNS = ("trigram", "tiny", "smollm2-135m")  # beside the checkpoints of nano


def answer() -> str:
    """The question of the chapter, answered by the record."""
    found = findings()
    test = found.tests["pairs"]
    n_models, n_items = test.outcomes.shape
    rho = test.correlation
    verdict = "the two orders are almost one" if abs(rho.value) >= 0.9 else "the two orders go together, but not strictly"
    return (
        f"{n_models} models have read {display.number(n_items)} such pairs. Put them in order by their :orange[**loss**], then by how often the English sentence is the likelier: {verdict}, "
        f"rank correlation **{display.number(rho.value, 2)}** ({display.number(rho.low, 2)} to {display.number(rho.high, 2)}). {_but(found)}"
    )


def _but(found: Findings) -> str:
    nano = found.index("nano")
    if nano is None:
        return ""
    row = {p.name: found.by_phenomenon[p.name][nano] for p in texts.phenomena()}
    best, worst = max(row, key=lambda name: row[name].value), min(row, key=lambda name: row[name].value)
    titles = {p.name: p.title for p in texts.phenomena()}
    return f"But one number hides much: nano has {percent(row[best].value)} of *{titles[best]}* right and {percent(row[worst].value)} of *{titles[worst]}*."


@st.fragment
def all_models() -> None:
    """The main picture: loss against accuracy, for either test or one phenomenon."""
    found = findings()
    picture = st.container()
    titles = {p.name: p.title for p in texts.phenomena()}
    options = [*TEST_NAMES, *titles]
    names = {"pairs": f"All {display.number(len(texts.pairs()))} minimal pairs", "cloze": f"{len(texts.cloze())} missing last words"}
    which = linked(st).selectbox("Accuracy on", options, key="downstream_test", format_func=lambda o: names.get(o) or f"Pairs: {titles[o]}", width=330)
    points = the_points(found, which)
    current = title_of(reader.choices().model)
    chance = CHANCE.get(which, CHANCE["pairs"])
    alt = "Bits per byte and accuracy: " + "; ".join(f"{p.title} {display.number(p.bits.value)}, {percent(p.accuracy.value)}" for p in points) + "."
    with picture:
        charts.draw(_scatter, which, chance, current, key="downstream_scatter", alt=alt)
    st.markdown(scatter_words(found, which))
    if which == "pairs":
        show.tokenizer_note({m.name: int(found.record.readings[m.name].tokens.sum()) for m in found.members if m.kind == "ladder"})


def _scatter(which: str, chance: float, current: str):
    return figures.scatter(the_points(findings(), which), chance, current, y_title="endings right" if which == "cloze" else "pairs right")


def the_points(found: Findings, which: str) -> list[Point]:
    """Every model of the record on one test ("pairs", "cloze") or one phenomenon."""
    accuracy = found.tests[which].accuracy if which in found.tests else found.by_phenomenon[which]
    points = []
    for i, m in enumerate(found.members):
        label = {"ladder": m.title, "step": "untrained" if m.step == 0 else "", "loss": LOSS_NAMES.get(m.name, m.title), "student": "student"}[m.kind]
        beside = BESIDE.get(m.name) or {"ladder": "top right", "step": "bottom left"}.get(m.kind, "middle right")
        points.append(Point(title_of(m.name, m.title), label, m.kind, found.bits[i], accuracy[i], beside))
    return points


def scatter_words(found: Findings, which: str) -> str:
    """How to read the picture, and how far to trust the order."""
    words = "Each point is a model, its bars the 95\u202f% intervals: other sentences would have given other numbers. "
    n_steps = len(found.checkpoints)
    if n_steps >= ENOUGH:
        words += f"The open circles, joined, are one nano as it learned, at {n_steps} moments. "
    if any(m.kind == "loss" for m in found.members):
        words += "The diamonds are nanos trained from one start under five losses; where names would cover each other, pointing at one tells it. "
    if which not in found.tests:
        about = next(p.about for p in texts.phenomena() if p.name == which)
        return f"{about} {words}With forty pairs a phenomenon, the bars are long."
    test = found.tests[which]
    n_models, n_items = test.outcomes.shape
    rho, over = test.correlation, test.over_models
    return (
        words + f"Over all {n_models} the rank correlation of loss and accuracy on the {TEST_NAMES[which]} is **{display.number(rho.value, 2)}**: "
        f"{display.number(rho.low, 2)} to {display.number(rho.high, 2)} had other items of this kind been drawn ({display.number(n_items)} here), "
        f"and {display.number(over.low, 2)} to {display.number(over.high, 2)} had other models been. −1 would be perfect agreement: the lower the loss, the more is right."
    )


def early_and_late() -> None:
    """Phenomena over the checkpoints of one run, and under a trigram, tiny and SmolLM2."""
    found = findings()
    rows = order(found)
    columns, labels, split = _columns(found)
    alt = "Share of pairs right, by phenomenon: " + "; ".join(
        f"{_phenomenon(name).title} " + ", ".join(f"{label} {percent(found.by_phenomenon[name][i].value)}" for i, label in zip(columns, labels, strict=True))
        for name in rows
    )
    charts.draw(_cells, key="downstream_cells", alt=alt + ".")
    st.markdown(early_words(found))


def _cells():
    found = findings()
    columns, labels, split = _columns(found)
    values = [[found.by_phenomenon[name][i] for i in columns] for name in order(found)]
    return figures.cells([_phenomenon(name).title for name in order(found)], labels, values, split=split, x_title="steps of nano, and others")


def _columns(found: Findings) -> tuple[list[int], list[str], int]:
    """Indices and labels of the columns: nano's checkpoints, then the other models; and where the second kind begins."""
    steps = list(found.checkpoints)
    labels = [display.number(found.members[i].step) if found.members[i].step is not None else _end(found) for i in steps]
    others = [i for name in COLUMNS if (i := found.index(name)) is not None]
    return [*steps, *others], [*labels, *(title_of(found.members[i].name) for i in others)], len(steps)


def _end(found: Findings) -> str:
    if len(found.checkpoints) < 2:
        return "nano"
    from lmviz.models import series

    return display.number(series.last_step())


def order(found: Findings) -> list[str]:
    """Phenomena from the one learned first to those never learned; among equals the better known at the end comes first."""
    last = found.checkpoints[-1] if found.checkpoints else 0
    place = {name: len(found.checkpoints) if at is None else at for name, at in found.learned.items()}
    return sorted(found.by_phenomenon, key=lambda name: (place[name], -found.by_phenomenon[name][last].value))


def early_words(found: Findings) -> str:
    """Which phenomena come first, which last, which never."""
    titles = {p.name: f"*{p.title}*" for p in texts.phenomena()}
    never = [titles[name] for name in order(found) if found.learned[name] is None]
    missing = f"Not learned by the end of this run: {', '.join(never)}. " if never else "By the end all of them are. "
    cell = "A cell is the share of forty pairs that are right; one half, a coin's share, has no colour. "
    if len(found.checkpoints) < ENOUGH:
        return cell
    labels = _columns(found)[1]
    places = [at for at in found.learned.values() if at is not None]
    when = [(at, [titles[name] for name in order(found) if found.learned[name] == at]) for at in sorted({min(places), max(places)})] if places else []
    told = "; last, ".join(f"{', '.join(names)} (by step {labels[at]})" for at, names in when)
    rule = "Call a phenomenon learned from the first checkpoint on after which its 95\u202f% interval stays above one half, and above what the lengths alone give away. "
    return cell + rule + (f"First, {told}. " if told else "") + missing + _unlearned(found)


def _unlearned(found: Findings) -> str:
    """The phenomenon that fell furthest below a coin while the loss fell, if one surely did."""
    lows = [(found.by_phenomenon[name][i].high, name, i) for name in found.by_phenomenon for i in found.checkpoints]
    high, name, i = min(lows)
    if high >= CHANCE["pairs"]:
        return ""
    place = found.checkpoints.index(i)
    share, step = found.by_phenomenon[name][i], _columns(found)[1][place]
    before = [found.bits[j].value for j in found.checkpoints[:place]]
    although = ", although its loss was lower than ever before" if before and found.bits[i].value < min(before) else ""
    return (
        f"And learning can lead astray: on *{_phenomenon(name).title}* the model was worse than a coin at step {step}, {figures.spread(share)}{although}. "
        f"{_phenomenon(name).about}"
    )


def same_loss() -> None:
    """Two models of nearly the same loss that are not equally good, if there are such."""
    found = findings()
    st.markdown(same_words(found))
    if found.twins is None:
        return
    shown = found.apart if found.apart is not None and found.apart.difference.low > 0 else found.twins
    a, b = shown.better, shown.worse
    rows = sorted(found.by_phenomenon, key=lambda name: found.by_phenomenon[name][b].value - found.by_phenomenon[name][a].value)
    names = tuple(title_of(found.members[i].name, found.members[i].title) for i in (a, b))
    alt = f"Share of pairs right under {names[0]} and {names[1]}: " + "; ".join(
        f"{_phenomenon(r).title} {percent(found.by_phenomenon[r][a].value)} and {percent(found.by_phenomenon[r][b].value)}" for r in rows
    )
    charts.draw(_pair_of_models, tuple(rows), a, b, names, key="downstream_twins", alt=alt + ".")


def _pair_of_models(rows: tuple[str, ...], a: int, b: int, names: tuple[str, str]):
    found = findings()
    return figures.side_by_side(
        [_phenomenon(r).title for r in rows], [found.by_phenomenon[r][a] for r in rows], [found.by_phenomenon[r][b] for r in rows], names
    )


def same_words(found: Findings) -> str:
    """The two models, how near their losses are and how far apart their accuracies."""
    twins = found.twins
    if twins is None:
        return "No two of these models, checkpoints of one run apart, have losses within three in a hundred of each other, so the question cannot be asked of them."
    accuracy, overall = found.tests["pairs"].accuracy, twins.difference
    first, second = _named(found, twins)
    shares = f"{percent(accuracy[twins.better].value)} and {percent(accuracy[twins.worse].value)} of the pairs"
    words = (
        f"Of all that have losses within three in a hundred of each other, checkpoints of one run apart, {first} and {second} differ most surely, with {shares}: "
        f"{100 * overall.value:.1f} points ({_points(overall.low)} to {_points(overall.high)} once the choice among {twins.tried} couples is counted). "
        f"{'That is not chance. ' if overall.low > 0 else 'That may be chance: over all pairs no two of equal loss differ for sure. '}"
    )
    apart = found.apart
    if apart is None or apart.difference.low <= 0:
        return words + "And no single phenomenon tells two of them apart for sure."
    first, second = _named(found, apart)
    row = found.by_phenomenon[apart.group]
    return (
        words
        + f"**Phenomenon by phenomenon they are not alike.** {first} has {percent(row[apart.better].value)} of *{_phenomenon(apart.group).title}* right and {second} "
        f"{percent(row[apart.worse].value)}, with {display.number(found.bits[apart.better].value)} and {display.number(found.bits[apart.worse].value)} bits per byte: a difference of "
        f"{100 * apart.difference.value:.0f} points ({_points(apart.difference.low)} to {_points(apart.difference.high)}), sure even as the widest of {apart.tried} comparisons. "
        "The loss does not show it."
    )


def _named(found: Findings, couple) -> tuple[str, str]:
    return tuple(f"**{display.md_escape(title_of(found.members[i].name, found.members[i].title))}**" for i in (couple.better, couple.worse))


def _points(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", display.MINUS)


def _phenomenon(name: str) -> texts.Phenomenon:
    return next(p for p in texts.phenomena() if p.name == name)


def title_of(name: str, otherwise: str = "") -> str:
    from lmviz.models import registry

    return next((row.title for row in registry.ROWS if row.name == name), otherwise or name)


def length_words() -> str:
    """What length does to this test, counted."""
    found = findings()
    name = reader.choices().model
    index = found.index("nano") if found.index(name) is None else found.index(name)
    n, same, other = same_length(found, index)
    total = len(texts.pairs())
    return (
        f"For {display.md_escape(title_of(found.members[index].name))} {display.number(n)} of the {display.number(total)} pairs have equally many tokens in both sentences; "
        f"of these it has {percent(same)} right, of the others {percent(other)}."
    )


def prediction() -> tuple[str, list[str], int, str, list[str]]:
    """How many pairs does a model of single words get right? Counted in the record."""
    found = findings()
    index = found.index("unigram")
    options = ["about a quarter", "about half", "about two thirds", "nearly all"]
    value, cloze = found.tests["pairs"].accuracy[index], found.tests["cloze"].accuracy[index]
    at = int(np.argmin([abs(value.value - share) for share in (0.25, 0.5, 2 / 3, 0.95)]))
    blind = [p.title for p in texts.phenomena() if found.by_phenomenon[p.name][index].low > 0.5]
    where = f" Surely better than a coin only in {', '.join(f'*{t}*' for t in blind)}, where the bad form is a rare one." if blind else ""
    because = (
        f"It has {percent(value.value)} of the pairs right ({100 * value.low:.0f} to {100 * value.high:.0f}) and {percent(cloze.value)} of the missing words, where a quarter is a coin of four sides. "
        f"The pairs are made so that liking a word gains little.{where} Its loss is still {display.number(found.bits[index].value)} bits per byte, "
        f"{display.number(found.bits[found.index('uniform')].value - found.bits[index].value)} less than knowing nothing: a lower loss, and not a better model."
    )
    n, thought = found.tests["pairs"].outcomes.shape[1], ("A pair has two sentences, so a coin gets half: a quarter would be knowing better and saying the opposite.", "It is not quite blind: some bad forms are rare words.",
               "Both sentences of a pair are made of words about as common, so frequency rarely decides.", "Frequency says nothing of order or agreement, which is what the pairs ask for.")  # fmt: skip
    why_not = wrong.others(at, [f"That would be about {share * n:.0f} of {n} pairs, and it has {value.value * n:.0f}. {why}" for share, why in zip((0.25, 0.5, 2 / 3, 0.95), thought)])  # fmt: skip
    return "A model that only knows how often each word occurs: what share of the minimal pairs does it get right?", options, at, because, why_not


def code() -> None:
    """“The code” of the chapter."""
    from lmviz import downstream as core

    functions = (core.pair_outcomes, core.cloze_outcomes, core.resampled, core.accuracy, core.spearman, core.rank_correlation, core.learned_at, core.twins)
    show.code(snippet(), *functions, key="downstream_code", of=())


def snippet() -> str:
    return """import numpy as np
from lmviz import downstream, models
from lmviz.data import downstream as texts
from lmviz.data.recorded import downstream as recorded

model = models.load("nano")                             # read a phenomenon again
pairs = texts.phenomena()[0].pairs
good, bad = (recorded.read(model, [recorded.Item(t) for t in side])[:, 0] for side in ([p.good for p in pairs], [p.bad for p in pairs]))
print(downstream.pair_outcomes(good - bad).mean())

record = recorded.load()                                # all models, as recorded
outcomes = downstream.pair_outcomes(record.differences)
bits, _ = downstream.pooled_bits(record.nats, record.n_bytes, np.ones((1, len(record.n_bytes))))
for member, loss, share in zip(record.members, bits, outcomes.mean(1)):
    print(member.name, loss, share)
print(downstream.spearman(bits, outcomes.mean(1)))
"""
