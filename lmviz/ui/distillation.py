"""The sentences and the interactions of chapter 14: a teacher and a student at one token, temperature, mixture, gradients."""

import math

import numpy as np
import streamlit as st

from lmviz import display, distillation, models
from lmviz.data.first_views import distillation as stored
from lmviz.figures import distillation as figures
from lmviz.models import files
from lmviz.models.scored import ScoredText
from lmviz.models.tokenizer import ByteBPE
from lmviz.ui import charts, distillation_pair, logits, show, strip, wrong
from lmviz.ui.links import linked
from lmviz.ui.memory import shared

TEMPERATURES = [0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0]
COLUMNS = [0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0]  # of the picture of rank groups
GRID = tuple(float(t) for t in np.geomspace(0.5, 20, 41))
GROUPS = {1: "its favourite", 10: "ranks 2–10", 100: "ranks 11–100", 1000: "ranks 101–1\u202f000"}
SHOWN = 40  # tokens of the picture along the sentence
CANDIDATES = 8


def answer(scored: ScoredText, selected: int) -> str:
    """The question of the chapter at the selected token, from the teacher's side."""
    others = [
        (text, p)
        for i, text, p in zip(scored.top_ids[selected], scored.top_texts[selected], np.exp(scored.top_log_probs[selected]))
        if i != scored.tokens[selected].id
    ]
    named = " and ".join(f":blue[**{_escape(text)}**] {display.probability(p)}" for text, p in others[:2])
    return (
        f"The text says one thing: :violet[**{_token(scored, selected)}**]. The teacher gave that {display.probability(math.exp(scored.log_probs[selected]))}, and would have believed {named} as well. "
        f"A text tells a student one token; a teacher tells it {display.number(scored.vocab_size)} numbers."
    )


@st.fragment
def lesson(scored: ScoredText, selected: int, unit: str) -> None:
    """Everything that temperature and mixture touch; once the logits are known no model runs."""
    if selected >= logits.n_kept(scored):
        st.info(f"Only the first {logits.n_kept(scored)} tokens of so long a text are compared; select one of them.")
        return
    picture, controls = st.columns([7, 3], gap="medium")
    known = stored.students(scored.model)
    with controls:
        student = linked(st).selectbox(
            "Student",
            known,
            index=known.index(stored.opening_student(scored.model)),
            format_func=distillation_pair.title,
            key=f"distillation_student_{scored.model}",
        )
        temperature = linked(st).select_slider("Temperature T", TEMPERATURES, value=1.0, key="distillation_temperature", format_func=display.number)
        alpha = linked(st).slider("α, the weight of the text", 0.0, 1.0, 0.5, 0.05, key="distillation_alpha")
    with picture:
        of_teacher, of_student = distillation_pair.both_logits(scored, student)
    ids = np.array([token.id for token in scored.tokens[: len(of_teacher)]])
    here = distillation.parts(of_student[selected], of_teacher[selected], ids[selected], alpha=alpha, temperature=temperature)
    with controls:
        st.markdown(mixture(here, alpha, unit))
    with picture:
        rows = candidates(scored, selected, of_teacher[selected], of_student[selected], temperature)
        charts.draw(
            figures.two, rows, scored.model, distillation_pair.title(student), key="distillation_two", alt=two_alt(rows, scored.model, student, temperature)
        )
    st.markdown(two_words(of_teacher[selected], student, temperature))

    distillation_pair.whose(scored)

    st.subheader("What no label can say", anchor=False)
    dark(scored, selected, of_teacher[selected], temperature, unit)

    st.subheader("Why T²?", anchor=False)
    found = distillation.lengths(of_student[selected], of_teacher[selected], int(ids[selected]), [*GRID, temperature])
    drawn = distillation.Lengths(found.hard, found.divergence[:-1], found.soft[:-1], found.limit)
    st.markdown(
        "The gradient of KL at temperature T is $(\\hat y_T - q_T)/T$: once divided by T because the logits are, and once more because two soft distributions differ by about 1/T. "
        "Multiplied by T², it stays on one scale, and α means much the same at every temperature."
    )
    charts.draw(figures.lengths, GRID, drawn, temperature, key="distillation_lengths", alt=lengths_alt(found, temperature))
    st.markdown(lengths_words(found, temperature))

    st.subheader("Along the sentence", anchor=False)
    n = min(SHOWN, len(of_teacher))
    every = distillation.parts(of_student[:n], of_teacher[:n], ids[:n], alpha=alpha, temperature=temperature)
    labels = [display.plotly_escape(label or display.visible(token.text)) for token, label in zip(scored.tokens[:n], strip.labels(scored)[:n], strict=True)]
    charts.draw(
        figures.along, labels, alpha * every.hard, (1 - alpha) * every.soft, selected, unit=unit, key="distillation_along", alt=along_alt(labels, every, unit)
    )
    st.markdown(along_words(scored, every, alpha, n, unit))


def candidates(scored: ScoredText, selected: int, of_teacher: np.ndarray, of_student: np.ndarray, temperature: float) -> list[figures.Row]:
    """The teacher's favourites, the student's, what came, and all the rest: rows that sum to 1 for both."""
    token = scored.tokens[selected].id
    shown = list(dict.fromkeys([*np.argsort(-of_teacher)[:CANDIDATES].tolist(), *np.argsort(-of_student)[:2].tolist(), token]))
    shown = sorted(shown, key=lambda i: -of_teacher[i])
    taught, said = (np.exp(distillation.soften(z, temperature)) for z in (of_teacher, of_student))
    names = _texts(shown, scored, selected)
    rows = [figures.Row(display.plotly_escape(name), float(taught[i]), float(said[i]), i == token) for i, name in zip(shown, names, strict=True)]
    rest = np.setdiff1d(np.arange(len(taught)), shown)
    return [*rows, figures.Row(f"{display.number(len(rest))} others", float(taught[rest].sum()), float(said[rest].sum()))]


def _texts(ids: list[int], scored: ScoredText, selected: int) -> list[str]:
    """Tokens as text: from the scored text where it has them, so that a first page loads no model; else from the vocabulary."""
    known = dict(zip(scored.top_ids[selected].tolist(), scored.top_texts[selected])) | {scored.tokens[selected].id: scored.tokens[selected].text}
    missing = [i for i in ids if i not in known]
    if missing:
        known |= {i: _vocabulary().token_bytes(i).decode("utf-8", "replace") for i in missing}
    return [display.visible(known[i]) for i in ids]


@shared()
def _vocabulary() -> ByteBPE:
    return ByteBPE.from_file(models.registry.DATA / "tokenizer" / "tokenizer.json", "lmviz", files.embedded_control(models.registry.DATA))


def two_alt(rows: list[figures.Row], teacher_name: str, student: str, temperature: float) -> str:
    said = "; ".join(
        f"{row.label}{' (what came)' if row.came else ''} {display.probability(row.teacher)} and {display.probability(row.student)}" for row in rows
    )
    return f"Probabilities at temperature {display.number(temperature)} under the teacher, {teacher_name}, and the student, {distillation_pair.title(student)}: {said}."


def two_words(of_teacher: np.ndarray, student: str, temperature: float) -> str:
    """What the temperature does to the teacher's favourite."""
    if temperature == 1:
        return (
            f"At T = 1 both are as they are, and the two losses are one: up to a constant, the total is the cross-entropy of the student, {distillation_pair.title(student)}, against a target "
            "that mixes what came with what the teacher believed. A higher T flattens both, so that the unlikely weighs more."
        )
    at_one, at_t = (math.exp(distillation.soften(of_teacher, t).max()) for t in (1.0, temperature))
    return (
        f"Both sets of logits are divided by T before the softmax: the teacher gives its favourite {display.probability(at_t)} instead of {display.probability(at_one)}. "
        f"The student, {distillation_pair.title(student)}, is asked to match the teacher at this T and the text at T = 1, and it is used at T = 1."
    )


def mixture(here: distillation.Parts, alpha: float, unit: str) -> str:
    """Hard, soft and total, in numbers."""
    hard, kl, soft, total = (display.amount(float(v), unit) for v in (here.hard, here.divergence, here.soft, here.total))
    return (
        f"**Hard**, from the text: −log ŷ = :orange[**{hard}**]\n\n**Soft**, from the teacher: T²·KL = :blue[**{soft}**], with KL = {kl}\n\n"
        f"**Total**: {display.number(alpha, 2)} · hard + {display.number(1 - alpha, 2)} · soft = **{total}**"
    )


def dark(scored: ScoredText, selected: int, of_teacher: np.ndarray, temperature: float, unit: str) -> None:
    """Who holds the teacher's probability, and how much of what it says is about the tokens that did not come."""
    columns = sorted({*COLUMNS, temperature})
    bounds = [b for b in GROUPS if b < len(of_teacher)]
    names = [*(GROUPS[b] for b in bounds), "all the rest"]
    held = distillation.shares(of_teacher, columns, bounds)
    at = held[columns.index(temperature)]
    alt = (
        f"Share of the teacher's probability at T = {display.number(temperature)}: "
        + ", ".join(f"{n} {display.probability(min(p, 1.0))}" for n, p in zip(names, at, strict=True))
        + "."
    )
    st.markdown(dark_words(scored, selected, of_teacher, unit))
    charts.draw(figures.shares, columns, held, names, temperature, key="distillation_shares", alt=alt)
    st.markdown(
        f"Temperature decides how much of it the student hears. At T = {display.number(temperature)} the favourite holds {display.probability(min(float(at[0]), 1.0))}, and the tokens "
        f"beyond rank 100 together {display.probability(min(float(at[3:].sum()), 1.0))}: too low a T hides the runners-up, too high a T drowns them in tokens about which the teacher knows nothing."
    )


def dark_words(scored: ScoredText, selected: int, of_teacher: np.ndarray, unit: str) -> str:
    found = distillation.lesson(of_teacher, scored.tokens[selected].id)
    return (
        f"A label has no entropy. The teacher's distribution has {display.amount(found.entropy, unit)} here, and they split exactly in two: {display.amount(found.whether, unit)} are the doubt whether "
        f":violet[**{_token(scored, selected)}**] comes at all, and **{display.amount(found.mass * found.which, unit)}** are about *which* other token might. The teacher leaves {display.probability(found.mass)} to the others, spread as if over "
        f"{display.number(found.rivals, 2)} equally likely ones out of {display.number(len(of_teacher) - 1)}. Hinton called that **[dark knowledge](glossary?term=dark-knowledge)**: which mistakes are nearly right."
    )


def lengths_alt(found: distillation.Lengths, temperature: float) -> str:
    return (
        f"Length of the gradient against temperature from {display.number(GRID[0])} to {display.number(GRID[-1])}: the text's own {display.number(found.hard)} everywhere; T² times KL from {display.number(found.soft[0])} "
        f"to {display.number(found.soft[-2])}; KL alone from {display.number(found.divergence[0])} to {display.number(found.divergence[-2])}. At T = {display.number(temperature)}: {display.number(found.soft[-1])} and {display.number(found.divergence[-1])}."
    )


def lengths_words(found: distillation.Lengths, temperature: float) -> str:
    """The lengths at the chosen temperature and where they go."""
    top = GRID[-1]
    return (
        f"At T = {display.number(temperature)} the text pulls with length {display.number(found.hard)}, the teacher with **{display.number(found.soft[-1])}**; without T² it would be {display.number(found.divergence[-1])}. "
        f"At T = {display.number(top)} the three are {display.number(found.hard)}, {display.number(found.soft[-2])} and {display.number(found.divergence[-2])}. As T grows, the second tends to {display.number(found.limit)}, "
        "the distance between the two sets of centred logits divided by V: hot distillation is matching logits. “On one scale” is meant as a power of T, not as equality: how far apart the two lengths are depends on the token."
    )


def along_alt(labels: list[str], every: distillation.Parts, unit: str) -> str:
    parts = "; ".join(f"{label} hard {display.amount(h, unit)}, soft {display.amount(s, unit)}" for label, h, s in zip(labels[:12], every.hard, every.soft))
    return f"Loss of the student token by token, from the text and from the teacher: {parts}."


def along_words(scored: ScoredText, every: distillation.Parts, alpha: float, n: int, unit: str) -> str:
    """Where the teacher matters most, over the tokens drawn."""
    most = int(every.soft.argmax())
    cut = f" These are the first {n} tokens." if n < len(scored) else ""
    return (
        f"The bars show both parts as they are added up, the text's times α and the teacher's times 1 − α. Before that, over {n} token{'s' if n > 1 else ''}, the mean hard loss is {display.amount(every.hard.mean(), unit)}, the mean soft loss {display.amount(every.soft.mean(), unit)}; with α = {display.number(alpha, 2)} the mean total is "
        f"**{display.amount(every.total.mean(), unit)}**. The teacher has most to teach at :violet[**{_token(scored, most)}**], {display.amount(every.soft[most], unit)}.{cut}"
    )


def prediction(scored: ScoredText, selected: int) -> tuple[str, list[str], int, str, list[str]] | None:
    """How much shorter is KL's own gradient at T = 8 than at T = 2? Computed at the selected token with the opening student."""
    if selected >= logits.n_kept(scored):
        return None
    of_teacher, of_student = distillation_pair.both_logits(scored, stored.opening_student(scored.model))
    found = distillation.lengths(of_student[selected], of_teacher[selected], scored.tokens[selected].id, [2.0, 8.0])
    ratio = float(found.divergence[0] / found.divergence[1])
    options = ["less than 3 times", "3 to 9 times", "9 to 27 times", "more than 27 times"]
    because = (
        f"It goes from {display.number(found.divergence[0], 2)} to {display.number(found.divergence[1], 2)}, {display.number(ratio, 2)} times shorter. In the limit of high temperatures it would be 4² = 16 times; "
        f"with T² in front, the two are {display.number(found.soft[0])} and {display.number(found.soft[1])}."
    )
    question = f"At “{_token(scored, selected)}”, with {distillation_pair.title(stored.opening_student(scored.model))} as the student, T is raised from 2 to 8. How many times shorter does the gradient of KL become, without T²?"
    answer = int(np.searchsorted([3, 9, 27], ratio, side="right"))
    under = "T divides twice: the logits, and with them how far the two distributions lie apart; and once more the slope of the softened student."
    over = "Each of the two divisions is by 4, from 2 to 8, and the first bites less while the distributions are still steep."
    why_not = wrong.by_range(
        [3, 9, 27],
        answer,
        lambda edge: f"a length of {display.number(found.divergence[0] / edge, 2)}",
        display.number(found.divergence[1], 2),
        under=under,
        over=over,
    )
    return question, options, answer, because, why_not


def code(scored: ScoredText, selected: int) -> None:
    """“The code” of the chapter; torch comes in only for who opens it."""
    functions = ()
    if st.session_state.get("distillation_code"):
        from lmviz import gradients, losses
        from lmviz.training import distil

        functions = (losses.distillation, gradients.distillation, distillation.parts, distillation.lengths, distillation.lesson, distil.objective)
    show.code(snippet(scored, selected), *functions, key="distillation_code", of=(scored.model, stored.opening_student(scored.model)))


def snippet(scored: ScoredText, selected: int) -> str:
    """The three losses at the selected token, with the student, T and α that the page shows."""
    student = st.session_state.get(f"distillation_student_{scored.model}") or stored.opening_student(scored.model)
    T, alpha = (st.session_state.get(f"distillation_{name}", value) for name, value in (("temperature", 1.0), ("alpha", 0.5)))
    return f"""import torch
from lmviz import losses, models

teacher, student = models.load({scored.model!r}), models.load({student!r})
ids = teacher.encode({scored.text[:300]!r}).ids
rows = []
for model in (teacher, student):
    (states,), _ = model.states([[model.start_id, *ids[:-1]]])
    rows.append(model.logits(states).clone())

t, T, alpha = {selected}, {T:g}, {alpha:g}           # the selected token, the temperature, the weight of the text
v, z, y = rows[0][t], rows[1][t], torch.tensor(ids[t])
print(losses.cross_entropy(z, y).item())             # hard, nats
print(losses.distillation(z, v, y, alpha=0.0, temperature=T).item())        # soft: T² · KL(teacher_T ‖ student_T)
print(losses.distillation(z, v, y, alpha=alpha, temperature=T).item())      # both
"""


def _token(scored: ScoredText, position: int) -> str:
    return _escape(scored.tokens[position].text or "…")


def _escape(text: str) -> str:
    return display.md_escape(display.visible(text))
