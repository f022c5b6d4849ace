"""The sentences and the small interactions of chapter 1: numbers become words here."""

import math

import numpy as np
import streamlit as st

from lmviz import display, units
from lmviz.ledger import Ledger
from lmviz.models.scored import ScoredText
from lmviz.ui import reader, scores, show, strip, token_strip, wrong
from lmviz.ui.links import linked


def answer(scored: ScoredText, unit: str) -> str:
    """The question of the chapter, answered with this sentence's numbers."""
    return (
        f"The model gives this text one chance in **{_power(scored.total_nats)}**: {scored.n_scored} chances, one a token, multiplied. As costs they add up to "
        f":orange[**{display.amount(scored.total_nats, unit)}**], or {display.amount(scored.mean_nats, unit)} a token, "
        f"as if each token were a fair choice among **{display.number(scored.perplexity)}** (its perplexity)."
    )


def _power(nats: float) -> str:
    """exp(nats) as a number people can read, however large."""
    if nats < math.log(1e6):
        return display.number(math.exp(nats), 2)
    exponent = nats / math.log(10)
    return f"{display.number(10 ** (exponent % 1), 2)} × {display.power_of_ten(int(exponent))}"


def could_have_come(scored: ScoredText, position: int) -> str:
    before = "".join(token.text for token in scored.tokens[:position])
    context = f"after “{'…' if len(before) > 40 else ''}{display.md_escape(before[-40:])}”" if before else "as the first token"
    return f"**What could have come** {context}; :violet[what came] is marked."


def alternatives_alt(scored: ScoredText, position: int) -> str:
    best = ", ".join(
        f"{display.visible(text)} {display.probability(math.exp(p))}"
        for text, p in zip(scored.top_texts[position][:3], scored.top_log_probs[position], strict=False)
    )
    return f"Bars of next-token probabilities. Best: {best}. What came had {display.probability(math.exp(scored.log_probs[position]))}."


@st.fragment
def swap(scored: ScoredText, position: int, unit: str) -> None:
    """Put one of the alternatives in place of the selected token: every later token's loss moves."""
    token = scored.tokens[position]
    options = [i for i, text in enumerate(scored.top_texts[position]) if text != token.text and "\N{REPLACEMENT CHARACTER}" not in text]
    if not token.text or not options:
        st.markdown("The selected token is part of a character and cannot be changed alone. Select another one in the strip.")
        return
    st.markdown(f"Put another token in the place of :violet[**{display.md_escape(display.visible(token.text))}**] and see what every later token then costs.")
    choice = linked(st).pills(
        "Put in its place",
        options,
        key=f"chain_rule_swap_{position}",
        format_func=lambda i: (
            f"{display.md_escape(display.visible(scored.top_texts[position][i]))} {display.probability(math.exp(scored.top_log_probs[position][i]))}"
        ),
    )
    if choice is None:
        return
    raw = scored.text.encode()
    text = (raw[: token.start] + scored.top_texts[position][choice].encode() + raw[token.end :]).decode()
    changed = scores.scored(text, scored.model)
    before = losses_at(scored, changed)
    token_strip.token_strip(
        [t.text for t in changed.tokens], key="chain_rule_swapped", version=(text, scored.model), measures=strip.measures(changed), unit=unit, labels=strip.labels(changed),
        title="The changed text; in grey, what each token cost before", second_row=("before", before),
    )  # fmt: skip
    difference = changed.total_nats - scored.total_nats
    moved = [i for i, b in enumerate(before) if not math.isnan(b) and abs(changed.losses[i] - b) > units.to_nats(0.01)]
    tail = (
        f" {len(moved)} tokens that are the same in both cost something else now."
        if moved
        else " No token that is the same in both moved by more than 0.01 bits."
    )
    st.markdown(f"The whole text now costs {display.amount(changed.total_nats, unit)} instead of {display.amount(scored.total_nats, unit)}: "
                f"**{display.amount(difference, unit, sign=True)}**.{tail}")  # fmt: skip
    st.button("Keep it as my text", on_click=reader.use_text, args=(text,), key="chain_rule_keep")


def losses_at(old: ScoredText, new: ScoredText) -> list[float]:
    """For each token of `new`, the loss in `old` of the token that covers the same bytes counted from the same end; NaN if none.

    Both texts begin alike and end alike; what was put between may be of another length, or be cut into other tokens.
    """
    a, b = old.text.encode(), new.text.encode()
    head = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    shift = len(b) - len(a)
    from_start = {(t.start, t.end): loss for t, loss in zip(old.tokens, old.losses, strict=True) if t.end <= head}
    tail = next((i for i, (x, y) in enumerate(zip(reversed(a), reversed(b), strict=False)) if x != y), min(len(a), len(b)))
    from_end = {(t.start + shift, t.end + shift): loss for t, loss in zip(old.tokens, old.losses, strict=True) if t.start >= len(a) - tail}
    return [float(from_start.get((t.start, t.end), from_end.get((t.start, t.end), math.nan))) for t in new.tokens]


def underflow(book: Ledger) -> str:
    """Where the running product becomes exactly 0, in words."""
    row32, row64, n = book.float32_dies_at, book.float64_dies_at, len(book.probs)
    if row32 is None:
        return (
            f"Computers do not multiply these chances. In float32 the smallest positive number is {display.number(float(np.finfo(np.float32).smallest_subnormal), 2)}; "
            f"after {n} tokens the product is at {display.number(float(book.products_float32[-1]), 2)}, so a longer text would reach **exactly 0**, whose logarithm is minus infinity. The sum has no such end."
        )
    both = f" and in float64 at row {row64 + 1}" if row64 is not None else "; float64 only puts it off"
    return f"Computers do not multiply these chances. Here the float32 product is **exactly 0 from row {row32 + 1}** of {n}{both}. The logarithm of 0 is minus infinity; the sum goes on undisturbed."


def start_of_text(scored: ScoredText) -> str:
    first = scored.tokens[0].text
    return (
        "A product needs a first factor: the chance of the first token, after nothing. This model was trained on documents that each begin with a special token, the [start token](glossary?term=start-token) "
        f"(`<|endoftext|>` for SmolLM2), and it is given that one before your text, so that even “{display.md_escape(first)}” has a probability. "
        "You cannot type that token: the same characters in your text are read as ordinary characters. Some tools leave the first token out, and get another perplexity."
    )


def start_of_text_choice() -> None:
    """The switch; its value is kept under another name, since the page stops early when nothing is left."""
    linked(st, default=True).toggle("Count the first token", key="chain_rule_first")


def prediction(scored: ScoredText) -> tuple[str, list[str], int, str, list[str]]:
    """Which half of the text costs more? Computed from this text."""
    half = len(scored) // 2
    first, second = np.nansum(scored.losses[:half]), np.nansum(scored.losses[half:])
    because = (
        f"The first {half} tokens cost {display.amount(first, 'bits')}, the other {len(scored) - half} cost {display.amount(second, 'bits')}. "
        "Early tokens are usually dearer: the model has little to go on."
    )
    dearest = [float(np.nanmax(part, initial=0.0)) for part in (scored.losses[:half], scored.losses[half:])]
    answer = int(second > first)
    says = "The half you chose has {} tokens, of which the dearest costs {}; in the other the dearest of {} costs {}, and the sums decide."
    sizes, costs = (half, len(scored) - half), [display.amount(cost, "bits") for cost in dearest]
    why_not = wrong.others(answer, [says.format(sizes[i], costs[i], sizes[1 - i], costs[1 - i]) for i in (0, 1)])
    return "Which half of your text costs the model more?", ["the first half", "the second half"], answer, because, why_not


def snippet(scored: ScoredText) -> str:
    """Code that gives the chapter's numbers."""
    counted = "" if scored.scored.all() else ", first_token=False"
    return f"""from lmviz import ledger, models
from lmviz.models import scoring

{show.text_line(scored.text)}
scored = scoring.score(models.load({scored.model!r}), text{counted})
book = ledger.ledger(scored.log_probs)
print(book.products_float64[-1])   # P of the whole text
print(scored.total_nats)           # −log P, nats
print(scored.perplexity)           # exp(mean loss)
"""
