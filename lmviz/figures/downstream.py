"""Loss against accuracy: every model as a point, phenomena over checkpoints as a chart of cells, and two models side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import plotly.graph_objects as go

from lmviz import display
from lmviz.downstream import Estimate
from lmviz.figures import theme

STYLE = {  # kind: (marker, colour, size)
    "ladder": ("circle", theme.MODEL, 12),
    "step": ("circle-open", theme.MUTED, 9),
    "loss": ("diamond", theme.LOSS, 11),
    "student": ("square", theme.SECOND, 11),
}
CELL = 27  # pixels a row


@dataclass(frozen=True)
class Point:
    """One model: `label` is written beside it (empty: only shown on hover)."""

    title: str
    label: str
    kind: str
    bits: Estimate  # per byte
    accuracy: Estimate
    beside: str = "middle right"


def percent(share: float) -> str:
    """A share as a percentage, without decimals.

    >>> percent(0.8777)
    '88\\u202f%'
    """
    return f"{100 * share:.0f}{display.THIN_SPACE}%"


def spread(estimate: Estimate) -> str:
    """An accuracy with its interval in words."""
    return f"{percent(estimate.value)} ({100 * estimate.low:.0f} to {100 * estimate.high:.0f})"


def uncrowded(points: Sequence[Point]) -> list[Point]:
    """The points with fewer labels: one that would be written over an earlier one's (ladder first, then student, then losses) is left to the hover."""
    reach = 0.07 * max(max(p.bits.value for p in points) - min(p.bits.value for p in points), 1e-9)
    order = {"ladder": 0, "student": 1, "loss": 2, "step": 3}
    labelled: list[Point] = []
    for p in sorted((p for p in points if p.label), key=lambda p: order[p.kind]):
        if all(abs(p.bits.value - q.bits.value) > reach or abs(p.accuracy.value - q.accuracy.value) > 0.045 for q in labelled):
            labelled.append(p)
    return [p if p in labelled else replace(p, label="") for p in points]


def scatter(points: Sequence[Point], chance: float, current: str, *, y_title: str, height: int = 410) -> go.Figure:
    """Every model at (bits per byte, accuracy) with both 95 % intervals; checkpoints of one run are joined; `current` (a title) is ringed."""
    points = uncrowded(points)
    figure = go.Figure()
    figure.add_hline(y=100 * chance, line={"color": theme.MUTED, "width": 1.2, "dash": "dot"})
    figure.add_annotation(x=0, xref="paper", xanchor="left", xshift=4, y=100 * chance, yshift=9, showarrow=False, text=f"guessing: {percent(chance)}")
    run = [p for p in points if p.kind == "step"] + [p for p in points if p.title == "nano"]
    if len(run) > 1:
        line = {"color": theme.MUTED, "width": 1.5}
        figure.add_scatter(x=[p.bits.value for p in run], y=[100 * p.accuracy.value for p in run], mode="lines", line=line, hoverinfo="skip")
    for kind, (marker, colour, size) in STYLE.items():
        shown = [p for p in points if p.kind == kind]
        if not shown:
            continue
        figure.add_scatter(
            x=[p.bits.value for p in shown],
            y=[100 * p.accuracy.value for p in shown],
            mode="markers+text",
            marker={"symbol": marker, "color": colour, "size": size, "line": {"width": 2 if "open" in marker else 0, "color": colour}},
            error_x=_bars([p.bits for p in shown], 1, colour),
            error_y=_bars([p.accuracy for p in shown], 100, colour),
            text=[f"<b>{p.label}</b>" if p.title == current else p.label for p in shown],
            textposition=[p.beside for p in shown],
            hovertext=[f"{p.title}<br>{display.number(p.bits.value)} bits per byte<br>{spread(p.accuracy)}" for p in shown],
            hoverinfo="text",
            cliponaxis=False,
            name=kind,
        )
    for p in (p for p in points if p.title == current):
        ring = {"symbol": "circle-open", "size": 22, "color": theme.TRUTH, "line": {"width": 2.5}}
        figure.add_scatter(x=[p.bits.value], y=[100 * p.accuracy.value], mode="markers", marker=ring, hoverinfo="skip", name="current")
    theme.quiet(figure, height=height, x_title="loss on the same passages, bits per byte", y_title=y_title)
    low, high = min(p.bits.low for p in points), max(p.bits.high for p in points)
    room = 0.07 * (high - low) or 0.1
    figure.update_xaxes(range=[low - room, high + 1.6 * room], zeroline=False)
    bottom = min(100 * chance, *(100 * p.accuracy.low for p in points))
    figure.update_yaxes(range=[max(bottom - 6, -2), 104], zeroline=False, ticksuffix=f"{display.THIN_SPACE}%")
    return figure


def _bars(estimates: Sequence[Estimate], scale: float, colour: str) -> dict:
    up, down = ([scale * (e.high - e.value) for e in estimates], [scale * (e.value - e.low) for e in estimates])
    return {"type": "data", "array": up, "arrayminus": down, "color": colour, "thickness": 1.1, "width": 0}


def cells(rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[Estimate | None]], *, split: int, x_title: str) -> go.Figure:
    """Accuracy as coloured cells with the number in each: rows of phenomena, columns of models; a gap before column `split`.

    Half is no colour; the further above or below, the fuller one of two.
    """
    places = [i + (0.35 if i >= split else 0) for i in range(len(columns))]
    figure = go.Figure()
    for first, last in ((0, split), (split, len(columns))):
        if first == last:
            continue
        block = [row[first:last] for row in values]
        figure.add_heatmap(
            x=places[first:last], y=list(range(len(rows))), z=[[None if e is None else 100 * e.value for e in row] for row in block],
            colorscale=[[0, theme.LOSS], [0.5, "rgba(128,128,128,0.06)"], [1, theme.MODEL]], zmin=0, zmax=100, showscale=False, xgap=2, ygap=2, opacity=0.5,
            hovertext=[["" if e is None else f"{name}<br>{column}<br>{spread(e)}" for e, column in zip(row, columns[first:last], strict=True)]
                       for name, row in zip(rows, block, strict=True)], hoverinfo="text",
        )  # fmt: skip
    there = [(x, y, e) for y, row in enumerate(values) for x, e in zip(places, row, strict=True) if e is not None]
    figure.add_scatter(x=[x for x, _, _ in there], y=[y for _, y, _ in there], text=[f"{100 * e.value:.0f}" for *_, e in there], mode="text", hoverinfo="skip",
                       textfont={"size": 11, "color": theme.INK})  # fmt: skip
    theme.quiet(figure, height=CELL * len(rows) + 84)
    figure.update_layout(margin_t=10, margin_b=34)
    figure.update_xaxes(tickvals=places, ticktext=list(columns), side="bottom", showgrid=False, zeroline=False, tickangle=-60, title_text=x_title)
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=list(rows), autorange="reversed", showgrid=False, zeroline=False)
    return figure


def side_by_side(rows: Sequence[str], first: Sequence[Estimate], second: Sequence[Estimate], names: tuple[str, str]) -> go.Figure:
    """Two models' accuracies, one row a phenomenon, joined by a line: as long as they differ."""
    figure = go.Figure()
    places = list(range(len(rows)))
    for y, a, b in zip(places, first, second, strict=True):
        figure.add_scatter(x=[100 * a.value, 100 * b.value], y=[y, y], mode="lines", line={"color": theme.MUTED, "width": 2}, hoverinfo="skip")
    for name, estimates, colour, symbol in ((names[0], first, theme.MODEL, "circle"), (names[1], second, theme.LOSS, "diamond")):
        figure.add_scatter(
            x=[100 * e.value for e in estimates], y=places, mode="markers", marker={"color": colour, "symbol": symbol, "size": 11}, name=name,
            hovertext=[f"{row}<br>{name}: {spread(e)}" for row, e in zip(rows, estimates, strict=True)], hoverinfo="text", cliponaxis=False,
        )  # fmt: skip
    for row, (name, colour, mark) in enumerate(((names[0], theme.MODEL, "●"), (names[1], theme.LOSS, "◆"))):
        label = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "paper", "yanchor": "bottom", "yshift": 20 - 18 * row}
        figure.add_annotation(**label, showarrow=False, text=f"{mark} {name}", font_color=colour)
    figure.add_vline(x=50, line={"color": theme.MUTED, "width": 1, "dash": "dot"})
    theme.quiet(figure, height=CELL * len(rows) + 100, x_title="pairs right, %")
    figure.update_layout(margin_t=46)
    figure.update_yaxes(tickvals=places, ticktext=list(rows), range=[len(rows) - 0.5, -0.5], showgrid=False, zeroline=False)
    figure.update_xaxes(range=[-2, 103], zeroline=False)
    return figure
