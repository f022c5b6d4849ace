"""A teacher and a student as pictures: both distributions, who holds the probability, lengths of gradients, losses along a text, two students compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from lmviz import display
from lmviz.distillation import Lengths
from lmviz.figures import theme

TICKS = [0.5, 1, 2, 3, 5, 10, 20]  # of a temperature


@dataclass(frozen=True)
class Row:
    """One candidate, already escaped for Plotly: its label and what each of the two gives it."""

    label: str
    teacher: float
    student: float
    came: bool = False


def two(rows: Sequence[Row], teacher: str, student: str, *, height: int = 372) -> go.Figure:
    """One line a candidate on a logarithmic axis, from what the student gives it (a ring) to what the teacher does (a disc); last, all that is not shown."""
    figure = go.Figure()
    places = list(range(len(rows)))
    for place, row in zip(places, rows, strict=True):
        figure.add_scatter(x=[row.student, row.teacher], y=[place, place], mode="lines", line={"color": theme.MUTED, "width": 2}, hoverinfo="skip")
    pairs = [(r.teacher, r.student) for r in rows]
    for name, values, others, colour, symbol in (
        (student, [s for _, s in pairs], [t for t, _ in pairs], theme.SECOND, "circle-open"),
        (teacher, [t for t, _ in pairs], [s for _, s in pairs], theme.MODEL, "circle"),
    ):
        figure.add_scatter(
            x=values, y=places, mode="markers+text", name=name, cliponaxis=False, marker={"color": colour, "size": 11, "symbol": symbol, "line": {"width": 2.5, "color": colour}},
            text=[f" {display.probability(p)} " for p in values], textposition=["middle right" if p >= q else "middle left" for p, q in zip(values, others)],
            textfont={"size": 11, "color": colour},
            hovertext=[f"{row.label}<br>{name}: {display.probability(p)} ({display.one_in(p)})" for row, p in zip(rows, values, strict=True)], hoverinfo="text",
        )  # fmt: skip
    theme.quiet(figure, height=height, x_title="probability, softened by T (log scale)")
    labels = [f"{row.label} ← came" if row.came else row.label for row in rows]
    figure.update_yaxes(tickvals=places, ticktext=labels, range=[len(rows) - 0.4, -0.6], showgrid=False, zeroline=False, tickfont_family="monospace")
    least = min(min(pair) for pair in pairs if min(pair) > 0)
    lowest = int(np.floor(np.log10(least)))
    figure.update_xaxes(
        type="log", range=[min(lowest, -5) - 0.5, 0.75], tickvals=[10.0**k for k in range(lowest, 1)], ticktext=[_power(k) for k in range(lowest, 1)]
    )
    figure.update_layout(margin_t=24)
    for name, colour, sign, where in ((teacher, theme.MODEL, "●", 0.0), (student, theme.SECOND, "○", 0.22)):
        figure.add_annotation(
            x=where, y=1, xref="paper", yref="paper", yanchor="bottom", text=f"{sign} {name}", font_color=colour, showarrow=False, xanchor="left"
        )
    return figure


def _power(exponent: int) -> str:
    return f"{10.0**exponent:g}" if exponent > -4 else display.power_of_ten(exponent)


def shares(temperatures: Sequence[float], held: np.ndarray, groups: Sequence[str], chosen: float, *, height: int = 330) -> go.Figure:
    """One column a temperature: how much of the teacher's probability each group of ranks holds, the favourite at the bottom; the chosen T is marked."""
    figure = go.Figure()
    places = list(range(len(temperatures)))
    bottoms = np.concatenate([np.zeros((len(held), 1)), held.cumsum(1)], 1)
    for column, (group, shade) in enumerate(zip(groups, np.linspace(1.0, 0.15, len(groups)), strict=True)):
        values = held[:, column]
        hover = [f"{group}<br>T = {t:g}<br>{display.probability(min(float(v), 1.0))}" for t, v in zip(temperatures, values, strict=True)]
        figure.add_bar(x=places, y=values, name=group, marker={"color": theme.MODEL, "opacity": shade}, hovertext=hover, hoverinfo="text")
        end = 0 if values[0] > 0.05 else -1
        if values[end] > 0.03:  # named where it is seen
            x, anchor = (-0.5, "right") if end == 0 else (places[-1] + 0.5, "left")
            figure.add_annotation(x=x, y=float(bottoms[end, column] + values[end] / 2), text=_in_two(group), showarrow=False, xanchor=anchor)
    theme.quiet(figure, height=height, x_title="temperature T", y_title="share of the teacher's probability")
    labels = [f"<b>▸ {t:g}</b>" if t == chosen else f"{t:g}" for t in temperatures]
    figure.update_xaxes(tickvals=places, ticktext=labels, showgrid=False, range=[-2.1, places[-1] + 2.1])
    figure.update_yaxes(range=[0, 1.0], tickformat=".0%")
    figure.update_layout(barmode="stack", bargap=0.2)
    return figure


def _in_two(name: str) -> str:
    """A group's name in two lines, so that it stands beside the columns on a phone too."""
    return name.replace(" ", "<br>", 1)


def lengths(temperatures: Sequence[float], found: Lengths, chosen: float, *, height: int = 320) -> go.Figure:
    """Lengths of three gradients against temperature, both axes logarithmic: the text's own, T²·KL's, and KL's alone."""
    figure = go.Figure()
    lines = (
        ("text alone, ŷ − y", np.full(len(temperatures), found.hard), theme.LOSS, "solid"),
        ("T² · KL", found.soft, theme.MODEL, "solid"),
        ("KL without T²", found.divergence, theme.SECOND, "dash"),
    )
    for name, values, colour, dash in lines:
        hover = [f"{name}<br>T = {display.number(t)}<br>length {display.number(v)}" for t, v in zip(temperatures, values, strict=True)]
        figure.add_scatter(
            x=list(temperatures), y=values, mode="lines", name=name, line={"color": colour, "width": 2.5, "dash": dash}, hovertext=hover, hoverinfo="text"
        )
        at, above = (-1, "bottom") if dash == "solid" else (2 * len(temperatures) // 3, "top")
        if values[at] > 0:
            place = {"x": np.log10(temperatures[at]), "y": float(np.log10(values[at])), "xanchor": "right", "yanchor": above}
            figure.add_annotation(text=name, font_color=colour, showarrow=False, **place)
    _over_temperature(figure, chosen, height, "length of the gradient")
    every = np.concatenate([values for _, values, _, _ in lines])
    every = np.log10(every[every > 0])
    powers = range(int(np.floor(every.min())), int(np.ceil(every.max())) + 1)
    figure.update_yaxes(type="log", range=[every.min() - 0.15, every.max() + 0.35], tickvals=[10.0**k for k in powers], ticktext=[_power(k) for k in powers])
    return figure


def along(labels: Sequence[str], hard: np.ndarray, soft: np.ndarray, selected: int | None, *, unit: str, height: int = 260) -> go.Figure:
    """The total loss of every token as a stack: what the text adds, α·hard, and what the teacher adds, (1 − α)·T²·KL. Both in nats."""
    figure = go.Figure()
    places = list(range(len(labels)))
    for name, nats, colour in (("from the text", hard, theme.LOSS), ("from the teacher", soft, theme.MODEL)):
        hover = [f"{label}<br>{name}: {display.amount(v, unit)}" for label, v in zip(labels, nats, strict=True)]
        figure.add_bar(x=places, y=display.in_unit(nats, unit), name=name, marker_color=colour, hovertext=hover, hoverinfo="text")
    theme.quiet(figure, height=height, y_title=f"loss of the student, {unit}")
    figure.update_layout(barmode="stack", bargap=0.25, margin_t=26)
    figure.update_xaxes(tickvals=places, ticktext=list(labels), tickangle=-45 if len(labels) > 12 else 0, tickfont_family="monospace", showgrid=False)
    for place, (name, colour) in enumerate((("■ from the text, × α", theme.LOSS), ("■ from the teacher, × (1 − α)", theme.MODEL))):
        figure.add_annotation(
            x=0.22 * place, y=1, xref="paper", yref="paper", yanchor="bottom", text=name, font_color=colour, showarrow=False, xanchor="left", xshift=60 * place
        )
    if selected is not None and selected < len(labels):
        top = float(display.in_unit(hard[selected] + soft[selected], unit))
        figure.add_annotation(x=selected, y=top, text="▾", showarrow=False, yanchor="bottom", font_color=theme.TRUTH)
    return figure


def saved(per_passage: Sequence[float], mean: float, low: float, high: float, *, height: int = 220) -> go.Figure:
    """One point a passage: bits per byte that the distilled student saves; below, their mean with its interval."""
    values = np.sort(np.asarray(per_passage))
    figure = go.Figure()
    figure.add_scatter(
        x=values, y=np.linspace(0.35, 1, len(values)), mode="markers", marker={"color": theme.MODEL, "size": 7},
        hovertext=[f"one passage: {display.number(v, sign=True)} bits per byte" for v in values], hoverinfo="text",
    )  # fmt: skip
    text = f"mean {display.number(mean, sign=True)}, between {display.number(low, sign=True)} and {display.number(high, sign=True)}"
    figure.add_scatter(
        x=[mean], y=[0.1], mode="markers", marker={"color": theme.TRUTH, "size": 11, "symbol": "diamond"}, hovertext=[text], hoverinfo="text",
        error_x={"type": "data", "symmetric": False, "array": [high - mean], "arrayminus": [mean - low], "color": theme.TRUTH, "thickness": 2},
    )  # fmt: skip
    theme.quiet(figure, height=height, x_title="bits per byte that distillation saves, one point a passage")
    figure.add_vline(x=0, line_color=theme.MUTED, line_width=1.5)
    figure.update_yaxes(visible=False, range=[-0.05, 1.1])
    return figure


def _over_temperature(figure: go.Figure, chosen: float, height: int, y_title: str) -> None:
    theme.quiet(figure, height=height, x_title="temperature T", y_title=y_title)
    figure.update_xaxes(type="log", tickvals=TICKS, ticktext=[f"{t:g}" for t in TICKS], zeroline=False)
    figure.add_vline(x=chosen, line_color=theme.TRUTH, line_width=1.5, line_dash="dot")
