"""Training runs over each other: one quantity against steps, each line labelled where it ends; over a known source, the gap that is KL."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme
from lmviz.figures.loss_curves import STYLE
from lmviz.figures.loss_curves import in_unit as loss_in_unit
from lmviz.lab.curve import Curve

SPARE = [("#000007", "solid"), ("#000008", "dash"), ("#000008", "dashdot"), ("#000003", "longdash")]  # for a second run under one loss
TITLES = {
    "held_out": "held-out cross-entropy, {unit} a {per}",
    "training": "what each run makes small, {unit} a {per}",
    "perplexity": "held-out perplexity, a {per}",
    "accuracy": "held-out accuracy",
    "ece": "calibration error (ECE)",
}
FRACTIONS = ("accuracy", "ece")


def training_curves(curves: Sequence[Curve], quantity: str, *, unit: str, selected: int = 0, height: int = 400) -> go.Figure:
    """One line a run. `selected` is drawn stronger; if its floor is known, the gap between them is filled: KL."""
    figure = go.Figure()
    chosen, styles = curves[selected], styles_of(curves)
    raw = [curve.series(quantity) for curve in curves]
    lines = [[said(curve, quantity, value, unit) for value in values] for curve, (_, values) in zip(curves, raw, strict=True)]
    floor = display.in_unit(chosen.floor, unit) if quantity == "held_out" and chosen.floor is not None else None
    if floor is not None:  # under the run that is filled down to it
        figure.add_scatter(x=raw[selected][0], y=[floor] * len(lines[selected]), mode="lines", line={"width": 0}, hoverinfo="skip")
    order = sorted(range(len(curves)), key=lambda i: i != selected) if floor is not None else range(len(curves))
    for i in order:
        (colour, dash), strong = styles[i], i == selected
        fill = {"fill": "tonexty", "fillpattern": {"shape": "/", "solidity": 0.08, "fgcolor": colour}} if floor is not None and strong else {}
        hover = [f"{curves[i].label}<br>after {display.number(s)} steps: {amount(curves[i], quantity, v, unit)}" for s, v in zip(*raw[i], strict=True)]
        line = {"color": colour, "dash": dash, "width": 3.2 if strong else 2}
        figure.add_scatter(x=raw[i][0], y=lines[i], name=curves[i].label, mode="lines", line=line, hovertext=hover, hoverinfo="text", **fill)
    longest = max(curve.total_steps for curve in curves)
    bottom, top = limits([*lines, [floor]] if floor is not None else lines, fraction=quantity in FRACTIONS)
    theme.quiet(figure, height=height, x_title="steps", y_title=TITLES[quantity].format(unit=unit, per=chosen.per))
    figure.update_xaxes(range=[-0.01 * longest, 1.01 * longest], zeroline=False, showgrid=False)
    figure.update_yaxes(range=[bottom, top], zeroline=False, nticks=7, tickformat=".0%" if quantity in FRACTIONS else None)
    figure.update_layout(margin_r=104, margin_t=12)
    _end_labels(figure, curves, lines, styles, (bottom, top), height, quantity in FRACTIONS)
    if floor is not None:
        figure.add_hline(y=floor, line={"color": theme.TRUTH, "width": 2})
        _floor_words(figure, chosen, floor, unit, lines[selected])
    return figure


def sentence(rows: Sequence[tuple[str, float, str]]) -> go.Figure:
    """One bar a model: what a text costs it, in bits a byte. Rows are (label, bits a byte, colour), from the top down."""
    labels = [display.plotly_escape(_short(label, 30)) for label, _, _ in rows]
    values = [value for _, value, _ in rows]
    figure = go.Figure(
        go.Bar(x=values, y=list(range(len(rows))), orientation="h", width=0.62, marker_color=[colour for *_, colour in rows], text=[display.number(v) for v in values], textposition="outside", cliponaxis=False,
               hovertext=[f"{label}<br>{display.number(value)} bits a byte" for label, value in zip(labels, values, strict=True)], hoverinfo="text")
    )  # fmt: skip
    theme.quiet(figure, height=70 + 34 * len(rows), x_title="bits a byte of this text")
    figure.update_xaxes(range=[0, 1.15 * max(values)], zeroline=False, showgrid=False, nticks=6)
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=labels, range=[len(rows) - 0.5, -0.5], showgrid=False, zeroline=False)
    return figure


def styles_of(curves: Sequence[Curve]) -> list[tuple[str, str]]:
    """Colour and dash of each run: those of its loss in chapter 10, or a spare one for a loss that is already there."""
    spare, taken, styles = iter(SPARE), set(), []
    for curve in curves:
        styles.append(next(spare) if curve.loss in taken else STYLE[curve.loss][1:3])
        taken.add(curve.loss)
    return styles


def said(curve: Curve, quantity: str, value: float, unit: str) -> float:
    """A value as it is drawn: entropies in the reader's unit, the rest as it is."""
    if quantity == "held_out":
        return display.in_unit(value, unit)
    return loss_in_unit(curve.loss, value, unit) if quantity == "training" else value


def limits(lines: Sequence[Sequence[float]], *, fraction: bool = False) -> tuple[float, float]:
    """An axis that holds what matters: all ends, and beginnings up to three times as high as the lowest of all.

    >>> limits([[5.0, 2.0, 1.0]])
    (0.9, 3.2)
    """
    every = [v for line in lines for v in line if math.isfinite(v)]
    if not every:
        return 0.0, 1.0
    low, high = min(every), max(every)
    if fraction:
        return 0.0, min(1.0, 1.12 * high) or 1.0
    ends = [line[-1] for line in lines if line and math.isfinite(line[-1])]
    top = min(high, max(3 * low, 1.15 * max(ends, default=low)))
    room = 0.1 * (top - low) or 0.1
    return round(max(low - room, 0.9 * low), 6), round(top + room, 6) if top < high else top + room


def _end_labels(figure: go.Figure, curves: Sequence[Curve], lines, styles, axis: tuple[float, float], height: int, fraction: bool) -> None:
    """Each run's name and last value to the right of the plot, at the height where it ends, pushed apart where they would touch."""
    ends = sorted((line[-1], i) for i, line in enumerate(lines) if line and math.isfinite(line[-1]))
    for (value, i), place in zip(ends, apart([value for value, _ in ends], 31 / (height - 60) * (axis[1] - axis[0]), axis[1]), strict=True):
        said_value = percent(value) if fraction else display.number(value)
        figure.add_annotation(
            x=1.01, xref="paper", xanchor="left", y=place, yanchor="middle", showarrow=False, align="left",
            text=f"{display.plotly_escape(_short(curves[i].label))}<br>{said_value}", font={"color": styles[i][0], "size": 12},
        )  # fmt: skip


def apart(values: Sequence[float], least: float, top: float) -> list[float]:
    """Places for labels of increasing values: none nearer than `least` to the next, none above `top` if there is room below.

    >>> apart([1.0, 1.1, 5.0], 1.0, 9.0), apart([8.8, 8.9], 1.0, 9.0)
    ([1.0, 2.0, 5.0], [8.0, 9.0])
    """
    places: list[float] = []
    for value in values:
        places.append(max(value, places[-1] + least) if places else value)
    limit = top
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], limit)
        limit = places[i] - least
    return places


def _floor_words(figure: go.Figure, curve: Curve, floor: float, unit: str, line: Sequence[float]) -> None:
    figure.add_annotation(x=0.99, xref="paper", xanchor="right", y=floor, yanchor="top", showarrow=False, font_color=theme.TRUTH,
                          text=f"H(p) of the source: {display.amount(curve.floor, unit)}")  # fmt: skip
    if curve.kl is not None and len(line) > 1:
        early = curve.held_step[-1] < 0.6 * curve.total_steps
        figure.add_annotation(
            x=curve.held_step[-1], y=(line[-1] + floor) / 2 if early else line[-1], xshift=8 if early else 0, yshift=0 if early else 16, showarrow=False,
            xanchor="left" if early else "right", font_color=theme.LOSS, text=f"the gap is KL(p‖q): {display.amount(curve.kl, unit)}",
        )  # fmt: skip


def amount(curve: Curve, quantity: str, value: float, unit: str) -> str:
    """A value of `Curve.series` as text, with its unit.

    >>> amount(Curve("a", "squared_error", "byte", 1), "training", 0.5, "bits"), amount(Curve("a", "hinge", "byte", 1), "accuracy", 0.456, "bits")
    ('0.500', '45.6\u202f%')
    """
    if quantity in FRACTIONS:
        return percent(value)
    has_unit = quantity == "held_out" or (quantity == "training" and curve.loss != "squared_error")
    return display.number(said(curve, quantity, value, unit)) + (f" {unit}" if has_unit else "")


def percent(share: float) -> str:
    return f"{display.number(100 * share)}{display.THIN_SPACE}%"


def _short(label: str, most: int = 17) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
