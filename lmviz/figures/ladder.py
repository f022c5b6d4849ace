"""The ladder: what one text costs under each model, in bits per byte."""

from collections.abc import Sequence

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme
from lmviz.ladder import Rung

ROW = 44
MARGIN = 26  # above, for the names of the marks


def ladder(rungs: Sequence[Rung], names: Sequence[str], current: str, room_for: int = 0, marks: Sequence[tuple[str, float]] = ()) -> go.Figure:
    """One bar a rung from the top down; `names` are what readers call them, `current` is the model they have chosen.

    `room_for` rungs there is room, so that the figure does not grow while more come in. `marks` are (name, bits per byte) of
    programs that compress, dotted; those beyond the axis are named at its end.
    """
    values = [r.bits_per_byte for r in rungs]
    perplexities = [display.number(r.vocab_size if r.is_uniform else r.perplexity) for r in rungs]
    hover = [
        f"{name}<br>{display.number(v)} bits per byte<br>{display.number(r.n_tokens)} tokens of {display.number(r.vocab_size)} kinds"
        for name, v, r in zip(names, values, rungs)
    ]
    figure = go.Figure(
        go.Bar(
            x=values, y=list(range(len(rungs))), orientation="h", marker_color=theme.LOSS, marker_opacity=[1.0 if r.model == current else 0.45 for r in rungs],
            text=[f"<b>{display.number(v)}</b>" for v in values], textposition="outside", cliponaxis=False, hovertext=hover, hoverinfo="text",
        )
    )  # fmt: skip
    theme.quiet(figure, height=height(max(room_for, len(rungs))), x_title="bits per byte of the text")
    shown = [f"{f'<b>{name}</b>' if r.model == current else name}<br><i>perplexity {p}</i>" for name, r, p in zip(names, rungs, perplexities)]
    figure.update_yaxes(tickvals=list(range(len(rungs))), ticktext=shown, showgrid=False, range=[max(room_for, len(rungs)) - 0.5, -0.5])
    figure.update_xaxes(range=[0, end(rungs)], rangemode="tozero")
    figure.update_layout(bargap=0.35, margin_t=MARGIN)
    beyond = [f"{name} {display.number(value)}" for name, value in marks if value >= end(rungs)]
    drawn = sorted((mark for mark in marks if mark[1] < end(rungs)), key=lambda mark: mark[1])
    name = {"y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False, "font_color": theme.MODEL}
    for place, (title, value) in enumerate(drawn):  # of two that may lie close, the first is named left of its line
        figure.add_vline(x=value, line={"color": theme.MODEL, "dash": "dot", "width": 1.5})
        figure.add_annotation(x=value, text=f"{title} {display.number(value)}", xanchor="right" if place == 0 else "left", **name)
    if beyond:
        figure.add_annotation(x=1, xref="paper", text=f"{', '.join(beyond)} →", xanchor="right", **name)
    return figure


def end(rungs: Sequence[Rung]) -> float:
    """Where the axis ends, bits per byte."""
    return 1.14 * max(r.bits_per_byte for r in rungs)


def height(n_rungs: int) -> int:
    """Pixels: fixed by the number of rungs, so that nothing jumps."""
    return ROW * n_rungs + 44 + MARGIN
