"""The trained halves of chapters 10 and 11: nano under each loss, from one seed, as recorded."""

import math

import streamlit as st

from lmviz import display
from lmviz.data.first_views import calibration as stored
from lmviz.data.recorded import downstream as pairs
from lmviz.data.recorded import losses as recorded
from lmviz.downstream import Estimate, pair_outcomes, wilson
from lmviz.figures import reliability, trained
from lmviz.figures.loss_curves import STYLE
from lmviz.ui import charts, loss_curves


def series() -> recorded.Series | None:
    """The recorded runs, if they are there."""
    return recorded.load()


@st.fragment
def under_each(found: recorded.Series, unit: str) -> None:
    """Chapter 10: curves, table and two sentences on five runs that differ in their loss alone."""
    runs = tuple(found.runs[name] for name in STYLE if name in found.runs)
    s = found.settings
    st.markdown(
        f"Curves say how a loss pulls, not what comes of it. So here is one small network, {display.number(s['n_parameters'] / 1e6)} million weights, trained {len(runs)} times: "
        f"the same start, the same text in the same order, {display.number(s['steps'])} steps of {display.number(s['batch'] * s['context'])} tokens. Only the loss differs, and the learning rate, "
        "for which each loss had three tries. All are then judged by one measure, cross-entropy on works that none of them read."
    )
    alt = (
        "Held-out cross-entropy after training: "
        + ", ".join(f"{loss_curves.NAMES[r.name]} {display.amount(r.held_out_nats[-1], unit)}" for r in runs)
        + " a token."
    )
    charts.draw(_held_out, runs, unit, key="losses_trained", alt=alt)
    with st.container(key="losses_trained_table"):
        st.markdown(table(found, unit))
    st.caption(table_note(found))
    st.markdown(words(found, unit))
    with st.expander("What they write, and how the rates were chosen", key="losses_trained_more", on_change="rerun") as opened:
        if opened.open:
            st.markdown(rates(found))
            for run in runs:
                st.markdown(f"Trained on **{loss_curves.NAMES[run.name]}**, after {display.number(run.sample[-1]['step'])} steps:")
                st.text(run.sample[-1]["text"])


def _held_out(runs: tuple, unit: str):
    return trained.held_out(runs, unit=unit)


def table(found: recorded.Series, unit: str) -> str:
    """One row a loss: what its network is worth on text it never read, with 95 % intervals."""
    record = pairs.load()
    with_pairs = record is not None and all(record.index(f"nano-{name}") is not None for name in found.runs)
    head = ["trained on", f"cross-entropy, {unit}", "after scaling", "accuracy", "mean confidence", "ECE", "ECE after scaling", "Brier", "early gradient norm"]
    lines = ["| " + " | ".join(head + ["minimal pairs"] * with_pairs) + " |", "|---" * (len(head) + with_pairs) + "|"]
    for name in STYLE:
        if (run := found.runs.get(name)) is None:
            continue
        f = run.final
        cells = [
            f"**{loss_curves.with_paper(name)}**",
            *(_nats(f[key], unit) for key in ("held_out_nats", "held_out_nats_scaled")),
            _share(f["accuracy"]),
            _share(f["confidence"]),
            _share(f["ece"]),
        ]
        cells += [_share(f["ece_scaled"]), _plain(f["brier"]), display.number(run.early_norm, 2)]
        if with_pairs:
            cells.append(_pairs(record, f"nano-{name}"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def table_note(found: recorded.Series) -> str:
    run = next(iter(found.runs.values()))
    tokens = run.windows * found.settings["context"]
    return (
        f"Held out: {display.number(tokens)} tokens in {run.windows} windows of twelve whole works; ± is half a 95 % bootstrap interval over windows. "
        "Scaling fits one temperature on other windows. Brier is Σ(ŷ − y)², between 0 and 2. Gradient norm: the mean of the first "
        f"{recorded.EARLY} steps, before clipping. One seed each: the intervals know nothing of another start."
    )


def words(found: recorded.Series, unit: str) -> str:
    """What the table shows, by its own numbers: who pays least and whether the intervals part them, who guesses best, who is best calibrated."""
    runs = sorted(found.runs.values(), key=lambda run: run.final["held_out_nats"].value)
    best, last, ce = runs[0], runs[-1], found.runs["cross_entropy"]
    level = [run for run in runs[1:] if run.final["held_out_nats"].low <= best.final["held_out_nats"].high]

    def paid(run) -> str:
        return display.amount(run.final["held_out_nats"].value, unit)

    said = f"Judged by cross-entropy, the network trained on **{loss_curves.NAMES[best.name]}** pays least, {paid(best)} a token; "
    said += (
        f"{_listed([f'{loss_curves.NAMES[run.name]} ({paid(run)})' for run in level])} {'are' if len(level) > 1 else 'is'} within its interval. "
        if level
        else f"the next, {loss_curves.NAMES[runs[1].name]}, pays {paid(runs[1])}. "
    )
    said += f"**{loss_curves.NAMES[last.name].capitalize()}** comes last with {paid(last)}"
    uniform = math.log(found.settings["vocab_size"])
    if last.final["held_out_nats"].value > 0.95 * uniform:
        said += f", hardly better than {display.amount(uniform, unit)}, which knowing nothing would cost: it orders the candidates a little, and its scores are no probabilities"
    most = max(runs, key=lambda run: run.final["accuracy"].value)
    own = ce.final["accuracy"]
    said += f". By accuracy {loss_curves.NAMES[most.name]} is first, right {_share(most.final['accuracy'])} of the time"
    if most is not ce:
        said += f"; cross-entropy is right {_share(own)}, {'fewer than the intervals explain' if most.final['accuracy'].low > own.high else 'which the windows alone would explain'}"
    real = [run for run in runs if run.final["accuracy"].low > 2 * run.final["ece"].value]
    surest = min(real, key=lambda run: run.final["ece"].value)
    return (
        f"{said}. Among those that guess well enough for it to mean something, the best calibrated as it stands is {loss_curves.NAMES[surest.name]}, off by {_share(surest.final['ece'])} on average.\n\n"
        "So at this size, and with this little text, other losses come near cross-entropy, and none beats it by more than chance would. What it has over its neighbours is that nothing had to be chosen: no γ, no ε, no margin."
        if best is ce or ce in level
        else f"{said}. The best calibrated as it stands is {loss_curves.NAMES[surest.name]}, off by {_share(surest.final['ece'])} on average."
    )


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def rates(found: recorded.Series) -> str:
    """Which learning rates were tried, and what they gave."""
    lines = ["Each number is the run's own loss on held-out text after a short run, at a multiple of the usual learning rates; the least was taken.", ""]
    scales = list(next(iter(found.runs.values())).tried)
    lines += ["| | " + " | ".join(f"× {scale}" for scale in scales) + " |", "|---" * (len(scales) + 1) + "|"]
    for name, run in found.runs.items():
        cells = [
            "broke down" if run.tried[s] is None else f"**{display.number(run.tried[s])}**" if s == run.scale else display.number(run.tried[s]) for s in scales
        ]
        lines.append(f"| {loss_curves.NAMES[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def doubt(found: recorded.Series, unit: str) -> None:
    """Chapter 11: nano trained with one-hot and with smoothed targets, as they are and after one temperature."""
    names = ("cross_entropy", "label_smoothing")
    left, right = st.columns(2, gap="medium")
    for column, name in zip((left, right), names):
        run, view = found.runs[name], stored.load(f"nano-{name}")
        with column:
            st.markdown(f"**Trained on {'one-hot targets' if name == 'cross_entropy' else 'smoothed targets, ε = 0.1'}**")
            if view is not None:
                summary = view.summaries["1.0/width"]
                alt = f"Reliability of nano trained on {loss_curves.NAMES[name]}; calibration error {_share(run.final['ece'])}."
                charts.draw(reliability.reliability, summary, key=f"calibration_{name}", alt=alt)
    hot, smooth = (found.runs[name] for name in names)
    tokens = display.number(hot.windows * found.settings["context"])
    st.caption(
        f"The pictures look at the passages of this book, as the picture above does; the numbers below at {tokens} tokens of works that neither network read, as the table of chapter 10 does."
    )
    st.markdown(doubt_words(hot, smooth, unit))


def doubt_words(hot: recorded.TrainedRun, smooth: recorded.TrainedRun, unit: str) -> str:
    """What smoothing did to confidence, calibration and loss, by the recorded numbers."""
    wary = smooth.final["confidence"].value < hot.final["confidence"].value
    return (
        f"Same start, same text. The smoothed network is {'less' if wary else 'not less'} sure of its favourites, {_share(smooth.final['confidence'])} against {_share(hot.final['confidence'])}, "
        f"and they come {_share(smooth.final['accuracy'])} of the time, against {_share(hot.final['accuracy'])}. Its calibration error is {_share(smooth.final['ece'])}, the other's {_share(hot.final['ece'])}. "
        f"The fitted temperature is {display.number(smooth.temperature)} for the smoothed one, {'below 1: it is to be sharpened' if smooth.temperature < 1 else 'above 1'}, and {display.number(hot.temperature)} for the other; "
        f"after it the errors are {_share(smooth.final['ece_scaled'])} and {_share(hot.final['ece_scaled'])}, and the held-out losses "
        f"{_nats(smooth.final['held_out_nats_scaled'], unit)} and {_nats(hot.final['held_out_nats_scaled'], unit)} {unit} a token."
    )


def _nats(m: Estimate, unit: str) -> str:
    return f"{display.in_unit(m.value, unit):.2f} ± {display.in_unit((m.high - m.low) / 2, unit):.2f}"


def _share(m: Estimate) -> str:
    return f"{100 * m.value:.1f} ± {100 * (m.high - m.low) / 2:.1f}\u202f%"


def _plain(m: Estimate) -> str:
    return f"{m.value:.3f} ± {(m.high - m.low) / 2:.3f}"


def _pairs(record, name: str) -> str:
    e = wilson(pair_outcomes(record.differences[record.index(name)]))
    return f"{100 * e.value:.0f} ± {100 * (e.high - e.low) / 2:.0f}\u202f%"
