"""Runs that were trained under different losses, all measured by the same one."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme
from lmviz.figures.loss_curves import STYLE
from lmviz.figures.training_curves import apart


def held_out(runs: Sequence, *, unit: str, height: int = 360) -> go.Figure:
    """Held-out cross-entropy against training step, one line a loss, labelled at its end. Each run has held_out_step and held_out_nats."""
    figure = go.Figure()
    ends = []
    for run in runs:
        label, colour, dash, width = STYLE[run.name]
        heights = [float(display.in_unit(nats, unit)) for nats in run.held_out_nats]
        hover = [
            f"trained on {label}<br>step {display.number(step)}<br>{display.number(h)} {unit} a token"
            for step, h in zip(run.held_out_step, heights, strict=True)
        ]
        figure.add_scatter(
            x=run.held_out_step, y=heights, mode="lines", line={"color": colour, "dash": dash, "width": width}, hovertext=hover, hoverinfo="text"
        )
        ends.append((heights[-1], label))
    theme.quiet(figure, height=height, x_title="training steps", y_title=f"held-out cross-entropy, {unit} a token")
    every = [h for run in runs for h in (float(display.in_unit(n, unit)) for n in run.held_out_nats)]
    low, high = min(every), max(every)
    last = max(run.held_out_step[-1] for run in runs)
    for place, (_, label) in zip(apart([end for end, _ in sorted(ends)], (high - low) / 14, math.inf), sorted(ends), strict=True):
        figure.add_annotation(x=last, y=place, text=label, showarrow=False, xanchor="left", xshift=6)
    figure.update_layout(margin_r=110)  # in pixels: a share of a narrow figure would cut the longest name
    figure.update_xaxes(range=[0, last], zeroline=False)
    figure.update_yaxes(range=[low - 0.06 * (high - low), high + 0.04 * (high - low)], zeroline=False)
    return figure
