import math
import unicodedata
from decimal import ROUND_HALF_EVEN, Context, Decimal

import hypothesis.strategies as strategies
import pytest
from hypothesis import given

from lmviz import display


def read(text: str) -> float:
    """A reader's reading of a number that `display.number` wrote: the independent reference of these tests."""
    text = text.replace("\u202f", "").replace("\u2212", "-").replace("+", "")
    mantissa, _, power = text.partition(" × 10")
    digits = {"⁻": "-"} | {c: str("⁰¹²³⁴⁵⁶⁷⁸⁹".index(c)) for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"}
    return float(f"{mantissa}e{''.join(digits[c] for c in power) or 0}")


@given(strategies.floats(allow_nan=False, allow_infinity=False), strategies.integers(1, 6))
def test_a_number_reads_back_as_the_value_rounded_to_its_significant_figures(value, digits):
    rounded = Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(Decimal(value))
    assert read(display.number(value, digits)) == pytest.approx(float(rounded), rel=1e-12, abs=0)


@given(strategies.integers())
def test_an_integer_is_shown_in_full(value):
    assert int(display.number(value).replace("\u202f", "").replace("\u2212", "-")) == value


def test_numbers_are_set_with_a_true_minus_thin_spaces_and_superscripts():
    assert display.number(-1234.5) == "\u22121\u202f230"
    assert display.number(0.000112, 2) == "1.1 × 10⁻⁴"
    assert display.number(1.78e10) == "1.78 × 10¹⁰"
    assert display.number(9.996) == "10.0"
    assert display.number(0.0009996) == "0.00100"
    assert display.number(0.0009994) == "9.99 × 10⁻⁴"
    assert display.number(999.7) == "1\u202f000"
    assert (display.number(2.0, sign=True), display.number(0.0, sign=True), display.number(-2.0, sign=True)) == ("+2.00", "0", "\u22122.00")


def test_what_is_infinite_or_undefined_has_its_own_sign():
    assert [display.number(x) for x in (math.inf, -math.inf, math.nan)] == ["∞", "\u2212∞", "–"]
    assert display.amount(math.nan, "bits") == "– bits"


def test_an_amount_in_bits_is_the_base_two_logarithm():
    assert display.amount(math.log(8), "bits") == "3.00 bits"
    assert display.amount(math.log(8), "nats") == "2.08 nats"
    with pytest.raises(ValueError, match="unit must be"):
        display.amount(1.0, "hartleys")


def test_a_probability_near_one_is_never_rounded_to_one():
    assert display.probability(0.9982) == "0.998"
    assert display.probability(1 - 4e-7) == "1 \u2212 4.0 × 10⁻⁷"
    assert display.probability(1.0) == "1"


@given(strategies.floats(0, 1))
def test_a_probability_reads_back_to_two_figures_of_itself_or_of_what_it_lacks(p):
    text = display.probability(p)
    lacking = text.removeprefix("1 \u2212 ")
    shown = 1 - read(lacking) if lacking != text else read(text)
    assert shown == pytest.approx(p, rel=0.051)
    assert 1 - shown == pytest.approx(1 - p, rel=0.51)  # one figure at least
    assert (shown == 0) == (p == 0)


@given(strategies.floats(1e-300, 1))
def test_one_in_n_is_the_reciprocal_to_two_figures(p):
    assert read(display.one_in(p).removeprefix("1 in ")) == pytest.approx(1 / p, rel=0.051)


def test_the_chance_examples_of_the_house_style():
    assert display.one_in(1.1236e-4) == "1 in 8\u202f900"
    assert display.one_in(0.0) == "never"
    assert display.one_in(5e-324) == "1 in 10³²³"
    with pytest.raises(ValueError, match="p must be a probability"):
        display.one_in(1.5)
    with pytest.raises(ValueError, match="p must be a probability"):
        display.probability(-0.1)


def test_whitespace_and_control_characters_in_a_token_are_visible():
    assert display.visible(" cat") == "·cat"
    assert display.visible("a\n\tb\r") == "a⏎⇥bU+000D"
    assert display.visible("\u202ex\u200b\xa0") == "U+202ExU+200BU+00A0"
    assert display.visible("\u0301") == "◌\u0301"
    assert display.visible("") == "∅"
    assert display.visible("naïve שלום 😀") == "naïve·שלום·😀"


@given(strategies.text())
def test_nothing_that_cannot_be_seen_is_left_in_a_visible_token(token):
    left = {c for c in display.visible(token) if unicodedata.category(c) in {"Cc", "Cf", "Zs", "Zl", "Zp"}}
    assert not left


@given(strategies.text())
def test_the_pieces_of_a_token_alternate_marks_and_its_own_text(token):
    pieces = display.pieces(token)
    assert "".join(pieces) == display.visible(token)
    assert all(pieces[1:])
    own = "".join(c for c in token if display.visible("x" + c) == "x" + c)
    circle = "◌" if own and unicodedata.category(token[0]).startswith("M") and display.pieces(token[0])[0] == "" else ""
    assert "".join(pieces[1::2]) == circle + own


def test_typed_middle_dots_and_return_signs_are_text_not_marks():
    assert display.pieces("·⏎") == ["", "·⏎"]


def test_markdown_punctuation_is_escaped_and_control_characters_are_shown():
    assert display.md_escape("*a*_b_`c`[d](e)") == r"\*a\*\_b\_\`c\`\[d\]\(e\)"
    assert display.md_escape("$x$ <b>") == r"\$x\$ \<b\>"
    assert display.md_escape("a\nb\u202e") == r"a⏎bU\+202E"


def test_names_that_streamlit_replaces_after_markdown_are_parted():
    for text in (":smile:", ":material/home:", ":red[x]", "http://a.b", "a -> b", "a <- b", "a -- b", "a >= b", "me@home.org", "www.a.org"):
        escaped = display.md_escape(text)
        assert "\u2060" in escaped
        assert escaped.replace("\u2060", "").replace("\\", "") == text


def test_plotly_pseudo_html_is_escaped():
    assert display.plotly_escape('<a href="x">&amp;\u202e') == '&lt;a href="x"&gt;&amp;amp;U+202E'
