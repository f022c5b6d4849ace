"""The sentences and the small interactions of chapter 8: six forms of one loss in four precisions, and a lid on a loss."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from lmviz import display
from lmviz.data import examples
from lmviz.data.first_views import stability as stored
from lmviz.figures import stability as figure_of
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, logits, show, wrong
from lmviz.ui.links import linked

NAMES = (
    "log(exp z / Σ exp z)",
    "log p, p = softmax(z − max)",
    "log(p + 1e-12)",
    "log(max(p, 1e-12))",
    "z − logsumexp(z)",
    "(z − max) − log Σ exp(z − max)",
)
COLOURS = ("orange", "orange", "green", "green", "blue", "blue")
DTYPES = ("float64", "float32", "bfloat16", "float16")
OPENING_SCALE = 8.0  # where something goes wrong, in float32
PREDICTED = "float16"  # with the logits as they are


def at(scored: ScoredText, selected: int) -> int:
    """The place that the chapter looks at: the selected token, or the costliest of those whose logits are kept if that one is not among them."""
    n = logits.n_kept(scored)
    fits = selected < n and not math.isnan(scored.log_probs[selected])
    return selected if fits else int(np.nanargmax(scored.losses[:n]))


@st.fragment
def six_forms(scored: ScoredText, position: int, unit: str) -> None:
    """The errors of all six against the scale of the logits, and their results at the scale that the reader chooses."""
    left, right = st.columns([7, 5], gap="large")
    with right:
        dtype = linked(st).segmented_control("Computed in", DTYPES, default="float32", required=True, key="stability_dtype")
        survey, highest = surveyed(scored, position, dtype)
        scales = survey.scales
        chosen = linked(st).select_slider(
            "Logits multiplied by",
            list(range(len(scales))),
            value=scales.index(OPENING_SCALE),
            key="stability_scale",
            format_func=lambda i: f"× {scales[i]:.2f}",
        )
        st.markdown(what_happens(survey, chosen, highest, dtype, display.md_escape(display.visible(scored.tokens[position].text or "…")), unit))
    with left:
        by_form = [[error(survey, form, s) for s in range(len(scales))] for form in range(len(NAMES))]
        alt = f"Errors of six forms in {dtype}. At × {display.number(scales[chosen])}: " + "; ".join(
            f"{name}: {error_words(by_form[i][chosen], unit)}" for i, name in enumerate(NAMES)
        )
        charts.draw(figure_of.errors, scales, by_form, NAMES, unit=unit, chosen=chosen, key="stability_errors", alt=alt)
    st.markdown(table(survey, chosen, unit))
    st.markdown(first_failures(survey, dtype))


def surveyed(scored: ScoredText, position: int, dtype: str):
    """(the survey, the largest logit): read back for the opening text, else computed from the kept logits."""
    view = stored.load(scored.model)
    if view is not None and (view.revision, view.position) == (scored.revision, position) and scored.text == examples.OPENING:
        return view.surveys[dtype], view.highest_logit
    ids = tuple(token.id for token in scored.tokens[: position + 1])
    return _computed(scored.model, scored.revision, ids, dtype, _scored=scored)


@st.cache_data(max_entries=64, show_spinner="Computing six forms at 29 scales …")
def _computed(model: str, revision: str, ids: tuple[int, ...], dtype: str, _scored: ScoredText):
    from lmviz import forms

    row = logits.reader_logits(_scored, positions=[len(ids) - 1])[0]
    return forms.survey(row, ids[-1], forms.DTYPES[dtype]), row.max().item()


def error(survey, form: int, scale: int) -> float:
    """|loss − reference|, nats; infinite or NaN as the loss is."""
    return abs(survey.losses[form][scale] - survey.reference[scale])


def what_happens(survey, chosen: int, highest: float, dtype: str, token: str, unit: str) -> str:
    """The answer at the chosen scale."""
    scale, truth = survey.scales[chosen], survey.reference[chosen]
    as_it_is = survey.reference[survey.scales.index(1.0)]
    wrong = [i for i in range(len(NAMES)) if not _right(survey, i, chosen)]
    text = (
        f"A model states raw scores, [logits](glossary?term=logit); the loss takes exp of them and a log. Six forms of it are equal on paper. “{token}” costs {display.amount(as_it_is, unit)}. With its logits ×\N{NO-BREAK SPACE}{display.number(scale)} the largest is {display.number(highest * scale)}, "
        f"and the loss is truly :orange[**{display.amount(truth, unit)}**]. "
    )
    if not wrong:
        return text + f"All six forms get loss and gradient right in {dtype}, as far as its digits go. Multiply the logits by more."
    names = ", ".join(str(i + 1) for i in wrong)
    return text + f"In {dtype} {'form' if len(wrong) == 1 else 'forms'} **{names}** {'fails' if len(wrong) == 1 else 'fail'}, in the loss or in its gradient."


def _right(survey, form: int, scale: int) -> bool:
    """Right but for rounding: the loss within 5 % and 0.1 nats, and the pull on the true logit within 5 %."""
    loss, pull = survey.losses[form][scale], survey.pulls[form][scale]
    return abs(loss - survey.reference[scale]) <= 0.1 + 0.05 * survey.reference[scale] and abs(pull - survey.true_pull[scale]) <= 0.05


def table(survey, chosen: int, unit: str) -> str:
    """The six results at one scale, as a Markdown table."""
    rows = [f"| form | loss, {unit} | off by, {unit} | pull |", "|---|---|---|---|"]
    for i, (name, colour) in enumerate(zip(NAMES, COLOURS)):
        loss, pull = survey.losses[i][chosen], survey.pulls[i][chosen]
        said = _word(loss) or display.number(display.in_unit(loss, unit), 4)
        rows.append(f"| :{colour}[**{i + 1}**] `{name}` | {said} | {_off(error(survey, i, chosen), unit)} | {_word(pull) or _whole(pull)} |")
    rows.append(f"| *as it should be* | {display.number(display.in_unit(survey.reference[chosen], unit), 4)} | | {_whole(survey.true_pull[chosen])} |")
    return "\n".join(rows)


def _off(nats: float, unit: str) -> str:
    """An error for a table cell: without the unit, and in one piece."""
    return _word(nats) or ("0" if nats == 0 else _whole(display.in_unit(nats, unit), 1 if nats < 0.01 else 2))


def _whole(value: float, digits: int = 2) -> str:
    """A few figures that are not torn apart at the end of a line."""
    return display.number(value, digits).replace(" ", "\N{NARROW NO-BREAK SPACE}")


def error_words(nats: float, unit: str) -> str:
    return _word(nats) or ("nothing" if nats == 0 else display.amount(nats, unit, 2))


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite" if math.isinf(value) else ""


def first_failures(survey, dtype: str) -> str:
    """Where each of the naive forms first breaks, loss and gradient apart."""
    parts = []
    for form in (0, 1):
        loss = next((s for s, value in zip(survey.scales, survey.losses[form]) if not math.isfinite(value)), None)
        pull = next((s for s, value in zip(survey.scales, survey.pulls[form]) if not math.isfinite(value)), None)
        if loss is None and pull is None:
            parts.append(f"form {form + 1} never breaks on this axis")
            continue
        both = [f"its loss at ×\N{NO-BREAK SPACE}{display.number(loss)}"] if loss is not None else []
        both += [f"its gradient at ×\N{NO-BREAK SPACE}{display.number(pull)}"] if pull is not None else []
        parts.append(f"form {form + 1} first breaks in " + " and ".join(both))
    early = (
        " A gradient can break before the loss does: some *other* token's probability has become 0, and on the way back through its logarithm 0 is divided by 0."
        if any(_gradient_first(survey, form) for form in (0, 1))
        else ""
    )
    return f"*Pull* is the size of the gradient on the logit of the token that came. In {dtype}, {'; '.join(parts)}.{early}"


def _gradient_first(survey, form: int) -> bool:
    return any(math.isfinite(loss) and not math.isfinite(pull) for loss, pull in zip(survey.losses[form], survey.pulls[form]))


def ranges() -> None:
    """What each precision can hold."""
    from lmviz import forms

    rows = ["| | exp(z) is infinite above z = | and exactly 0 below z = | 1e-12 becomes |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {display.number(high, 4)} | {display.number(low, 4)} | {display.number(epsilon, 2)} |"
        for name, (high, low, epsilon) in forms.ranges().items()
    ]
    st.markdown("\n".join(rows))


@st.fragment
def lid(unit: str) -> None:
    """What ε does: a slider, the cap, and the pull that vanishes."""
    from lmviz import forms

    left, right = st.columns([5, 6], gap="large")
    with left:
        exponent = linked(st).select_slider("ε", list(range(-16, -1)), value=-12, key="stability_epsilon", format_func=display.power_of_ten)
        c = forms.capped(10.0**exponent)
        st.markdown(lid_words(exponent, unit))
    with right:
        alt = f"With ε = 1e{exponent} the loss stops at {display.amount(-exponent * math.log(10), unit)} and the pull on the true logit falls to 0; the exact loss and pull do not."
        charts.draw(figure_of.capped, c.should_be, c.losses, c.pulls, epsilon=10.0**exponent, unit=unit, key="stability_lid", alt=alt)


def lid_words(exponent: int, unit: str) -> str:
    cap = -exponent * math.log(10)
    in_nats = f" ({display.amount(cap, 'nats')})" if unit != "nats" else ""
    return (
        f"With ε = {display.power_of_ten(exponent)} no loss can exceed −log ε = :green[**{display.amount(cap, unit)}**]{in_nats}, however wrong the model is. Worse is below: beyond that point the curve is flat, "
        "so its slope is 0. **A confident mistake is no longer corrected**; the model learns nothing from the very tokens it knows least about. "
        "The exact loss goes on rising, and always pulls with a force near 1."
    )


def prediction(scored: ScoredText, position: int) -> tuple[str, list[str], int, str, list[str]]:
    """What does the textbook form give in float16, with the logits as they are?"""
    survey, highest = surveyed(scored, position, PREDICTED)
    place = survey.scales.index(1.0)
    loss, truth = survey.losses[0][place], survey.reference[place]
    answer = 2 if math.isnan(loss) else 1 if math.isinf(loss) else 0
    because = {
        0: f"Every exp stays within float16’s range here: it gives {display.amount(loss, 'bits')}, and the truth is {display.amount(truth, 'bits')}.",
        1: f"The sum of the exps is infinite, or this token's own exp is 0; divided, that is a probability of exactly 0, and its −log is infinite. The truth is {display.amount(truth, 'bits')}.",
        2: f"A numerator and its sum have both left float16’s range, and inf/inf (or 0/0) is no number. The truth is {display.amount(truth, 'bits')}.",
    }[answer]
    tail = f" The largest logit is {display.number(highest)}, and in float16 exp(11.1) is already infinite." if highest > 11.1 else ""
    name = display.md_escape(display.visible(scored.tokens[position].text or "…"))
    question = f"The logits at “{name}” as they are, × 1. What does form 1, the textbook’s, give for the loss in float16?"
    largest = f"The largest number of float16 is 65 504 = exp(11.1), and the largest logit here is {display.number(highest)}."
    why_not = wrong.others(answer, [f"It would be, if exp of every logit and their sum had room. {largest}", f"It would be, if the sum had overflowed and the token's own exp had not, or if the latter were 0. {largest}",
                                    f"NaN comes of inf/inf or 0/0, so the token's own exp would have to overflow with the sum. {largest}"])  # fmt: skip
    return question, ["a finite number", "infinity", "NaN, not a number"], answer, because + tail, why_not


def code(scored: ScoredText, position: int) -> None:
    """“The code” of the chapter; torch is imported only at the foot of the page."""
    from lmviz import forms, stability

    functions = (
        stability.naive_softmax,
        stability.max_subtracted_softmax,
        stability.cross_entropy_with_epsilon,
        stability.logsumexp,
        stability.shifted_log_softmax,
        forms.survey,
    )
    show.code(snippet(scored, position), *functions, key="stability_code")


def snippet(scored: ScoredText, position: int) -> str:
    return f"""import torch
from lmviz import forms, models

model = models.load({scored.model!r})
ids = model.encode({scored.text[:300]!r}).ids
(states,), _ = model.states([[model.start_id, *ids[:-1]]])
row, came = model.logits(states)[{position}], ids[{position}]

survey = forms.survey(row, came, torch.float32, scales=[1.0, 4.0, 16.0])
print(survey.reference)                      # nats
for form, losses, pulls in zip(forms.FORMS, survey.losses, survey.pulls):
    print(form.__name__, losses, pulls)
"""
