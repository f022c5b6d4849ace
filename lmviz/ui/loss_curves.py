"""The sentences and the interactions of chapter 10: five losses side by side, on curves, on the reader's sentence, in a table."""

import math

import numpy as np
import streamlit as st

from lmviz import display, pulls
from lmviz.data import examples
from lmviz.figures import loss_curves
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, evidence, pull_rows, show, wrong
from lmviz.ui.links import linked

NAMES = {name: style[0] for name, style in loss_curves.STYLE.items()}
LEGEND = {  # the lines as they are drawn; Plotly's own legend forgets what was hidden whenever a slider moves
    "cross_entropy": ":orange[━ cross-entropy]",
    "squared_error": ":blue[╍ squared error]",
    "hinge": ":green[┈ hinge]",
    "focal": ":violet[╌· focal]",
    "label_smoothing": ":yellow[— – label smoothing]",
}
FORMULAS = {  # name: (loss, −∂loss/∂z_y); p is the probability of the truth, m its margin
    "cross_entropy": (r"$-\log p$", r"$1-p$"),
    "squared_error": (r"$L=\sum_k(\hat y_k-y_k)^2$", r"$2p\,L$"),
    "hinge": (r"$\max(0,\,\mu-m)$", r"$1$ if $m<\mu$"),
    "focal": (r"$-\alpha(1-p)^\gamma\log p$", r"$\alpha(1-p)^\gamma(1-p-\gamma\,p\log p)$"),
    "label_smoothing": (r"$-\sum_k q_k\log\hat y_k$", r"$q_y-p$"),
}
TRUTH = 0.7  # the two-class question of the table
SHOWN = (0.01, 0.5, 0.99)
OPENING_CLASSES = 10  # over a whole vocabulary the hinge would be a flat line: one slide away
PAPERS = {
    "hinge": "https://jmlr.org/papers/v2/crammer01a.html",
    "focal": "https://arxiv.org/abs/1708.02002",
    "label_smoothing": "https://arxiv.org/abs/1512.00567",
}


def answer(scored: ScoredText, selected: int) -> str:
    """The question of the chapter, answered with the selected token's numbers."""
    known = evidence.of(scored)
    if selected >= len(known.log_p):
        return f"Only the first {len(known.log_p)} tokens of so long a text have their pulls computed; select one of them."
    here = known.at([selected])
    ce, se = (pulls.pull(name, here).item() for name in ("cross_entropy", "squared_error"))
    return (
        f"The model gave :violet[**{_token(scored, selected)}**] {display.one_in(here.p[0])}. To learn from that, a loss must pull its logit up. "
        f"Cross-entropy pulls with :orange[**{display.probability(ce)}**] of a possible 1; squared error, on the same logits, with **{display.number(se, 2)}**."
    )


@st.fragment
def side_by_side(scored: ScoredText, selected: int, unit: str) -> None:
    """Curves, sentence and table under one set of parameters; nothing here runs a model once the logits are known."""
    picture, controls = st.columns([7, 3], gap="medium")
    with controls:
        axis = linked(st).segmented_control(
            "Against",
            list(loss_curves.AXES),
            default="probability",
            required=True,
            key="losses_axis",
            format_func=lambda a: {"margin": "logit margin"}.get(a, a),
        )
        n_classes = linked(st).select_slider(
            "Classes", _class_counts(scored.vocab_size), value=OPENING_CLASSES, key=f"losses_classes_{scored.vocab_size}", format_func=display.number
        )
        gamma = linked(st).slider("γ of focal", 0.0, 5.0, 2.0, 0.1, key="losses_gamma")
        alpha = linked(st).slider("α of focal", 0.1, 2.0, 1.0, 0.1, key="losses_alpha")
        smoothing = linked(st).slider("ε of label smoothing", 0.0, 0.5, 0.1, 0.01, key="losses_smoothing")
        margin = linked(st).slider("Margin μ of hinge", 0.0, 10.0, 1.0, 0.5, key="losses_margin")
    settings = pulls.Settings(margin=margin, alpha=alpha, gamma=gamma, smoothing=smoothing)
    with picture:
        known = evidence.of(scored)
        there = selected < len(known.log_p)
        with_point = linked(st).toggle(
            f"Put {display.md_escape(display.visible(scored.tokens[selected].text))} on the curves, where its real logits stand",
            value=True,
            key="losses_point",
            disabled=not there,
        )
        shown = linked(st).segmented_control(
            "Curves", list(LEGEND), selection_mode="multi", default=list(LEGEND), key="losses_shown", format_func=LEGEND.get, label_visibility="collapsed"
        )
        point = loss_curves.Point(display.plotly_escape(display.visible(scored.tokens[selected].text)), known.at([selected])) if with_point and there else None
        alt = curves_alt(n_classes, settings, unit)
        charts.draw(loss_curves.loss_curves, n_classes, settings, unit=unit, axis=axis, point=point, shown=shown, key="losses_curves", alt=alt)
    st.markdown(curves_words(n_classes, settings))

    st.subheader("One sentence, five losses", anchor=False)
    sentence(scored, selected, settings)

    st.subheader("Side by side", anchor=False)
    with st.container(key="losses_table"):
        st.markdown(table(n_classes, settings, unit))
    st.markdown(table_words(n_classes, settings, unit))


def _class_counts(vocab_size: int) -> list[int]:
    return sorted({2, 3, 5, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 50_257, min(vocab_size, 50_257)})


def curves_alt(n_classes: int, settings: pulls.Settings, unit: str) -> str:
    """The curves in words: what each loss is at three probabilities."""
    at = pulls.evenly_spread(pulls.even_margin(SHOWN, n_classes), n_classes)
    parts = []
    for name, label in NAMES.items():
        heights, slopes = loss_curves.in_unit(name, pulls.loss(name, at, settings), unit), pulls.pull(name, at, settings)
        parts.append(f"{label} {', '.join(loss_curves.amount(name, h, unit) for h in heights)}, pull {', '.join(display.number(s) for s in slopes)}")
    return f"Loss and pull of five losses over {display.number(n_classes)} classes, at p = {', '.join(map(str, SHOWN))}: " + "; ".join(parts) + "."


def curves_words(n_classes: int, settings: pulls.Settings) -> str:
    """How to read the curves."""
    silent = float(pulls.evenly_spread(settings.margin, n_classes).p)
    return (
        "Above, what each loss charges; below, **the pull**: how fast it would lower itself by raising the true token's logit. Click a name in the legend to hide its curves. "
        f"The curves let the other {display.number(n_classes - 1)} classes share evenly what the truth lacks; a real token's rivals never do, so the points of losses that look at the rivals may lie beside their curves. "
        f"With so many classes the hinge is satisfied from p = {display.probability(silent)} on: it compares with the strongest rival alone."
    )


def sentence(scored: ScoredText, selected: int, settings: pulls.Settings) -> None:
    """One row a loss: the same real logits, coloured by the pull on what came."""
    opening = scored.text == examples.OPENING
    which = linked(st, name="losses_sentence").segmented_control("Sentence", ["mistake", "yours"], default="mistake" if opening else "yours", required=True, label_visibility="collapsed",
                                 key=f"losses_sentence_{opening}", format_func=lambda w: {"mistake": "A confident mistake", "yours": "Your text"}[w])  # fmt: skip
    text = evidence.mistake(scored.model) if which == "mistake" else scored
    known = evidence.of(text)
    n = len(known.log_p)
    worst = int(known.margin.argmin())
    st.markdown(sentence_words(text, known, worst, settings))
    rows = [(NAMES[name], pulls.pull(name, known, settings)) for name in pulls.LOSSES]
    tokens = [token.text or "…" for token in text.tokens[:n]]
    pull_rows.pull_rows(
        tokens, rows, chances=known.p, key="losses_rows", title="The pull of five losses on every token", selected=worst if which == "mistake" else selected
    )
    cut = f" These are the first {n} tokens." if n < len(text) else ""
    st.caption(f"Full colour is a pull of 1; a minus is a push down.{cut}")


def sentence_words(text: ScoredText, known: pulls.Evidence, worst: int, settings: pulls.Settings) -> str:
    """What happens at the token whose strongest rival leads by most."""
    if known.margin[worst] >= 0:
        return "The model's favourite came every time: there is no mistake in this text to learn from."
    here = known.at([worst])
    favourite = math.exp(known.log_p[worst] - known.margin[worst])
    ce, se = (pulls.pull(name, here, settings).item() for name in ("cross_entropy", "squared_error"))
    return (
        f"Before :violet[**{_token(text, worst)}**] the model bet {display.probability(favourite)} on :blue[**{display.md_escape(display.visible(text.top_texts[worst][0]))}**], and "
        f"{display.probability(here.p[0])} on what came. Cross-entropy blazes there, {display.number(ce)}. Squared error is nearly blank, {display.number(se, 2)}: "
        f"{display.number(ce / se, 2)} times less, just where there is most to learn."
    )


def table(n_classes: int, settings: pulls.Settings, unit: str) -> str:
    """The table as Markdown: formula, pull, values at three probabilities, least value, and what a 70 % truth is answered with."""
    at = pulls.evenly_spread(pulls.even_margin(SHOWN, n_classes), n_classes)
    values = " | ".join(f"p = {p}" for p in SHOWN)
    lines = [f"| | loss | pull | {values} | least | told {TRUTH:.0%}, states |".replace("%", "\u202f%"), "|---" * 8 + "|"]
    for name in NAMES:
        heights = loss_curves.in_unit(name, pulls.loss(name, at, settings), unit)
        slopes = pulls.pull(name, at, settings)
        cells = " | ".join(f"{display.number(float(h), 2)}; {display.number(s, 2)}" for h, s in zip(heights, slopes, strict=True))
        asks = pulls.best_answer(name, TRUTH, settings)
        verdict = f"{asks:.3f}: {'proper' if abs(asks - TRUTH) < 1e-6 else 'not proper'}"
        lines.append(f"| **{with_paper(name)}** | {FORMULAS[name][0]} | {FORMULAS[name][1]} | {cells} | {least(name, n_classes, settings, unit)} | {verdict} |")
    return "\n".join(lines)


def with_paper(name: str) -> str:
    """The loss by name, as a link to its paper where one is meant."""
    return f"[{NAMES[name]}]({PAPERS[name]})" if name in PAPERS else NAMES[name]


def least(name: str, n_classes: int, settings: pulls.Settings, unit: str) -> str:
    """The least value of a loss, and where it is reached."""
    if name == "hinge":
        return f"0, from m = {display.number(settings.margin, 2)}"
    if name != "label_smoothing" or settings.smoothing == 0:
        return "0, as p → 1"
    on_target = 1 - settings.smoothing + settings.smoothing / n_classes
    at = pulls.evenly_spread(pulls.even_margin(on_target, n_classes), n_classes)
    return f"{display.number(display.in_unit(pulls.loss(name, at, settings).item(), unit), 2)} at p = {display.probability(on_target)}"


def table_words(n_classes: int, settings: pulls.Settings, unit: str) -> str:
    """How to read the table, and what "proper" was tested by."""
    focal = pulls.best_answer("focal", TRUTH, settings)
    hinge = pulls.best_answer("hinge", TRUTH, settings)
    return (
        f"Each cell holds the loss ({unit}; squared error has no unit) and the pull, for {display.number(n_classes)} classes; the pull is $-\\partial L/\\partial z_y$, $m$ the margin, $\\mu$ the margin asked for, $q$ the smoothed target. The last column is a test: one of two things comes {TRUTH:.0%} of the time; ".replace(
            "%", " %"
        )
        + f"which probability has the least expected loss? A **proper** score is best served by the truth. Focal loss prefers {focal:.3f}, the hinge {hinge:.3f} whatever the truth, "
        "and label smoothing the truth pulled towards even odds. Only cross-entropy and squared error ask the model to say what it believes; of these two, only cross-entropy pulls hard when it is badly wrong."
    )


def prediction(scored: ScoredText) -> tuple[str, list[str], int, str, list[str]]:
    """How many times harder does cross-entropy pull on the least likely token? Computed from this text."""
    known = evidence.of(scored)
    worst = int(known.log_p.argmin())
    here = known.at([worst])
    ce, se = (pulls.pull(name, here).item() for name in ("cross_entropy", "squared_error"))
    ratio = ce / se if se else math.inf
    options = ["less than 2 times", "2 to 10 times", "10 to 100 times", "100 to 1 000 times", "more than 1 000 times"]
    because = (
        f"Cross-entropy pulls with {display.number(ce)}, squared error with {display.number(se, 2)}: {display.number(ratio, 2)} times less. Its pull is 2p times its own loss, the loss is at most 2, "
        f"and p is {display.probability(here.p[0])}."
    )
    question = f"“{_token(scored, worst)}” is the least likely token of your text. How many times harder does cross-entropy pull on it than squared error?"
    edges = [2, 10, 100, 1000]
    answer = int(np.searchsorted(edges, ratio, side="right"))
    under = "Squared error stands behind the softmax, whose slope is nearly 0 where p is: its pull shrinks with p, that of cross-entropy does not."
    over = "The pull of squared error shrinks with p, but no faster: p is not that small here."
    why_not = wrong.by_range(
        edges, answer, lambda edge: f"a pull of {display.number(ce / edge, 2)} by squared error", display.number(se, 2), under=under, over=over
    )
    return question, options, answer, because, why_not


def code(scored: ScoredText, selected: int) -> None:
    """“The code” of the chapter; torch comes in only for who opens it."""
    functions = ()
    if st.session_state.get("losses_code"):
        from lmviz import gradients, losses

        functions = (losses.cross_entropy, losses.squared_error, losses.hinge, losses.focal, losses.label_smoothing, gradients.squared_error, pulls.pull)
    show.code(snippet(scored, selected), *functions, key="losses_code")


def snippet(scored: ScoredText, selected: int) -> str:
    return f"""import torch
from lmviz import losses, models

model = models.load({scored.model!r})
ids = model.encode({scored.text[:300]!r}).ids
(states,), _ = model.states([[model.start_id, *ids[:-1]]])
logits, targets = model.logits(states).clone(), torch.tensor(ids)

t = {selected}                                   # the selected token
for loss in (losses.cross_entropy, losses.squared_error, losses.hinge, losses.focal, losses.label_smoothing):
    z = logits[t].clone().requires_grad_()
    loss(z, targets[t]).backward()
    print(loss.__name__, -z.grad[targets[t]].item())    # the pull on what came, by autograd
"""


def _token(scored: ScoredText, position: int) -> str:
    return display.md_escape(display.visible(scored.tokens[position].text))
