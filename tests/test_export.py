import csv
import io
import json
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz import display, export
from lmviz.models.scored import ScoredText, Token
from lmviz.ui import token_strip

SVG = "{http://www.w3.org/2000/svg}"


def scored(tokens: list[str], losses=None) -> ScoredText:
    place, rows = 0, []
    for i, token in enumerate(tokens):
        rows.append(Token(i + 7, token, place, place + len(token.encode())))
        place = rows[-1].end
    n = len(rows)
    losses = np.linspace(0.25, 14, n) if losses is None else np.asarray(losses, dtype=float)
    ranks = np.where(np.isnan(losses), np.nan, np.arange(1.0, n + 1) ** 4)
    return ScoredText("nano", "r1", "float32", "".join(tokens), tuple(rows), -losses, np.where(np.isnan(losses), np.nan, 2.0), ranks,
                      np.zeros((n, 1), int), np.full((n, 1), -1.0), np.full(n, -2.0), (("x",),) * n, context=64, stride=32, vocab_size=300)  # fmt: skip


CAT = scored(["The", " cat", " s", "at", ".\n", '"quoted, and <tagged>"', "😀", "", "日本"])


def boxes(svg: str):
    """(x, y, width, height, fill) of the chips."""
    root = ElementTree.fromstring(svg)
    return [tuple(float(r.get(k)) for k in ("x", "y", "width", "height")) + (r.get("fill"),) for r in root.iter(f"{SVG}rect") if r.get("rx")]


def words(svg: str) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_table_has_one_row_a_token_at_full_precision():
    rows = list(csv.DictReader(io.StringIO(export.to_csv(CAT))))
    assert tuple(rows[0]) == export.COLUMNS
    assert "".join(row[export.GUARDED] for row in rows) == CAT.text
    assert [float(row["loss_nats"]) for row in rows] == CAT.losses.tolist()
    np.testing.assert_allclose([float(r["loss_bits"]) for r in rows], CAT.losses / np.log(2))
    np.testing.assert_allclose([float(r["probability"]) for r in rows], np.exp(CAT.log_probs))
    np.testing.assert_allclose([float(r["surprise_nats"]) for r in rows], CAT.losses - CAT.entropies)
    assert [int(r["rank"]) for r in rows] == CAT.ranks.astype(int).tolist()


@given(st.lists(st.text(max_size=12), min_size=1, max_size=12))
def test_no_cell_begins_as_a_formula_and_every_token_can_be_had_back(tokens):
    rows = list(csv.DictReader(io.StringIO(export.to_csv(scored(tokens)), newline="")))
    cells = [row[export.GUARDED] for row in rows]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n＝＋－＠")]
    assert [cell.removeprefix("'") for cell in cells] == tokens


@pytest.mark.parametrize("token", ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", '=HYPERLINK("x","y")'])
def test_what_a_spreadsheet_would_run_is_guarded_in_the_table_and_exact_in_the_json(token):
    text = export.to_csv(scored([token, "x"]))
    assert list(csv.DictReader(io.StringIO(text, newline="")))[0][export.GUARDED] == "'" + token
    assert json.loads(export.to_json(scored([token, "x"])))["tokens"][0]["text"] == token
    assert "leading '" in text.splitlines()[0]


def test_the_table_tells_which_word_a_token_belongs_to():
    rows = list(csv.DictReader(io.StringIO(export.to_csv(scored(["The", " un", "do", "."])))))
    assert [row["word"] for row in rows] == ["0", "1", "1", "1"]


def test_what_was_not_scored_is_an_empty_cell_and_infinity_is_said():
    rows = list(csv.DictReader(io.StringIO(export.to_csv(scored(["a", "b"], [math.nan, math.inf])))))
    assert rows[0]["loss_nats"] == rows[0]["rank"] == rows[0]["probability"] == ""
    assert float(rows[1]["loss_nats"]) == math.inf and float(rows[1]["probability"]) == 0


def test_the_json_is_strict_and_holds_everything():
    text = export.to_json(scored(["a", "b"], [math.nan, math.inf]))
    raw = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert ScoredText.from_dict(raw).as_dict() == raw
    assert raw["tokens"][1]["text"] == "b" and raw["model"] == "nano"


@pytest.mark.parametrize("measure", export.MEASURES)
@pytest.mark.parametrize("unit", ["bits", "nats"])
def test_the_picture_is_well_formed_and_shows_every_token_with_its_number(measure, unit):
    svg = export.to_svg(CAT, measure=measure, unit=unit, title="<b> & “Cat”")
    shown = words(svg)
    assert "<b> & “Cat”" in shown
    assert len(boxes(svg)) == len(CAT)
    for token in CAT.tokens:
        assert (display.visible(token.text) if token.text else "…") in shown
    assert any(display.amount(CAT.total_nats, unit) in text for text in shown)


def test_the_printed_losses_are_the_losses_in_the_readers_unit():
    shown = words(export.to_svg(scored(["a", "b", "c"], [1.0, 0.05, math.inf]), unit="nats"))
    assert {"1.0", "0.05", "∞"} <= set(shown)
    assert "1.4" in words(export.to_svg(scored(["a"], [1.0]), unit="bits"))


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=30), st.sampled_from([480, 960]))
def test_no_chip_leaves_the_picture_and_none_lies_on_another(tokens, width):
    svg = export.to_svg(scored(tokens), width=width)
    placed = boxes(svg)
    height = float(ElementTree.fromstring(svg).get("height"))
    assert len(placed) == len(tokens)
    for x, y, w, h, _ in placed:
        assert x >= 0 and x + w <= width and y + h + 14 < height
    for (x, y, w, *_), (next_x, next_y, *_) in zip(placed, placed[1:], strict=False):
        assert next_y > y or next_x >= x + w


def test_a_line_of_the_text_is_a_line_of_the_picture():
    rows = [y for _, y, *_ in boxes(export.to_svg(scored(["a", "b\n", "c"])))]
    assert rows[0] == rows[1] < rows[2]


def test_the_colour_deepens_with_the_loss_and_is_full_where_the_strips_is():
    assert export.FULL == token_strip.LIMITS and set(export.MEASURES) == set(token_strip.MEASURES)
    fills = [fill for *_, fill in boxes(export.to_svg(scored(list("abcd"), [0.0, 3.0, export.FULL["loss"], math.inf])))]
    assert fills[0] == "#ffffff" and fills[2] == fills[3] == "#d55e00"
    assert fills[1] not in (fills[0], fills[2])


def test_letters_can_be_read_on_every_colour():
    for measure in export.MEASURES:
        losses = np.linspace(0, 12, 60)
        svg = export.to_svg(scored(["x"] * 60, losses), measure=measure)
        group = ElementTree.fromstring(svg).find(f"{SVG}g")
        parts = list(group)
        for box, letters in zip(parts[::3], parts[1::3], strict=True):
            dark, light = sorted(export._luminance(tuple(bytes.fromhex(e.get("fill")[1:]))) for e in (box, letters))
            assert (light + 0.05) / (dark + 0.05) >= 4.4


@pytest.mark.parametrize(
    ("wrong", "says"), [({"measure": "colour"}, "measure must be one of"), ({"width": 100}, "width must be at least 480"), ({"unit": "bans"}, "unit")]
)
def test_a_wrong_wish_is_refused_by_name(wrong, says):
    with pytest.raises(ValueError, match=says):
        export.to_svg(CAT, **wrong)


def test_control_characters_and_markup_cannot_break_the_picture():
    svg = export.to_svg(scored(["\x00\x08", "]]>", "<script>", "&amp;", "\ud7ff\ufffe"]), title="\x01")
    assert "U+0000U+0008" in words(svg) and "<script>" in words(svg)
    assert "<script>" not in svg
