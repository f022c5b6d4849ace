"""The sentences and the interactions of chapter 13: two roads from one prompt."""

from __future__ import annotations

import numpy as np
import streamlit as st

from lmviz import display, exposure, models, roads
from lmviz.data import examples
from lmviz.data.first_views import exposure as stored
from lmviz.data.recorded import exposure as recorded
from lmviz.errors import ReaderError
from lmviz.figures import exposure as pictures
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, links, runtime, show
from lmviz.ui.links import linked
from lmviz.ui.memory import Memory

RULES = ("greedy", "sample", "temperature 0.7", "top-k 20", "nucleus 0.9")  # the names of lmviz.sampling.RULES, which needs torch
RULE_WORDS = {
    "greedy": "always the likeliest token",
    "sample": "a token drawn from the model's own distribution",
    "temperature 0.7": "a token drawn after all logits are divided by 0.7, which sharpens them",
    "top-k 20": "a token drawn from the 20 likeliest",
    "nucleus 0.9": "a token drawn from the fewest likeliest that hold 90 % of the probability",
}

_walked = Memory(200)


@st.fragment
def two_roads(scored: ScoredText, unit: str) -> None:
    """Both roads from the reader's prompt; a change of rule or prompt walks anew, and stops a walk that is under way."""
    n = len(scored)
    left, middle, right = st.columns([3, 7, 2], vertical_alignment="bottom", gap="medium")
    taken = roads.opening_prompt(n)
    if n > 2:
        # keyed by the text: another text has other places to start from
        taken = linked(left, name="exposure_taken").slider(
            "Tokens the model is given", 1, min(n - 1, _room(scored)), min(taken, _room(scored)), key=f"exposure_taken_{abs(hash((scored.text, scored.model)))}"
        )
    listed = "; ".join(f"{name}: {words}" for name, words in RULE_WORDS.items())
    rule = linked(middle).segmented_control("It goes on by", RULES, default="greedy", required=True, key="exposure_rule", help=listed, format_func=short_rule)
    seed = links.seed("exposure_seed", 0)
    right.button("Draw again", key="exposure_again", disabled=rule == "greedy", on_click=_next_seed)
    waiting = st.container(key="wait_exposure")  # over the picture: the old one stays, and nothing moves, until the new one is there
    walked = walk(scored, taken, rule, 0 if rule == "greedy" else seed, waiting)
    charts.draw(picture, walked, unit, key="exposure_roads", alt=roads_alt(walked, unit))
    st.markdown(roads_words(walked, rule, unit))


def short_rule(rule: str) -> str:
    return rule.replace("temperature", "T =")


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
    if (known := _walked.get(key)) is not None:
        return known
    title = models.registry.row(scored.model).title
    with place:
        bar = st.progress(0.0, f"{title} is reading your text …" if models.is_loaded(scored.model) else f"Loading {title}, once for everybody …")
    try:
        walked = _walked.once(key, lambda: _walk(scored, ids, taken, rule, seed, bar))
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()
    bar.empty()
    return walked


def _walk(scored: ScoredText, ids: tuple[int, ...], taken: int, rule: str, seed: int, bar) -> roads.Roads:
    title, service = models.registry.row(scored.model).title, runtime.service()
    model = service.call(lambda: models.load(scored.model))
    human = service.call(lambda: roads.forced(model, ids, taken, rule, seed))
    steps, own = roads.free(model, ids[:taken], rule, seed), []
    while (step := service.call(lambda: next(steps, None))) is not None:
        own.append(step)
        bar.progress(len(own) / roads.LENGTH, f"{title} is writing, token {len(own)} of {roads.LENGTH}.")
    prompt = "".join(token.text for token in scored.tokens[:taken])
    return roads.Roads(scored.model, scored.revision, prompt, human, tuple(own))


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
            f"On the left the model is **teacher-forced**: after each token it is told what you wrote, and pays :orange[**{display.amount(human, unit)}**] a token; where it would have said something else, that stands beside the bar. On the right it is "
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


def prediction() -> tuple[str, list[str], int, str, list[str]]:
    """By which rule does nano repeat itself most? Computed from what was recorded on the novels."""
    found = recorded.load()[1]["novels"]
    shares = {rule: float(found.repeated[rule].mean()) for rule in RULES}
    most = max(shares, key=shares.get)
    human = float(found.repeated["human"].mean())
    listed = ", ".join(f"{rule} {display.number(100 * share, 2)} %" for rule, share in shares.items())
    because = f"Of {recorded.load()[0]['length']} tokens so many repeat an earlier one: {listed}; of a human's, {display.number(100 * human, 2)} %. The likeliest word after a repetition is, more and more, the repetition."
    why_not = [
        ""
        if rule == most
        else f"By {rule} it is {display.number(100 * shares[rule], 2)} %, against {display.number(100 * shares[most], 2)} % by {most}: the less is left to chance, the easier a loop closes."
        for rule in RULES
    ]
    return "Nano goes on from the beginnings of novels. By which rule does it repeat itself most?", list(RULES), RULES.index(most), because, why_not


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
