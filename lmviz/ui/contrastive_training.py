"""Chapter 15's second half: SimCSE before and after, recorded and live; and a softmax estimated from a few of its terms."""

import math

import numpy as np
import streamlit as st

from lmviz import contrastive, display, models
from lmviz.data import examples, sentence_pairs
from lmviz.data.first_views import distillation as teachers
from lmviz.data.recorded import contrastive as recorded
from lmviz.data.recorded import sampled_softmax as sampled_record
from lmviz.errors import ReaderError
from lmviz.figures import contrastive as figures
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, distillation_pair, logits, runtime, show
from lmviz.ui.links import linked
from lmviz.ui.remember import remembered

MEASURES = {"alignment": "alignment of the pairs", "uniformity": "uniformity", "nats": "InfoNCE over the pairs", "accuracy": "partner is nearest"}
LIVE_STEPS = (10, 20, 40, 60)
PROPOSALS = {"unigram": "as often as they occur", "uniform": "all alike"}


def simcse(unit: str) -> None:
    """The recorded runs, and a button for one's own."""
    found = recorded.load()
    if found is None:
        return
    own = st.session_state.get("simcse_own")
    settings = found["settings"]
    st.markdown(
        f"Nobody labelled these pairs. **SimCSE** makes its own: it reads each sentence of a batch twice, while dropout hides another {100 * settings['dropout']:.0f}\u2009% of the states each time, and asks which second reading belongs to which first. "
        f"The {found['model']} model was trained so for {settings['steps']} steps of {settings['batch']} sentences out of {display.number(found['n_training'])} from old novels, from {len(found['runs'])} seeds. "
        f"None of the {len(sentence_pairs.PAIRS)} pairs it is measured on was among them."
    )
    left, right = st.columns([6, 5], gap="medium")
    with left:
        first, last = found["runs"][0]["measured"][0], found["runs"][0]["measured"][-1]
        alt = f"Uniformity and alignment: {first['uniformity']:.2f} and {first['alignment']:.2f} before, {last['uniformity']:.2f} and {last['alignment']:.2f} after {last['step']} steps."
        charts.draw(figures.plane, found["runs"], own, key="contrastive_plane", alt=alt)
    with right:
        st.markdown(table(found, own, unit))
    st.markdown(simcse_words(found, unit))
    before, after = (
        contrastive.info_nce(found[when]["anchors"], found[when]["positives"], temperature=recorded.TEMPERATURE).similarities for when in ("before", "after")
    )
    n = len(before)
    alt = f"Mean cosine of partners {np.diag(before).mean():.2f} before and {np.diag(after).mean():.2f} after; of others {_others(before):.2f} and {_others(after):.2f}."
    charts.draw(figures.before_after, before, after, key="contrastive_before_after", alt=alt)
    st.caption(
        f"The {n} pairs the chapter opens with. Mean cosine of partners {np.diag(before).mean():.2f} → {np.diag(after).mean():.2f}, of all others {_others(before):.2f} → {_others(after):.2f}.".replace(
            "-", display.MINUS
        )
    )
    live(found, unit)


def _others(cosines: np.ndarray) -> float:
    return float(cosines[~np.eye(len(cosines), dtype=bool)].mean())


def table(found: dict, own: dict | None, unit: str) -> str:
    """Before and after, mean over seeds and their range, as Markdown; the reader's own run beside them."""
    lines = ["| | before | after (range over seeds) |" + (" your run |" if own else ""), "|---|---:|---:|" + ("---:|" if own else "")]
    for name, label in MEASURES.items():
        before = found["runs"][0]["measured"][0][name]
        after = [run["measured"][-1][name] for run in found["runs"]]
        cells = [
            _said(name, before, unit),
            f"**{_said(name, float(np.mean(after)), unit)}** ({_said(name, min(after), unit)} to {_said(name, max(after), unit)})",
        ]
        lines.append(f"| {label} | " + " | ".join([*cells, *([_said(name, own["measured"][-1][name], unit)] if own else [])]) + " |")
    return "\n".join(lines)


def _said(name: str, value: float, unit: str) -> str:
    if name == "accuracy":
        return f"{100 * value:.0f}\u2009%"
    return display.amount(value, unit) if name == "nats" else display.number(value)


def simcse_words(found: dict, unit: str) -> str:
    """What changed, in the terms of Wang and Isola."""
    before, after = found["runs"][0]["measured"][0], {name: float(np.mean([run["measured"][-1][name] for run in found["runs"]])) for name in MEASURES}
    spread = "more evenly over the sphere" if after["uniformity"] < before["uniformity"] else "no more evenly over the sphere"
    apart = "lie further apart as well" if after["alignment"] > before["alignment"] else "lie closer"
    worth = "the spreading was worth more than that" if after["nats"] < before["nats"] else "that cost more than the spreading gave"
    own = float(np.mean([run["loss"][0] for run in found["runs"]]))
    return (
        "Before, all sentences point much the same way, since every mean of states shares what all states share. Two measures say what a [contrastive loss](glossary?term=contrastive-loss) does about it: **[alignment](glossary?term=alignment)**, the mean squared distance of partners, and **[uniformity](glossary?term=uniformity)**, "
        f"log of the mean of exp(−2 · squared distance) over all pairs of sentences.\n\nAfter training the sentences lie {spread} ({display.number(before['uniformity'])} → {display.number(after['uniformity'])}); partners {apart} "
        f"({display.number(before['alignment'])} → {display.number(after['alignment'])}). On the question of this chapter, {worth}: InfoNCE at T = {recorded.TEMPERATURE} over all {len(sentence_pairs.PAIRS)} pairs goes from "
        f"{display.amount(before['nats'], unit)} to **{display.amount(after['nats'], unit)}**. The task it was trained on, finding the other reading of the same sentence, "
        f"cost {display.amount(own, unit)} at the first step, where a guess costs {display.amount(math.log(found['settings']['batch']), unit)}: what trains here is mostly the push between strangers."
    )


def live(found: dict, unit: str) -> None:
    """A short run of one's own: progress, a way to stop, and what it changed."""
    if found["model"] not in models.masked_names() or show.training_is_off():
        return
    _live(found, unit)
    show.stop_button("contrastive_stop")


@st.fragment
def _live(found: dict, unit: str) -> None:
    one, two, three, four = st.columns([3, 3, 2, 3], gap="small", vertical_alignment="bottom")
    steps = linked(one).select_slider("Steps", LIVE_STEPS, value=20, key="contrastive_steps")
    dropout = linked(two).slider("Dropout", 0.0, 0.5, 0.1, 0.05, key="contrastive_dropout")
    seed = linked(three).number_input("Seed", 0, 999, 7, key="contrastive_seed")
    if four.button("Run SimCSE here", key="contrastive_run", width="stretch"):
        run_here(found, steps, dropout, int(seed), unit)
        st.rerun()
    own = st.session_state.get("simcse_own")
    if own and own["loss"]:
        ending = "" if len(own["loss"]) == own["asked"] else f" of {own['asked']}, then stopped"
        st.markdown(
            f"Your run: {len(own['loss'])} steps{ending}, with dropout {own['dropout']:g} and seed {own['seed']}. The loss of its own task went from {display.amount(own['loss'][0], unit)} to {display.amount(own['loss'][-1], unit)}. "
            "With dropout 0 both readings are the same, and still the strangers are pushed apart."
        )


def run_here(found: dict, steps: int, dropout: float, seed: int, unit: str) -> None:
    """Train a copy when it is this reader's turn; trouble ends the fragment with a sentence."""
    line = st.progress(0.0, "Making a copy of the model …")
    try:
        with show.training_turn(line):
            _train(found, steps, dropout, seed, unit, line)
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()
    line.empty()


def _train(found: dict, steps: int, dropout: float, seed: int, unit: str, line) -> None:
    """Step by step on the worker's thread, other readers going in between. What is reached stays if the reader stops it."""
    from lmviz.training import simcse

    service = runtime.service()
    settings = simcse.Settings(steps=steps, dropout=dropout, seed=seed, lr=found["settings"]["lr"], batch=found["settings"]["batch"])
    model = service.call(lambda: simcse.trainee(models.load_masked(found["model"])))
    own = {"seed": seed, "dropout": dropout, "asked": settings.steps, "loss": [], "measured": [{"step": 0} | service.call(lambda: recorded.measure(model))]}
    st.session_state.simcse_own = own
    going = simcse.train(model, sentence_pairs.training(), settings)
    while (step := service.call(lambda: next(going, None))) is not None:
        own["loss"].append(step.loss)
        if step.step % recorded.EVERY == 0:
            own["measured"].append({"step": step.step} | service.call(lambda: recorded.measure(model)))
        line.progress(step.step / settings.steps, f"Step {step.step} of {settings.steps}: {display.amount(step.loss, unit)}.")


def estimates(unit: str) -> None:
    """The reader's text under the best embedded model: the full softmax of one token, estimated from a few terms."""
    try:
        name = teachers.teacher()
    except ReaderError as trouble:
        show.trouble(trouble)
        return
    scored, selected = distillation_pair.teacher_strip(name, page="contrastive", heading="−log P of every token by the full softmax")
    _estimates(scored, selected, unit)


@st.fragment
def _estimates(scored: ScoredText, selected: int, unit: str) -> None:
    if selected >= logits.n_kept(scored):
        st.info(f"Only the first {logits.n_kept(scored)} tokens of so long a text can be chosen here.")
        return
    proposal = linked(st).segmented_control(
        "Negatives are drawn", list(PROPOSALS), default="unigram", required=True, key="contrastive_proposal", format_func=PROPOSALS.get
    )
    found = survey(scored, selected, proposal)
    token = display.md_escape(display.visible(scored.tokens[selected].text or "…"))
    alt = "; ".join(
        f"{m} negatives: mean {display.amount(v, unit)}, deviation {display.amount(s, unit)}"
        for m, v, s in list(zip(found["counts"], found["mean"], found["deviation"]))[::3]
    )
    left, right = st.columns(2, gap="medium")
    with left:
        charts.draw(
            figures.loss_estimates, found, unit, key="contrastive_estimates", alt=f"Estimates of the loss {display.amount(found['truth'], unit)}: {alt}."
        )
    with right:
        errors = "; ".join(
            f"{m} negatives: sampled {display.number(b)}, NCE {display.number(n)}"
            for m, b, n in list(zip(found["counts"], found["sampled_bias"], found["nce_bias"]))[::3]
        )
        charts.draw(figures.gradient_errors, found, key="contrastive_errors", alt=f"Length of the mean gradient's error: {errors}.")
    st.markdown(estimate_words(found, token, scored.vocab_size, unit))


def survey(scored: ScoredText, selected: int, proposal: str) -> dict:
    """Recorded for the opening text's costliest token, else computed from the real logits and remembered."""
    kept = sampled_record.load()
    if kept and scored.text == examples.OPENING and (kept["model"], kept["revision"], kept["position"]) == (scored.model, scored.revision, selected):
        return kept[proposal]
    row = logits.reader_logits(scored, positions=[selected])[0].numpy()
    target = scored.tokens[selected].id
    key = ("sampled", scored.model, scored.revision, scored.text, selected, proposal)
    return remembered(key, lambda: sampled_record.survey(row, target, proposal), "Drawing negatives, a few seconds …")


def estimate_words(found: dict, token: str, vocab_size: int, unit: str) -> str:
    """Bias and spread at few and at many negatives."""
    counts = found["counts"]
    few, many = counts.index(16), len(counts) - 1
    bias = [display.amount(found["mean"][i] - found["truth"], unit, sign=True) for i in (0, few, many)]
    return (
        f"The full softmax says that :violet[**{token}**] costs {display.amount(found['truth'], unit)}; it adds up {display.number(vocab_size)} terms. **[Sampled softmax](glossary?term=sampled-softmax)** adds the true one and m others, each divided by how often it is drawn: the sum is right on average, its logarithm is not.\n\n"
        f"With 1 negative it is off by {bias[0]} on average (exactly, by a sum over all of them); with {counts[few]} by {bias[1]}, give or take {display.amount(found['deviation'][few], unit)}; with {display.number(counts[many])} by {bias[2]}. "
        f"\n\n**NCE** asks another question, whether a token is text or noise, and its number is no estimate of this one: {display.amount(found['nce_loss'][few], unit)} with {counts[few]} noise tokens. But its gradient points the same way in the end: "
        f"its error on average falls from {display.number(found['nce_bias'][0], 2)} to {display.number(found['nce_bias'][many], 2)}, while a single draw strays by {display.number(found['nce_spread'][many], 2)}. "
        f"Means are over {10 * found['draws']} draws for the loss and {found['draws']} for gradients; NCE's are exact sums. A missing point is smaller than the noise of the draws."
    )
