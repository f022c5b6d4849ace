"""The pictures of chapter 4: what they draw is what they were given, at any length and for any token."""

import numpy as np

from lmviz.figures import compression as figures

COSTS = tuple(np.random.default_rng(0).exponential(4.0, 60).tolist())
TEXTS = tuple(["<b>", "·a", "", "·a-very-long-token-indeed", "⏎"] * 12)
BITS = tuple(np.random.default_rng(1).integers(0, 2, int(sum(COSTS)) + 1).tolist())


def drawn_bits(figure) -> dict[float, str]:
    return {x: t for trace in figure.data if trace.type == "scatter" for x, t in zip(trace.x, trace.text)}


def test_a_long_text_shows_forty_bits_with_the_selected_token_in_them():
    ends = np.cumsum(COSTS)
    for selected in range(len(COSTS)):
        figure = figures.ribbon(COSTS, TEXTS, BITS, selected)
        left, right = figure.layout.xaxis.range
        assert abs(right - left - figures.WIDEST) < 1e-9 and left <= ends[selected] <= right + 1e-9 and left >= 0 and right <= 8 * -(-len(BITS) // 8) + 1e-9
        for x, digit in drawn_bits(figure).items():
            assert digit == str(BITS[int(x)])


def test_the_tokens_lie_end_to_end_and_the_bytes_are_those_of_the_bits():
    costs, bits = (7.4, 13.1, 4.4), (1, 0, 1, 1, 0, 1, 0, 1) * 3 + (1,)
    figure = figures.ribbon(costs, ("The", "·cat", "·sat"), bits, 1)
    tokens = figure.data[0]
    np.testing.assert_allclose(np.array(tokens.base[1:]), np.cumsum(costs)[:-1])
    assert len(drawn_bits(figure)) == len(bits)
    assert [a.text for a in figure.layout.annotations if len(a.text) == 2] == ["b5", "b5", "b5", "80"]


def test_names_are_shown_letter_for_letter_and_no_bits_means_tokens_alone():
    figure = figures.ribbon((20.0, 3.0), ("<b>x", "y"), None, 0)
    assert any("&lt;b&gt;x" in a.text for a in figure.layout.annotations) and not drawn_bits(figure)


def test_the_written_bits_end_at_all_of_them():
    figure = figures.running_total((7.4, 20.5), (6, 18), 21, (3, 7), 0)
    written = figure.data[2]
    assert list(written.y) == [0, 6, 18, 21] and list(figure.data[1].y) == [0.0, 7.4, 20.5] and list(figure.data[0].y) == [0, 56]


def test_the_learning_curves_bear_everybodys_name_once():
    others, models = {"xz": np.array([11.0, 3.0]), "PPMd": np.array([5.0, 2.9])}, {"a": np.array([2.0, 2.0]), "b": np.array([2.1, 2.01])}
    figure = figures.growth((100, 1000), others, models, {"a": "Anna"}, "b")
    assert sorted(a.text for a in figure.layout.annotations) == ["<b>b</b>", "Anna", "PPMd", "xz"]
    right = sorted(a.y for a in figure.layout.annotations if a.xanchor == "left" and a.text in ("Anna", "<b>b</b>"))
    assert right[1] - right[0] > 0.3  # two lines that nearly meet have names that do not
