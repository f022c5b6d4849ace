"""Chapter 4's second half: the same text in other programs' files, in Huffman's code, and at any length."""

import math

import numpy as np
import streamlit as st

from lmviz import display, models, units
from lmviz.coding import compressors
from lmviz.data import examples
from lmviz.data.recorded import compression as recorded
from lmviz.errors import ReaderError
from lmviz.figures import compression as figures
from lmviz.models import registry
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, runtime, show, wrong
from lmviz.ui.compression import Written, costs, plural
from lmviz.ui.memory import shared


@shared(64)
def sizes(text: str) -> dict[str, int]:
    """Bytes of a text under each of `compressors.COMPRESSORS`, computed once for all readers and for chapters 3 and 4."""
    return compressors.sizes(text)


def rows(scored: ScoredText, file: Written | None, huffman: recorded.HuffmanView) -> list[tuple[str, int, int]]:
    """(name, bytes of code, bytes of head) of every way to write the text, plain bytes first, the model last."""
    ideal = math.ceil(units.to_bits(scored.total_nats) / 8)
    ours = (file.coded.n_payload, file.coded.n_head) if file is not None else (ideal, 0)
    return [("plain UTF-8", scored.n_bytes, 0), *[(name, size, 0) for name, size in sizes(scored.text).items()],
            ("Huffman, unigram", -(-huffman.n_bits // 8), 0), (registry.row(scored.model).title, *ours)]  # fmt: skip


def beside(scored: ScoredText, file: Written | None, huffman: recorded.HuffmanView) -> None:
    """The bars, and what they count."""
    shown = tuple(rows(scored, file, huffman))
    ours = shown[-1][0]
    alt = "Bytes of the text: " + ", ".join(f"{name} {code}" + (f" and a head of {head}" if head else "") for name, code, head in shown) + "."
    charts.draw(figures.sizes, shown, scored.n_bytes, ours, key=f"compression_sizes_{file is not None}", alt=alt)
    st.markdown(beside_words(scored, file, shown))


def beside_words(scored: ScoredText, file: Written | None, shown) -> str:
    others = {name: code for name, code, _ in shown if name in compressors.COMPRESSORS}
    best = min(others, key=others.get)
    ours, by_frequency = shown[-1][1], next(code for name, code, _ in shown if name.startswith("Huffman"))
    share = display.number(100 * ours / max(1, scored.n_bytes))
    whole = ours + shown[-1][2]
    head = (
        f"; with its head of {shown[-1][2]} the file is {display.number(whole)}, {display.number(100 * whole / max(1, scored.n_bytes))} %"
        if file is not None
        else " (from the loss: the file is not written yet)"
    )
    size = model_bytes(scored.model)
    model = (
        f"**The model is in none of these files.** Whoever reads this one needs {registry.row(scored.model).title} too, {megabytes(size)}"
        if size
        else "This model knows nothing but its list of tokens"
    )
    learn = "A text this short gives them nothing to learn from. " if scored.n_bytes < 1000 else ""
    return (
        f"{plural(ours, 'byte')} of code, {share} % of the plain text{head}. The best of the programs, {best}, needs {display.number(others[best])}, {display.number(others[best] / max(1, ours), 2)} times the code; "
        f"Huffman's code, which knows how often each token occurs, {display.number(by_frequency)}. "
        f"gzip, bz2, xz and zstd carry heads and checksums of their own, [PPMd](glossary?term=ppmd) none. {learn}{model}; the programs need only themselves."
    )


def model_bytes(name: str) -> int:
    """Bytes of the file that a model ships as; 0 for the uniform one. The n-grams share one file."""
    if name == "uniform":
        return 0
    if name == "smollm2-135m":
        from lmviz.models import files

        file = files.find_smollm2_gguf() or files.smollm2_folder() / "model.safetensors"
    elif registry.row(name).kind == "n-gram":
        file = registry.DATA / "ngrams" / "counts.npz"
    else:
        file = registry.DATA / name / "model.safetensors"
    return file.stat().st_size if file.exists() else 0


def megabytes(n_bytes: float) -> str:
    """A large number of bytes, in words.

    >>> megabytes(2_660_568), megabytes(3.2e9)
    ('2.66 MB', '3.20 GB')
    """
    return f"{display.number(n_bytes / 1e9)} GB" if n_bytes >= 1e9 else f"{display.number(n_bytes / 1e6)} MB"


def growth(scored: ScoredText) -> None:
    """Recorded: everybody on ever longer pieces of the same text; and when a model has paid for itself."""
    known = recorded.growth()
    titles = {name: registry.row(name).title for name in known.models}
    alt = f"Bits a byte over the first {recorded.LENGTHS[0]} to {recorded.LENGTHS[-1]} bytes: " + "; ".join(
        f"{titles.get(n, n)} {display.number(v[0])} to {display.number(v[-1])}" for n, v in {**known.others, **known.models}.items()
    )
    shown = {name: row for name, row in known.models.items() if name != "uniform"}
    charts.draw(figures.growth, recorded.LENGTHS, known.others, shown, titles, scored.model, key="compression_growth", alt=alt + ".")
    st.markdown(growth_words(scored.model))


def growth_words(name: str) -> str:
    """What the curves show, and the break-even of the reader's model."""
    known = recorded.growth()
    xz, ppmd = known.others["xz"], known.others["PPMd"]
    says = (
        f"The bundled passages, one after the other. xz falls from {display.number(xz[0])} to {display.number(xz[-1])} bits a byte and PPMd to {display.number(ppmd[-1])}, because they learn as they read. "
        "The models stay where they are: they learned before. "
    )
    name = name if name in known.models else next(iter(known.models))
    title, size, ours = registry.row(name).title, model_bytes(name), known.models[name][-1]
    pays = compressors.break_even(size, float(ours), float(ppmd[-1])) if size else math.inf
    if math.isfinite(pays):
        return says + (
            f"{title} needs {display.number(ours)} here. It saves {display.number((ppmd[-1] - ours) / 8, 2)} bytes a byte against PPMd, so its {megabytes(size)} would be earned back after "
            f"**{megabytes(pays)}** of such text, if PPMd learned nothing more meanwhile, which it would."
        )
    return says + f"{title} needs {display.number(ours)} here, and so earns nothing back."


# Huffman --------------------------------------------------------------------------------------------------------------


def huffman_of(scored: ScoredText) -> recorded.HuffmanView:
    """Huffman's code of the unigram model, for this text."""
    if scored.text == examples.OPENING:
        return recorded.opening_huffman()
    try:
        return _huffman(scored.text)
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()


@st.cache_data(max_entries=50, show_spinner=False)
def _huffman(text: str) -> recorded.HuffmanView:
    return runtime.service().call(lambda: recorded.huffman(models.load("unigram"), text))


def huffman_table(view: recorded.HuffmanView, most: int = 10) -> str:
    """The code words of the first tokens, as Markdown."""
    lines = ["| token | −log₂ P, bits | code word | bits |", "|---|---|---|---|"]
    for token, word, cost in list(zip(view.tokens, view.words, view.costs))[:most]:
        lines.append(f"| {display.md_escape(display.visible(token))} | {display.number(cost)} | `{word}` | {len(word)} |")
    return "\n".join(lines)


def huffman_words(view: recorded.HuffmanView) -> str:
    return (
        f"Under the unigram model, which knows how often each token occurs and nothing else, the entropy is {display.number(view.entropy, 4)} bits a token, and a [Huffman code](glossary?term=huffman-code) needs "
        f"{display.number(view.mean_length, 4)}: never less than the entropy, never a whole bit more. This text takes it {display.number(view.n_bits)} bits. "
        "Nearly as good as it gets, for a model that never expects anything with more than a few per cent. "
        "A model that is often sure needs **less than one bit** for most tokens, and no code word is shorter than one."
    )


# the end --------------------------------------------------------------------------------------------------------------


def whole_bits(each) -> int:
    """What a text costs if every token gets a code word of its own, of ⌈−log₂ P⌉ bits and at least one (Shannon 1948).

    >>> whole_bits([7.2, 0.1, 1.0])
    10
    """
    return sum(max(1, math.ceil(cost - 1e-9)) for cost in each)


def prediction(scored: ScoredText, file: Written | None) -> tuple[str, list[str], int, str, list[str]]:
    """What if tokens were rounded up to whole bits? Computed from this text."""
    each = costs(scored, file)
    ideal, whole = math.fsum(each), whole_bits(each)
    more = whole / ideal - 1 if ideal else 0.0
    options = ["by less than 5 %", "by 5 to 15 %", "by 15 to 50 %", "by more than 50 %"]
    at = int(np.searchsorted([0.05, 0.15, 0.5], more, side="right"))
    cheap = sum(cost < 1 for cost in each)
    because = (
        f"{display.number(ideal)} bits become {display.number(whole)}, {display.number(100 * more, 2)} % more. {plural(cheap, 'token')} of {display.number(len(each))} cost less than one bit, and a code word cannot. "
        "The arithmetic coder never rounds a token: it rounds once, at the end of the file."
    )
    question = (
        "Suppose every token had to have a code word of its own, of a whole number of bits, −log₂ P rounded up. By how much would the code of your text grow?"
    )
    under = "Rounding up costs half a bit on average where a token costs many, but a token that costs next to nothing pays a whole bit."
    over = "Only what is above a whole number is added, never more than one bit a token."
    why_not = wrong.by_range(
        [0.05, 0.15, 0.5], at, lambda edge: f"{display.number(ideal * (1 + edge))} bits", f"{display.number(whole)}", under=under, over=over
    )
    return question, options, at, because, why_not


def snippet(scored: ScoredText) -> str:
    return f"""from lmviz import coding, models, units
from lmviz.coding import coder, compressors
from lmviz.models import scoring

{show.text_line(scored.text)}
model = models.load({scored.model!r})
print(units.to_bits(scoring.score(model, text).total_nats))     # the summed cross-entropy, in bits
made = coder.run(coding.encoding(model, text), 0)
print(len(made.bits), made.n_payload, made.n_head)              # bits of code, bytes of code, bytes of head
print(coding.decode(model, made.blob) == text)                  # the text again, from the file alone
print(compressors.sizes(text))
"""
