"""Exposure bias as pictures: two roads from one prompt, costs and errors along a continuation, and what remedies did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmviz import display
from lmviz.figures import theme

if TYPE_CHECKING:
    from lmviz.roads import Roads, Step

ROW = 25  # pixels a token
RULES = {  # colour and dash of what is compared along a continuation
    "human": (theme.TRUTH, "solid"),
    "greedy": (theme.LOSS, "solid"),
    "sample": (theme.MODEL, "solid"),
    "temperature 0.7": ("#000009", "dash"),
    "top-k 20": (theme.SECOND, "dot"),
    "nucleus 0.9": (theme.MUTED, "dashdot"),
}
METHODS = {  # name: (label, colour, dash)
    "cross_entropy": ("cross-entropy", theme.LOSS, "solid"),
    "scheduled_sampling": ("scheduled sampling", theme.TRUTH, "dash"),
    "reinforce": ("REINFORCE", theme.MUTED, "dot"),
    "reinforce_baseline": ("REINFORCE with baseline", theme.MODEL, "solid"),
    "minimum_risk": ("minimum risk", theme.SECOND, "dashdot"),
}


def two_roads(roads: Roads, length: int, *, unit: str) -> go.Figure:
    """Left the human's tokens and what each cost the model, right the model's own; from the dotted line on their contexts differ."""
    figure = make_subplots(1, 2, horizontal_spacing=0.3)
    places = list(range(1, length + 1))
    costs = [display.in_unit(step.nats, unit) for step in (*roads.human, *roads.own)]
    limit = 1.45 * max([c for c in costs if np.isfinite(c)] + [display.in_unit(2.0, unit)])
    for column, steps, colour in ((1, roads.human, theme.TRUTH), (2, roads.own, theme.MODEL)):
        nats = [display.in_unit(step.nats, unit) for step in steps]
        said = [_short(step.said) if column == 1 and step.said != step.text else "" for step in steps]
        figure.add_bar(
            x=nats, y=places[: len(steps)], orientation="h", marker_color=theme.LOSS, width=0.7, text=said, textposition="outside", cliponaxis=False,
            textfont={"size": 11, "family": "monospace"}, hovertext=[_hover(step, unit) for step in steps], hoverinfo="text", name="", row=1, col=column,
        )  # fmt: skip
        labels = [_short(step.text) for step in steps] + [""] * (length - len(steps))
        figure.update_yaxes(tickvals=places, ticktext=labels, tickfont={"family": "monospace", "color": colour}, side="right" if column == 1 else "left",
                            range=[length + 0.6, -0.35], showgrid=False, zeroline=False, row=1, col=column)  # fmt: skip
    if roads.parted is not None:
        figure.add_hline(y=roads.parted + 0.5, line={"color": theme.MUTED, "width": 1.5, "dash": "dot"})
    theme.quiet(figure, height=60 + ROW * length)
    figure.update_xaxes(range=[limit, 0], title_text=f"cost, {unit}", nticks=5, zeroline=False, row=1, col=1)
    figure.update_xaxes(range=[0, limit], title_text=f"cost, {unit}", nticks=5, zeroline=False, row=1, col=2)
    for x, anchor, text, colour in (
        (0.0, "left", "reading your text", theme.TRUTH),
        (1.0, "right", "reading its own words", theme.MODEL),
    ):
        figure.add_annotation(x=x, y=1, xref="paper", yref="paper", xanchor=anchor, yanchor="top", showarrow=False, text=text, font_color=colour)
    return figure


def along(curves: Mapping[str, Sequence[float]], bands: Mapping[str, tuple], steps: Sequence[float], *, x_title: str, y_title: str, zero: str = "",
          height: int = 340) -> go.Figure:  # fmt: skip
    """One line a name against the steps of a continuation, labelled at its end; `bands` are the 95 % intervals of some. `zero` is written at a level line."""
    figure = go.Figure()
    for name, (low, high) in bands.items():
        colour = RULES[name][0]
        figure.add_scatter(x=[*steps, *steps[::-1]], y=[*high, *low[::-1]], mode="lines", fill="toself", fillcolor=colour, opacity=0.15, line_width=0,
                           hoverinfo="skip", name=f"{name} interval")  # fmt: skip
    for name, values in curves.items():
        colour, dash = RULES[name]
        hover = [f"{name}<br>{display.number(float(v))} {y_title.split(', ')[-1]}" for v in values]
        figure.add_scatter(x=list(steps), y=list(values), mode="lines", line={"color": colour, "dash": dash, "width": 2.5}, hovertext=hover, hoverinfo="text", name=name)  # fmt: skip
    every = np.concatenate([*(np.asarray(v, float) for v in curves.values()), *(np.asarray(b, float).ravel() for b in bands.values())])
    room = 0.06 * (every.max() - every.min() or 1.0)
    bottom, top = min(every.min() - room, 0.0 if zero else np.inf), max(every.max() + room, 0.0 if zero else -np.inf)
    ends = {name: float(np.asarray(values)[-1]) for name, values in curves.items()}
    places = theme.spread(ends, 0.068 * (top - bottom))
    for name, y in places.items():
        figure.add_annotation(x=steps[-1], y=y, text=name, showarrow=False, xanchor="left", xshift=6, font={"color": RULES[name][0], "size": 12})
    if zero:
        figure.add_hline(y=0, line={"color": theme.MUTED, "width": 1})
        figure.add_annotation(x=0, xref="paper", y=0, yanchor="bottom", xanchor="left", text=zero, showarrow=False)
    theme.quiet(figure, height=height, x_title=x_title, y_title=y_title)
    figure.update_layout(margin_r=118)
    figure.update_yaxes(range=[min(bottom, *places.values()), max(top, *places.values())], zeroline=False)
    figure.update_xaxes(range=[steps[0], steps[-1]], zeroline=False)
    return figure


def remedies(runs: Mapping[str, Sequence[Sequence[dict]]], measures: Sequence[tuple[str, str]], *, height: int = 340) -> go.Figure:
    """One panel a measure (key, title with unit): mean over seeds as a line, the seeds' span as a band, against steps of training."""
    figure = make_subplots(1, len(measures), horizontal_spacing=0.12)
    for column, (key, title) in enumerate(measures, 1):
        for method, seeds in runs.items():
            label, colour, dash = METHODS[method]
            steps = [row["step"] for row in seeds[0]]
            values = np.array([[row[key] for row in rows] for rows in seeds])
            low, high, mean = values.min(0), values.max(0), values.mean(0)
            figure.add_scatter(x=[*steps, *steps[::-1]], y=[*high, *low[::-1]], mode="lines", fill="toself", fillcolor=colour, opacity=0.18, line_width=0, hoverinfo="skip",
                               name=f"{method} span", row=1, col=column)  # fmt: skip
            hover = [
                f"{label}, after {s} steps<br>{display.number(m)}, seeds from {display.number(lo)} to {display.number(hi)}"
                for s, m, lo, hi in zip(steps, mean, low, high)
            ]
            figure.add_scatter(x=steps, y=mean, mode="lines+markers", line={"color": colour, "dash": dash, "width": 2.5}, marker_size=5, hovertext=hover,
                               hoverinfo="text", name=method, row=1, col=column)  # fmt: skip
        # above its panel, not beside it: on a phone it would lie on the other panel
        figure.add_annotation(
            x=0, xref="x domain", y=1, yref="y domain", yanchor="bottom", xanchor="left", yshift=6, text=title, align="left", showarrow=False, row=1, col=column
        )
    theme.quiet(figure, height=height)
    figure.update_layout(margin_t=48)
    figure.update_yaxes(zeroline=False)
    figure.update_xaxes(title_text="steps of training", zeroline=False)
    return figure


def agreement(cosines: Mapping[str, Sequence[float]], *, height: int = 250) -> go.Figure:
    """For each method the cosines between the gradients of two minibatches: a stroke a pair, a dot at their mean. 0 is chance."""
    figure = go.Figure()
    names = list(cosines)[::-1]
    for place, method in enumerate(names):
        values, (label, colour, _) = np.asarray(cosines[method]), METHODS[method]
        figure.add_scatter(x=values, y=np.full(len(values), place), mode="markers", hoverinfo="skip", name=method,
                           marker={"symbol": "line-ns", "size": 16, "opacity": 0.35, "line": {"width": 1, "color": colour}})  # fmt: skip
        figure.add_scatter(x=[values.mean()], y=[place], mode="markers", marker={"color": colour, "size": 12}, name=f"{method} mean",
                           hovertext=[f"{label}: {display.number(float(values.mean()))} on average"], hoverinfo="text")  # fmt: skip
    theme.quiet(figure, height=height, x_title="cosine of two gradients")
    figure.add_vline(x=0, line={"color": theme.MUTED, "width": 1})
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=[METHODS[name][0] for name in names], showgrid=False, range=[-0.6, len(names) - 0.4])
    return figure


def live(rewards: Sequence[float], losses: Sequence[float], steps: int, *, reward: bool, unit: str, height: int = 240) -> go.Figure:
    """The course of a run on this page: the mean reward of what each step wrote, or the loss of each step, in `unit` already."""
    values = rewards if reward else losses
    figure = go.Figure()
    figure.add_scatter(x=list(range(1, len(values) + 1)), y=list(values), mode="lines+markers", line={"color": theme.MODEL, "width": 2}, marker_size=5,
                       hovertext=[f"step {i}: {display.number(v)}" for i, v in enumerate(values, 1)], hoverinfo="text", name="")  # fmt: skip
    theme.quiet(figure, height=height, x_title="step", y_title="mean reward of its texts" if reward else f"loss, {unit} a token")
    figure.update_xaxes(range=[0.5, steps + 0.5], zeroline=False)
    figure.update_yaxes(nticks=5, zeroline=False)
    return figure


def _short(text: str, most: int = 12) -> str:
    shown = display.visible(text)
    return display.plotly_escape(shown if len(shown) <= most else shown[: most - 1] + "…")


def _hover(step: Step, unit: str) -> str:
    other = f"<br>the model would have said {_short(step.said, 30)}" if step.said != step.text else ""
    return f"{_short(step.text, 30)}<br>cost {display.amount(step.nats, unit)}{other}"
