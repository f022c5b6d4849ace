"""Chapter 12, scoring a sentence: each token hidden in turn, beside the next-token losses, and why the two sums are of different kinds."""

import numpy as np
import streamlit as st

from lmviz import display, models
from lmviz.data.recorded import masked as recorded
from lmviz.errors import ReaderError
from lmviz.figures import masked as figures
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, masked, reader, remember, runtime, scores, show, wrong


def in_turn(text: str) -> ScoredText:
    """Each token of the text hidden in turn: a few readings at a time, so that others get theirs in between; any change stops it."""
    views = recorded.views()
    if views and views.turn.text == text:
        return views.turn
    if (known := remember.recall(("turn", text))) is not None:
        return known
    try:
        result = _read_in_turn(text)
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()
    remember.keep(("turn", text), result)
    return result


def _read_in_turn(text: str) -> ScoredText:
    from lmviz.models import gaps

    call = runtime.service().call
    ids = call(lambda: models.load_masked().encode(text).ids)
    line, parts = None, []
    for positions in gaps.chunks(len(ids)):
        parts.append(call(lambda now=positions: gaps.in_turn(models.load_masked(), ids, now)))
        if positions[-1] + 1 < len(ids):
            line = line or st.empty()
            line.progress((positions[-1] + 1) / len(ids), f"Hiding each of {len(ids)} tokens in turn. Any change stops it.")
    if line is not None:
        line.empty()
    return call(lambda: gaps.together(models.load_masked(), text, parts))


@st.fragment
def beside(text: str, unit: str) -> None:
    """The picture, the totals, and what the difference is."""
    turn, left = in_turn(text), scores.scored(text, masked.left())
    charts.draw(figures.in_turn, turn, left, unit, key="masked_turn", alt=turn_alt(turn, left, unit))
    st.markdown(turn_words(turn, left, unit))
    own = reader.choices().model
    causal = [left] + ([scores.scored(text, own)] if own != left.model else [])
    with st.container(key="masked_totals"):
        st.markdown(totals(turn, causal, unit))
    show.tokenizer_note({scored.model: len(scored) for scored in (turn, *causal)})


def turn_alt(turn: ScoredText, left: ScoredText, unit: str) -> str:
    return (
        f"For each of {len(turn)} tokens, its loss read from the left and hidden in turn. Means: {display.amount(float(left.losses.mean()), unit)} and "
        f"{display.amount(float(turn.losses.mean()), unit)}."
    )


def helped(turn: ScoredText, left: ScoredText) -> int:
    """How many tokens cost less when both sides are seen."""
    return int((turn.losses < left.losses).sum())


def turn_words(turn: ScoredText, left: ScoredText, unit: str) -> str:
    """Where both sides help, in numbers."""
    gain = left.losses - turn.losses
    most = int(np.argmax(gain))
    token = display.md_escape(display.visible(turn.tokens[most].text or "…"))
    words = f"{helped(turn, left)} of {len(turn)} tokens cost less when both sides are seen"
    if gain[most] > 0:
        words += f"; most of all **{token}**, {display.amount(float(turn.losses[most]), unit)} instead of {display.amount(float(left.losses[most]), unit)}"
    return words + "."


def totals(turn: ScoredText, causal: list[ScoredText], unit: str) -> str:
    """The sums as a Markdown table."""
    lines = [f"| | what is added up | total, {unit} | bits per byte |", "|---|---|---|---|"]
    lines.append(
        f"| **masked model** | log P(token given all the others) | {display.number(display.in_unit(turn.total_nats, unit))} | {display.number(turn.bits_per_byte)} |"
    )
    for scored in causal:
        title = models.registry.row(scored.model).title
        lines.append(
            f"| **{title}** | log P(token given those before it) | {display.number(display.in_unit(scored.total_nats, unit))} | {display.number(scored.bits_per_byte)} |"
        )
    return "\n".join(lines)


def two_kinds(unit: str) -> str:
    """Why a pseudo-log-likelihood is no log-likelihood, with the sum that should be 1."""
    stored = recorded.load()
    words = (
        "Left to right, every token is paid for once, with nothing but what was paid for before; so the losses add up to the length of a code (chapter 4), and the "
        "probabilities of all texts add up to 1. Hidden in turn, every token is guessed with all the others given away: “cat” helps to guess “sat”, and “sat” to guess “cat”. "
        "What two tokens know of each other is taken off twice. Nobody could decode such a message, because the price of each token presumes that the rest has arrived."
    )
    if not stored or "two_tokens" not in stored:
        return words
    sums = stored["two_tokens"]
    return words + (
        f" The sum shows it. Over all {display.number(sums['n_texts'])} texts of two tokens, {sums['causal_name']}'s probabilities add up to "
        f"**{sums['causal']:.5f}** (the rest is on the three control tokens); the masked model's products, P(a given b) · P(b given a), to **{display.number(sums['masked'])}**."
    )


def prediction(turn: ScoredText, left: ScoredText) -> tuple[str, list[str], int, str, list[str]]:
    """How many tokens does seeing both sides make cheaper? Computed from this text."""
    n, total = helped(turn, left), len(turn)
    options = ["fewer than half", "half to three quarters", "more than three quarters", "every one"]
    answer = 3 if n == total else int(np.searchsorted([0.5, 0.75], n / total, side="right"))
    alike = "The two models are of one size and" if left.model == recorded.LEFT else "The two models"
    because = f"{n} of {total}. {alike} read the same books. One is told what comes after; the other guessed every token of its training text, where a masked model guesses a seventh."
    edges = [0.5, 0.75, 1.0]
    under = "What comes after tells a lot about most words."
    over = "Some words are told by what came before, and there the model that read from the left has had more practice."
    why_not = wrong.by_range(edges, answer, lambda edge: f"{display.number(edge * total)} of {total}", str(n), under=under, over=over)
    return "For how many tokens of your text is the loss lower when the model sees both sides?", options, answer, because, why_not


def code(text: str) -> None:
    """“The code”; what it shows is imported when it is opened, and torch with it."""
    hidden = masked.hidden_positions(text)
    functions = ()
    if st.session_state.get("masked_code"):
        from lmviz import losses, masking
        from lmviz.models import gaps

        functions = (masking.bert, gaps.fill, gaps.in_turn, losses.masked_cross_entropy)
    show.code(snippet(text, hidden[-1] if hidden else 0), *functions, key="masked_code", of=("masked", masked.left()))


def snippet(text: str, position: int) -> str:
    """Code that gives the chapter's numbers."""
    return f"""import numpy as np
from lmviz import masking, models
from lmviz.models import gaps

{show.text_line(text)}
model = models.load_masked()
ids = np.array(model.encode(text).ids)
hidden = masking.by_hand(ids, [{position}], mask_id=model.mask_id)
print(gaps.fill(model, text, hidden).losses[{position}])      # nats, at the gap
turn = gaps.pseudo(model, text)                     # each token hidden in turn
print(-turn.total_nats)                             # the pseudo-log-likelihood, nats
print(turn.bits_per_byte)
"""
