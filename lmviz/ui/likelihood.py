"""The sentences and the small interactions of chapter 7: four computations, a batch drawn, the same place ten times."""

from __future__ import annotations

import math

import streamlit as st

from lmviz import display
from lmviz.data import examples
from lmviz.data.first_views import likelihood as stored
from lmviz.figures import arrows
from lmviz.figures import batch as batch_figure
from lmviz.figures import likelihood as figure_of
from lmviz.figures.batch import Cell
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, logits, show, wrong
from lmviz.ui.links import linked

NAMES = ("Maximum likelihood", "Negative log-likelihood", "Cross-entropy, one-hot", "KL to the data")
SHOWN = 6  # tokens of the text in the drawn batch
TIMES = 10  # how often the same place is seen, in the thought experiment


@st.fragment
def one_number(scored: ScoredText, unit: str) -> None:
    """Peak and valley, and the four results at the temperature that the reader chooses. No model runs for the slider."""
    view = _stored(scored)
    temperatures, curve = (view.temperatures, view.curve) if view else _curve(scored)
    left, right = st.columns([6, 5], gap="large")
    with right:
        answer, table = st.empty(), st.empty()
        chosen = linked(st).select_slider("Temperature τ: every logit divided by", options=list(range(len(temperatures))), value=list(temperatures).index(1.0), key="likelihood_temperature",
                                  format_func=lambda i: f"{temperatures[i]:.2f}")  # fmt: skip
    values = view.ways[chosen] if view else _four(scored, temperatures[chosen])
    n = logits.n_kept(scored)
    answer.markdown(one_number_words(values, n, len(scored), unit))
    table.markdown(four_rows(values, unit))
    with left:
        best = temperatures[figure_of.best_place(temperatures, curve)]
        alt = f"Two curves over temperature. The likelihood of the text is highest, and its mean loss lowest, at {display.number(best)}; chosen: {display.number(temperatures[chosen])}."
        charts.draw(figure_of.peak_and_valley, temperatures, curve, n, chosen=chosen, unit=unit, key="likelihood_curves", alt=alt)


def _stored(scored: ScoredText) -> stored.LikelihoodView | None:
    view = stored.load(scored.model)
    return view if view is not None and view.revision == scored.revision and scored.text == examples.OPENING else None


def _curve(scored: ScoredText) -> tuple[tuple[float, ...], list[float]]:
    return _computed_curve(scored.model, scored.revision, _ids(scored), _scored=scored)


@st.cache_data(max_entries=64, show_spinner="Reading the text at 37 temperatures …")
def _computed_curve(model: str, revision: str, ids: tuple[int, ...], _scored: ScoredText):
    import torch

    from lmviz import likelihood

    return likelihood.TEMPERATURES, likelihood.at_temperatures(logits.reader_logits(_scored), torch.tensor(ids))


def _four(scored: ScoredText, temperature: float) -> tuple[float, ...]:
    return _computed_four(scored.model, scored.revision, _ids(scored), temperature, _scored=scored)


@st.cache_data(max_entries=256, show_spinner=False)
def _computed_four(model: str, revision: str, ids: tuple[int, ...], temperature: float, _scored: ScoredText):
    import torch

    from lmviz import likelihood

    return likelihood.four_ways(logits.reader_logits(_scored), torch.tensor(ids), temperature=temperature)


def _ids(scored: ScoredText) -> tuple[int, ...]:
    return tuple(token.id for token in scored.tokens[: logits.n_kept(scored)])


def one_number_words(values, n: int, n_tokens: int, unit: str) -> str:
    spread = _largest_difference(values)
    difference = "exactly **0**" if spread == 0 else f"**{display.amount(spread, unit, 2)}**"
    cut = f" (Of {display.number(n_tokens)} tokens the first {display.number(n)} are taken here.)" if n < n_tokens else ""
    return f"A model gives each token a raw score, its [logit](glossary?term=logit); a [softmax](glossary?term=softmax) makes probabilities of them. How well they fit a text has four names in the books. Computed four ways, it is one number: :orange[**{display.amount(values[1], unit)}**] a token. The largest difference between any two is {difference}.{cut}"


def _largest_difference(values) -> float:
    return 0.0 if len(set(values)) == 1 else max(values) - min(values)


def four_rows(values, unit: str) -> str:
    """The four results with all their digits, as a Markdown table; digits that not all four share are orange."""
    shown = [f"{display.in_unit(value, unit):.15f}" if math.isfinite(value) else display.INFINITY for value in values]
    common = next((i for i, column in enumerate(zip(*shown)) if len(set(column)) > 1), min(map(len, shown)))
    cells = [digits[:common] + (f":orange[{digits[common:]}]" if digits[common:] else "") for digits in shown]
    return "\n".join([f"| | {unit} a token |", "|---|---|", *(f"| {name} | {cell} |" for name, cell in zip(NAMES, cells))])


@st.fragment
def one_at_a_time(scored: ScoredText, unit: str) -> None:
    """One of the four: its formula, what is computed, and the code that did it."""
    name = linked(st).pills("Which", NAMES, default=NAMES[0], required=True, key="likelihood_way", label_visibility="collapsed")
    which = NAMES.index(name)
    words, formula = WAYS[which]
    st.markdown(words)
    st.latex(formula)
    with st.expander("Its code", key=f"likelihood_way_code_{which}", on_change="rerun") as opened:
        if opened.open:
            from lmviz import likelihood

            show.source_of(likelihood.WAYS[which])


WAYS = (
    (
        "Choose the model under which what was written is most probable. The chances of all tokens are multiplied, and only the product is looked at. "
        "(Here its logarithm is taken once, at the end, and divided by −T, so that it can be compared.)",
        r"\max_\theta\, \prod_{t=1}^{T} \hat y_t[w_t] \;\Longleftrightarrow\; \min_\theta\, -\tfrac1T \log \prod_{t=1}^{T} \hat y_t[w_t]",
    ),
    (
        "The logarithm grows with its argument, so the product is largest where the sum of logarithms is, and the sum of their negatives smallest. "
        "No product is ever formed, and each term is computed from the logits $z_t$ without forming a probability.",
        r"\begin{aligned} \min_\theta\, &\tfrac1T \sum_{t=1}^{T} -\log \hat y_t[w_t] \\ = &\tfrac1T \sum_{t=1}^{T} \Bigl( \log \sum_k e^{z_t[k]} - z_t[w_t] \Bigr) \end{aligned}",
    ),
    (
        "Write what came as a distribution over the vocabulary: 1 on the token that came, 0 on all others. Its cross-entropy with the model's prediction is a sum over "
        "the whole vocabulary, of which a single term is not zero.",
        r"\begin{aligned} \min_\theta\, &\tfrac1T \sum_{t=1}^{T} H(1_{w_t}, \hat y_t) \\ = &\tfrac1T \sum_{t=1}^{T} \sum_{k=1}^{V} -\,1[k = w_t]\, \log \hat y_t[k] \end{aligned}",
    ),
    (
        "How far is the model from the data's own distribution $p_t$? In one text every beginning occurs once, so $p_t$ is one-hot, with an entropy of 0, "
        "and the divergence is the whole cross-entropy. Where beginnings repeat there is a remainder, $H(p_t)$; see below.",
        r"\begin{aligned} \min_\theta\, &\tfrac1T \sum_{t=1}^{T} \mathrm{KL}(p_t \,\|\, \hat y_t) \\ = &\tfrac1T \sum_{t=1}^{T} \bigl( H(p_t, \hat y_t) - H(p_t) \bigr) \end{aligned}",
    ),
)


def cells(scored: ScoredText) -> list[list[Cell]]:
    """A batch of two: the text's first tokens, and the first half of them, filled up; what each place cost.

    subtle: the second text begins like the first, and a causal model never looks ahead: their losses are the same numbers.
    """
    n = min(len(scored), SHOWN)
    half = max(1, n // 2)
    texts = ["⟨start⟩", *((token.text or "…") for token in scored.tokens[:n])]
    costs = [float(nats) for nats in scored.losses[:n]]
    first = [Cell(texts[t], texts[t + 1], costs[t]) for t in range(n)]
    second = [first[t] if t < half else Cell("⟨pad⟩", None, 0.0) for t in range(n)]
    return [first, second]


def batch(scored: ScoredText, unit: str) -> None:
    """The shift and the reshape, drawn on the reader's own tokens, and the mean over the right number."""
    rows = cells(scored)
    B, T, V = len(rows), len(rows[0]), scored.vocab_size
    left, right = st.columns([6, 5], gap="large")
    with left:
        st.markdown(
            f"**Shift.** Read one row, predict the next: `targets[b, t]` is `inputs[b, t + 1]`. The model answers every input with {display.number(V)} logits."
        )
        alt = f"A batch of {B} texts of {T} places. Each row of targets is the row of inputs one step to the left; the second text is filled up with padding whose target is −100."
        charts.draw(batch_figure.shift, rows, key="likelihood_shift", alt=alt)
        st.markdown(batch_words(rows, V, unit))
    with right:
        st.markdown(f"**Reshape.** [{B}, {T}, V] becomes [{B * T}, V]: {B * T} independent questions, and the loss does not know which text they are from.")
        alt = f"{B * T} rows with their losses in {unit}; padding rows cost 0 and are ignored."
        charts.draw(batch_figure.flattened, rows, unit=unit, key="likelihood_flattened", alt=alt)


def batch_words(rows: list[list[Cell]], V: int, unit: str) -> str:
    every = [cell for row in rows for cell in row]
    counted = [cell.nats for cell in every if cell.target is not None]
    total = math.fsum(counted)
    text = f"**Ignore.** A target of −100 is no token: its row costs 0 and sends no gradient. Sum {display.amount(total, unit)}, divided by the {len(counted)} rows that count: :orange[**{display.amount(total / len(counted), unit)}**]."
    if len(counted) < len(every):
        text += f" Divided by all {len(every)} rows it would be {display.amount(total / len(every), unit)}, too small, and smaller the more padding there is."
    return text


@st.fragment
def ten_times(scored: ScoredText, position: int, unit: str) -> None:
    """The selected place seen ten times with two continuations: the loss splits into what the data keeps and what the model adds."""
    if math.isnan(scored.log_probs[position]):
        st.markdown("The selected token is not scored; select another one in the strip.")
        return
    came, other, q = two_candidates(scored, position)
    st.markdown(
        f"Suppose a corpus came to the selected place {TIMES} times, and “{came}” did not always follow: sometimes it was “{other}”. Then the data's distribution is no longer "
        "one-hot, and has an entropy of its own that no model can remove."
    )
    left, right = st.columns([5, 6], gap="large", vertical_alignment="center")
    with left:
        times = linked(st).slider(f"“{came}” followed, of {TIMES} times", 0, TIMES, 7, key="likelihood_times")
    from lmviz import information

    p = [times / TIMES, 1 - times / TIMES, 0.0]
    h, ce, kl = (quantity.item() for quantity in (information.entropy(p), information.cross_entropy(p, q), information.kl_divergence(p, q)))
    with left:
        st.markdown(
            f"The mean loss over the {TIMES} visits is {display.amount(ce, unit)}; of that {display.amount(h, unit)} is in the data, and :orange[**{display.amount(kl, unit)}**] is the model's to lose. "
            "H(p) does not depend on the model, so minimising one minimises the other."
        )
    with right:
        alt = f"Entropy of the data {display.amount(h, unit)}, KL {display.amount(kl, unit)}, cross-entropy {display.amount(ce, unit)}."
        limit = 1.15 * max(math.log(2.0), -math.log(q[0]), -math.log(q[1])) if min(q[:2]) > 0 else None
        charts.draw(arrows.three_arrows, h, ce, kl, unit=unit, limit=limit, key="likelihood_arrows", alt=alt)


def two_candidates(scored: ScoredText, position: int) -> tuple[str, str, list[float]]:
    """What came, the best other token (both safe for Markdown), and the model's probabilities [came, other, all the rest]."""
    token = scored.tokens[position]
    best = next(i for i, candidate in enumerate(scored.top_ids[position]) if candidate != token.id)
    names = [display.md_escape(display.visible(text)) for text in (token.text or "…", scored.top_texts[position][best])]
    q = [math.exp(scored.log_probs[position]), math.exp(scored.top_log_probs[position][best])]
    return names[0], names[1], [*q, 1.0 - sum(q)]


QUESTION = "Of all temperatures on the slider, which makes your text most likely?"
OPTIONS = ["below 1: surer of itself than it is", "1: as it is", "above 1: less sure of itself"]


def prediction(scored: ScoredText) -> tuple[str, list[str], int, str, list[str]]:
    """On which side of 1 does the text's most likely temperature lie?"""
    view = _stored(scored)
    temperatures, curve = (view.temperatures, view.curve) if view else _curve(scored)
    best = temperatures[figure_of.best_place(temperatures, curve)]
    answer = 0 if best < 1 else 2 if best > 1 else 1
    if figure_of.is_flat(curve):
        because = (
            "This model finds every token equally likely, so dividing all logits by the same number changes nothing: its loss is the same at every temperature."
        )
        return (
            QUESTION,
            OPTIONS,
            answer,
            because,
            wrong.others(answer, ["Any other temperature costs as much, and of equals this book takes the one nearest to 1."] * 3),
        )
    at_one = curve[list(temperatures).index(1.0)]
    because = (
        f"Of the {len(temperatures)} temperatures on the slider, {display.number(best)} makes your text most likely, and by the same stroke its loss smallest: "
        f"{display.amount(min(curve), 'bits')} a token against {display.amount(at_one, 'bits')} at 1. One text is little to judge by; over much text a model trained on this loss has its best temperature near 1."
    )
    least = [min((loss, t) for t, loss in zip(temperatures, curve, strict=True) if side(t)) for side in (lambda t: t < 1, lambda t: t == 1, lambda t: t > 1)]
    why_not = wrong.others(
        answer,
        [
            f"The best there, at {display.number(t)}, costs {display.amount(loss, 'bits', 4)} a token; at {display.number(best)} it is {display.amount(min(curve), 'bits', 4)}."
            for loss, t in least
        ],
    )
    return QUESTION, OPTIONS, answer, because, why_not


def code(scored: ScoredText) -> None:
    """“The code” of the chapter; torch is imported only here, at the foot of the page."""
    from lmviz import likelihood, losses

    show.code(snippet(scored), likelihood.four_ways, *likelihood.WAYS, likelihood.batch, losses.cross_entropy, key="likelihood_code")


def snippet(scored: ScoredText) -> str:
    return f"""import torch
from lmviz import likelihood, losses, models

model = models.load({scored.model!r})
ids = model.encode({scored.text[:300]!r}).ids
batch = likelihood.batch([ids, ids[:3]], start_id=model.start_id)
states, _ = model.states([row.tolist() for row in batch.inputs])
logits = torch.stack([model.logits(s) for s in states])        # [B, T, V]

# four names, one number: the first text alone
print(likelihood.four_ways(logits[0], torch.tensor(ids)))      # nats a token

# the batch: reshape, ignore, and divide by what counts
per_row = losses.cross_entropy(logits.reshape(-1, model.vocab_size), batch.targets.reshape(-1))
print(per_row.sum() / (batch.targets != -100).sum())

# the same in torch, which also averages over what is not ignored
print(torch.nn.functional.cross_entropy(logits.reshape(-1, model.vocab_size), batch.targets.reshape(-1), ignore_index=-100))
"""
