"""Five losses over one axis: what each costs, and how hard each pulls, against the probability or the margin of the true token."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmviz import display, pulls
from lmviz.figures import theme

STYLE = {  # name: (label, colour, dash, width)
    "cross_entropy": ("cross-entropy", theme.LOSS, "solid", 3.5),
    "squared_error": ("squared error", theme.MODEL, "dash", 2.5),
    "hinge": ("hinge", "#000006", "dot", 2.5),
    "focal": ("focal", "#000009", "dashdot", 2.5),
    "label_smoothing": ("label smoothing", "#000005", "longdash", 2.5),
}
PROBABILITIES = 1 / (1 + np.exp(-np.linspace(-8.5, 8.5, 171)))  # finer towards 0 and 1, where the losses part
AXES = {"probability": "probability of the true token, p", "margin": "margin: logit of the truth − logit of its strongest rival"}


@dataclass(frozen=True, eq=False)
class Point:
    """A real token beside the curves: its label and what is known of it (arrays of length 1)."""

    label: str
    evidence: pulls.Evidence


def loss_curves(
    n_classes: int,
    settings: pulls.Settings,
    *,
    unit: str,
    axis: str = "probability",
    point: Point | None = None,
    height: int = 430,
    shown: Collection[str] = pulls.LOSSES,
) -> go.Figure:
    """Loss above, pull below, on one horizontal axis, of the losses `shown`; the rivals share evenly what the truth lacks."""
    margins = _margins(n_classes, axis, point)
    grids = dict.fromkeys(STYLE, margins) | {"hinge": np.sort(np.append(margins, [settings.margin - 1e-9, settings.margin + 1e-9]))}  # where it lets go
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    bottom, top, highest = 0.0, 1.05, display.in_unit(7.0, unit)
    for name, (label, colour, dash, width) in STYLE.items():
        margins = grids[name]
        curve = pulls.evenly_spread(margins, n_classes)
        x = curve.p if axis == "probability" else margins
        heights, slopes = in_unit(name, pulls.loss(name, curve, settings), unit), pulls.pull(name, curve, settings)
        bottom, top = min(bottom, slopes.min()), max(top, slopes.max())  # of all: axes stay when a loss is hidden
        if name == "cross_entropy" and point is not None:
            highest = max(highest, 1.1 * in_unit(name, pulls.loss(name, point.evidence, settings), unit).item())
        if name not in shown:
            continue
        line = {"color": colour, "dash": dash, "width": width, "shape": "hv" if name == "hinge" else "linear"}
        places = [f"p = {display.probability(p)}, margin {display.number(m)}" for p, m in zip(curve.p, margins, strict=True)]
        costs = [f"{label}<br>{place}<br>loss {amount(name, h, unit)}" for place, h in zip(places, heights, strict=True)]
        drags = [f"{label}<br>{place}<br>pull {display.number(s)}" for place, s in zip(places, slopes, strict=True)]
        line_above = line | {"shape": "linear"}
        shared = {"x": x, "mode": "lines", "name": label, "hoverinfo": "text"}
        figure.add_scatter(y=heights, line=line_above, hovertext=costs, **shared, row=1, col=1)
        figure.add_scatter(y=slopes, line=line, hovertext=drags, **shared, row=2, col=1)
        if point is not None:
            height_there = in_unit(name, pulls.loss(name, point.evidence, settings), unit).item()
            slope_there = pulls.pull(name, point.evidence, settings).item()
            x_there = [point_x(point, axis)]
            marker = {"color": colour, "size": 10, "line": {"width": 1.5, "color": theme.MUTED}}
            shared = {"x": x_there, "mode": "markers", "marker": marker, "hoverinfo": "text", "cliponaxis": False}
            figure.add_scatter(
                y=[height_there],
                hovertext=f"{point.label} under {label}<br>loss {amount(name, height_there, unit)}",
                name=f"{label} here",
                **shared,
                row=1,
                col=1,
            )
            figure.add_scatter(
                y=[slope_there], hovertext=f"{point.label} under {label}<br>pull {display.number(slope_there)}", name=f"{label} here", **shared, row=2, col=1
            )
    theme.quiet(figure, height=height)
    figure.update_layout(margin_t=8, margin_b=44, hovermode="closest")
    if point is not None:
        where = point_x(point, axis)
        figure.add_vline(x=where, line_color=theme.MUTED, line_width=1, line_dash="dot")
        right = axis == "probability" and where < 0.6
        figure.add_annotation(x=where, y=0.97, xref="x", yref="y domain", text=point.label, showarrow=False, xanchor="left" if right else "right",
                              xshift=6 if right else -6, font={"family": "monospace", "color": theme.TRUTH})  # fmt: skip
    span = [-0.02, 1.02] if axis == "probability" else [float(margins[0]), float(margins[-1])]
    figure.update_xaxes(range=span, zeroline=False)
    figure.update_xaxes(title_text=AXES[axis], row=2, col=1)
    figure.update_yaxes(title_text=f"loss, {unit}<br>(squared error: no unit)", range=[-0.04 * highest, highest], row=1, col=1)
    figure.update_yaxes(title_text="pull on the truth", range=[-0.25 * np.ceil(-4 * bottom) - 0.06, 0.5 * np.ceil(2 * top - 0.2) + 0.04], row=2, col=1)
    return figure


def in_unit(name: str, value, unit: str):
    """A loss in the reader's unit; squared error, of probabilities and not of their logarithms, has none."""
    return value if name == "squared_error" else display.in_unit(value, unit)


def amount(name: str, value_in_unit, unit: str, digits: int = 3) -> str:
    """A loss, already in the reader's unit, as text.

    >>> amount("squared_error", 0.5, "bits"), amount("focal", 0.5, "bits")
    ('0.500', '0.500 bits')
    """
    return display.number(float(value_in_unit), digits) + ("" if name == "squared_error" else f" {unit}")


def point_x(point: Point, axis: str) -> float:
    return float((point.evidence.p if axis == "probability" else point.evidence.margin)[0])


def _margins(n_classes: int, axis: str, point: Point | None) -> np.ndarray:
    if axis == "probability":
        return pulls.even_margin(PROBABILITIES, n_classes)
    low, high = -8.0, float(np.log(n_classes - 1)) + 6.0
    if point is not None:
        there = point_x(point, axis)
        low, high = min(low, there - 1), max(high, there + 1)
    return np.linspace(low, high, 171)
