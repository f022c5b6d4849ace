"""A learning curve against a floor that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme

if TYPE_CHECKING:
    from lmviz.learning import LearningCurve


def learning_curve(curve: LearningCurve, *, unit: str, height: int = 340) -> go.Figure:
    """Cross-entropy on new text and on the training text against its length; the entropy rate is a level line."""
    figure = go.Figure()
    floor = display.in_unit(curve.floor, unit)
    for name, nats, colour, dash in (
        ("on new text: H(p, q)", curve.new_text, theme.LOSS, "solid"),
        ("on the text it learned from", curve.own_text, theme.MUTED, "dot"),
    ):
        y = [display.in_unit(v, unit) for v in nats]
        hover = [f"after {display.number(n)} symbols<br>{name}: {display.amount(v, unit)} a symbol" for n, v in zip(curve.lengths, nats)]
        figure.add_scatter(
            x=curve.lengths, y=y, mode="lines+markers", line={"color": colour, "width": 2.5, "dash": dash}, marker_size=6, hovertext=hover, hoverinfo="text"
        )
        figure.add_annotation(x=1, xref="paper", xanchor="right", y=1 if colour == theme.LOSS else 0.92, yref="paper", yanchor="top", showarrow=False, font_color=colour,
                              text=f"{'━' if dash == 'solid' else '┅'} {name}")  # fmt: skip
    figure.add_hline(y=floor, line={"color": theme.TRUTH, "width": 2})
    figure.add_annotation(
        x=1,
        xref="paper",
        xanchor="right",
        y=floor,
        yanchor="top",
        yshift=-2,
        showarrow=False,
        font_color=theme.TRUTH,
        text=f"H(p), the source's entropy: {display.amount(curve.floor, unit)}",
    )
    theme.quiet(figure, height=height, x_title="symbols learned from", y_title=f"{unit} a symbol")
    ticks = [2, 10, 100, 1000, 10_000]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[display.number(t) for t in ticks], showgrid=False)
    every = [display.in_unit(v, unit) for v in (*curve.new_text, *curve.own_text, curve.floor)]
    room = 0.14 * ((max(every) - min(every)) or 1.0)
    figure.update_yaxes(range=[min(every) - room, max(every) + 2 * room], nticks=6, zeroline=False)
    return figure
