"""Chapter 17, what follows from the runs: the reader's sentence under them, a question to predict, the code."""

import streamlit as st

from lmviz import display, units
from lmviz.errors import ReaderError
from lmviz.figures.training_curves import amount
from lmviz.lab import recorded
from lmviz.lab.choices import Data, Settings
from lmviz.lab.curve import Curve
from lmviz.ui import reader, runtime, show, training_lab, training_words, wrong

READ_CHARACTERS = 500


@st.fragment
def your_sentence() -> None:
    """The reader's text, read by each finished run; in bits a byte, since every token is a byte."""
    runs = [run for run in training_lab.own_runs() if run.data.unit == "byte" and run.trouble is None]
    text = reader.choices().text[:READ_CHARACTERS]
    experiment = training_lab.live()
    if not runs or (experiment is not None and experiment.is_live):
        st.markdown(
            "Once you have trained a model on text, it reads your own sentence here."
            if not runs
            else "As soon as the runs are done, they read your sentence here."
        )
        return
    if not text.strip():
        st.markdown("Type a sentence at the top of the page, and your models read it here.")
        return
    try:
        rows = [(run.settings.label, _bits_per_byte(run, text)) for run in runs]
    except ReaderError as trouble:
        show.trouble(trouble)
        return
    best = min(rows, key=lambda row: row[1])
    listed = "\n".join(f"- {display.md_escape(label)}: **{display.number(bits)} bits a byte**" for label, bits in rows)
    few = f" (its first {READ_CHARACTERS} characters)" if len(reader.choices().text) > READ_CHARACTERS else ""
    st.markdown(f"“{display.md_escape(text[:60])}{'…' if len(text) > 60 else ''}”{few}, read by what you trained:\n\n{listed}")
    st.markdown(
        f"Whoever knows nothing pays 8 bits a byte. {display.md_escape(best[0][:1].upper() + best[0][1:])} is ahead on this one sentence; that says little about the next."
    )


def _bits_per_byte(run, text: str) -> float:
    """Asked once for each run, place and text; the work goes through the queue that all readers share."""
    known = st.session_state.setdefault("training_readings", {})
    key = (id(run), run.steps_done, text)
    if key not in known:
        from lmviz.models import scoring

        known.clear() if len(known) > 64 else None
        known[key] = runtime.service().call(lambda: scoring.score(run.language_model("yours"), text)).bits_per_byte
    return known[key]


def prediction() -> tuple[str, list[str], int, str, list[str]]:
    """A question about the recorded runs, answered from them."""
    curves = list(recorded.curves())
    if sum(bool(c.accuracy) for c in curves) > 1:
        return _by_accuracy([c for c in curves if c.accuracy])
    return _by_half(curves[0])


def _by_accuracy(curves: list[Curve]) -> tuple[str, list[str], int, str, list[str]]:
    order = sorted(curves, key=lambda c: -c.accuracy[-1])
    said = "; ".join(f"{c.label} {amount(c, 'accuracy', c.accuracy[-1], 'bits')}" for c in order)
    question = "Which of the recorded models names the next token right most often?"
    by_loss = training_words.ranked(curves, "held_out")[0]
    same = (
        "the same model also pays least"
        if by_loss is order[0]
        else f"though {by_loss.label} pays least: accuracy asks for the favourite only, cross-entropy for every probability"
    )
    best = amount(order[0], "accuracy", order[0].accuracy[-1], "bits")
    why_not = [f"It ends at {amount(c, 'accuracy', c.accuracy[-1], 'bits')}, {order[0].label} at {best}." for c in curves]
    return (
        question,
        [c.label for c in curves],
        curves.index(order[0]),
        f"{said[:1].upper()}{said[1:]}; {same}. One run each, from one seed: gaps this small may turn with another.",
        wrong.others(curves.index(order[0]), why_not),
    )


def _by_half(curve: Curve) -> tuple[str, list[str], int, str, list[str]]:
    half = training_words.halfway(curve) / curve.total_steps
    options, bounds = ["within the first tenth of its steps", "between a tenth and a half", "in the second half"], (0.1, 0.5)
    because = f"Half of the fall was done after {display.number(100 * half)} % of the steps. What is common is learned first and quickly; the long rest of a run goes into what is rare."
    answer = sum(half > b for b in bounds)
    steps = curve.total_steps
    why_not = wrong.by_range(
        bounds, answer, lambda edge: f"step {display.number(round(edge * steps))}", f"step {display.number(round(half * steps))} of {display.number(steps)}"
    )
    return "When had the recorded run made half of its way down?", options, answer, because, why_not


def code(unit: str) -> None:
    """“The code” of the chapter; torch comes in only for who opens it."""
    functions = ()
    if st.session_state.get("training_code"):
        from lmviz import losses
        from lmviz.lab import measure, optimisers, run

        functions = (run.Run.step, measure.held_out, measure.known_cross_entropy, optimisers.Adam, losses.cross_entropy, losses.squared_error)
    show.code(snippet(unit), *functions, key="training_code", of=())


def snippet(unit: str) -> str:
    """Trains the last run of the reader again, or the first that the page offers; and prints the recorded runs' ends."""
    runs = training_lab.own_runs()
    settings, data = (runs[-1].settings, runs[-1].data) if runs else (Settings(), Data())
    steps = f", steps={runs[-1].steps_done}" if runs and 0 < runs[-1].steps_done < runs[-1].total_steps else ""
    given = f"Data({data.kind!r}, source={data.source!r})"
    text = ""
    if data.kind == "text":
        text, given = 'text = open("text.txt", encoding="utf-8").read()    # what you gave to learn from\n', 'Data("text", text)'
    stopped = "    # as many steps as yours; a run that was stopped had not yet come to its slow last quarter\n" if steps else "\n"
    return f"""import torch
from lmviz.lab import recorded
from lmviz.lab.choices import Data, Settings
from lmviz.lab.run import Run

for curve in recorded.curves():                    # the runs the page opens on
    print(curve.label, curve.held_out[-1])         # nats a {recorded.curves()[0].per}

torch.set_num_threads(1)                           # as on the page: the same sums in the same order
{text}run = Run({settings!r}, {given}{steps}){stopped}while not run.finished:
    run.step()
print(run.curve().held_out[-1])                    # nats a {data.unit}; bits: divide by {units.to_nats(1.0):.6f}
"""
