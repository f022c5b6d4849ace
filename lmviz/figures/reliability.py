"""Stated against true: reliability diagrams with intervals, the loss against temperature, and where smoothed targets lead."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme


def reliability(summary, *, height: int = 330) -> go.Figure:
    """Accuracy against confidence, one point a bin with its 95 % Wilson interval; the diagonal is perfect calibration.

    `summary` has the lists count, confidence, accuracy, low, high; empty bins hold None and are left out. Larger points hold more tokens.
    """
    bins = [row for row in zip(summary.confidence, summary.accuracy, summary.low, summary.high, summary.count, strict=True) if row[4]]
    confidence, accuracy, low, high, count = map(np.array, zip(*bins, strict=True))
    hover = [
        f"said {display.number(100 * c, 3)} % on average<br>right {display.number(100 * a, 3)} %, between {display.number(100 * lo, 2)} and {display.number(100 * hi, 2)} %<br>{display.number(int(n))} tokens"
        for c, a, lo, hi, n in bins
    ]
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": theme.MUTED, "width": 1.5, "dash": "dot"}, hoverinfo="skip")
    figure.add_scatter(
        x=confidence, y=accuracy, mode="lines+markers", line={"color": theme.MODEL, "width": 1.5}, hovertext=hover, hoverinfo="text",
        marker={"color": theme.MODEL, "size": 5 + 12 * np.sqrt(count / count.max())},
        error_y={"type": "data", "symmetric": False, "array": high - accuracy, "arrayminus": accuracy - low, "thickness": 1.2, "width": 3, "color": theme.MUTED},
    )  # fmt: skip
    theme.quiet(figure, height=height, x_title="probability stated for the favourite", y_title="how often it came")
    figure.add_annotation(x=1, y=0.03, text="dotted: as often as stated", showarrow=False, xanchor="right", yanchor="bottom")
    figure.update_xaxes(range=[-0.02, 1.03], tickformat=".0%", nticks=6, zeroline=False)
    figure.update_yaxes(range=[-0.03, 1.05], tickformat=".0%", nticks=6, zeroline=False)
    return figure


def temperatures(grid: Sequence[float], fit_loss, held_loss, fitted: float, chosen: float, *, unit: str, height: int = 270) -> go.Figure:
    """Mean loss against temperature, on the passages that chose it and on the others; the fitted one is marked."""
    figure = go.Figure()
    for values, colour, dash, label in ((fit_loss, theme.MUTED, "dash", "fitted on"), (held_loss, theme.LOSS, "solid", "held out")):
        heights = display.in_unit(np.asarray(values), unit)
        hover = [f"T = {display.number(t)}<br>{display.number(float(h))} {unit} a token, {label}" for t, h in zip(grid, heights, strict=True)]
        figure.add_scatter(x=list(grid), y=heights, mode="lines", line={"color": colour, "width": 2.5, "dash": dash}, hovertext=hover, hoverinfo="text")
        where = {
            "xref": "paper",
            "yref": "paper",
            "x": 0.02,
            "y": 0.12 if values is held_loss else 0.01,
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
        }
        figure.add_annotation(text=f"{'solid' if dash == 'solid' else 'dashed'}: {label}", font_color=colour if colour == theme.LOSS else None, **where)
    at = int(np.argmin(np.abs(np.asarray(grid) - chosen)))
    figure.add_scatter(x=[grid[at]], y=[display.in_unit(held_loss[at], unit)], mode="markers", marker={"size": 11, "color": theme.LOSS}, hoverinfo="skip")
    theme.quiet(figure, height=height, x_title="temperature T", y_title=f"mean loss, {unit} a token")
    if not np.isnan(fitted):
        figure.add_vline(x=fitted, line_color=theme.MODEL, line_width=1.5, line_dash="dot")
        figure.add_annotation(
            x=np.log10(fitted),
            y=1,
            yref="paper",
            text=f"fitted {display.number(fitted)}",
            font_color=theme.MODEL,
            showarrow=False,
            xanchor="left",
            xshift=5,
            yanchor="top",
        )
    both = display.in_unit(np.concatenate([fit_loss, held_loss]), unit)
    figure.update_yaxes(range=[both.min() - 0.4 * np.ptp(both), both.max() + 0.05 * np.ptp(both)])
    figure.update_xaxes(type="log", tickvals=[0.5, 0.7, 1, 1.4, 2], ticktext=["0.5", "0.7", "1", "1.4", "2"])
    return figure


def targets(q: dict[str, tuple[float, float]], *, height: int = 270) -> go.Figure:
    """Smoothed targets: for each convention what the truth gets and what each other class gets, on a logarithmic axis."""
    figure = go.Figure()
    for (name, (on_target, on_other)), pattern in zip(q.items(), ("", "/"), strict=True):
        texts = [display.probability(on_target), display.probability(on_other)]
        figure.add_bar(x=["the truth", "each other class"], y=[on_target, on_other], text=texts, textposition="outside", cliponaxis=False, name=name,
                       marker={"color": [theme.TRUTH, theme.MUTED], "pattern": {"shape": pattern}}, hovertext=[f"{name}<br>{t}" for t in texts], hoverinfo="text")  # fmt: skip
    theme.quiet(figure, height=height, y_title="target probability")
    lowest = min(other for _, other in q.values())
    figure.update_yaxes(type="log", range=[np.log10(lowest) - 0.5, 0.35], dtick=1)
    figure.update_layout(barmode="group", bargap=0.35)
    return figure


def gap_paths(paths: dict[str, Sequence[float]], derived: dict[str, float], *, unit: str, height: int = 270) -> go.Figure:
    """The logit gap after each step of the optimiser, and where the derivation says it ends."""
    figure = go.Figure()
    for (name, path), colour, dash in zip(paths.items(), (theme.MODEL, theme.SECOND), ("solid", "dash"), strict=True):
        hover = [f"{name}, step {i}<br>gap {display.number(v)} nats" for i, v in enumerate(path)]
        figure.add_scatter(
            x=list(range(len(path))), y=list(path), mode="lines+markers", line={"color": colour, "dash": dash}, hovertext=hover, hoverinfo="text"
        )
        figure.add_hline(y=derived[name], line_color=colour, line_dash="dot", line_width=1.2)
    top, bottom = max(derived, key=derived.get), min(derived, key=derived.get)
    for name, anchor in ((top, "bottom"), (bottom, "top")):
        figure.add_annotation(
            x=1, xref="paper", y=derived[name], text=f"{name}: {display.number(derived[name], 4)}", showarrow=False, xanchor="right", yanchor=anchor, yshift=4 if anchor == "bottom" else -4,
            font_color=theme.MODEL if name == next(iter(paths)) else theme.SECOND,
        )  # fmt: skip
    top = derived[top]
    theme.quiet(figure, height=height, x_title="steps of the optimiser", y_title="gap between the logits, nats")
    figure.update_yaxes(range=[-0.05 * top, 1.25 * max(top, *(max(path) for path in paths.values()))])
    return figure
