"""The sentences and the small interactions of chapter 6: editing p and q, one share moved, a source learned."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from lmviz import display, outcomes
from lmviz.figures import arrows
from lmviz.figures import learning as learning_figure
from lmviz.figures import outcomes as outcomes_figure
from lmviz.models.scored import ScoredText
from lmviz.outcomes import Outcomes
from lmviz.ui import charts, links, show
from lmviz.ui.links import linked

TOKEN = "Your text, this token"
CHOICES = (*outcomes.PRESETS, TOKEN)
FIRST = "Weather forecast"
TABLE, VERSION = "entropy_table", "entropy_version"  # the edited distributions, and what they started from
AXES = (1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 10.0, 15.0, 25.0)  # nats: the axis of the arrows moves in these steps, so that most edits leave it alone
SOURCES = {"weather": "Weather, sun or rain", "Onegin": "Vowels of Onegin", "die": "Die", "fair coin": "Fair coin", "cycle": "a b c a b c"}


def at_token(scored: ScoredText, position: int, most: int = 6) -> Outcomes:
    """What came (p, one-hot) against the model's next-token distribution (q): what came, the best others, all the rest as one."""
    token, ids = scored.tokens[position], list(scored.top_ids[position])
    came = math.exp(scored.log_probs[position])
    others = [(display.visible(scored.top_texts[position][i]), math.exp(scored.top_log_probs[position][i])) for i in range(len(ids)) if ids[i] != token.id][
        :most
    ]
    q = [came, *(prob for _, prob in others)]
    rest = max(1.0 - math.fsum(q), 0.0)  # rounding only
    names = [display.visible(token.text or "…"), *(name for name, _ in others), f"{scored.vocab_size - len(q)} others"]
    return Outcomes(tuple(names), (1.0,) + (0.0,) * len(q[1:]) + (0.0,), (*q, rest))


@st.fragment
def edit(scored: ScoredText, position: int, unit: str) -> None:
    """p and q as bars, the three quantities as arrows, and the controls that move them. No model runs."""
    start = linked(st).pills("Start from", CHOICES, default=FIRST, required=True, key="entropy_preset", label_visibility="collapsed")
    if start == TOKEN and math.isnan(scored.log_probs[position]):
        st.markdown("The selected token is not scored; select another one in the strip.")
        return
    version = (start, scored.text, scored.model, position) if start == TOKEN else (start,)
    if st.session_state.get(VERSION) != version:
        st.session_state[VERSION] = version
        st.session_state[TABLE] = at_token(scored, position) if start == TOKEN else outcomes.PRESETS[start]
        st.session_state.entropy_chosen = 0
    table = _from_link(at_token(scored, position) if start == TOKEN else outcomes.PRESETS[start])
    chosen = min(st.session_state.get("entropy_chosen") or 0, len(table) - 1)
    h, ce, kl = three(table)
    left, right = st.columns([5, 6], gap="large")
    with left:
        alt = "Bars: " + "; ".join(f"{name}: p {display.probability(p)}, q {display.probability(q)}" for name, p, q in zip(table.names, table.p, table.q)) + "."
        charts.draw(outcomes_figure.two_distributions, table, chosen, key="entropy_bars", alt=alt)
    with right:
        alt = f"H(p) {_said(h, unit)}, KL(p‖q) {_said(kl, unit)}, H(p, q) {_said(ce, unit)}."
        charts.draw(arrows.three_arrows, h, ce, kl, unit=unit, limit=axis_end(h, ce, kl), key="entropy_arrows", alt=alt)
        st.markdown(words(table, unit))
    _controls(table, chosen)
    st.subheader("Turned round it is another number", anchor=False)
    _one_share_moved(table, chosen, unit)


def _from_link(unedited: Outcomes) -> Outcomes:
    """The table as a link asks for it, else as it is; what was edited goes into the address."""
    if (text := links.asked("entropy_table")) is not None:
        try:
            st.session_state[TABLE] = outcomes.read(text)
        except ValueError:
            st.caption("The link's outcomes could not be read.")
    table = st.session_state[TABLE]
    links.note("entropy_table", outcomes.written(table), outcomes.written(unedited))
    return table


def _controls(table: Outcomes, chosen: int) -> None:
    """Which outcome, its share in p and in q; a name, one more, one less, p and q exchanged."""
    st.session_state.entropy_chosen = chosen
    st.pills("Outcome to change", range(len(table)), required=True, key="entropy_chosen", format_func=lambda i: display.md_escape(table.names[i]))
    columns = st.columns(2, gap="large")
    for column, letter, values, says in zip(columns, "pq", (table.p, table.q), ("how often it happens", "how often it is believed to")):
        key = f"entropy_{letter}"
        st.session_state[key] = float(values[chosen])
        name = display.md_escape(table.names[chosen])
        column.slider(f"{letter}({name}): {says}", 0.0, 1.0, step=0.01, key=key, format="%.2f", on_change=_share, args=(letter, chosen))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state.entropy_name = table.names[chosen]
        st.text_input("Its name", key="entropy_name", max_chars=24, width=180, on_change=_name, args=(chosen,))
        st.button(
            "Add an outcome",
            key="entropy_add",
            disabled=len(table) >= outcomes.MOST,
            on_click=_change,
            args=(lambda t: outcomes.added(t, f"outcome {len(t) + 1}"),),
        )
        st.button("Remove it", key="entropy_remove", disabled=len(table) <= outcomes.FEWEST, on_click=_change, args=(lambda t: outcomes.removed(t, chosen),))
        st.button("Exchange p and q", key="entropy_exchange", on_click=_change, args=(outcomes.exchanged,))


def _share(letter: str, chosen: int) -> None:
    value = st.session_state[f"entropy_{letter}"]
    _change(
        lambda t: Outcomes(t.names, *(outcomes.set_share(shares, chosen, value) if name == letter else shares for name, shares in (("p", t.p), ("q", t.q))))
    )


def _name(chosen: int) -> None:
    if name := st.session_state.entropy_name.strip():
        _change(lambda t: outcomes.renamed(t, chosen, name))


def _change(edit) -> None:
    st.session_state[TABLE] = edit(st.session_state[TABLE])


def three(table: Outcomes) -> tuple[float, float, float]:
    """H(p), H(p, q), KL(p‖q) in nats."""
    from lmviz import information

    return information.entropy(table.p).item(), information.cross_entropy(table.p, table.q).item(), information.kl_divergence(table.p, table.q).item()


def axis_end(*nats: float) -> float:
    """The first of AXES that holds all that is finite."""
    longest = max(x for x in (*nats, 0.0) if math.isfinite(x))
    return next((end for end in AXES if end >= 1.05 * longest), 1.15 * longest)


def words(table: Outcomes, unit: str) -> str:
    """What the arrows say, the sum checked, and an infinity explained."""
    h, ce, kl = three(table)
    if math.isinf(kl):
        which = next(i for i, (p, q) in enumerate(zip(table.p, table.q)) if p > 0 and q == 0)
        name = display.md_escape(table.names[which])
        return (
            f"KL(p‖q) and H(p, q) are **infinite**, because q gives “{name}” no probability at all, and it happens: p is {display.probability(table.p[which])}. "
            f"One such outcome, however rare, spoils the whole average. H(p) is still {display.amount(h, unit)}."
        )
    error = abs(display.in_unit(h + kl - ce, unit))
    gap = "exactly" if error == 0 else f"to {display.number(error, 1)} {unit}"
    return (
        f"Who knows p pays :violet[**{display.amount(h, unit)}**] per outcome; who believes q pays :blue[**{display.amount(ce, unit)}**]. The difference, "
        f":orange[**{display.amount(kl, unit)}**], is the price of believing q. H(p) + KL(p‖q) = H(p, q) {gap}."
    )


def _one_share_moved(table: Outcomes, chosen: int, unit: str) -> None:
    """KL both ways and Jensen–Shannon, as q's share of the chosen outcome goes from 0 to 1."""
    from lmviz import information

    grid = [i / 100 for i in range(101)]
    q = [outcomes.set_share(table.q, chosen, x) for x in grid]
    p = [table.p] * len(grid)
    curves = {
        "KL(p‖q)": information.kl_divergence(p, q).tolist(),
        "KL(q‖p)": information.kl_divergence(q, p).tolist(),
        "Jensen–Shannon": information.js_divergence(p, q).tolist(),
    }
    forward, back, js = (
        quantity.item()
        for quantity in (information.kl_divergence(table.p, table.q), information.kl_divergence(table.q, table.p), information.js_divergence(table.p, table.q))
    )
    limit = max(1.1 * math.log(2), *(1.4 * x for x in (forward, back) if math.isfinite(x)))
    alt = f"Divergences as q moves; at present KL(p‖q) {_said(forward, unit)}, KL(q‖p) {_said(back, unit)}, Jensen–Shannon {_said(js, unit)}."
    now = {"name": table.names[chosen], "here": table.q[chosen], "limit_nats": limit}
    charts.draw(outcomes_figure.divergences, grid, curves, unit=unit, **now, key="entropy_divergences", alt=alt)
    st.markdown(asymmetry(forward, back, js, unit))


def asymmetry(forward: float, back: float, js: float, unit: str) -> str:
    return (
        f"At present KL(p‖q) is **{_said(forward, unit)}** and KL(q‖p) is **{_said(back, unit)}**: the truth comes first, and it decides which mistakes are counted. "
        "KL(p‖q) punishes q for calling impossible what happens; KL(q‖p) punishes it for believing in what does not. "
        f"The **[Jensen–Shannon divergence](glossary?term=jensen-shannon-divergence)**, {_said(js, unit)}, measures both to their average: it is symmetric and never more than {display.amount(math.log(2), unit)}."
    )


@st.fragment
def known_source(unit: str) -> None:
    """A model learns a Markov source; its loss falls to the entropy rate, and no further."""
    name = linked(st).pills(
        "Source", list(SOURCES), default="weather", required=True, key="entropy_source", format_func=SOURCES.get, label_visibility="collapsed"
    )
    seed = st.session_state.setdefault("entropy_seed", 0)
    curve = _learned(name, seed)
    alt = f"Cross-entropy on new text falls from {_said(curve.new_text[0], unit)} to {_said(curve.new_text[-1], unit)} a symbol; the entropy rate is {_said(curve.floor, unit)}."
    charts.draw(learning_figure.learning_curve, curve, unit=unit, key="entropy_learning", alt=alt)
    st.markdown(learned_words(curve, unit))
    st.button("Learn from another text of the same source", key="entropy_another", on_click=_next_seed)


def _next_seed() -> None:
    st.session_state.entropy_seed += 1


@st.cache_data(max_entries=64, show_spinner=False)
def _learned(name: str, seed: int):
    import torch

    from lmviz import learning, sources

    return learning.learning_curve(sources.PRESETS[name], generator=torch.Generator().manual_seed(seed))


def learned_words(curve, unit: str) -> str:
    few, many = curve.lengths.index(20), -1
    left = curve.new_text[many] - curve.floor
    below = [n for n, own in zip(curve.lengths, curve.own_text) if own < curve.floor]
    text = (
        f"The source says “{curve.beginning} …”. After {curve.lengths[few]} symbols the model pays {display.amount(curve.new_text[few], unit)} for each new one, after "
        f"{display.number(curve.lengths[many])} :orange[**{display.amount(curve.new_text[many], unit)}**]; {display.amount(left, unit, 2)} of KL are left. **Training removes KL. It cannot touch H(p)**, "
        f":violet[**{display.amount(curve.floor, unit)}**]."
    )
    if below:
        text += f" On the very text it learned from, it can pay less (here after {display.number(below[0])} symbols): it has learned that text's accidents. That is no longer the source's p."
    return text


def real_text(scored: ScoredText, unit: str) -> str:
    """On real text nobody knows H(p)."""
    return (
        f"Of your text's :orange[**{display.amount(scored.mean_nats, unit)}**] a token, how much is H(p) and how much KL? **Nobody knows**: the p of English, or of what you would have written next, "
        "cannot be looked up. Every model gives an upper bound on H(p), and a better model a lower one. Shannon had people guess letters and put printed English between 0.6 and 1.3 bits a letter; "
        f"{display.md_escape(_title(scored))} pays {display.number(scored.bits_per_byte)} bits a byte on your text, and no loss curve will say when only H(p) is left."
    )


def _title(scored: ScoredText) -> str:
    from lmviz import models

    return models.registry.row(scored.model).title


def prediction(scored: ScoredText, position: int) -> tuple[str, list[str], int, str, list[str]]:
    """KL from what came to the model, at the selected token: it is the loss, since what came has no entropy."""
    from lmviz import information

    table = at_token(scored, position)
    kl = information.kl_divergence(table.p, table.q).item()
    expected = float(scored.entropies[position])
    options = [display.amount(kl, "bits"), display.amount(expected, "bits"), "infinite"]
    if options[0] == options[1]:
        options[1] = display.amount(kl + 1, "bits")
    order = sorted(range(3), key=lambda i: (options[i] == "infinite", (kl, expected)[i] if i < 2 else 0))
    because = (
        f"What came is certain afterwards, so H(p) = 0, and KL(p‖q) is the whole cross-entropy, {options[0]}: the token's loss. The model's own entropy there, {display.amount(expected, 'bits')}, is what it expected to pay. "
        "Infinite would be the other direction, KL(q‖p): the model believes in tokens that did not come."
    )
    name = display.md_escape(display.visible(scored.tokens[position].text or "…"))
    question = f"At “{name}”, let p be what came and q the model's distribution. How large is KL(p‖q)?"
    reasons = ("", f"That is what the model expected to pay before it looked, an average over all its {display.number(scored.vocab_size)} tokens. KL(p‖q) averages over p, and p is what came.",
               f"It would be, if the model had given the token no chance at all. It gave it {display.probability(math.exp(-kl))}.")  # fmt: skip
    return question, [options[i] for i in order], order.index(0), because, [reasons[i] for i in order]


def predictable(scored: ScoredText, selected: int) -> int:
    """The selected token, or the costliest if that one was not scored."""
    return selected if not math.isnan(scored.log_probs[selected]) else int(np.nanargmax(scored.losses))


def code() -> None:
    """“The code” of the chapter; torch is imported only here and above, where a number is computed."""
    from lmviz import information, learning, sources

    table: Outcomes = st.session_state.get(TABLE, outcomes.PRESETS[FIRST])
    functions = (
        information.entropy,
        information.cross_entropy,
        information.kl_divergence,
        information.js_divergence,
        sources.entropy_rate,
        sources.cross_entropy_rate,
        learning.learning_curve,
    )
    show.code(snippet(table), *functions, key="entropy_code")


def snippet(table: Outcomes) -> str:
    return f"""from lmviz import information

p = {list(table.p)}
q = {list(table.q)}
print(information.entropy(p).item())            # H(p), nats
print(information.cross_entropy(p, q).item())   # H(p, q)
print(information.kl_divergence(p, q).item())   # KL(p‖q) = H(p, q) − H(p)
print(information.kl_divergence(q, p).item())   # KL(q‖p): not the same
print(information.js_divergence(p, q).item())

from lmviz import sources
for name, source in sources.PRESETS.items():
    print(name, sources.entropy_rate(source))   # nats a symbol, exactly
"""


def _said(nats: float, unit: str) -> str:
    return "infinite" if math.isinf(nats) else display.amount(nats, unit)
