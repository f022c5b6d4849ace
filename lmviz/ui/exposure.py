"""The sentences and the interactions of chapter 13: two roads from one prompt, and what was recorded of many."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from threading import Lock

import numpy as np
import streamlit as st

from lmviz import display, exposure, models, roads
from lmviz.data import examples
from lmviz.data.first_views import exposure as stored
from lmviz.data.recorded import exposure as recorded
from lmviz.errors import ReaderError
from lmviz.figures import exposure as pictures
from lmviz.figures import theme
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, runtime, show

RULES = ("greedy", "sample", "temperature 0.7", "top-k 20", "nucleus 0.9")  # the names of lmviz.sampling.RULES, which needs torch
RULE_WORDS = {
    "greedy": "always the likeliest token",
    "sample": "a token drawn from the model's own distribution",
    "temperature 0.7": "a token drawn after all logits are divided by 0.7, which sharpens them",
    "top-k 20": "a token drawn from the 20 likeliest",
    "nucleus 0.9": "a token drawn from the fewest likeliest that hold 90 % of the probability",
}
SOURCES = {"passages": "Bundled passages", "novels": "Held-out novels"}
BIN = 6  # tokens that share a point of the cost curve

_kept: OrderedDict[tuple, roads.Roads] = OrderedDict()
_lock = Lock()


@st.fragment
def two_roads(scored: ScoredText, unit: str) -> None:
    """Both roads from the reader's prompt; a change of rule or prompt walks anew, and stops a walk that is under way."""
    n = len(scored)
    left, middle, right = st.columns([4, 5, 2], vertical_alignment="bottom", gap="medium")
    taken = roads.opening_prompt(n)
    if n > 2:
        # keyed by the text: another text has other places to start from
        taken = left.slider(
            "Tokens the model is given", 1, min(n - 1, _room(scored)), min(taken, _room(scored)), key=f"exposure_taken_{abs(hash((scored.text, scored.model)))}"
        )
    rule = middle.segmented_control("It goes on by", RULES, default="greedy", required=True, key="exposure_rule", help="; ".join(f"{k}: {v}" for k, v in RULE_WORDS.items()))  # fmt: skip
    seed = st.session_state.setdefault("exposure_seed", 0)
    right.button("Draw again", key="exposure_again", disabled=rule == "greedy", on_click=_next_seed)
    place = st.empty()
    walked = walk(scored, taken, rule, 0 if rule == "greedy" else seed, place)
    with place:
        charts.draw(picture, walked, unit, key="exposure_roads", alt=roads_alt(walked, unit))
    st.markdown(roads_words(walked, rule, unit))


def picture(walked: roads.Roads, unit: str):
    return pictures.two_roads(walked, roads.LENGTH, unit=unit)


def _room(scored: ScoredText) -> int:
    """The longest prompt that leaves room for a whole road in the model's context."""
    return max(1, (scored.context or 1 << 20) - roads.LENGTH - 1)


def _next_seed() -> None:
    st.session_state.exposure_seed += 1


def walk(scored: ScoredText, taken: int, rule: str, seed: int, place) -> roads.Roads:
    """Both roads, from the opening view or the memory, or walked now, one token a turn, so that other readers get theirs in between."""
    first = stored.load(scored.model)
    if (
        first is not None
        and first.revision == scored.revision
        and (scored.text, rule) == (examples.OPENING, "greedy")
        and taken == roads.opening_prompt(len(scored))
    ):
        return first
    ids = tuple(token.id for token in scored.tokens[: taken + roads.LENGTH])
    key = (scored.model, scored.revision, ids, taken, rule, seed)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    title, service = models.registry.row(scored.model).title, runtime.service()
    try:
        with place:
            bar = st.progress(0.0, f"{title} is reading your text …" if models.is_loaded(scored.model) else f"Loading {title}, once for everybody …")
        model = service.call(lambda: models.load(scored.model))
        human = service.call(lambda: roads.forced(model, ids, taken, rule, seed))
        steps, own = roads.free(model, ids[:taken], rule, seed), []
        while (step := service.call(lambda: next(steps, None))) is not None:
            own.append(step)
            bar.progress(len(own) / roads.LENGTH, f"{title} is writing, token {len(own)} of {roads.LENGTH}. Any change stops it.")
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()
    prompt = "".join(token.text for token in scored.tokens[:taken])
    walked = roads.Roads(scored.model, scored.revision, prompt, human, tuple(own))
    with _lock:
        _kept[key] = walked
        while len(_kept) > 200:
            _kept.popitem(last=False)
    return walked


def roads_alt(walked: roads.Roads, unit: str) -> str:
    def listed(steps) -> str:
        return ", ".join(f"{display.visible(s.text)} {display.number(display.in_unit(s.nats, unit))}" for s in steps)

    return f"Costs in {unit}. After the prompt a human wrote: {listed(walked.human) or 'nothing'}. The model writes: {listed(walked.own)}."


def roads_words(walked: roads.Roads, rule: str, unit: str) -> str:
    """What the two roads show, in numbers."""
    own = float(np.mean([step.nats for step in walked.own]))
    texts = [step.text for step in walked.own]
    repeats = len(texts) - len(set(texts))
    prompt = walked.prompt if len(walked.prompt) <= 60 else "…" + walked.prompt[-59:]
    words = f"Both roads start from “{display.md_escape(prompt)}”. "
    if walked.human:
        human = float(np.mean([step.nats for step in walked.human]))
        words += (
            f"On the left the model is **teacher-forced**: after each token it is told what you wrote, and pays :orange[**{display.amount(human, unit)}**] a token. On the right it is "
            f"**free running**: it reads what it has just said, and pays :orange[**{display.amount(own, unit)}**]. "
        )
        same = (
            "They never part as far as your text goes. "
            if walked.parted is None
            else f"They part at token {walked.parted + 1}; below the dotted line the two contexts differ. "
        )
        words += same
    else:
        words += f"Your text ends there, so the model only runs free, and pays :orange[**{display.amount(own, unit)}**] a token. "
    return words + (
        f"Training has shown the model the left road only. What it is used for is the right one, where {repeats} of its {len(texts)} tokens repeat an earlier one. "
        f"Here it chooses {RULE_WORDS[rule]}; the cost is always counted under its whole distribution."
    )


@lru_cache(32)
def cost_curves(source: str) -> tuple[dict, dict, list[float]]:
    """Mean nats a token at each place of a continuation, BIN tokens a point, by name; their 95 % intervals over texts; the places."""
    found = recorded.load()[1][source]
    binned = {name: values.reshape(len(values), -1, BIN).mean(2) for name, values in found.nats.items()}
    bands = {name: exposure.bootstrap(lambda rows: rows.mean(0), rows, rng=np.random.default_rng(0)) for name, rows in binned.items()}
    steps = [(i + 0.5) * BIN + 0.5 for i in range(next(iter(binned.values())).shape[1])]
    return {name: rows.mean(0) for name, rows in binned.items()}, bands, steps


@lru_cache(32)
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
    source = left.segmented_control("Human texts", list(SOURCES), default="novels", required=True, key="exposure_source", format_func=SOURCES.get)
    rule = right.segmented_control("Interval of", RULES, default="greedy", required=True, key="exposure_band")
    curves, bands, steps = cost_curves(source)
    in_unit = {name: display.in_unit(values, unit) for name, values in curves.items()}
    shown = {name: tuple(display.in_unit(end, unit) for end in bands[name]) for name in ("human", rule)}
    figure = pictures.along(in_unit, shown, steps, x_title="tokens since the prompt", y_title=f"cost to nano, {unit} a token")
    st.plotly_chart(figure, config=theme.CONFIG, key="exposure_costs", alt=f"Mean cost in {unit} a token along a continuation: " + _ends(in_unit))
    st.markdown(cost_words(source, unit))

    st.subheader("Do errors pile up?", anchor=False)
    st.markdown(error_intro())
    st.latex(
        r"\begin{aligned} R_{\le l} &= \sum_{t=1}^{l} \mathop{\mathbb{E}}_{\text{its own words}} \mathrm{KL}(o\,\|\,p)_t \qquad \varepsilon_{\le l} = \frac1l \sum_{t=1}^{l} \mathop{\mathbb{E}}_{\text{human words}} \mathrm{KL}(o\,\|\,p)_t \\[4pt] \mathrm{AccErr}_{\le l} &= \frac{R_{\le l}}{\varepsilon_{\le l}} \qquad \%\mathrm{ExErrAcc}_{\le l} = 100\,\frac{R_{\le l} - l\,\varepsilon_{\le l}}{l\,\varepsilon_{\le l}} \end{aligned}"
    )
    oracles = list(facts["oracles"])
    oracle = oracles[0] if len(oracles) == 1 else st.segmented_control("Oracle", oracles, default=oracles[0], required=True, key="exposure_oracle", format_func=_title)  # fmt: skip
    errors, error_bands = error_curves(source, oracle)
    steps = list(range(1, len(errors[rule]) + 1))
    kind = "words" if len(steps) == facts["words"] else "tokens"
    figure = pictures.along(
        errors, {rule: error_bands[rule]}, steps, x_title=f"{kind} since the prompt, l", y_title="excess error, %", zero="no more than after human words"
    )
    st.plotly_chart(figure, config=theme.CONFIG, key="exposure_errors", alt="Excess accumulated error in percent along a continuation: " + _ends(errors))
    st.markdown(error_words(source, oracle))
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
        f"$l$ times the teacher-forced rate $\\varepsilon_{{\\le l}}$, and the excess 0. Nobody has the truth; here {' or '.join(_title(name) for name in facts['oracles'])} stands in for it. "
        "SmolLM2 cuts text into other tokens than nano, so the two are compared where a word has just ended, on what both can say: how likely punctuation is to follow, or a space and which first letter."
    )


def error_words(source: str, oracle: str) -> str:
    curves, bands = error_curves(source, oracle)
    steps = len(curves["greedy"])

    worse = [rule for rule in RULES if bands[rule][0][-1] > 0]
    better = [rule for rule in RULES if bands[rule][1][-1] < 0]
    verdict = f"More error after own words, beyond chance: {', '.join(worse)}. " if worse else "No rule shows more error after own words than chance allows. "
    if better:
        verdict += f"Less error, beyond chance: {', '.join(better)}. Own words keep to what model and oracle both find easy; a human's do not. "
    return (
        f"After {steps} steps the excess is {_excess(source, oracle, 'sample', '95 % interval ')} for plain sampling and {_excess(source, oracle, 'greedy')} for greedy decoding. {verdict}"
        "The paper found an excess for GPT-2, with a larger GPT-2 as oracle; nano has a hundredth of its weights and was followed for a few words, so neither contradicts the other."
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
        lines.append(f"| {'a human' if name == 'human' else name} | {cost} | {repeated} | {judged} | {error} |")
    return "\n".join(lines)


def prediction() -> tuple[str, list[str], int, str]:
    """By which rule does nano repeat itself most? Computed from what was recorded on the novels."""
    found = recorded.load()[1]["novels"]
    shares = {rule: float(found.repeated[rule].mean()) for rule in RULES}
    most = max(shares, key=shares.get)
    human = float(found.repeated["human"].mean())
    listed = ", ".join(f"{rule} {display.number(100 * share, 2)} %" for rule, share in shares.items())
    because = f"Of {recorded.load()[0]['length']} tokens so many repeat an earlier one: {listed}; of a human's, {display.number(100 * human, 2)} %. The likeliest word after a repetition is, more and more, the repetition."
    return "Nano goes on from the beginnings of novels. By which rule does it repeat itself most?", list(RULES), RULES.index(most), because


def code(scored: ScoredText) -> None:
    """“The code” of the chapter; torch comes in only for who opens it."""
    functions = ()
    if st.session_state.get("exposure_code"):
        from lmviz import sampling, sequence_level
        from lmviz.training import sequence

        functions = (roads.free, sampling.nucleus, exposure.regret, exposure.error_rate, exposure.excess_error, sequence_level.gleu, sequence_level.reinforce)
        functions += (sequence_level.leave_one_out, sequence_level.sharpened, sequence_level.expected_risk, sequence.mixed_inputs, sequence.loss)
    show.code(snippet(scored), *functions, key="exposure_code")


def snippet(scored: ScoredText) -> str:
    taken = roads.opening_prompt(len(scored))
    return f"""from lmviz import exposure, models, roads
from lmviz.data.recorded import exposure as recorded

model = models.load({scored.model!r})
{show.text_line(scored.text)}
both = roads.walked(model, text, taken={taken}, rule="greedy")
for step in both.human:
    print("forced", repr(step.text), step.nats, "would say", repr(step.said))
for step in both.own:
    print("free", repr(step.text), step.nats)

facts, found = recorded.load()                        # KL(oracle ‖ nano), nats, [texts, steps]
for oracle in facts["oracles"]:
    kl = found["novels"].kl[oracle]
    print(oracle, exposure.excess_error(kl["greedy"], kl["human"])[-1])   # percent
"""
