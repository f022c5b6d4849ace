"""Numbers and tokens as text for a reader: the last step before the page, and the only one that knows units in words.

Three significant figures, a true minus sign (U+2212), narrow no-break spaces in thousands (U+202F), powers of ten with real
superscripts; whitespace and characters that cannot be seen are made visible, and text that a reader typed is
made harmless for Markdown and Plotly.
"""

import math
import numbers
import re
import unicodedata

from lmviz import units

MINUS, THIN_SPACE, INFINITY, UNDEFINED = "\u2212", "\u202f", "∞", "–"
UNITS = ("bits", "nats")

_MARKS = {" ": "·", "\n": "⏎", "\t": "⇥"}
_INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"}
_INVISIBLE_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # unseen although Unicode calls them letters, marks or symbols
_JOINERS = "\u200c\u200d"  # they shape Persian words and emoji families; harmless in running text
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MARKDOWN = set("\\`*_{}[]()#+-.!|<>~$:=&@^\"'/")
_WORD_JOINER = "\u2060"
_REPLACED_LATER = re.compile(r":(?=\S)|@|www(?=\.)|[-<>~](?=[-<>=])", re.IGNORECASE)


def number(value, digits: int = 3, *, sign: bool = False) -> str:
    """`value` to `digits` significant figures; an integer is exact; `sign` puts + before what is positive.

    Powers of ten below 0.001 and from 10⁹ on. Infinite is "∞", undefined (NaN) is "–".

    >>> number(3.4567), number(-0.5), number(49152), number(12345.6), number(1.1e-4, 2), number(2.3, sign=True)
    ('3.46', '−0.500', '49\u202f152', '12\u202f300', '1.1 × 10⁻⁴', '+2.30')
    >>> number(float("inf")), number(float("nan")), number(0.0)
    ('∞', '–', '0')
    """
    if isinstance(value, numbers.Integral):
        return _signed(f"{abs(int(value)):,}".replace(",", THIN_SPACE), value, sign)
    value = float(value)
    if math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return _signed(INFINITY, value, sign)
    if value == 0:
        return "0"
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    exponent = int(exponent)
    if -3 <= exponent < 9:
        places = max(0, digits - 1 - exponent)
        return _signed(f"{float(f'{mantissa}e{exponent}'):,.{places}f}".replace(",", THIN_SPACE), value, sign)
    return _signed(f"{mantissa} × {power_of_ten(exponent)}", value, sign)


def power_of_ten(exponent: int) -> str:
    """10 to the power `exponent`, set in superscripts.

    >>> power_of_ten(-4)
    '10⁻⁴'
    """
    return "10" + str(exponent).translate(_SUPERSCRIPT)


def amount(nats, unit: str, digits: int = 3, *, sign: bool = False) -> str:
    """An amount of information, given in nats, said in `unit` ("bits" or "nats").

    >>> amount(2.4, "bits"), amount(2.4, "nats"), amount(float("inf"), "bits")
    ('3.46 bits', '2.40 nats', '∞ bits')
    """
    return f"{number(in_unit(nats, unit), digits, sign=sign)} {unit}"


def in_unit(nats, unit: str):
    """The number that `nats` is in `unit`; ValueError for a unit that is neither "bits" nor "nats".

    >>> round(in_unit(math.log(8), "bits"), 12)
    3.0
    """
    if unit not in UNITS:
        raise ValueError(f'unit must be "bits" or "nats", got {unit!r}')
    return units.to_bits(nats) if unit == "bits" else nats


def probability(p) -> str:
    """A probability to two significant figures, and no less than what tells it from 1.

    >>> probability(0.3333), probability(0.00011), probability(0.9982), probability(0.9999996), probability(1.0)
    ('0.33', '1.1 × 10⁻⁴', '0.998', '1 − 4.0 × 10⁻⁷', '1')
    """
    p = float(p)
    if p in (0.0, 1.0) or math.isnan(p):
        return UNDEFINED if math.isnan(p) else f"{p:.0f}"
    if not 0 < p < 1:
        raise ValueError(f"p must be a probability, between 0 and 1, got {p}")
    if p <= 0.9:
        return number(p, 2)
    places = math.ceil(-math.log10(1 - p))  # enough places for one figure of what is missing to 1
    return f"{p:.{max(places, 2)}f}" if places <= 4 else f"1 {MINUS} {number(1 - p, 2)}"


def one_in(p) -> str:
    """A probability as a chance, "1 in N", N to two significant figures; "never" for 0.

    >>> one_in(1.1236e-4), one_in(0.33), one_in(1.0), one_in(0.0)
    ('1 in 8\u202f900', '1 in 3.0', '1 in 1', 'never')
    """
    p = float(p)
    if math.isnan(p):
        return UNDEFINED
    if not 0 <= p <= 1:
        raise ValueError(f"p must be a probability, between 0 and 1, got {p}")
    if p in (0.0, 1.0):
        return "1 in 1" if p else "never"
    if math.isinf(1 / p):  # subtle: the reciprocal of a subnormal number overflows, the number itself is fine
        return f"1 in {power_of_ten(round(-math.log10(p)))}"
    return f"1 in {number(1 / p, 2)}"


def visible(token: str) -> str:
    """`token` with all that cannot be seen made visible: "·" for a space, "⏎", "⇥", and U+XXXX for the rest.

    >>> visible(" cat"), visible("a\\n"), visible("\\u202e")
    ('·cat', 'a⏎', 'U+202E')
    """
    return "".join(pieces(token))


def pieces(token: str) -> list[str]:
    """`token` as [mark, text, mark, text, …], marks standing for what cannot be seen; "∅" for an empty token.

    A page can then set the marks apart, which `visible` cannot: "·" and "⏎" are also characters one can type.

    >>> pieces(" cat"), pieces("cat"), pieces("a\\tb"), pieces("")
    (['·', 'cat'], ['', 'cat'], ['', 'a', '⇥', 'b'], ['∅'])
    """
    runs = [""]
    for position, character in enumerate(token):
        mark = _mark(character)
        if mark is None and position == 0 and unicodedata.category(character).startswith("M"):
            variation = 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF
            # a combining mark alone would climb on its neighbour: give it the customary dotted circle
            mark, character = (_code(character), character) if variation else (None, "◌" + character)
        if (mark is None) == (len(runs) % 2 == 1):  # odd many runs: the last one holds marks
            runs.append("")
        runs[-1] += character if mark is None else mark
    return runs if token else ["∅"]


def md_escape(text: str) -> str:
    """`text` so that `st.markdown` shows it letter for letter: no formatting, links, images, icons or formulas.

    For use inside a paragraph: a newline becomes "⏎".

    >>> md_escape(number(49152)) == number(49152)
    True
    >>> print(md_escape("*a* $b$ <i>"))
    \\*a\\* \\$b\\$ \\<i\\>
    """
    # subtle: Streamlit replaces arrows, icons and addresses after the escapes are resolved; an invisible joiner parts them
    parted = _REPLACED_LATER.sub(lambda found: found[0] + _WORD_JOINER, _plain(text))
    return "".join("\\" + c if c in _MARKDOWN else c for c in parted)


def plotly_escape(text: str) -> str:
    """`text` so that a Plotly title, tick, label or hover shows it literally.

    >>> plotly_escape("<b> & co")
    '&lt;b&gt; &amp; co'
    """
    return _plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mark(character: str) -> str | None:
    if character in _MARKS:
        return _MARKS[character]
    unseen = unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _INVISIBLE_LETTERS
    return _code(character) if unseen else None


def _plain(text: str) -> str:
    """Running text: spaces, our own thin ones too, and joiners stay; whatever else cannot be seen (bidi overrides above all) is marked."""
    return "".join(c if c in (" ", THIN_SPACE) or c in _JOINERS else _mark(c) or c for c in text)


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"


def _signed(text: str, value, sign: bool) -> str:
    return MINUS + text if value < 0 else "+" + text if sign and value > 0 else text
