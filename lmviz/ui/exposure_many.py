"""Chapter 13, what was recorded of nano on many texts: what its words cost, whether errors pile up, and what an oracle says."""

from __future__ import annotations

import numpy as np
import streamlit as st

from lmviz import display, exposure, models, units
from lmviz.data.recorded import exposure as recorded
from lmviz.figures import exposure as pictures
from lmviz.ui import charts
from lmviz.ui.exposure import RULES, short_rule
from lmviz.ui.links import linked
from lmviz.ui.memory import shared

SOURCES = {"passages": "Bundled passages", "novels": "Held-out novels"}
PAPERS = {"top-k 20": "https://arxiv.org/abs/1805.04833", "nucleus 0.9": "https://arxiv.org/abs/1904.09751"}
BIN = 6  # tokens that share a point of the cost curve


@shared(32)
def cost_curves(source: str) -> tuple[dict, dict, list[float]]:
    """Mean nats a token at each place of a continuation, BIN tokens a point, by name; their 95 % intervals over texts; the places."""
    found = recorded.load()[1][source]
    binned = {name: values.reshape(len(values), -1, BIN).mean(2) for name, values in found.nats.items()}
    bands = {name: exposure.bootstrap(lambda rows: rows.mean(0), rows, rng=np.random.default_rng(0)) for name, rows in binned.items()}
    steps = [(i + 0.5) * BIN + 0.5 for i in range(next(iter(binned.values())).shape[1])]
    return {name: rows.mean(0) for name, rows in binned.items()}, bands, steps


@shared(32)
def error_curves(source: str, oracle: str) -> tuple[dict, dict]:
    """Excess accumulated error, percent, at each step, by rule; and its 95 % intervals over texts."""
    kl = recorded.load()[1][source].kl[oracle]
    curves = {rule: exposure.excess_error(kl[rule], kl["human"]) for rule in RULES}
    bands = {rule: exposure.bootstrap(exposure.excess_error, kl[rule], kl["human"], rng=np.random.default_rng(0)) for rule in RULES}
    return curves, bands


@st.fragment
def many_texts(unit: str) -> None:
    """What was recorded of nano on many texts: costs by place, the accumulated error, repetition. No model runs."""
    facts, _ = recorded.load()
    left, right = st.columns(2, vertical_alignment="bottom")
    source = linked(left).segmented_control("Human texts", list(SOURCES), default="novels", required=True, key="exposure_source", format_func=SOURCES.get)
    rule = linked(right).segmented_control("Interval of", RULES, default="greedy", required=True, key="exposure_band", format_func=short_rule)
    curves, bands, steps = cost_curves(source)
    in_unit = {name: display.in_unit(values, unit) for name, values in curves.items()}
    shown = {name: tuple(display.in_unit(end, unit) for end in bands[name]) for name in ("human", rule)}
    alt = f"Mean cost in {unit} a token along a continuation: " + _ends(in_unit)
    titles = {"x_title": "tokens since the prompt", "y_title": f"cost to nano, {unit} a token"}
    charts.draw(pictures.along, in_unit, shown, steps, **titles, key="exposure_costs", alt=alt)
    st.markdown(cost_words(source, unit))

    st.subheader("Do errors pile up?", anchor=False)
    st.markdown(error_intro())
    st.latex(
        r"\begin{aligned} R_{\le l} &= \sum_{t=1}^{l} \mathop{\mathbb{E}}_{\text{its own words}} \mathrm{KL}(o\,\|\,p)_t \\[4pt] \varepsilon_{\le l} &= \frac1l \sum_{t=1}^{l} \mathop{\mathbb{E}}_{\text{human words}} \mathrm{KL}(o\,\|\,p)_t \\[4pt] \mathrm{AccErr}_{\le l} &= \frac{R_{\le l}}{\varepsilon_{\le l}} \\[4pt] \%\mathrm{ExErrAcc}_{\le l} &= 100\,\frac{R_{\le l} - l\,\varepsilon_{\le l}}{l\,\varepsilon_{\le l}} \end{aligned}"
    )
    oracles = list(facts["oracles"])
    oracle = oracles[0] if len(oracles) == 1 else linked(st).segmented_control("Oracle", oracles, default=oracles[0], required=True, key="exposure_oracle", format_func=_title)  # fmt: skip
    errors, error_bands = error_curves(source, oracle)
    steps = list(range(1, len(errors[rule]) + 1))
    kind = "words" if len(steps) == facts["words"] else "tokens"
    alt = "Excess accumulated error in percent along a continuation: " + _ends(errors)
    titles = {"x_title": f"{kind} since the prompt, l", "y_title": "excess error, %", "zero": "as after human words"}
    charts.draw(pictures.along, errors, {rule: error_bands[rule]}, steps, **titles, key="exposure_errors", alt=alt)
    st.markdown(error_words(source, oracle, unit))
    with st.container(key="exposure_table"):
        st.markdown(table(source, oracle, unit))


def _ends(curves) -> str:
    return ", ".join(f"{name} from {display.number(float(v[0]))} to {display.number(float(v[-1]))}" for name, v in curves.items()) + "."


def _title(name: str) -> str:
    return models.registry.row(name).title


def cost_words(source: str, unit: str) -> str:
    facts, found = recorded.load()
    nats = found[source].nats
    human, greedy, sample = (float(nats[name].mean()) for name in ("human", "greedy", "sample"))
    kind = {"passages": "beginnings of bundled passages, in today's prose", "novels": "lines of novels from which nano learned nothing, but of its kind"}[
        source
    ]
    return (
        f"Nano was given {facts['prompt']} tokens of {len(nats['human'])} {kind}, and went on for {facts['length']}. A human's words cost it {display.amount(human, unit)} a token, "
        f"its own samples {display.amount(sample, unit)}, and what it says greedily {display.amount(greedy, unit)}. **A low loss on one's own words is no praise**: it says that nothing surprising is said. "
        "Shaded: where 95 % of the curves lie when texts are drawn anew (a bootstrap)."
    )


def error_intro() -> str:
    facts, _ = recorded.load()
    return (
        "Cost cannot tell lost from dull. Arora and others (2022) ask instead how wrong the model's *distribution* is, against an oracle $o$ that stands in for the truth: the divergence "
        "$\\mathrm{KL}(o\\,\\|\\,p)$ at each step, once after human words and once after the model's own. If own words did no harm, the error piled up after $l$ steps, $R_{\\le l}$, would be "
        f"$l$ times the teacher-forced rate $\\varepsilon_{{\\le l}}$, and the [excess accumulated error](glossary?term=excess-accumulated-error) would be 0. Nobody has the truth; here {' or '.join(_title(name) for name in facts['oracles'])} stands in for it. "
        "SmolLM2 cuts text into other tokens than nano, so the two are compared where a word has just ended, on what both can say: how likely punctuation is to follow, or a space and which first letter."
    )


def error_words(source: str, oracle: str, unit: str) -> str:
    curves, bands = error_curves(source, oracle)
    steps = len(curves["greedy"])

    worse = [rule for rule in RULES if bands[rule][0][-1] > 0]
    better = [rule for rule in RULES if bands[rule][1][-1] < 0]
    verdict = f"More error after own words, beyond chance: {', '.join(worse)}. " if worse else "No rule shows more error after own words than chance allows. "
    if better:
        verdict += f"Less error, beyond chance: {', '.join(better)}. It seems that its own words keep nano on ground it knows, and a human's do not. "
    kl = {name: float(np.nanmean(found.kl[oracle]["human"])) for name, found in recorded.load()[1].items()}
    if source == "passages" and kl["passages"] > 1.2 * kl["novels"]:
        verdict += f"The passages are of a kind that nano has never read, and after a human's words it is {display.number(kl['passages'] / kl['novels'], 2)} times as far from the oracle there as in novels. "
    return (
        f"After {steps} steps the excess is {_excess(source, oracle, 'sample', '95 % interval ')} for plain sampling and {_excess(source, oracle, 'greedy')} for greedy decoding. {verdict}\n\n"
        f"The paper found an excess for GPT-2, with a larger GPT-2 as oracle; nano has a hundredth of its weights and was followed for {steps} {'words' if steps == recorded.load()[0]['words'] else 'tokens'}, so neither contradicts the other. "
    ) + (_blind_spot(source, unit) if oracle == "smollm2-135m" else _how_much_it_knows(oracle, unit))


def _how_much_it_knows(oracle: str, unit: str) -> str:
    """How far the oracle is ahead of nano, on held-out works."""
    known = models.registry.held_out()
    theirs, ours = (display.in_unit(units.to_nats(known[name]), unit) for name in (oracle, "nano"))
    return (
        f"The oracle {_title(oracle)} shares nano's vocabulary, so here the whole distributions are compared, as in the paper, token by token. But it is no great oracle: on held-out works it pays "
        f"{display.number(theirs)} {unit} a byte, nano {display.number(ours)}."
    )


def _blind_spot(source: str, unit: str) -> str:
    """What the oracle itself thinks of the samples, if it was asked."""
    judged = recorded.load()[1][source].judged
    if "sample" not in judged:
        return ""
    human, sample = (display.amount(float(np.nanmean(judged[name])), unit) for name in ("human", "sample"))
    return (
        f"And the measure has a blind spot: SmolLM2 pays {sample} a byte for nano's samples and {human} for the human's words. After words that strange an oracle is less sure "
        "of what comes next as well, and that alone can bring the two together."
    )


def _excess(source: str, oracle: str, rule: str, what: str = "") -> str:
    """The last excess error of a rule with its interval."""
    curves, bands = error_curves(source, oracle)
    value, low, high = (display.number(float(x[-1]), 2, sign=True) for x in (curves[rule], *bands[rule]))
    return f"{value} % ({what}{low} to {high})"


def table(source: str, oracle: str, unit: str) -> str:
    """What each rule costs, repeats and errs, as Markdown."""
    found = recorded.load()[1][source]
    lines = [f"| words by | cost to nano, {unit} a token | repeated tokens | SmolLM2 pays, {unit} a byte | excess error |", "|---|---|---|---|---|"]
    for name in ("human", *RULES):
        repeated = f"{display.number(100 * float(found.repeated[name].mean()), 2)} %"
        judged = display.number(display.in_unit(float(np.nanmean(found.judged[name])), unit)) if name in found.judged else display.UNDEFINED
        error = "0 by definition" if name == "human" else _excess(source, oracle, name)
        cost = display.number(display.in_unit(float(found.nats[name].mean()), unit))
        label = "a human" if name == "human" else f"[{name}]({PAPERS[name]})" if name in PAPERS else name
        lines.append(f"| {label} | {cost} | {repeated} | {judged} | {error} |")
    return "\n".join(lines)
