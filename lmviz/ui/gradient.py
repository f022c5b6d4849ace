"""The sentences and the interactions of chapter 9: the gradient at a token, a step against it, its length along the sentence."""

import math

import streamlit as st

from lmviz import display, pulls
from lmviz.data.first_views import pulls as stored
from lmviz.figures import gradient
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, evidence, show, wrong
from lmviz.ui.links import linked


def within_reach(scored: ScoredText, selected: int) -> int:
    """The selected token, or the last whose logits are kept: of a very long text only the first ones are."""
    n = len(evidence.of(scored).log_p)
    if selected >= n:
        st.info(f"Of so long a text the logits of the first {n} tokens are kept; the last of them is shown.")
    return min(selected, n - 1)


def answer(scored: ScoredText, selected: int) -> str:
    """The question of the chapter, answered at the selected token."""
    here = evidence.of(scored).at([selected])
    return (
        f"It feels its mistake: what it said, minus what came. At :violet[**{_token(scored, selected)}**] that pulls one [logit](glossary?term=logit), a raw score, up by :orange[**{display.probability(here.missing[0])}**] "
        f"and pushes {display.number(scored.vocab_size - 1)} others down by as much together, each by the chance it was given."
    )


def bars(scored: ScoredText, selected: int) -> None:
    """The gradient at the selected token."""
    st.markdown("**ŷ − y**: :violet[what came] is pulled up, :blue[the rest] pushed down.")
    shown = gradient.entries(scored, selected)
    alt = f"Bars of ŷ − y: {', '.join(f'{label} {display.number(value, 2, sign=True)}' for label, value, _ in shown)}. They sum to 0."
    charts.draw(gradient.gradient_bars, scored, selected, key="gradient_bars", alt=alt)


@st.fragment
def step(scored: ScoredText, selected: int, unit: str) -> None:
    """A slider for the size of one step, the loss after it, and the same step along squared error's gradient."""
    st.markdown("**One step downhill**, z ← z − η(ŷ − y), and the loss after it.")
    found = evidence.steps(scored, selected)
    norm = float(evidence.of(scored).gradient_norm[selected])
    place = st.empty()
    eta = linked(st).slider("Step size η", stored.STEPS[0], stored.STEPS[-1], 3.0, stored.STEPS[1], key="gradient_step", format="%.2f")
    at = stored.STEPS.index(eta)
    before, after, squared = found.cross_entropy[0][0], found.cross_entropy[0][at], found.squared_error[0][at]
    alt = (
        f"Loss against step size for {display.visible(scored.tokens[selected].text)}: {display.amount(before, unit)} before, after a step of {display.number(eta)} "
        f"{display.amount(after, unit)} along cross-entropy's gradient and {display.amount(squared, unit)} along squared error's."
    )
    curves = (found.cross_entropy[0], found.squared_error[0])
    charts.draw(gradient.step_curves, stored.STEPS, *curves, norm, eta, unit=unit, key="gradient_steps", alt=alt, place=place)
    st.markdown(step_words(before, after, squared, norm, eta, unit))


def step_words(before: float, after: float, squared: float, norm: float, eta: float, unit: str) -> str:
    """What the step did, in numbers."""
    if eta == 0:
        return f"No step, no change: {display.amount(before, unit)}. The dotted line leaves with the slope there, −‖ŷ − y‖² = {display.number(-norm * norm)}."
    return (
        f"A step of {display.number(eta)} takes the loss from {display.amount(before, unit)} to :orange[**{display.amount(after, unit)}**], the chance of what came from "
        f"{display.probability(math.exp(-before))} to {display.probability(math.exp(-after))}. Along squared error's gradient the same step ends at :blue[**{display.amount(squared, unit)}**]."
    )


def facts(scored: ScoredText, selected: int) -> str:
    """The sum, the length, and the difference from autograd."""
    here = evidence.of(scored).at([selected])
    total = math.fsum(value for _, value, _ in gradient.entries(scored, selected))
    difference = float(evidence.steps(scored, selected).difference[0])
    zero = "exactly 0" if total == 0 else f"{display.number(total, 2)}, which is 0 but for rounding"
    agrees = "not at all" if difference == 0 else f"by at most {display.number(difference, 2)}"
    return (
        f"Three checks on these {display.number(scored.vocab_size)} numbers. They **sum to {zero}**: adding a constant to all logits changes no probability, so no gradient points that way. "
        f"Their **length** ‖ŷ − y‖ is {display.number(here.gradient_norm[0])}. And ŷ − y **is** the gradient: from what autograd finds by differentiating the loss, in float32, it differs {agrees}."
    )


def along(scored: ScoredText, selected: int) -> None:
    """The length of the gradient at every token."""
    known = evidence.of(scored)
    norms = known.gradient_norm
    longest, shortest = int(norms.argmax()), int(norms.argmin())
    alt = f"Length of the gradient at each token; longest at {display.visible(scored.tokens[longest].text)}, {display.number(norms[longest])}, shortest at {display.visible(scored.tokens[shortest].text)}, {display.number(norms[shortest])}."
    charts.draw(gradient.norms, scored, known, selected, key="gradient_norms", alt=alt)
    share = norms[longest] ** 2 / (norms**2).sum()
    st.markdown(
        f"This is how loudly each token speaks when the model is corrected. ‖ŷ − y‖² = (1 − p)² + the squares of all rivals' chances: longest at **{_token(scored, longest)}**, "
        f"{display.number(norms[longest])}, shortest at **{_token(scored, shortest)}**, {display.number(norms[shortest])}. A token that was foreseen says almost nothing; "
        f"the loudest holds {display.number(100 * share, 2)} % of the squared length of all {display.number(len(norms))}. The length squared is also the squared error, exactly: the loss of the next chapter is the size of this one's gradient."
    )


def vanishing(scored: ScoredText) -> None:
    """Pull against probability, with the reader's tokens on it."""
    known = evidence.of(scored)
    names = tuple(token.text or "…" for token in scored.tokens[: len(known.log_p)])
    worst = int(known.log_p.argmin())
    ce, se = (float(pulls.pull(name, known)[worst]) for name in ("cross_entropy", "squared_error"))
    alt = f"Pull against probability, one dot a token and loss. At the least likely token, p = {display.probability(known.p[worst])}, cross-entropy pulls {display.number(ce)}, squared error {display.number(se, 2)}."
    charts.draw(gradient.vanishing, known, names, key="gradient_vanishing", alt=alt)
    st.markdown(
        f"Each token of your text stands here twice. At **{_token(scored, worst)}**, p = {display.probability(known.p[worst])}, cross-entropy pulls with :orange[**{display.probability(ce)}**] "
        f"and squared error with :blue[**{display.number(se, 2)}**]. Whatever the rivals do, squared error's pull stays in the band, and the band goes to 0 with p: the surer the mistake, the less it corrects."
    )


def prediction(scored: ScoredText) -> tuple[str, list[str], int, str, list[str]]:
    """Does the least likely token have the longest gradient? Computed from this text."""
    known = evidence.of(scored)
    norms = known.gradient_norm
    worst, longest = int(known.log_p.argmin()), int(norms.argmax())
    because = f"At {_token(scored, worst)} the length is {display.number(norms[worst], 4)}: 1 − p is {display.probability(known.missing[worst])}, and no length passes √2. "
    if worst != longest:
        because += (
            f"The longest is at {_token(scored, longest)}, {display.number(norms[longest], 4)}, though its p is {display.probability(known.p[longest])}: there the model had put more on a few rivals "
            f"(their squares sum to {display.number(known.rival_squares[longest], 2)}, against {display.number(known.rival_squares[worst], 2)}). Being wrong and sure is a longer gradient than being merely surprised."
        )
    reasons = [
        f"The length is not the pull on the truth alone: the pushes on its rivals count too, squared, and at {_token(scored, longest)} they are larger.",
        f"The pull on the truth is 1 − p, largest here, and at no other token do the rivals make up for it: the next longest is {display.number(sorted(norms.tolist())[-2], 4) if len(norms) > 1 else '–'}.",
    ]
    answer = int(worst != longest)
    return (
        f"“{_token(scored, worst)}” is the least likely token of your text. Is its gradient also the longest?",
        ["yes", "no"],
        answer,
        because,
        wrong.others(answer, reasons),
    )


def code(scored: ScoredText, selected: int) -> None:
    """“The code” of the chapter; torch comes in only for who opens it."""
    functions = ()
    if st.session_state.get("gradient_code"):
        from lmviz import gradients, steps

        functions = (gradients.cross_entropy, gradients.squared_error, steps.loss_after_step, steps.autograd_difference, pulls.Evidence.gradient_norm.fget)
    show.code(snippet(scored, selected), *functions, key="gradient_code")


def snippet(scored: ScoredText, selected: int) -> str:
    eta = st.session_state.get("gradient_step", 3.0)
    return f"""import torch
from lmviz import gradients, losses, models

model = models.load({scored.model!r})
ids = model.encode({scored.text[:1000]!r}).ids
(states,), _ = model.states([[model.start_id, *ids[:-1]]])
z = model.logits(states)[{selected}].clone().requires_grad_()   # the selected token's row
y = torch.tensor(ids[{selected}])

losses.cross_entropy(z, y).backward()
g = gradients.cross_entropy(z.detach(), y)                # ŷ − y
print(g.double().sum().item())                            # 0 but for rounding
print(g.norm().item())                                    # its length
print((g - z.grad).abs().max().item())                    # against autograd
print(losses.cross_entropy(z.detach() - {eta} * g, y).item())   # nats, after the step
"""


def _token(scored: ScoredText, position: int) -> str:
    return display.md_escape(display.visible(scored.tokens[position].text or "…"))
