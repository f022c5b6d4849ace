"""Contrastive losses as pictures: from similarities to cross-entropy, more negatives, alignment against uniformity, estimates of a softmax."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmviz import display
from lmviz.contrastive import InfoNCE
from lmviz.figures import theme

FAINT = "rgba(128,128,128,0.06)"
SCALE = [[0, FAINT], [1, theme.MODEL]]
FOOT = 104  # pixels below a matrix: its axis, then what its colours mean


def scale(least: float, height: int) -> dict:
    """The bar below a matrix of that height that says which colour is which number, from `least` to 1."""
    return {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -66 / (height - 30 - FOOT), "yanchor": "top", "len": 0.5, "thickness": 8, "outlinewidth": 0,
            "tickvals": [least, 1], "ticktext": [display.number(least), "1"], "tickfont": {"size": 11}, "ypad": 0}  # fmt: skip


def matrix(values: np.ndarray, what: str, title: str, names: Sequence[str], partners: Sequence[str], *, labelled: bool, height: int = 442) -> go.Figure:
    """One matrix, first sentences down, second ones across, the diagonal framed. `what` is "cosine" or "softmax"; names are escaped for Plotly."""
    places = list(range(len(values)))
    said = display.number if what == "cosine" else display.probability
    hover = [[f"{names[i]}<br>{partners[j]}<br>{what} {said(min(float(values[i, j]), 1.0))}" for j in places] for i in places]
    least = min(0.0, float(values.min()))
    figure = go.Figure(
        go.Heatmap(x=places, y=places, z=values, colorscale=SCALE, zmin=least, zmax=1, colorbar=scale(least, height), xgap=2, ygap=2,
                   hovertext=hover, hoverinfo="text", name=what)
    )  # fmt: skip
    for i in places:
        figure.add_shape(type="rect", x0=i - 0.5, x1=i + 0.5, y0=i - 0.5, y1=i + 0.5, line={"color": theme.TRUTH, "width": 2})
    _rows(figure, names, title, height, labelled=labelled)
    figure.update_xaxes(tickvals=places, ticktext=[str(j + 1) for j in places], showgrid=False, zeroline=False, title_text="second sentence of pair")
    return figure


def row_losses(found: InfoNCE, names: Sequence[str], unit: str, title: str, *, height: int = 442) -> go.Figure:
    """−log of the diagonal, one bar a row; dotted, what a guess costs."""
    N = len(found.losses)
    shown = display.in_unit(found.losses, unit)
    chance = float(display.in_unit(np.log(N), unit))
    figure = go.Figure(
        go.Bar(x=shown, y=list(range(N)), orientation="h", marker_color=theme.LOSS, text=[display.number(float(v)) for v in shown], textposition="outside", cliponaxis=False,
               hovertext=[f"{name}<br>loss {display.number(float(v))} {unit}" for name, v in zip(names, shown, strict=True)], hoverinfo="text", name="loss")
    )  # fmt: skip
    figure.add_vline(x=chance, line_color=theme.MUTED, line_dash="dot", layer="below")
    _rows(figure, names, title, height, labelled=False)
    figure.update_layout(bargap=0.3)
    figure.update_xaxes(title_text=f"loss, {unit}; dotted: log {N}", range=[0, max(float(shown.max()), chance) * 1.3], zeroline=False, showgrid=False)
    return figure


def _rows(figure: go.Figure, names: Sequence[str], title: str, height: int, *, labelled: bool) -> None:
    """The same rows at the same heights in every panel."""
    labels = [f"{i + 1} {name if len(name) <= 24 else name[:23] + '…'}" if labelled else str(i + 1) for i, name in enumerate(names)]
    theme.quiet(figure, height=height)
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=labels, range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False)
    figure.add_annotation(xref="x domain", yref="paper", x=0, y=1.01, text=title, showarrow=False, xanchor="left", yanchor="bottom")
    figure.update_layout(margin={"t": 30, "b": FOOT})
    figure.update_xaxes(automargin=False)


def negatives(losses_nats: Sequence[float], chosen: int, unit: str, *, height: int = 300) -> go.Figure:
    """Mean loss against the number of negatives, below the log(k + 1) of who cannot tell them apart."""
    counts = list(range(len(losses_nats)))
    loss, chance = (display.in_unit(np.asarray(values), unit) for values in (losses_nats, np.log1p(counts)))
    figure = go.Figure()
    for name, values, colour, dash in (("telling nothing apart: log(k + 1)", chance, theme.MUTED, "dot"), ("these sentences", loss, theme.LOSS, "solid")):
        hover = [f"{k} negatives<br>{name}<br>{display.number(float(v))} {unit}" for k, v in zip(counts, values, strict=True)]
        figure.add_scatter(
            x=counts, y=values, mode="lines+markers", line={"color": colour, "width": 2.5, "dash": dash}, hovertext=hover, hoverinfo="text", name=name
        )
        figure.add_annotation(x=counts[-1], y=float(values[-1]), text=name, showarrow=False, xanchor="right", yanchor="bottom", font_color=colour if colour == theme.LOSS else None)  # fmt: skip
    figure.add_scatter(x=[chosen, chosen], y=[loss[chosen], chance[chosen]], mode="lines", line={"color": theme.MODEL, "width": 4}, hoverinfo="skip")
    gap = float(chance[chosen] - loss[chosen])
    figure.add_annotation(
        x=chosen,
        y=float((chance[chosen] + loss[chosen]) / 2),
        text=f" {display.number(gap)} {unit} known",
        showarrow=False,
        xanchor="left",
        font_color=theme.MODEL,
    )
    theme.quiet(figure, height=height, x_title="negatives beside the partner, k", y_title=f"mean loss, {unit}")
    figure.update_yaxes(rangemode="tozero")
    return figure


def temperatures(grid: Sequence[float], losses_nats: Sequence[float], chosen: float, unit: str, chance_nats: float, *, height: int = 300) -> go.Figure:
    """Mean loss against temperature, logarithmic, and where the reader stands."""
    loss = display.in_unit(np.asarray(losses_nats), unit)
    chance = float(display.in_unit(chance_nats, unit))
    figure = go.Figure()
    hover = [f"T = {display.number(t)}<br>{display.number(float(v))} {unit}" for t, v in zip(grid, loss, strict=True)]
    figure.add_scatter(x=list(grid), y=loss, mode="lines", line={"color": theme.LOSS, "width": 2.5}, hovertext=hover, hoverinfo="text")
    theme.quiet(figure, height=height, x_title="temperature T", y_title=f"mean loss, {unit}")
    figure.add_hline(y=chance, line_color=theme.MUTED, line_dash="dot")
    figure.add_vline(x=chosen, line_color=theme.TRUTH, line_dash="dot")
    figure.update_xaxes(type="log", tickvals=[0.02, 0.05, 0.1, 0.2, 0.5, 1], ticktext=["0.02", "0.05", "0.1", "0.2", "0.5", "1"])
    figure.update_yaxes(range=[0, 1.35 * max(chance, float(np.median(loss)))])
    return figure


def plane(runs: Sequence[dict], own: dict | None = None, *, height: int = 340) -> go.Figure:
    """Alignment against uniformity while SimCSE runs: one path a seed from the open ring to the disc; the reader's own run as a thicker one."""
    figure = go.Figure()
    for run, colour, width in [*((r, theme.MODEL, 1.5) for r in runs), *([(own, theme.LOSS, 3)] if own else [])]:
        rows = run["measured"]
        x, y = ([row[name] for row in rows] for name in ("uniformity", "alignment"))
        name = "your run" if run is own else f"seed {run['seed']}"
        hover = [f"{name}, step {r['step']}<br>uniformity {display.number(r['uniformity'])}<br>alignment {display.number(r['alignment'])}" for r in rows]
        symbols = ["circle-open", *["circle"] * (len(rows) - 1)]
        sizes = [11, *[4] * (len(rows) - 2), 11][: len(rows)]
        figure.add_scatter(x=x, y=y, mode="lines+markers", line={"color": colour, "width": width}, marker={"color": colour, "symbol": symbols, "size": sizes},
                           hovertext=hover, hoverinfo="text", name=name)  # fmt: skip
        if run is own or run is runs[0]:
            for at, text, side in ((0, "before", "left"), (-1, f"after {rows[-1]['step']} steps" if run is not own else "your run", "right")):
                figure.add_annotation(x=x[at], y=y[at], text=text, showarrow=False, font_color=colour, xanchor=side, yshift=14)
    theme.quiet(figure, height=height, x_title="uniformity (further left: more evenly spread)", y_title="alignment (lower: pairs closer)")
    figure.update_layout(margin_t=24)
    return figure


def before_after(before: np.ndarray, after: np.ndarray, *, height: int = 352) -> go.Figure:
    """The cosines of the same pairs before and after, on one scale."""
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.08)
    theme.quiet(figure, height=height)
    low = min(0.0, float(before.min()), float(after.min()))
    for column, (name, values) in enumerate((("before", before), ("after", after)), start=1):
        N = len(values)
        hover = [[f"{name}: first of pair {i + 1}, second of pair {j + 1}<br>cosine {display.number(float(values[i, j]))}" for j in range(N)] for i in range(N)]
        places, labels = list(range(N)), [str(i + 1) for i in range(N)]
        figure.add_heatmap(x=places, y=places, z=values, colorscale=SCALE, zmin=low, zmax=1, showscale=column == 1, colorbar=scale(low, height) | {"len": 0.25}, xgap=2, ygap=2, hovertext=hover, hoverinfo="text", name=name, row=1, col=column)  # fmt: skip
        for i in places:
            figure.add_shape(type="rect", x0=i - 0.5, x1=i + 0.5, y0=i - 0.5, y1=i + 0.5, line={"color": theme.TRUTH, "width": 1.5}, row=1, col=column)
        figure.update_xaxes(tickvals=places, ticktext=labels, showgrid=False, zeroline=False, title_text="second of pair", row=1, col=column)
        figure.update_yaxes(tickvals=places, ticktext=labels, showgrid=False, zeroline=False, range=[N - 0.5, -0.5], title_text="first of pair" if column == 1 else "", row=1, col=column)  # fmt: skip
        axis = "x" if column == 1 else "x2"
        figure.add_annotation(xref=f"{axis} domain", yref="paper", x=0, y=1.01, text=f"cosines {name}", showarrow=False, xanchor="left", yanchor="bottom")
    figure.update_layout(margin={"t": 30, "b": FOOT})
    figure.update_xaxes(fixedrange=True, automargin=False)
    figure.update_yaxes(fixedrange=True, automargin=True)
    return figure


def loss_estimates(found: dict, unit: str, *, height: int = 320) -> go.Figure:
    """The sampled loss against the number of negatives, its mean and one standard deviation. `found` has counts, truth, mean and deviation, nats."""
    counts = list(found["counts"])
    mean, deviation = (display.in_unit(np.asarray(found[name]), unit) for name in ("mean", "deviation"))
    truth = float(display.in_unit(found["truth"], unit))
    figure = go.Figure()
    band = {"x": counts, "mode": "lines", "line": {"width": 0, "color": theme.MODEL}, "hoverinfo": "skip"}
    figure.add_scatter(y=mean - deviation, **band)
    figure.add_scatter(y=mean + deviation, fill="tonexty", fillcolor="rgba(128,128,128,0.2)", **band)
    hover = [
        f"{m} negatives<br>mean {display.number(float(v))} {unit}<br>standard deviation {display.number(float(s))}"
        for m, v, s in zip(counts, mean, deviation, strict=True)
    ]
    figure.add_scatter(
        x=counts, y=mean, mode="lines+markers", line={"color": theme.MODEL, "width": 2.5}, hovertext=hover, hoverinfo="text", name="sampled softmax"
    )
    figure.add_hline(y=truth, line_color=theme.LOSS, line_width=2)
    figure.add_annotation(
        x=0, y=truth, xref="x domain", yref="y", text="full softmax", font_color=theme.LOSS, showarrow=False, xanchor="left", yanchor="bottom"
    )
    theme.quiet(figure, height=height, y_title=f"loss, {unit}")
    _over_counts(figure, counts)
    return figure


def gradient_errors(found: dict, *, height: int = 320) -> go.Figure:
    """How far each gradient is off, on average and by chance. `found` has counts, sampled_bias, sampled_spread, nce_bias and nce_spread."""
    counts = list(found["counts"])
    figure = go.Figure()
    lines = (("sampled_spread", "sampled, spread", theme.MODEL, "dot", 5), ("nce_bias", "NCE, bias", theme.SECOND, "solid", 6),
             ("nce_spread", "NCE, spread", theme.SECOND, "dot", 0), ("sampled_bias", "sampled, bias", theme.MODEL, "solid", 0))  # fmt: skip
    for key, name, colour, dash, near in lines:
        values = [v if v > 0 else None for v in found[key]]  # an error below the noise of the draws has no place on a logarithmic axis
        hover = [f"{name}<br>{m} negatives<br>{display.number(v)}" for m, v in zip(counts, found[key], strict=True)]
        figure.add_scatter(
            x=counts,
            y=values,
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": dash},
            marker_size=5,
            hovertext=hover,
            hoverinfo="text",
            name=name,
        )
        at = next((i for i in [*range(min(near, len(values) - 1), len(values)), 0] if values[i]), None)
        if at is not None:
            above = near > 0
            place = {"x": float(np.log10(counts[at])), "y": float(np.log10(values[at])), "yanchor": "bottom" if above else "top", "yshift": 2 if above else -8}
            figure.add_annotation(text=name, font_color=colour, showarrow=False, xanchor="left", **place)
    theme.quiet(figure, height=height, y_title="length of the gradient's error")
    _over_counts(figure, counts)
    figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    return figure


def _over_counts(figure: go.Figure, counts: Sequence[int]) -> None:
    figure.update_layout(margin_t=16)
    figure.update_xaxes(type="log", title_text="negatives drawn, m", tickvals=counts[::2], ticktext=[display.number(m) for m in counts[::2]], tickangle=0)
