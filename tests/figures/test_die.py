"""A die of so many sides: equal areas, the exact fraction, no number too large; and a die for every token."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmviz.data import examples
from lmviz.figures import die, theme
from lmviz.models.scored import ScoredText

SIDES = st.floats(1.0, 3000.0)


def area(outline):
    x, y = (np.asarray(v) for v in outline)
    return abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2


@pytest.fixture
def opening():
    return ScoredText.from_dict(json.loads((examples.FIRST_VIEWS / "smollm2-135m.json").read_text(encoding="utf-8")))


@given(SIDES)
@settings(max_examples=60, deadline=None)
def test_rings_hold_all_pieces_and_areas_are_in_proportion_to_them(n):
    parts = die.rings(n)
    assert math.isclose(sum(count for *_, count in parts), n)
    whole = 1 - die.HOLE**2
    for inner, outer, count in parts:
        assert math.isclose((outer**2 - inner**2) / whole, count / n, rel_tol=1e-9)
    assert all(float(count).is_integer() for *_, count in parts[:-1])


@given(st.integers(1, 2000), st.sampled_from([0.0, 0.125, 0.5, 0.875]))
@settings(max_examples=25, deadline=None)
def test_there_is_one_piece_a_side_and_one_more_for_what_is_left(whole, fraction):
    assert len(list(die.pieces(whole + fraction))) == whole + (fraction > 0)


@pytest.mark.parametrize("n", [1.3, 2.5, 26.18, 60.0, 435.6])
def test_all_pieces_have_the_same_area_and_the_last_one_its_fraction(n):
    areas = [area(piece) for piece in die.pieces(n, gap=0.0)]
    whole = areas[: math.floor(n)]
    assert max(whole) / min(whole) < 1.01
    if n % 1:
        assert areas[-1] / np.mean(whole) == pytest.approx(n % 1, rel=0.02)
    assert sum(areas) == pytest.approx(math.pi * (1 - die.HOLE**2), rel=0.01)


@pytest.mark.parametrize("sides, worth", [(1200.0, 1), (1201.0, 10), (49_152.0, 100), (1e9, 10**6)])
def test_more_sides_than_can_be_drawn_share_a_piece(sides, worth):
    assert die.piece_worth(sides) == worth and sides / worth <= die.MOST_PIECES
    words = [a.text for a in die.die(sides).layout.annotations]
    assert any("a piece is" in w for w in words) == (worth > 1)


@pytest.mark.parametrize("sides", [1.0, 1.02, 33.1, 49_152.0, math.inf])
def test_the_number_stands_in_the_middle_whatever_it_is(sides):
    from lmviz import display

    figure = die.die(sides)
    assert display.number(sides) in figure.layout.annotations[0].text
    assert figure.layout.height == 330


def test_one_side_is_marked_and_the_fraction_is_not_hidden():
    whole, part, marked = die.die(26.18).data
    assert np.isnan(whole.x.astype(float)).sum() == 25 and np.isnan(part.x.astype(float)).sum() == 1 and np.isnan(marked.x.astype(float)).sum() == 1
    assert marked.opacity > whole.opacity


def test_fewer_than_one_side_is_refused():
    with pytest.raises(ValueError, match="sides"):
        die.die(0.5)


def test_the_dice_are_one_over_the_probability_and_their_geometric_mean_is_the_perplexity(opening):
    figure = die.dice(opening, 1)
    dots = next(t for t in figure.data if t.mode == "markers")
    np.testing.assert_allclose(10 ** np.asarray(dots.y), 1 / np.exp(opening.log_probs))
    assert 10 ** np.mean(dots.y) == pytest.approx(opening.perplexity)
    assert figure.layout.shapes[0].y0 == pytest.approx(math.log10(opening.perplexity))


def test_stems_above_are_as_long_as_stems_below(opening):
    stems = np.asarray(die.dice(opening).data[0].y).reshape(-1, 3)
    assert np.sum(stems[:, 1] - stems[:, 0]) == pytest.approx(0.0, abs=1e-9)


def test_the_selected_token_is_ringed_in_the_colour_of_what_came(opening):
    ring = die.dice(opening, 2).data[-1]
    assert list(ring.x) == [2] and ring.marker.color == theme.TRUTH


def test_a_token_that_is_a_tag_is_shown_literally(opening):
    from dataclasses import replace

    tokens = (replace(opening.tokens[0], text="<b>"), *opening.tokens[1:])
    figure = die.dice(replace(opening, tokens=tokens))
    assert figure.layout.xaxis.ticktext[0] == "&lt;b&gt;"


def test_in_a_long_text_the_label_stands_above_the_stems(opening):
    from dataclasses import replace

    columns = ("log_probs", "entropies", "ranks", "tail_log_prob", "top_ids", "top_log_probs")
    long = replace(opening, tokens=opening.tokens * 5, **{name: np.concatenate([getattr(opening, name)] * 5) for name in columns})
    label = die.dice(long).layout.annotations[0]
    assert label.text == die.dice(opening).layout.annotations[0].text and (label.y, label.yref) == (1, "paper")
