"""Chapter 13's second half: remedies that ran on nano, the noise of their gradients, samples before and after, and a run of one's own."""

from __future__ import annotations

import time

import numpy as np
import streamlit as st

from lmviz import display, gradient_noise, models
from lmviz.data.recorded import sequence as recorded
from lmviz.errors import ReaderError
from lmviz.figures import exposure as pictures
from lmviz.figures import theme
from lmviz.ui import charts, runtime, show
from lmviz.ui.links import linked
from lmviz.ui.memory import shared

METHODS = tuple(pictures.METHODS)
LABELS = {name: style[0] for name, style in pictures.METHODS.items()}
LEGEND = {
    "cross_entropy": ":orange[━ cross-entropy]",
    "scheduled_sampling": ":violet[╍ scheduled sampling]",
    "reinforce": ":gray[┈ REINFORCE]",
    "reinforce_baseline": ":blue[━ REINFORCE with baseline]",
    "minimum_risk": ":green[╌· minimum risk]",
}
MORE = {"human_nats": "cost of human words", "own_nats": "cost of its own words", "repeated_1": "repeated tokens"}
LIVE_STEPS, LIVE_SECONDS = 30, 14.0


def words() -> str:
    """What was run."""
    run = recorded.load()
    s, rows = run["setting"], recorded.windows()
    return (
        f"Four remedies were run on nano, and plain cross-entropy beside them, each from the same weights for {run['steps']} steps of Adam (rate {s['rate']:g}) under {len(run['seeds'])} seeds. "
        f"Every step takes {s['prompt']} tokens of a novel and {s['length']} to go on with, {s['prompts'] * s['samples']} texts in all.\n\n"
        "**[Scheduled sampling](glossary?term=scheduled-sampling)** (Bengio and others, 2015) keeps cross-entropy, but replaces more and more of the words that the model reads by its own: up to "
        f"{100 * s['own']:.0f} % at the end.\n\nThe others let the model write whole continuations, give each a **reward**, and make texts with more reward likelier: **[REINFORCE](glossary?term=reinforce)** (Williams 1992), "
        "once as it stands and once measured against the other samples of the same prompt (a **baseline**); and **[minimum-risk training](glossary?term=minimum-risk-training)** (Shen and others, 2016), which makes the expected risk, 1 − reward, "
        f"of {s['samples']} samples small.\n\nThe reward is GLEU (Wu and others, 2016): the share of runs of one to four tokens that a text has in common with what the human wrote there. It needs no "
        f"gradient, and it is honest about its weakness: one prompt has many good continuations, and it knows only one. Measured on {len(rows[1])} held-out texts."
    )


@st.fragment
def curves(unit: str) -> None:
    """Reward and one more measure against steps, mean and span of the seeds."""
    runs = recorded.load()["runs"]
    shown = linked(st).segmented_control("Remedies", METHODS, selection_mode="multi", default=METHODS, key="exposure_methods", format_func=LEGEND.get)
    other = linked(st).segmented_control("Beside the reward", list(MORE), default="human_nats", required=True, key="exposure_measure", format_func=MORE.get)
    titles = {"human_nats": f"human words,<br>{unit} a token", "own_nats": f"own words,<br>{unit} a token", "repeated_1": "share of<br>repeated tokens"}
    measures = [("reward", "reward<br>(GLEU, 0 to 1)"), (other, titles[other])]
    drawn = {
        name: [[row | {key: _in_unit(row[key], key, unit) for key, _ in measures} for row in rows] for rows in runs[name]] for name in METHODS if name in shown
    }
    alt = "; ".join(f"{LABELS[name]}: reward {_from_to(name, 'reward', unit)}, {MORE[other]} {_from_to(name, other, unit)}" for name in METHODS)
    charts.draw(pictures.remedies, drawn, measures, key="exposure_curves", alt=f"Five ways of training: {alt}.")
    st.markdown(curve_words(unit))


def final(method: str, key: str) -> np.ndarray:
    """The last value of a measure, one a seed."""
    return np.array([rows[-1][key] for rows in recorded.load()["runs"][method]])


def start(key: str) -> float:
    return recorded.load()["runs"][METHODS[0]][0][0][key]


def _in_unit(value, key: str, unit: str):
    """A measure in the reader's unit, if it is one that has a unit."""
    return display.in_unit(value, unit) if key.endswith("_nats") else value


def _from_to(method: str, key: str, unit: str) -> str:
    first, last = (float(_in_unit(value, key, unit)) for value in (start(key), final(method, key).mean()))
    return f"from {display.number(first)} to {display.number(last)}"


def _said(method: str, key: str, unit: str) -> str:
    values = _in_unit(final(method, key), key, unit)
    return f"{display.number(float(values.mean()))} ({display.number(float(values.min()))} to {display.number(float(values.max()))})"


def curve_words(unit: str) -> str:
    """What got better and what got worse, in numbers."""
    reward, human = start("reward"), start("human_nats")
    best = max(METHODS, key=lambda name: final(name, "reward").mean())
    dearest = max(METHODS, key=lambda name: final(name, "human_nats").mean())
    ppl = float(np.exp(human)), float(np.exp(final(best, "human_nats").mean()))
    repeated = 100 * start("repeated_1"), 100 * float(final(best, "repeated_1").mean())
    better = [LABELS[name] for name in METHODS if final(name, "reward").min() > reward]
    cheaper = [LABELS[name] for name in METHODS if final(name, "human_nats").max() < human]
    return (
        f"Lines are means, bands the span of the {len(recorded.load()['seeds'])} seeds. **Better:** the reward, {display.number(reward)} at the start, ends highest under {LABELS[best]}, at {_said(best, 'reward', unit)}; "
        f"above the start under every seed: {', '.join(better) or 'none'}. **Worse:** a human's words cost {display.amount(human, unit)} a token at the start and {_said(best, 'human_nats', unit)} after {LABELS[best]}, "
        f"a perplexity of {display.number(ppl[0])} become {display.number(ppl[1])}, and {display.number(repeated[1], 2)} % of what it writes repeats itself instead of {display.number(repeated[0], 2)} %. "
        f"Dearest are human words after {LABELS[dearest]}. Cheaper than at the start under every seed: {', '.join(cheaper) or 'none'}. A model gives what it is paid for."
    )


@shared()
def noise() -> tuple[dict[str, list[float]], dict[str, tuple[float, float]]]:
    """By method, the cosines between the gradients of every two minibatches, and |E g|² and E|g − E g|²."""
    grams = recorded.load()["gradients"]
    return {m: gradient_noise.cosines(g).tolist() for m, g in grams.items()}, {m: gradient_noise.signal_and_noise(g) for m, g in grams.items()}


def variance() -> None:
    """Do two minibatches agree on where to go?"""
    cosines, parts = noise()
    alt = "; ".join(f"{LABELS[name]}: mean cosine {display.number(float(np.mean(values)))}" for name, values in cosines.items())
    charts.draw(pictures.agreement, cosines, key="exposure_agreement", alt=f"Agreement of gradients between minibatches. {alt}.")
    st.markdown(variance_words(parts))


def variance_words(parts: dict[str, tuple[float, float]]) -> str:
    run = recorded.load()
    n = run["setting"]["prompts"] * run["setting"]["samples"]

    def batches(method: str) -> str:
        signal, noise = parts[method]
        return f"about {display.number(noise / signal, 2)}" if signal > 0 else "more than can be told"

    ratio = parts["reinforce"][1] / parts["reinforce_baseline"][1]
    return (
        f"At nano's own weights {len(run['gradients']['cross_entropy'])} minibatches of {n} texts were drawn, and the gradient of all its weights taken from each; the three lower rows look at the very same texts. A stroke is the cosine between two of them: 1 if they agree, 0 by chance. "
        f"So that chance does not outweigh what is learned (noise no larger than signal), one must average {batches('cross_entropy')} minibatches of cross-entropy, {batches('reinforce')} of REINFORCE, {batches('reinforce_baseline')} with a "
        f"baseline, {batches('minimum_risk')} of minimum risk: rough figures, from so few. The baseline changes nothing on average, and cuts the variance {display.number(ratio, 2)} times. Cross-entropy knows the right token at every place; a reward is "
        "one number for a whole text."
    )


@st.fragment
def samples() -> None:
    """What nano writes before and after, sampled from the same seed."""
    run = recorded.load()
    left, right = st.columns(2, vertical_alignment="bottom")
    number = linked(left).selectbox("Prompt", range(len(run["before"])), key="exposure_prompt", format_func=lambda i: run["before"][i]["title"])
    method = linked(right).selectbox("After", METHODS, index=METHODS.index("reinforce_baseline"), key="exposure_after", format_func=LABELS.get)
    before, after = run["before"][number], run["after"][method][number]
    st.markdown(f"“{display.md_escape(before['prompt'])}” …")
    for column, title, row in zip(st.columns(2, gap="large"), ("before", f"after {LABELS[method]}"), (before, after)):
        with column, st.container(border=True):
            st.caption(title)
            st.markdown(display.md_escape(row["text"]))


def live(unit: str) -> None:
    """A short run of the reader's own, on a copy of nano; one step a turn, so that other readers get theirs in between."""
    if show.training_is_off():
        return
    _live(unit)
    show.stop_button("exposure_live_stop")


@st.fragment
def _live(unit: str) -> None:
    st.markdown(
        f"Train a copy of nano here, for {LIVE_STEPS} steps or {LIVE_SECONDS:.0f} seconds, whichever is sooner. The bundled nano stays as it is. So short a run is all noise; that is the point of the figure above."
    )
    method = linked(st).segmented_control("Train by", METHODS, default="reinforce_baseline", required=True, key="exposure_live_method", format_func=LABELS.get)
    begin = st.button("Train", key="exposure_live_train", type="primary")
    bar, place = st.empty(), st.empty()
    if begin:
        st.session_state.exposure_live = (method, [], [])
        try:
            with show.training_turn(bar):
                _train(method, bar, place, unit)
        except ReaderError as trouble:
            show.trouble(trouble)
    _draw_live(place, unit)


def _train(method: str, bar, place, unit: str) -> None:
    import torch

    from lmviz.models import products
    from lmviz.training import sequence

    service, setting = runtime.service(), sequence.Setting()
    network = service.call(lambda: products.trainable(models.load("nano").network))
    train = torch.from_numpy(recorded.windows()[0])
    steps = sequence.run(network, train, method, setting, steps=LIVE_STEPS, generator=torch.Generator().manual_seed(time.time_ns() % 2**31))
    started, drawn, turn = time.monotonic(), 0.0, 0
    while (step := service.call(lambda: next(steps, None))) is not None:
        _, rewards, losses = st.session_state.exposure_live
        losses.append(step.loss)
        if step.reward is not None:
            rewards.append(step.reward)
        passed = time.monotonic() - started
        bar.progress(min(1.0, max(step.number / LIVE_STEPS, passed / LIVE_SECONDS)), f"{LABELS[method]}, step {step.number}")
        if passed > LIVE_SECONDS:
            break
        if passed - drawn > 1.5:  # a chart is drawn anew each time: not for every step
            drawn, turn = passed, turn + 1
            _draw_live(place, unit, turn)
    bar.empty()


def _draw_live(place, unit: str, turn: int = 0) -> None:
    """The run so far; within one run of the script every drawing needs a `turn` of its own."""
    method, rewards, losses = st.session_state.get("exposure_live", ("", [], []))
    if not losses:
        return
    with place.container():
        losses = [float(display.in_unit(loss, unit)) for loss in losses]
        figure = pictures.live(rewards, losses, LIVE_STEPS, reward=bool(rewards), unit=unit)
        values = rewards or losses
        name = "reward" if rewards else "loss"
        alt = f"{LABELS[method]}, {len(losses)} steps: mean {name} from {display.number(values[0])} to {display.number(values[-1])}."
        st.plotly_chart(figure, config=theme.CONFIG, key=f"exposure_live_chart_{turn}", alt=alt)
        st.markdown(live_words(method, rewards, losses))


def live_words(method: str, rewards: list[float], losses: list[float]) -> str:
    half = len(losses) // 2
    if len(losses) < 4:
        return f"{len(losses)} steps of {LABELS[method]}."
    values, name = (rewards, "reward") if rewards else (losses, "loss")
    first, second = float(np.mean(values[:half])), float(np.mean(values[half:]))
    spread = float(np.std(values, ddof=1))
    return f"{len(losses)} steps of {LABELS[method]}: mean {name} {display.number(first)} in the first half, {display.number(second)} in the second; from step to step it varies by {display.number(spread, 2)} (standard deviation)."
