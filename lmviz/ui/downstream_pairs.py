"""The pairs of chapter 18 themselves: the reader's own, those a model has wrong, and all of them read again by one model."""

import math
import time

import numpy as np
import streamlit as st

from lmviz import display, models
from lmviz import downstream as core
from lmviz.data import downstream as texts
from lmviz.data.recorded import downstream as recorded
from lmviz.errors import ReaderError
from lmviz.figures.downstream import percent, spread
from lmviz.ui import reader, runtime, scores, show
from lmviz.ui.downstream import title_of
from lmviz.ui.downstream_numbers import findings, phenomenon_of_pairs
from lmviz.ui.links import linked

OPENING = texts.pair("", "The keys to the cabinet {are|is} on the table.")
MAX_CHARACTERS = 200
SHOWN = 8  # pairs in a list
CHUNK = 1_600  # characters that go to the model together; then other readers have their turn, and the stop button


@st.fragment
def own_pair() -> None:
    """Two sentences of the reader's, and which of them the model finds likelier."""
    one, two = st.columns(2, gap="medium")
    with one:
        good = linked(st).text_input("One sentence", OPENING.good, key="downstream_good", max_chars=MAX_CHARACTERS)
    with two:
        bad = linked(st).text_input("Another", OPENING.bad, key="downstream_bad", max_chars=MAX_CHARACTERS)
    if not good.strip() or not bad.strip():
        st.markdown("Type two sentences, and see which of them the model finds likelier.")
        return
    st.markdown(pair_words(good.strip(), bad.strip(), reader.choices().model))


def pair_words(good: str, bad: str, model: str) -> str:
    """Which sentence is likelier, by how much, and what that has to do with their length."""
    title = display.md_escape(title_of(model))
    difference, counts = _difference(good, bad, model)
    if abs(difference) < 1e-4:
        return f"To {title} both are equally likely."
    likelier, other = (good, bad) if difference > 0 else (bad, good)
    words = f"{title} finds “{_marked(likelier, other)}” **{times(abs(difference))}** likelier than “{_marked(other, likelier)}”{'' if other[-1] in '.?!…' else '.'}"
    if counts is not None and counts[0] != counts[1]:
        fewer = "the likelier" if (counts[0] < counts[1]) == (difference > 0) else "the other"
        words += f" They have {counts[0]} and {counts[1]} tokens; {fewer} has fewer, and each token can only make a sentence less likely."
    return words


def _difference(good: str, bad: str, model: str) -> tuple[float, tuple[int, int] | None]:
    record = recorded.load()
    listed = next((i for i, pair in enumerate(texts.pairs()) if (pair.good, pair.bad) == (good, bad)), None)
    if listed is not None and model in record.readings:
        reading = record.readings[model]
        return float(reading.pairs[listed, 0]) - float(reading.pairs[listed, 1]), tuple(map(int, reading.tokens[listed]))
    first, second = scores.scored(good, model), scores.scored(bad, model)
    return second.total_nats - first.total_nats, (len(first), len(second))


def _marked(sentence: str, other: str) -> str:
    """The sentence, escaped, with the words that the other has not in bold."""
    ours, theirs = sentence.split(), other.split()
    start = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    end = next((i for i, (a, b) in enumerate(zip(ours[::-1], theirs[::-1])) if a != b), 0)
    end = min(end, len(ours) - start, len(theirs) - start)
    parts = [" ".join(ours[:start]), " ".join(ours[start : len(ours) - end]), " ".join(ours[len(ours) - end :])]
    before, middle, after = map(display.md_escape, parts)
    return " ".join(part for part in (before, f"**{middle}**" if middle else "", after) if part)


def times(nats: float) -> str:
    """A difference in nats as a ratio of probabilities.

    >>> times(math.log(3.2)), times(14.0)
    ('3.2 times', '1.2 million times')
    """
    if nats > 700:
        return "more than 10³⁰⁰ times"
    ratio = math.exp(nats)
    if ratio < 1e6:
        return f"{display.number(ratio, 2)} times"
    return f"{display.number(ratio / 1e6, 2)} million times" if ratio < 1e9 else f"{display.number(ratio, 2)} times"


@st.fragment
def look() -> None:
    """The pairs, or the passages, that a model of the record has wrong, the worst first."""
    found = findings()
    titles = {p.name: p.title for p in texts.phenomena()}
    one, two = st.columns(2, gap="medium")
    with one:
        options = ["cloze", *titles]
        which = linked(st).selectbox(
            "Phenomenon", options, index=options.index("agreement-phrase"), key="downstream_look", format_func=lambda o: titles.get(o, "missing last words")
        )
    with two:
        names = [m.name for m in found.members if m.name != "uniform"]
        known = "nano" if "nano" in names else names[0]  # SmolLM2 has few of them wrong
        name = linked(st).selectbox(
            "Read by",
            names,
            index=names.index(known),
            key="downstream_look_model",
            format_func=lambda n: title_of(n, found.members[found.index(n)].title),
        )
    every = st.session_state.get("downstream_all", False)
    lines, head = wrong_endings(name) if which == "cloze" else wrong_pairs(name, which)
    st.markdown(head)
    if lines:
        st.markdown("\n".join(f"- {line}" for line in (lines if every else lines[:SHOWN])))
    if len(lines) > SHOWN:
        st.toggle(f"Show all {len(lines)}", key="downstream_all")


def wrong_pairs(name: str, phenomenon: str) -> tuple[list[str], str]:
    """A line for each pair the model has wrong, the worst first; and a head that counts them."""
    found = findings()
    index = found.index(name)
    about = next(p.about for p in texts.phenomena() if p.name == phenomenon)
    (members,) = np.nonzero(phenomenon_of_pairs() == phenomenon)
    differences = found.record.differences[index]
    wrong = sorted((float(differences[i]), i) for i in members if differences[i] <= -core.TIE)
    lines = []
    for difference, i in wrong:
        pair = texts.pairs()[i]
        before, right, bad, after = map(display.md_escape, (pair.before.rstrip(), pair.right, pair.wrong, pair.after))
        lines.append(f"{before} **{right}** ~~{bad}~~{after} ({times(-difference)})".strip())
    share = found.by_phenomenon[phenomenon][index]
    return (
        lines,
        f"{about} Right: **{spread(share)}** of {len(members)}; those it has wrong, the worst first, and how much likelier it finds what is struck out:"
        if lines
        else f"{about} All {len(members)} are right, or tied.",
    )


def wrong_endings(name: str) -> tuple[list[str], str]:
    """A line for each passage whose ending the model has wrong, the worst first; and a head that counts them."""
    found = findings()
    index = found.index(name)
    log_probs = found.record.cloze[index]
    best = log_probs.argmax(1)
    lost = log_probs[np.arange(len(best)), best] - log_probs[:, 0]
    lines = []
    for i in np.argsort(-lost):
        if lost[i] < core.TIE:
            break
        passage = texts.cloze()[i]
        context, right, chosen = map(display.md_escape, (passage.context, passage.endings[0], passage.endings[best[i]]))
        lines.append(f"{context} **{right}** ~~{chosen}~~\\. ({times(float(lost[i]))})")
    return (
        lines,
        f"Four endings, one of which makes sense. Right: **{spread(found.tests['cloze'].accuracy[index])}** of {len(best)}; those it has wrong, the worst first, and how much likelier it finds what is struck out:",
    )


def again() -> None:
    """Every text read again by the reader's model, here and now, with a way to stop; what was read so far stays."""
    _again()
    show.stop_button("downstream_again_stop")


@st.fragment
def _again() -> None:
    name = reader.choices().model
    n = len(recorded.items())
    kept = st.session_state.setdefault("downstream_again", {})
    if kept.get("model") != name:
        kept.clear()
        kept.update(model=name, rows=[])
    going = kept.pop("go", False)  # any other change of the page finds no order to go on, and so stops it
    title, place = title_of(name), st.empty()
    st.button("Read them again" if len(kept["rows"]) in (0, n) else "Go on", key="downstream_again_start", on_click=_start)
    if going:
        try:
            _read_on(kept, place, title)
        except ReaderError as trouble:
            show.trouble(trouble)
    place.markdown(
        again_words(kept, title) if len(kept["rows"]) else f"{title} can read all {display.number(n)} texts now: the sentences, the endings and the passages."
    )


def _start() -> None:
    kept = st.session_state.downstream_again
    if len(kept["rows"]) >= len(recorded.items()):
        kept["rows"] = []
    kept["go"] = True


def _read_on(kept: dict, place, title: str) -> None:
    """Read from where it stopped, a few texts at a time; other readers' texts go in between."""
    todo, began, first = recorded.items(), time.monotonic(), len(kept["rows"])
    while (done := len(kept["rows"])) < len(todo):
        seconds = time.monotonic() - began
        left = f", about {max(1, round(seconds / (done - first) * (len(todo) - done)))} s more" if done > first else ""
        place.progress(done / len(todo), f"{title} has read {display.number(done)} of {display.number(len(todo))} texts{left}.")
        lengths = np.cumsum([len(item.text) for item in todo[done : done + CHUNK]])
        chunk = todo[done : done + max(1, int((lengths <= CHUNK).sum()))]
        kept["rows"] = [*kept["rows"], *runtime.service().call(lambda chunk=chunk: recorded.read(models.load(kept["model"]), chunk))]


def again_words(kept: dict, title: str) -> str:
    """What has been read so far, beside the record."""
    rows = np.array(kept["rows"])
    n_pairs = min(len(rows) // 2, len(texts.pairs()))
    pairs = rows[: 2 * n_pairs, 0].reshape(-1, 2)
    right = core.pair_outcomes(pairs[:, 0] - pairs[:, 1])
    words = f"{title} has read {display.number(len(rows))} of {display.number(len(recorded.items()))} texts, and has **{percent(right.mean())}** of {display.number(n_pairs)} pairs right."
    if len(rows) == len(recorded.items()):
        reading = recorded.assemble(rows)
        words += f" Of the missing words it has **{percent(core.cloze_outcomes(reading.cloze).mean())}**."
    record = recorded.load()
    index = record.index(kept["model"])
    if index is None:
        return words + " Nothing is recorded of it."
    if models.is_loaded(kept["model"]) and models.load(kept["model"]).revision != record.members[index].revision:
        return words + " What is recorded was read by other weights of this name."
    before = record.readings[kept["model"]].pairs[:n_pairs].astype(float)
    changed = int((core.pair_outcomes(before[:, 0] - before[:, 1]) != right).sum())
    return (
        words
        + f" Against the record no log-probability of a sentence differs by more than {display.number(float(np.abs(before - pairs).max()), 1)} nats, and {display.number(changed)} pairs changed sides."
    )
