"""The sentences and the interactions of chapter 4: a text as bits, the file of it, and the files of others."""

import math
import time
from dataclasses import dataclass

import numpy as np
import streamlit as st

from lmviz import display, models, units
from lmviz.coding import coder, container, quantise
from lmviz.data import examples
from lmviz.data.recorded import compression as recorded
from lmviz.errors import ReaderError
from lmviz.figures import compression as figures
from lmviz.models import registry
from lmviz.models.scored import ScoredText
from lmviz.ui import charts, runtime, show
from lmviz.ui.memory import Memory

LONGEST = 300  # tokens that are written to a file here
AT_ONCE = 0.5  # seconds: what takes no longer is written without being asked
STEP = {"smollm2-135m": 0.07}  # seconds a token, about; the others need less than OTHER_STEP
OTHER_STEP = 0.006
SLICE = 0.4  # seconds of coding between which other readers are served
KEPT = 300  # files, of every reader together; some kilobytes each
SHOWN_BYTES = 192


@dataclass(frozen=True)
class Written:
    """A text's file, and the seconds that writing it took (None: it was written beforehand)."""

    coded: coder.Coded
    seconds: float | None = None


_kept = Memory(KEPT)


def written(scored: ScoredText) -> Written | None:
    """The file of a scored text, if it is there or quickly made."""
    if (known := _known(scored)) is not None:
        return known
    quick = len(scored) * STEP.get(scored.model, OTHER_STEP) <= AT_ONCE and models.is_loaded(scored.model)
    return _write(scored) if quick and len(scored) <= LONGEST else None


def _known(scored: ScoredText) -> Written | None:
    kept = _kept.get((scored.model, scored.revision, scored.text))
    if kept is None and scored.text == examples.OPENING and (first := recorded.opening(scored.model, scored.revision)) is not None:
        return Written(first)
    return kept


def _write(scored: ScoredText) -> Written:
    def compute() -> Written:
        started = time.monotonic()
        coded = _driven(lambda model: coder.encoding(model, scored.text), scored, "Writing")
        return Written(coded, time.monotonic() - started)

    return _kept.once((scored.model, scored.revision, scored.text), compute)


def _read(scored: ScoredText, file: Written) -> None:
    """Read the file back and remember, for this reader, how long it took and how many bytes came back as they were."""
    started = time.monotonic()
    back = _driven(lambda model: coder.decoding(model, file.coded.blob), scored, "Reading back").encode()
    same = sum(a == b for a, b in zip(back, scored.text.encode()))
    st.session_state.compression_back = (scored.model, scored.text, file.coded.blob, time.monotonic() - started, same)


def _driven(make, scored: ScoredText, what: str):
    """Run a coder to its end on the worker's thread, a slice at a time, so that others are served in between; any change stops it."""
    line, n, name = st.empty(), len(scored), scored.model
    steps, done, started = None, 0, time.monotonic()

    def one_slice():
        nonlocal steps, done
        steps = steps or make(models.load(name))
        stop = time.monotonic() + SLICE
        while time.monotonic() < stop:
            try:
                next(steps)
            except StopIteration as finished:
                return finished
            done += 1
        return None

    try:
        while (finished := runtime.service().call(one_slice)) is None:
            left = (time.monotonic() - started) / max(done, 1) * (n - done)
            line.progress(done / n, f"{what}: token {done} of {n}, about {max(1, round(left))} s more. Any change stops it.")
    except ReaderError as trouble:
        line.empty()
        show.trouble(trouble)
        st.stop()
    line.empty()
    return finished.value


# above the fold -------------------------------------------------------------------------------------------------------


def answer(scored: ScoredText, file: Written | None) -> str:
    """The question of the chapter, answered with this text's numbers."""
    ideal = units.to_bits(scored.total_nats)
    begins = (
        f"The model's loss on this text is :orange[**{display.number(ideal)} bits**] in all; spelled out it has {display.number(8 * scored.n_bytes)}, "
        f"eight for each of its {display.number(scored.n_bytes)} bytes. "
    )
    if file is None:
        return (
            begins
            + f"That is a promise: there is a file of at most {math.floor(stated_limit(scored)) + 1} bits from which the same model restores it, letter for letter."
        )
    n = len(file.coded.bits)
    return (
        begins
        + f"The file really written below has :blue[**{display.number(n)} bits**], {plural(file.coded.n_payload, 'byte')}, and the text comes back from it."
    )


def stated_limit(scored: ScoredText) -> float:
    """The most bits that the code of a text may have: Σ −log₂ P, two, and what whole numbers may cost."""
    return units.to_bits(scored.total_nats) + 2 + len(scored) * quantise.precision_loss(scored.vocab_size)


def costs(scored: ScoredText, file: Written | None) -> tuple[float, ...]:
    """−log₂ P of every token in bits: as the file was charged, else as the text was scored."""
    return file.coded.costs if file is not None else tuple(units.to_bits(scored.losses).tolist())


def ribbon(scored: ScoredText, file: Written | None, selected: int) -> None:
    """The picture of the chapter: tokens as wide as their bits, over the bits of the file."""
    texts = tuple(display.visible(token.text) if token.text else "…" for token in scored.tokens)
    bits = file.coded.bits if file is not None else None
    charts.draw(
        figures.ribbon, costs(scored, file), texts, bits, selected, key=f"compression_ribbon_{file is not None}", alt=ribbon_alt(scored, file, selected)
    )


def ribbon_alt(scored: ScoredText, file: Written | None, selected: int) -> str:
    dear = sorted(zip(costs(scored, file), scored.tokens), key=lambda pair: -pair[0])[:5]
    says = "Tokens as wide as their bits. Widest: " + ", ".join(f"{display.visible(t.text or '…')} {display.number(c)}" for c, t in dear)
    return says + (f". Below them the {len(file.coded.bits)} bits of the file and its {file.coded.n_payload} bytes." if file is not None else ".")


def ribbon_words(scored: ScoredText, file: Written | None, selected: int) -> str:
    """What the selected token does to the interval and to the file."""
    each = costs(scored, file)
    token = display.md_escape(display.visible(scored.tokens[selected].text or "…"))
    paid = math.fsum(each[: selected + 1])
    says = (
        f"The model gave :violet[**{token}**] {display.one_in(2.0 ** -each[selected])}, so it is as wide as **{display.number(each[selected])} bits**: that much narrower is the range of numbers "
        f"that the file can still be. With it, {display.number(paid)} bits are paid"
    )
    if file is None:
        return says + "."
    done = file.coded.settled[selected]
    return (
        says + f", and the first {display.number(done)} of the file are certain, whatever comes next."
        if done
        else says + ", and none of the file's is certain yet."
    )


def total(scored: ScoredText, file: Written | None, selected: int) -> None:
    """The running total along the text."""
    paid = tuple(np.cumsum(costs(scored, file)).tolist())
    places = tuple(token.end for token in scored.tokens)
    settled = file.coded.settled if file is not None else None
    alt = f"Running total of bits over {display.number(places[-1])} bytes: {display.number(paid[-1])} in the end, where eight a byte would be {display.number(8 * places[-1])}."
    charts.draw(
        figures.running_total,
        paid,
        settled,
        len(file.coded.bits) if file is not None else 0,
        places,
        selected,
        key=f"compression_total_{file is not None}",
        alt=alt,
    )


# the file -------------------------------------------------------------------------------------------------------------


def file_of(scored: ScoredText, file: Written | None) -> None:
    """Write it, look at it, read it back, take it along."""
    title = registry.row(scored.model).title
    if file is None and len(scored) > LONGEST:
        st.markdown(
            f"Writing takes one step of the model a token, so texts of up to {LONGEST} tokens are written here; this one has {display.number(len(scored))}. "
            "Longer ones can be written from the command line:"
        )
        st.code(f"python -m lmviz compress text.txt --model {scored.model}", language=None)
        return
    if file is None:
        seconds = len(scored) * STEP.get(scored.model, OTHER_STEP)
        st.markdown(
            f"{title} must be asked token by token, as whoever reads the file will have to: about {max(1, math.ceil(seconds))} s for these {display.number(len(scored))} tokens, longer on a busy machine."
        )
        if st.button("Write the file", key="compression_write", type="primary"):
            _write(scored)
            st.rerun()
        return
    st.markdown(file_words(scored, file))
    st.code(dump(file.coded), language=None, wrap_lines=True)
    with st.container(horizontal=True, key="compression_doors"):
        read = st.button("Read it back", key="compression_read", type="primary")
        st.download_button("Take the file along", file.coded.blob, "text.lmv", "application/octet-stream", key="compression_download", on_click="ignore")
    if read:
        if file.seconds is None:  # written beforehand, perhaps by another machine, whose last digits may be others
            file = _write(scored)
        _read(scored, file)
        st.rerun()
    back = st.session_state.get("compression_back")
    if back is not None and back[:3] == (scored.model, scored.text, file.coded.blob):
        st.markdown(back_words(scored, *back[3:]))


def file_words(scored: ScoredText, file: Written) -> str:
    coded, ideal = file.coded, units.to_bits(scored.total_nats)
    extra = len(coded.bits) - ideal
    took = (
        ""
        if file.seconds is None
        else f" Writing it took {display.number(file.seconds, 2)} s, {display.number(1000 * file.seconds / max(1, len(scored)), 2)} ms a token."
    )
    spelled = (
        ""
        if not coded.n_spelled
        else f" {plural(coded.n_spelled, 'character')} that the model's vocabulary cannot write {'stands' if coded.n_spelled == 1 else 'stand'} in the head, spelled out."
    )
    cheaper = ideal - math.fsum(coded.costs)
    over = f"{display.number(abs(extra), 2)} {'more' if extra >= 0 else 'fewer'} than the summed cross-entropy"
    if cheaper > 0.5:
        over += f" (here even the all but impossible has a share of 2⁻³², which saves {display.number(cheaper, 2)})"
    return (
        f"**{display.number(len(coded.bits))} bits of code**, {over}: the number with the fewest binary places among those that stand for this text, filled up to {plural(coded.n_payload, 'byte')}. "
        f"Around them a head of {coded.n_head} bytes: which model and which weights, how many tokens, and checksums, so that a wrong model or a damaged file is refused.{spelled}{took}"
    )


def dump(coded: coder.Coded) -> str:
    """The bytes of the file, in three parts, as many as are shown."""
    blob, head_end = coded.blob, len(coded.blob) - coded.n_payload - container.CRC
    payload = blob[head_end : head_end + coded.n_payload]
    more = f" … {len(payload) - SHOWN_BYTES} more" if len(payload) > SHOWN_BYTES else ""
    return f"head   {blob[:head_end].hex(' ')}\n\ncode   {payload[:SHOWN_BYTES].hex(' ')}{more}\n\ncheck  {blob[-container.CRC :].hex(' ')}"


def back_words(scored: ScoredText, seconds: float, n_equal: int) -> str:
    n = len(scored.text.encode())
    return (
        f"From the file alone the model has restored the text in {display.number(seconds, 2)} s: **{display.number(n_equal)} of {display.number(n)} bytes are the same**"
        + (", and so is the checksum." if n_equal == n else ".")
    )


def plural(n: int, word: str) -> str:
    return f"{display.number(n)} {word}{'' if n == 1 else 's'}"
