"""Chapter 12, the 15 % rule: a draw on a text, and what the loss is when it is counted where it should be, or everywhere."""

import numpy as np
import streamlit as st

from lmviz import display, masking, models
from lmviz.data import examples
from lmviz.data.recorded import masked as recorded
from lmviz.figures import masked as figures
from lmviz.models import files
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, links, masked_strip, remember
from lmviz.ui.links import linked


@st.fragment
def draw(text: str, unit: str) -> None:
    """A random draw by BERT's rule, from a seed, on a bundled passage or on the reader's text."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        which = linked(st).segmented_control("Text", ["passage", "yours"], default="passage", required=True, key="masked_which", label_visibility="collapsed",
                                     format_func=lambda w: {"passage": "A bundled passage", "yours": "Your text"}[w])  # fmt: skip
    with right:
        st.button("Draw again", key="masked_again", on_click=again)
    seed = links.seed("masked_seed", recorded.SEED)
    scored, reads = drawn_on(text if which == "yours" else passage(), seed)
    drawn = recorded.draw([token.id for token in scored.tokens], seed, scored.vocab_size)
    swapped = [read if fate == masking.SWAPPED else None for read, fate in zip(reads, drawn.fates, strict=True)]
    masked_strip.masked_strip([token.text for token in scored.tokens], drawn.fates.tolist(), scored.losses.tolist(), key="masked_draw", unit=unit, swapped=swapped,
                              everywhere=True, title=f"The text under the draw of seed {seed}; numbers are losses")  # fmt: skip
    st.caption(
        f"Dashed: hidden, or swapped for another token (struck through). Solid frame: chosen, but left. Below each token its loss, {unit}; bold where it counts. Seed {seed}."
    )
    counts = tuple(int((drawn.fates == fate).sum()) for fate in figures.FATE_NAMES)
    charts.draw(figures.fates, counts, key="masked_fates", alt=fates_alt(counts))
    st.markdown(draw_words(scored, drawn, unit))


def again() -> None:
    """The next seed. For the button's callback."""
    st.session_state["masked_seed"] += 1


def passage() -> str:
    """The bundled passage the rule is drawn on, as it is stored."""
    views = recorded.views()
    return views.draw.text if views else next(p.text for p in examples.passages() if p.id == recorded.PASSAGE)[:400]


def drawn_on(text: str, seed: int) -> tuple[ScoredText, tuple[str, ...]]:
    """What the masked model makes of a text after a draw, and what it read, token by token."""
    views = recorded.views()
    if views and views.draw.text == text and seed == recorded.SEED:
        return views.draw, views.draw_reads

    def compute():
        from lmviz.models import gaps

        model = models.load_masked()
        drawn = recorded.draw(model.encode(text).ids, seed, model.vocab_size)
        return gaps.fill(model, text, drawn, top_k=3), recorded.reads(model, drawn)

    return remember.remembered(("draw", text, seed), compute, "The masked model is reading …")


def fates_alt(counts: tuple[int, int, int]) -> str:
    return f"Of {sum(counts)} chosen tokens, {counts[0]} were masked, {counts[1]} swapped for a random token, {counts[2]} left as they were; the rule says 80, 10 and 10 %."


def means(scored: ScoredText, drawn: masking.Masking) -> tuple[float, float, float]:
    """Mean loss in nats over the chosen tokens, over those in sight, over all."""
    chosen = drawn.chosen
    sight = float(scored.losses[~chosen].mean()) if (~chosen).any() else float("nan")
    return float(scored.losses[chosen].mean()), sight, float(np.mean(scored.losses))


def draw_words(scored: ScoredText, drawn: masking.Masking, unit: str) -> str:
    """The loss where it should count, beside the loss counted everywhere."""
    n, total = int(drawn.chosen.sum()), len(scored)
    chosen, sight, everywhere = means(scored, drawn)
    words = f"{n} of {total} tokens are chosen. Counted there, the loss is :orange[**{display.amount(chosen, unit)}**] a token"
    if n == total:
        return words + "; there is no other token to count."
    return (
        f"{words}. Counted everywhere it is **{display.amount(everywhere, unit)}**, and looks {display.number(chosen / everywhere, 2)} times better. Nothing was guessed better: "
        f"the other {total - n} tokens stand in plain sight, and the model that needs only copy them pays {display.amount(sight, unit)} each."
    )


def counting(unit: str) -> None:
    """The recorded runs: what counting the loss everywhere teaches."""
    stored = recorded.load()
    if not stored or "counting" not in stored:
        return
    charts.draw(
        counting_figure, unit, key="masked_counting", alt=counting_words(stored["counting"], unit).replace("**", "").replace(":orange[", "").replace("]", "")
    )
    st.markdown(counting_words(stored["counting"], unit))


def counting_figure(unit: str):
    """`figures.counting` of the recorded runs."""
    return figures.counting(recorded.load()["counting"]["runs"], unit)


def counting_words(stored: dict, unit: str) -> str:
    """What was run, and what came of it, in numbers."""
    runs = stored["runs"]
    hidden, everywhere = ({name: np.array([run[column][-1] for run in rows]) for name, rows in runs.items()} for column in ("masked_nats", "all_nats"))
    seeds = len(runs["chosen"])
    now = files.sha256(models.registry.DATA / recorded.START / "manifest.json")[:12]
    start = recorded.START if stored["started_from"] == now else f"an earlier {recorded.START}"
    return (
        f"Two kinds of training, alike but for where the loss is counted: {stored['steps']} steps of {display.number(stored['tokens_per_step'])} tokens from the weights of {start}, {seeds} seeds each "
        f"(thin lines). On held-out text the one that counted everywhere looks better by its own measure, {display.amount(everywhere['everywhere'].mean(), unit)} a token against "
        f"{display.amount(everywhere['chosen'].mean(), unit)}. At the tokens it cannot see it is worse: {display.amount(hidden['everywhere'].mean(), unit)} against "
        f":orange[**{display.amount(hidden['chosen'].mean(), unit)}**]. It was paid to copy, so it learned to copy."
    )
