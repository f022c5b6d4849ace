"""Two distributions over named outcomes, and the divergences between them as one share of q moves."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme
from lmviz.outcomes import Outcomes


def two_distributions(outcomes: Outcomes, chosen: int | None = None, *, height: int = 330) -> go.Figure:
    """For each outcome a bar of p, what is so, and a bar of q, what is believed; the chosen name is bold."""
    names = [display.plotly_escape(display.visible(name) if name != name.strip() or not name else name) for name in outcomes.names]
    labels = [f"<b>{name}</b>" if i == chosen else name for i, name in enumerate(names)]
    places = list(range(len(outcomes)))
    figure = go.Figure()
    for letter, values, colour in (("p", outcomes.p, theme.TRUTH), ("q", outcomes.q, theme.MODEL)):
        figure.add_bar(
            y=places, x=values, orientation="h", marker_color=colour, text=[display.probability(v) for v in values], textposition="outside", textfont_size=11, constraintext="none", cliponaxis=False,
            hovertext=[f"{letter}({name}) = {display.probability(v)}" for name, v in zip(names, values)], hoverinfo="text",
        )  # fmt: skip
    theme.quiet(figure, height=height, x_title="probability")
    figure.update_layout(barmode="group", bargap=0.3, bargroupgap=0.08, margin_t=30)
    figure.update_yaxes(tickvals=places, ticktext=labels, autorange="reversed", showgrid=False)
    figure.update_xaxes(range=[0, 1.18 * max(*outcomes.p, *outcomes.q)], nticks=6)
    for x, anchor, says, colour in ((0.0, "left", "p: what is so", theme.TRUTH), (1.0, "right", "q: what is believed", theme.MODEL)):
        figure.add_annotation(x=x, y=1, xref="paper", yref="paper", xanchor=anchor, yanchor="bottom", yshift=6, showarrow=False, text=says, font_color=colour)
    return figure


def divergences(
    q_shares: Sequence[float], curves: dict[str, Sequence[float]], *, unit: str, name: str, here: float, limit_nats: float, height: int = 320
) -> go.Figure:
    """Each divergence (nats, drawn in `unit`) against the share that q gives one outcome; `here` is its present share. Infinite values leave the picture."""
    colours = dict(zip(curves, (theme.LOSS, theme.SECOND, theme.MUTED)))
    figure = go.Figure()
    top = display.in_unit(limit_nats, unit)
    for label, nats in curves.items():
        y = [display.in_unit(v, unit) if math.isfinite(v) else None for v in nats]
        hover = [f"q = {display.probability(x)}<br>{label}: {'infinite' if math.isinf(v) else display.amount(v, unit)}" for x, v in zip(q_shares, nats)]
        figure.add_scatter(x=q_shares, y=y, mode="lines", line={"color": colours[label], "width": 2.5}, hovertext=hover, hoverinfo="text")
        inside = [(x, v) for x, v in zip(q_shares, y) if v is not None and v < (0.45 if label == "KL(q‖p)" else 0.9) * top]
        if len(inside) > 1:
            place, shown = inside[-1] if label == "KL(q‖p)" else inside[0]
            anchor = {"xanchor": "right", "xshift": -8} if place > 0.75 else {"xanchor": "left", "xshift": 8}
            figure.add_annotation(
                x=place, y=shown, text=label, showarrow=False, font_color=colours[label], yanchor="top" if label == "KL(q‖p)" else "bottom", **anchor
            )
        else:
            figure.add_annotation(x=0.5, y=0.94 * top, text=f"{label} is infinite here", showarrow=False, font_color=colours[label])
    figure.add_vline(x=here, line={"color": theme.MODEL, "width": 1.5, "dash": "dot"})
    theme.quiet(
        figure,
        height=height,
        x_title=f"q({display.plotly_escape(display.visible(name) if not name.strip() else name)}), the others in proportion",
        y_title=f"divergence, {unit}",
    )
    figure.update_xaxes(range=[0, 1], nticks=6)
    figure.update_yaxes(range=[0, top], nticks=6)
    return figure
