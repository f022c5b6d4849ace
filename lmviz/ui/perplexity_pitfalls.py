"""Chapter 3, six ways to a wrong perplexity: each with the wrong number, the right one, and how to notice."""

import math

import numpy as np
import streamlit as st

from lmviz import display, models, pitfall_readings, pitfalls, units
from lmviz import ladder as ladder_of
from lmviz.data import examples
from lmviz.data.first_views import perplexity as stored
from lmviz.errors import ReaderError
from lmviz.figures import pitfall as figure_of
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, runtime, scores, show
from lmviz.ui.links import linked

NAMES = {
    "averaged": "Averaging",
    "padding": "Padding",
    "shift": "Shift",
    "start": "Start token",
    "softmax": "Softmax twice",
    "tokenizers": "Tokenizers",
}
SOURCE = {"averaged": pitfalls.averaged, "padding": pitfalls.padding_scored, "shift": pitfalls.shifted, "softmax": pitfalls.softmax_twice, "start": pitfall_readings.readings,
          "tokenizers": ladder_of.uniform}  # fmt: skip


@st.fragment
def choose(scored: ScoredText) -> None:
    """One mistake at a time."""
    name = linked(st).segmented_control(
        "Mistake", list(NAMES), default="averaged", required=True, format_func=NAMES.get, key="perplexity_pitfall", label_visibility="collapsed"
    )
    what, panels, notice = {"averaged": averaged, "tokenizers": tokenizers}.get(name, _on_logits)(scored, name)
    st.markdown(what)
    for i, (place, (x_title, rows)) in enumerate(zip(st.columns(max(1, len(panels)), gap="large"), panels.items())):
        alt = f"{x_title}: " + "; ".join(f"{label} {display.number(value)}, {'right' if right else 'wrong'}" for label, value, right in rows)
        with place:
            charts.draw(figure_of.wrong_and_right, tuple(rows), x_title, key=f"perplexity_pitfall_{name}_{i}", alt=alt)
    st.markdown(f"**How to notice.** {notice}")
    with st.expander("The function that does it", key=f"perplexity_pitfall_code_{name}", on_change="rerun") as opened:
        if opened.open:
            show.source_of(SOURCE[name])


def averaged(scored: ScoredText, _: str):
    """The two halves of the reader's text as two texts of one test set: no model needs to run."""
    losses = scored.losses[scored.scored]
    notice = (
        "Split the test set differently, or change the batch size: a pooled perplexity does not move, an averaged one does. The average is never below the pooled one "
        "when the texts are of equal length, because exp bends upwards (Jensen's inequality)."
    )
    what = "The perplexity of a test set is exp of *all* nats over *all* tokens. Averaging the texts' perplexities lets one hard text outweigh all others."
    if len(losses) < 2:
        return what + " It takes two tokens to show; your text has one.", {}, notice
    first, second = losses[: len(losses) // 2], losses[len(losses) // 2 :]
    halves = [units.perplexity(float(np.mean(half))) for half in (first, second)]
    what += f" Take the two halves of your text as two texts: their perplexities are {display.number(halves[0])} and {display.number(halves[1])}."
    rows = [("pooled", pitfalls.pooled([first, second]), True), ("averaged", pitfalls.averaged([first, second]), False)]
    return what, {"perplexity": rows}, notice


def _on_logits(scored: ScoredText, name: str):
    r = _readings(scored)
    return {"padding": padding, "shift": shift, "start": start, "softmax": softmax}[name](r, scored)


def padding(r: pitfall_readings.Readings, scored: ScoredText):
    what = (
        f"In a batch, short texts are filled up to the length of the longest. Here your {r.n_tokens} tokens are padded to {r.n_tokens + r.n_padding}, "
        f"and the {r.n_padding} pads are scored as if they had been written."
    )
    rows = [("pads masked", r.right, True), ("pads scored", r.padding_scored, False)]
    return (
        what,
        {"perplexity": rows},
        "Score a text alone, then in a batch with a longer one: nothing may change. And as many tokens must be scored as the texts have.",
    )


def shift(r: pitfall_readings.Readings, scored: ScoredText):
    what = (
        "Row *t* of the logits is what the model expects *after* token *t*, so it is to be compared with token *t* + 1. Without the shift each token is compared with "
        "the guess about its successor; shifted once more (by a library that already shifts), with the guess about the token before it."
    )
    rows = [("shifted once", r.right, True), ("not shifted", r.no_shift, False), ("shifted twice", r.two_shifts, False)]
    rows = [row for row in rows if math.isfinite(row[1])]
    return what, {"perplexity": rows}, (
        f"A trained model then does worse than blind guessing, whose perplexity is V = {display.number(scored.vocab_size)}, or near it. In training the opposite happens: without the shift "
        "the loss falls to almost nothing, because the model only has to copy what it sees."
    )  # fmt: skip


def start(r: pitfall_readings.Readings, scored: ScoredText):
    others = [name for name in r.starts if name not in (r.start, "")]
    what = (
        f"Every token is conditioned on what precedes it, the first one on the start token. In its training this model saw documents begin with `{r.start}`. "
        + (
            f"Its files name another one, `{others[0]}`, which opens a chat message; tools that trust the files use it. "
            if r.start == "<|endoftext|>" and others
            else ""
        )
        + "And with no start token at all the first token cannot be scored, and the others miss what they expect to find at the beginning."
    )
    rows = [(f"after {r.start}", r.right, True), *[(f"after {name}", r.starts[name], False) for name in others], ("no start token", r.starts[""], False)]
    rows = [row for row in rows if math.isfinite(row[1])]
    notice = "Print the ids that enter the model, and try the candidates on a few ordinary sentences: the right start makes them cheap. The shorter the text, the louder the error."
    return what, {"perplexity": rows}, notice


def softmax(r: pitfall_readings.Readings, scored: ScoredText):
    floor = (scored.vocab_size - 1 + math.e) / math.e
    what = (
        "A loss that expects logits is given probabilities, and takes the softmax of them again. All its inputs now lie between 0 and 1, so the second softmax is almost flat. "
        f"Even a model that is always right and certain would have perplexity {display.number(floor)} here."
    )
    rows = [("softmax once", r.right, True), ("softmax twice", r.softmax_twice, False)]
    notice = (
        f"The perplexity stays between V/e and V·e ({display.number(floor)} and {display.number(scored.vocab_size * math.e)}) whatever the model, and training hardly moves it: "
        "the second softmax leaves almost no gradient."
    )
    return what, {"perplexity": rows}, notice


def tokenizers(scored: ScoredText, _: str):
    """Two models that know nothing, on one text: spelled in bytes, and cut into the model's tokens."""
    spelled = ladder_of.uniform(scored.n_bytes, scored.n_bytes, 256)
    cut = ladder_of.uniform(scored.n_scored, scored.n_bytes, scored.vocab_size)
    what = (
        f"Two models that know nothing read your text. One spells it: {display.number(spelled.n_tokens)} bytes, 256 kinds, perplexity {display.number(spelled.vocab_size)}. "
        f"The other has a vocabulary of {display.number(scored.vocab_size)} and needs only {display.number(cut.n_tokens)} tokens, at perplexity {display.number(cut.vocab_size)}. "
        f"By perplexity the first is {display.number(cut.perplexity / spelled.perplexity)} times better. By bits per byte, the cost of the *same text*, it is "
        f"{display.number(spelled.bits_per_byte)} against {display.number(cut.bits_per_byte)}: {'the second is cheaper' if cut.total_nats < spelled.total_nats else 'the first is cheaper'}."
    )
    panels = {
        "perplexity": [("bytes", spelled.vocab_size, False), ("tokens", cut.vocab_size, False)],
        "bits per byte": [("bytes", spelled.bits_per_byte, True), ("tokens", cut.bits_per_byte, True)],
    }
    real = [(name, first) for name in models.names() if name != scored.model and (first := scores.first_view(name)) is not None and first.text == scored.text]
    if real and (other := next((s for name, s in real if models.registry.row(name).tokenizer != models.registry.row(scored.model).tokenizer), None)):
        what += (
            f" With real models it is subtler: {models.registry.row(scored.model).title} has perplexity {display.number(scored.perplexity)} over {scored.n_scored} tokens, "
            f"{models.registry.row(other.model).title} {display.number(other.perplexity)} over {other.n_scored}; what compares is {display.number(scored.bits_per_byte)} against {display.number(other.bits_per_byte)} bits per byte."
        )
    notice = "Ask for the number of tokens and of bytes beside every perplexity. If two models cut a text differently, divide the total by something they share: bytes."
    return what, panels, notice


def _readings(scored: ScoredText) -> pitfall_readings.Readings:
    """All the wrong numbers of the reader's text: stored for the opening one, else three short passes of the model."""
    view = stored.load(scored.model)
    if view and scored.text == examples.OPENING:
        return view.readings
    kept = st.session_state.setdefault("perplexity_readings", {})
    key = (scored.model, scored.text)
    if key not in kept:
        try:
            with st.spinner("The model is reading your text three times more."):
                kept.clear()
                kept[key] = runtime.service().call(lambda: pitfall_readings.readings(models.load(scored.model), scored.text))
        except ReaderError as trouble:
            show.trouble(trouble)
            st.stop()
    return kept[key]
