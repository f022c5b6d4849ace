"""The sentences and the interactions of chapter 11: reliability, temperature, smoothed targets."""

import math
import time

import numpy as np
import streamlit as st

from lmviz import display, models
from lmviz.data.first_views import calibration as stored
from lmviz.errors import ReaderError
from lmviz.figures import reliability as figures
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, runtime, show, wrong
from lmviz.ui.links import linked

CONVENTIONS = {"all": "ε/V on every class", "others": "ε/(V − 1) on the others"}


def view(scored: ScoredText) -> stored.CalibrationView | None:
    """What is known of the reader's model: stored, or measured by somebody since the server started."""
    kept = stored.load(scored.model)
    if kept is not None and kept.revision == scored.revision:
        return kept
    return _measured().get((scored.model, scored.revision))


@st.cache_resource(max_entries=1)
def _measured() -> dict:
    return {}  # a handful of models at most; shared by all readers


def answer(scored: ScoredText) -> str:
    """The question of the chapter on the reader's own text."""
    sure = np.exp(scored.top_log_probs[:, 0])
    right = int((scored.ranks == 1).sum())
    return (
        f"Over your {scored.n_scored} tokens the model gave its favourites :blue[**{100 * sure.mean():.0f}\u2009%**] on average, and :violet[**{100 * right / len(scored):.0f}\u2009%**] of them came, "
        f"{right} of {len(scored)}. One text proves nothing; a thousand tokens of other texts say whether it means what it says."
    )


def measure(scored: ScoredText) -> None:
    """Measure a model that nothing is stored for, passage by passage, while other readers go in between."""
    title = models.registry.row(scored.model).title
    st.markdown(f"Nothing is stored for {title} here. It can read {stored.FIT + stored.HELD_OUT} passages now, about a minute.")
    if st.button("Measure it", key="calibration_measure"):
        found = _read_all(scored.model)
        _measured()[scored.model, scored.revision] = found
        st.rerun()


def _read_all(name: str) -> stored.CalibrationView:
    line, passages, started = st.empty(), stored.texts(), time.monotonic()
    work = len(passages) + stored.FIT

    def read(i: int, text: str, grid, keep: bool, done: int):
        seconds = time.monotonic() - started
        left = f", about {max(1, round(seconds / done * (work - done)))} s more" if done > 1 else ""
        line.progress(done / work, f"Passage {i + 1} of {len(passages)}{left}. Any change stops it.")
        return runtime.service().call(lambda: stored.read(models.load(name), text, grid, keep=keep))

    try:
        first = [read(i, text, [1.0], True, i) for i, text in enumerate(passages[: stored.FIT])]
        temperature = runtime.service().call(lambda: stored.fit(first))
        grid = stored.rescaled(temperature)
        readings = [read(i, text, grid, False, stored.FIT + i) for i, text in enumerate(passages)]
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()
    line.empty()
    return stored.assemble(models.load(name).revision, temperature, grid, readings[: stored.FIT], readings[stored.FIT :])


@st.fragment
def diagrams(found: stored.CalibrationView, unit: str) -> None:
    """Two reliability diagrams, as the model is and at a chosen temperature; every setting answers from stored confidences."""
    before, after = st.columns(2, gap="medium")
    binning = st.session_state.get("calibration_binning", "width")
    bins = st.session_state.get("calibration_bins", stored.BINS)
    chosen = st.session_state.get("calibration_temperature", found.best)
    chosen = found.temperatures[found.at(chosen)]
    as_it_is, scaled = (summarised(found, t, bins, binning) for t in (1.0, chosen))
    with before:
        st.markdown("**As it is**, T = 1.")
        charts.draw(figures.reliability, as_it_is, key="calibration_before", alt=alt("as it is", as_it_is))
    with after:
        st.markdown(f"**At temperature {display.number(chosen)}**{', the fitted one' if chosen == found.temperature else ''}: softmax(z/T).")
        charts.draw(figures.reliability, scaled, key="calibration_after", alt=alt(f"at temperature {display.number(chosen)}", scaled))
    one, two, three = st.columns([5, 3, 4], gap="medium", vertical_alignment="bottom")
    with one:
        linked(st).select_slider("Temperature T", found.temperatures, value=found.best, key="calibration_temperature", format_func=display.number)
    with two:
        linked(st).slider("Bins", 3, 30, stored.BINS, key="calibration_bins")
    with three:
        linked(st).segmented_control(
            "Bins of equal",
            ["width", "mass"],
            default="width",
            required=True,
            key="calibration_binning",
            format_func=lambda b: {"mass": "number of tokens"}.get(b, b),
        )
    st.markdown(words(found, chosen, as_it_is, scaled, unit))
    left, right = st.columns(2, gap="medium")
    with left:
        losses = [(t, display.amount(loss, unit)) for t, loss in zip(found.temperatures, found.held_loss, strict=True)]
        said = f"Mean loss against temperature: {', '.join(f'{display.number(t)} {a}' for t, a in losses[::4])}."
        fitted = (found.temperatures, found.fit_loss, found.held_loss, found.temperature)
        charts.draw(figures.temperatures, *fitted, chosen, unit=unit, key="calibration_losses", alt=said)
    with right:
        st.markdown(brier_table(as_it_is, scaled, chosen))
        st.markdown(
            "Brier = reliability − resolution + uncertainty, and a rest for confidences that differ within a bin. Only reliability is calibration; resolution is telling apart what comes from what does not."
        )


def summarised(found: stored.CalibrationView, temperature: float, bins: int, binning: str) -> stored.Summary:
    """Stored for the opening picture, else computed."""
    if bins == stored.BINS and (kept := found.summaries.get(f"{temperature!r}/{binning}")) is not None:
        return kept
    return stored.summary(found.confidences[found.at(temperature)], found.correct, bins, binning)


def alt(which: str, summary: stored.Summary) -> str:
    bins = ", ".join(f"said {c:.2f} came {a:.2f}" for c, a, n in zip(summary.confidence, summary.accuracy, summary.count, strict=True) if n)
    return f"Reliability {which}: {bins}."


def words(found: stored.CalibrationView, chosen: float, as_it_is: stored.Summary, scaled: stored.Summary, unit: str) -> str:
    """Before and after, in numbers."""
    n, raw = len(found.correct), found.confidences[found.at(1.0)].mean()
    verdict = "states more than comes true: overconfident" if raw > found.correct.mean() else "states less than comes true: underconfident"
    fitted = (
        "No temperature is best for this model: it says the same of every token. "
        if math.isnan(found.temperature)
        else f"The temperature with the least cross-entropy on {display.number(found.n_fit)} tokens of {stored.FIT} other passages is **{display.number(found.temperature)}**. "
    )
    loss = [display.amount(found.held_loss[found.at(t)], unit, 4) for t in (1.0, chosen)]
    return (
        f"On {display.number(n)} tokens of {stored.HELD_OUT} held-out passages the model states {100 * raw:.1f}\u2009% on average and is right {100 * found.correct.mean():.1f}\u2009% of the time; it {verdict}. {fitted}"
        f"At T = {display.number(chosen)} the mean loss goes from {loss[0]} to :orange[**{loss[1]}**], the ECE with bins of equal width from {as_it_is.ece_width:.3f} to **{scaled.ece_width:.3f}**, "
        f"with bins of equal mass from {as_it_is.ece_mass:.3f} to **{scaled.ece_mass:.3f}**. The favourites stay the same, whatever T: only how much is said of them changes. "
        "The bars are 95\u2009% Wilson intervals; bigger points hold more tokens."
    )


def brier_table(as_it_is: stored.Summary, scaled: stored.Summary, chosen: float) -> str:
    """The decomposition, before and after, as Markdown."""
    names = {
        "brier": "**Brier score**",
        "reliability": "reliability",
        "resolution": "− resolution",
        "uncertainty": "+ uncertainty",
        "within_bins": "+ within bins",
    }
    lines = [f"| | T = 1 | T = {display.number(chosen)} |", "|---|---:|---:|"]
    return "\n".join(
        [*lines, *(f"| {label} | {as_it_is.brier[name]:.4f} | {scaled.brier[name]:.4f} |".replace("-", display.MINUS) for name, label in names.items())]
    )


@st.fragment
def smoothed(vocab_size: int) -> None:
    """Smoothed targets under both conventions, the gap they lead to, and the real loss minimised to see it."""
    left, right = st.columns(2, gap="medium")
    with left:
        smoothing = linked(st).slider("Smoothing ε", 0.01, 0.5, 0.1, 0.01, key="calibration_smoothing")
    with right:
        n_classes = linked(st).select_slider(
            "Classes V", sorted({3, 10, 100, 1_000, 10_000, vocab_size}), value=10, key=f"calibration_classes_{vocab_size}", format_func=display.number
        )
    q = {"all": (1 - smoothing + smoothing / n_classes, smoothing / n_classes), "others": (1 - smoothing, smoothing / (n_classes - 1))}
    derived = {spread: math.log(on / off) for spread, (on, off) in q.items()}
    paths = stored.smoothing_paths() if (smoothing, n_classes) == (0.1, 10) else {spread: _path(smoothing, n_classes, spread) for spread in q}
    with left:
        drawn = {CONVENTIONS[spread]: pair for spread, pair in q.items()}
        text = "; ".join(f"{name}: truth {display.probability(on)}, others {display.probability(off)}" for name, (on, off) in drawn.items())
        charts.draw(figures.targets, drawn, key="calibration_targets", alt=f"Smoothed targets. {text}.")
    with right:
        named = {CONVENTIONS[spread]: path for spread, path in paths.items()}
        gaps = {CONVENTIONS[spread]: gap for spread, gap in derived.items()}
        text = "; ".join(f"{name} {display.number(path[-1], 4)} nats" for name, path in named.items())
        charts.draw(figures.gap_paths, named, gaps, unit="nats", key="calibration_gaps", alt=f"Logit gap while the loss is minimised, ending at {text}.")
    st.markdown(gap_words(smoothing, n_classes, derived, paths))


@st.cache_data(max_entries=200, show_spinner=False)
def _path(smoothing: float, n_classes: int, spread: str) -> list[float]:
    from lmviz import smoothing as core

    return core.gap_path(smoothing, n_classes, spread)


def gap_words(smoothing: float, n_classes: int, derived: dict[str, float], paths: dict[str, list[float]]) -> str:
    """Derived and found, side by side."""
    rest = max(abs(derived[spread] - path[-1]) for spread, path in paths.items())
    return (
        f"Two conventions share the name. Spread over **all** V classes (Szegedy, PyTorch), the truth keeps a part of ε; spread over the **others** (hatched), it does not. "
        f"For ε = {smoothing:.2f} and {display.number(n_classes)} classes the derived gaps are **{display.number(derived['all'], 4)}** and **{display.number(derived['others'], 4)}** nats. L-BFGS on the real loss, "
        f"from equal logits, ends within {display.number(rest, 1)} nats of them. Without smoothing there is no such place: the gap grows for ever."
    )


def prediction(found: stored.CalibrationView) -> tuple[str, list[str], int, str, list[str]]:
    """What does temperature do to accuracy? Counted on the stored sample."""
    sharper, flatter = found.confidences[0].mean(), found.confidences[-1].mean()
    because = (
        f"Dividing all logits by T does not change which is largest: {100 * found.correct.mean():.1f}\u2009% of the favourites come at every T. What is said of them goes from {100 * sharper:.0f}\u2009% "
        f"at T = {display.number(found.temperatures[0])} to {100 * flatter:.0f}\u2009% at T = {display.number(found.temperatures[-1])}, and the mean loss is least between."
    )
    options = ["the favourite is right more often", "as often as before", "less often"]
    same = f"All logits are divided by the same 2, so whichever was largest is largest still: the {display.number(int(found.correct.sum()))} favourites that came are the same tokens."
    why_not = wrong.others(
        1,
        [
            f"To be right more often the model would need another favourite somewhere. {same}",
            "",
            f"What becomes less is how sure it sounds, not how often it is right. {same}",
        ],
    )
    return "The temperature is doubled. How often is the model's favourite right then?", options, 1, because, why_not


def code(scored: ScoredText) -> None:
    """“The code” of the chapter; torch comes in only for who opens it."""
    functions = ()
    if st.session_state.get("calibration_code"):
        from lmviz import calibration, smoothing

        functions = (
            calibration.reliability, calibration.wilson_interval, calibration.expected_calibration_error, calibration.brier_decomposition,
            calibration.fit_temperature, calibration.optimal_logit_gap, smoothing.gap_path,
        )  # fmt: skip
    show.code(snippet(scored.model), *functions, key="calibration_code")


def snippet(model: str) -> str:
    return f"""from lmviz import models
from lmviz.data.first_views import calibration

view = calibration.view(models.load({model!r}))         # reads 20 passages: a minute or so
print(view.temperature)                                 # fitted on {stored.FIT} passages
print(view.held_loss[view.at(1.0)], view.held_loss[view.at(view.best)])     # nats a token on the other {stored.HELD_OUT}
for temperature in (1.0, view.best):
    summary = view.summaries[f"{{temperature!r}}/width"]
    print(summary.ece_width, summary.ece_mass, summary.brier)
"""
