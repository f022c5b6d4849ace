"""Chapter 17, what follows from the runs: the reader's sentence under them, a question to predict, the code."""

import numpy as np
import streamlit as st

from lmviz import display, pulls, units
from lmviz.data import examples
from lmviz.errors import ReaderError
from lmviz.figures import theme, training_curves
from lmviz.figures.loss_curves import STYLE
from lmviz.figures.training_curves import amount
from lmviz.lab import recorded
from lmviz.lab.choices import Data, Settings
from lmviz.lab.curve import Curve
from lmviz.models import series
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, reader, runtime, scores, show, training_lab, training_words, wrong
from lmviz.ui.remember import remembered

READ_CHARACTERS = 500


@st.fragment
def your_sentence() -> None:
    """The reader's text under the recorded networks and under each of the reader's own finished runs; in bits a byte, since tokens differ."""
    text = reader.choices().text[:READ_CHARACTERS]
    if not text.strip():
        st.markdown("Type a sentence at the top of the page, and every model of this chapter reads it here.")
        return
    scored = under_each(text)
    runs = [run for run in training_lab.own_runs() if run.data.unit == "byte" and run.trouble is None]
    experiment = training_lab.live()
    going = experiment is not None and experiment.is_live
    try:
        own = [] if going else [(f"yours: {run.settings.label}", _bits_per_byte(run, text), theme.MUTED) for run in runs]
    except ReaderError as trouble:
        show.trouble(trouble)
        return
    rows = [(STYLE[loss][0], read.bits_per_byte, STYLE[loss][1]) for loss, read in scored.items()] + own
    if rows:
        alt = f"Bits a byte of your text: {'; '.join(f'{label} {display.number(bits)}' for label, bits, _ in rows)}."
        charts.draw(training_curves.sentence, tuple(rows), key="training_sentence", alt=alt)
    few = f" Only its first {READ_CHARACTERS} characters were read." if len(reader.choices().text) > READ_CHARACTERS else ""
    st.markdown(sentence_words(scored, own, reader.choices().unit) + few)
    if going:
        st.markdown("As soon as your own runs are done, they read it too.")


def under_each(text: str) -> dict[str, ScoredText]:
    """The text under the recorded network of every loss. They are read from their files, asked once and let go: five that few ask for need not stay in memory."""
    names = {loss: f"nano-{loss}" for loss in STYLE if loss in series.losses()}
    stored = {loss: scores.first_view(name) for loss, name in names.items()}
    if text == examples.OPENING and all(stored.values()):
        return stored

    def compute() -> dict[str, ScoredText]:
        from lmviz.models import scoring

        return {loss: scoring.score(series.row(name).load(), text) for loss, name in names.items()}

    return remembered(("under each loss", text), compute, "Five networks are reading your text …") if names else {}


def sentence_words(scored: dict[str, ScoredText], own: list[tuple[str, float, str]], unit: str) -> str:
    """Who is ahead on this text, and at which token the recorded networks part most."""
    words = ""
    if len(scored) > 1:
        best = min(scored, key=lambda loss: scored[loss].bits_per_byte)
        words = f"Of the recorded networks the one trained on {pulls.spelled(best)} pays least for this text, :orange[**{display.number(scored[best].bits_per_byte)} bits a byte**]. "
        if (at := _widest(scored)) is not None:
            position, most = at
            token = display.md_escape(display.visible(scored[best].tokens[position].text or "…"))
            ends = [f"**{display.amount(float(scored[loss].losses[position]), unit)}**" for loss in ("cross_entropy", most)]
            words += f"Cross-entropy and {pulls.spelled(most)} part most at :violet[**{token}**]: {ends[0]} against {ends[1]}. "
    if own:
        first = min(own, key=lambda row: row[1])
        words += f"Of yours, {display.md_escape(first[0].removeprefix('yours: '))} is ahead, with **{display.number(first[1])} bits a byte**; its tokens are bytes, and who knows nothing of them pays 8. "
    else:
        words += "Once you have trained a model on text, it reads your sentence here as well. "
    return words + "One sentence says little about the next."


def _widest(scored: dict[str, ScoredText]) -> tuple[int, str] | None:
    """The token, and the loss that states probabilities, at which a network differs most from cross-entropy's."""
    if "cross_entropy" not in scored:
        return None
    gaps = {
        loss: np.abs(read.losses - scored["cross_entropy"].losses) for loss, read in scored.items() if loss not in ("cross_entropy", "hinge")
    }  # the hinge's scores are no probabilities: it differs everywhere
    if not gaps:
        return None
    most = max(gaps, key=lambda loss: gaps[loss].max())
    return int(gaps[most].argmax()), most


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
