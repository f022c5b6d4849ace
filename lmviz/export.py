"""A scored text as a file: CSV for a spreadsheet, JSON with everything in it, SVG as a picture; and the facts at the head of every file that leaves the book."""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

from lmviz import display, units, words
from lmviz.models.scored import ScoredText

GUARDED = "token (without the leading ')"  # the column's name says what to take away
COLUMNS = ("index", "word", GUARDED, "start", "end", "id", "loss_nats", "loss_bits", "probability", "rank", "entropy_nats", "surprise_nats")
START = {"smollm2": "<|endoftext|>", "lmviz": "<|start|>"}  # by tokenizer: what stands before the first token
FORMULA = "=+-@\t\r\n＝＋－＠"  # a spreadsheet runs a cell that begins so (OWASP, "CSV Injection")
MEASURES = {"loss": "−log P", "probability": "P", "rank": "rank", "entropy": "entropy", "surprise": "loss − entropy"}
FULL = {"loss": units.to_nats(12.0), "entropy": units.to_nats(12.0), "surprise": units.to_nats(8.0)}  # where the colour is full, nats
BUCKETS = (1, 10, 100, 1000)  # the last rank of each shade
LOSS, MODEL, INK, QUIET, LINE = (213, 94, 0), (0, 114, 178), "#14171a", "#50585f", "#d5d9dd"
ROW, CHIP, GAP, MARGIN, HEAD = 50, 27, 4, 24, 64  # pixels
LETTER = 9.6  # the advance of a 16 px monospaced letter


def facts(chapter: str, model: str, *, revision: str, dtype: str, start: str, unit: str, text: str = "") -> dict[str, str]:
    """What a file must say of itself: which model, its exact weights, the number format, the token before the first, the unit."""
    known = {"from": f"lmviz, chapter {chapter}", "model": model, "revision": revision, "dtype": dtype, "context token before the first": start, "unit": unit}
    return known | ({"text": text if len(text) <= 200 else text[:199] + "…"} if text else {})


def header(known: Mapping[str, str]) -> str:
    """Facts as comment lines above a table; what would break a line, or cannot be seen, is made visible.

    >>> print(header({"model": "nano", "text": "one\\ntwo"}), end="")
    # model: nano
    # text: one⏎two
    """
    return "".join(f"# {name}: {''.join(c if c == ' ' else display.visible(c) for c in value)}\n" for name, value in known.items())


def to_csv(scored: ScoredText) -> str:
    """One row a token, columns as in COLUMNS, numbers at full precision; what was not scored is an empty cell.

    A token that a spreadsheet would take for a formula has an apostrophe put before it, and so has one that begins with an
    apostrophe: without the first apostrophe, if there is one, every cell is the token itself.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    table.writerow(COLUMNS)
    starts = set(words.word_groups([token.text for token in scored.tokens]))
    word = -1
    for i, token in enumerate(scored.tokens):
        word += i in starts
        loss, entropy = float(scored.losses[i]), float(scored.entropies[i])
        rank = "" if math.isnan(scored.ranks[i]) else int(scored.ranks[i])
        numbers = [loss, units.to_bits(loss), math.exp(-loss), rank, entropy, loss - entropy]
        table.writerow([i, word, guarded(token.text), token.start, token.end, token.id, *("" if x != x else x for x in numbers)])
    return out.getvalue()


def guarded(cell: str) -> str:
    """A text as a cell that no spreadsheet runs.

    >>> [guarded(cell) for cell in ("=1+1", "'s", " cat", "")]
    ["'=1+1", "''s", ' cat', '']
    """
    return "'" + cell if cell[:1] and cell[0] in FORMULA + "'" else cell


def to_json(scored: ScoredText, known: Mapping[str, str] | None = None) -> str:
    """Everything that is known of the text, in nats, under the public names, and `known` as "facts"; strict JSON."""
    return json.dumps(({"facts": dict(known)} if known else {}) | scored.as_dict(), ensure_ascii=False, allow_nan=False, indent=1)


def to_svg(scored: ScoredText, *, measure: str = "loss", unit: str = "bits", title: str = "", width: int = 960) -> str:
    """The heatmap as an SVG of its own: every token on its colour, its number below, the scale and the totals.

    Raises ValueError if `measure` is none of MEASURES or `width` is below 480.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {', '.join(MEASURES)}; got {measure!r}")
    if width < 480:
        raise ValueError(f"width must be at least 480, got {width}")
    chips, bottom = [], HEAD
    for i, x, y, chip_width, text in _layout(scored, width):
        chips.append(_chip(text, x, y, chip_width, _shade(scored, measure, i), _printed(scored, measure, i, unit), cool=measure == "entropy"))
        bottom = y + ROW
    height = bottom + 40
    says = MEASURES[measure] + (f", {unit}" if measure in FULL else "")
    totals = (
        f"{display.number(scored.n_scored)} tokens · {display.amount(scored.total_nats, unit)} in all · {display.amount(scored.mean_nats, unit)} a token · "
        f"perplexity {display.number(scored.perplexity)} · {display.number(scored.bits_per_byte)} bits per byte"
    )
    heading = escape(_clipped(_clean(title or scored.model), width - 2 * MARGIN - 300, 7.5))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
            f"font-family=\"ui-sans-serif, system-ui, 'Source Sans 3', 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\" fill=\"{INK}\">",
            f"<title>{heading}: {escape(says)}</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<text x="{MARGIN}" y="36" font-size="15" font-weight="600">{heading}</text>',
            *_scale(measure, unit, says, width),
            '<g font-family="ui-monospace, \'Source Code Pro\', \'DejaVu Sans Mono\', Menlo, Consolas, monospace" font-size="16" text-anchor="middle">',
            *chips,
            "</g>",
            f'<text x="{MARGIN}" y="{height - 22}" fill="{QUIET}">{escape(totals)}</text>',
            "</svg>",
        ]
    )


def _layout(scored: ScoredText, width: int) -> Iterator[tuple[int, float, int, float, str]]:
    """(token, x, y, width, shown text) of each chip: lines break where the text does, and where they are full."""
    x, y, room = float(MARGIN), HEAD, width - 2 * MARGIN
    for i, token in enumerate(scored.tokens):
        shown = _clipped(display.visible(token.text) if token.text else "…", room)
        chip = max(34.0, _columns(shown) * LETTER + 10)
        if x > MARGIN and x + chip > width - MARGIN:
            x, y = float(MARGIN), y + ROW
        yield i, x, y, chip, shown
        x += chip + GAP
        if "\n" in token.text:
            x, y = float(MARGIN), y + ROW


def _chip(text: str, x: float, y: int, width: float, shade: float, printed: str, *, cool: bool) -> str:
    hue = MODEL if cool or shade < 0 else LOSS
    colour = tuple(round(255 + (h - 255) * abs(shade)) for h in hue)
    ink = "#ffffff" if _luminance(colour) < 0.18 else INK
    middle = x + width / 2
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{CHIP}" rx="5" fill="#{bytes(colour).hex()}" stroke="{LINE}"/>'
        f'<text x="{middle:.1f}" y="{y + 19}" fill="{ink}" xml:space="preserve">{escape(_clean(text))}</text>'
        f'<text x="{middle:.1f}" y="{y + CHIP + 14}" font-size="11.5" fill="{QUIET}">{escape(printed)}</text>'
    )


def _scale(measure: str, unit: str, says: str, width: int) -> list[str]:
    """The legend at the upper right: the colours, and the values that stand for them."""
    length, steps = 176, 24
    left = width - MARGIN - length
    signed, hue = measure == "surprise", MODEL if measure == "entropy" else LOSS
    if measure == "rank":
        steps, ticks = 5, list(zip((0.1, 0.3, 0.5, 0.7, 0.9), ("1", "10", "100", "1000", "more"), strict=True))
    elif measure == "probability":
        ticks = [(0.0, "1"), (0.5, "0.5"), (1.0, "0")]
    else:
        full = display.in_unit(FULL[measure], unit)
        values = [(t, full * (2 * t - 1 if signed else t)) for t in (0.0, 0.5, 1.0)]
        ticks = [(t, (display.MINUS if v < 0 else "") + f"{abs(v):.1f}".removesuffix(".0") + ("+" if t == 1 else "")) for t, v in values]
    parts = [f'<text x="{left - 12}" y="36" text-anchor="end" fill="{QUIET}">{escape(says)}</text>']
    for k in range(steps):
        share = k / (steps - 1)
        share = 2 * share - 1 if signed else share
        colour = tuple(round(255 + (h - 255) * abs(share)) for h in (MODEL if share < 0 else hue))
        parts.append(f'<rect x="{left + k * length / steps:.2f}" y="26" width="{length / steps + 0.3:.2f}" height="11" fill="#{bytes(colour).hex()}"/>')
    parts.append(f'<rect x="{left}" y="26" width="{length}" height="11" fill="none" stroke="{LINE}"/>')
    parts += [f'<text x="{left + t * length:.1f}" y="51" font-size="11.5" text-anchor="middle" fill="{QUIET}">{escape(text)}</text>' for t, text in ticks]
    return parts


def _shade(scored: ScoredText, measure: str, i: int) -> float:
    """How full the colour is, from −1 to 1; 0 for what was not scored."""
    value = _value(scored, measure, i)
    if math.isnan(value):
        return 0.0
    if measure == "probability":
        return 1 - value
    if measure == "rank":
        return sum(value > last for last in BUCKETS) / len(BUCKETS)
    return max(-1.0, min(1.0, value / FULL[measure]))


def _printed(scored: ScoredText, measure: str, i: int, unit: str) -> str:
    value = _value(scored, measure, i)
    if math.isnan(value):
        return display.UNDEFINED
    if measure == "rank":
        return display.number(int(value))
    if measure == "probability":
        return display.number(value, 1).replace(" ", "") if 0 < value < 1e-3 else ">.99" if 0.99 < value < 1 else display.probability(value)
    amount = display.in_unit(value, unit)
    if math.isinf(amount):
        return display.number(amount)
    sign = display.MINUS if amount < 0 else "+" if measure == "surprise" and amount > 0 else ""
    return f"{sign}{abs(amount):.{2 if abs(amount) < 0.0995 else 1}f}"


def _value(scored: ScoredText, measure: str, i: int) -> float:
    loss, entropy = float(scored.losses[i]), float(scored.entropies[i])
    return {"loss": loss, "probability": math.exp(-loss), "rank": float(scored.ranks[i]), "entropy": entropy, "surprise": loss - entropy}[measure]


def _columns(text: str) -> int:
    """How many letters wide a text is set: two for East Asian characters and emoji, none for marks that sit on others."""
    return sum(0 if unicodedata.category(c) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _clipped(text: str, room: float, letter: float = LETTER) -> str:
    """`text`, or as much of its beginning as fits into `room` pixels with an ellipsis."""
    most = int((room - 10) / letter)
    if _columns(text) <= most:
        return text
    width, kept = 1, ""
    for character in text:
        width += _columns(character)
        if width > most:
            break
        kept += character
    return kept + "…"


def _clean(text: str) -> str:
    """What XML cannot hold, control characters and lone surrogates above all, made visible."""
    return "".join(c if c == " " else display.visible(c) if display.visible(c).startswith("U+") else c for c in text)


def _luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.1)."""
    red, green, blue = (c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
