"""Colours as roles, and what all figures share. No Streamlit here.

The values are Streamlit's placeholders for the palette of the active theme: the browser replaces them live in light and
dark. A test in a real browser holds that contract.
"""

from collections.abc import Mapping

MODEL = "#000001"  # what the model expected
LOSS = "#000002"  # what it cost
MUTED = "#000003"  # all the rest
TRUTH = "#000004"  # what came
INK = "#000010"  # words
SECOND = "#000006"  # a second text or model beside the first

CONFIG = {"displayModeBar": False, "scrollZoom": False}
FONT = 13


def quiet(figure, *, height: int, x_title: str = "", y_title: str = ""):
    """Margins, axis titles with their units, no legend: direct labels are kinder. Returns the figure."""
    axis = {"automargin": True, "fixedrange": True}
    figure.update_layout(
        height=height, margin={"l": 8, "r": 8, "t": 8, "b": 40}, showlegend=False, font={"size": FONT, "color": INK}, hoverlabel={"font_size": FONT}, dragmode=False,
        xaxis=axis | {"title_text": x_title}, yaxis=axis | {"title_text": y_title},
    )  # fmt: skip
    for update in (figure.update_xaxes, figure.update_yaxes):  # of every panel; Streamlit's own grey is too faint on white: 3.7 to 1
        update(tickfont_color=MUTED, title_font_color=MUTED)
    return figure


def spread(heights: Mapping[str, float], apart: float) -> dict[str, float]:
    """Heights of labels moved as little as needed so that neighbours are `apart`; their middle stays where it was.

    >>> spread({"a": 0.0, "b": 0.0, "c": 5.0}, 1.0)
    {'a': -0.5, 'b': 0.5, 'c': 5.0}
    """
    clusters = [[[name], height] for name, height in sorted(heights.items(), key=lambda item: item[1])]  # names, centre
    merged = True
    while merged:
        merged = False
        for i in range(len(clusters) - 1):
            (lower, a), (upper, b) = clusters[i : i + 2]
            if b - a < apart * (len(lower) + len(upper)) / 2 - 1e-12:
                clusters[i : i + 2] = [[lower + upper, (a * len(lower) + b * len(upper)) / (len(lower) + len(upper))]]
                merged = True
                break
    return {name: centre + apart * (i - (len(names) - 1) / 2) for names, centre in clusters for i, name in enumerate(names)}
