"""The loss along a text, and what the model expected to pay at each step, as two lines."""

import numpy as np
import plotly.graph_objects as go

from lmviz import display, landing
from lmviz.figures import theme
from lmviz.models.scored import ScoredText

FEW = 28  # so many tokens can stand under the axis themselves
MANY = 160  # from here on single tokens are too close to read as a line: a running mean is drawn over them
WINDOW = 25  # tokens in that mean


def loss_line(scored: ScoredText, *, unit: str, selected: int | None = None, height: int = 250) -> go.Figure:
    """−log P of every token in `unit`, with the entropy the model had there; the selected token is marked.

    Beyond MANY tokens both lines are running means over WINDOW tokens, and the single losses stand behind them as thin strokes.
    """
    losses, entropies = display.in_unit(scored.losses, unit), display.in_unit(scored.entropies, unit)
    places = np.arange(1, len(scored) + 1)
    many = len(scored) > MANY
    figure = go.Figure()
    if many:
        figure.add_bar(x=places, y=losses, marker_color=theme.LOSS, opacity=0.3, width=1, marker_line_width=0, **_hover(scored, unit))
        losses_drawn, entropies_drawn = landing.running_mean(losses, WINDOW), landing.running_mean(entropies, WINDOW)
    else:
        losses_drawn, entropies_drawn = losses, entropies
    quiet = {"hoverinfo": "skip"}
    figure.add_scatter(x=places, y=entropies_drawn, mode="lines", line={"color": theme.MODEL, "width": 1.5, "dash": "dot"}, **quiet)
    mode = "lines+markers" if len(scored) <= 2 * FEW else "lines"
    figure.add_scatter(x=places, y=losses_drawn, mode=mode, line={"color": theme.LOSS, "width": 2}, marker_size=7, **(quiet if many else _hover(scored, unit)))
    if selected is not None and not np.isnan(losses[selected]):
        figure.add_scatter(x=[places[selected]], y=[losses[selected]], mode="markers", **quiet,
                           marker={"size": 13, "symbol": "circle-open", "line": {"width": 3, "color": theme.TRUTH}, "color": theme.TRUTH})  # fmt: skip
        figure.add_vline(x=int(places[selected]), line={"color": theme.TRUTH, "width": 1})
    theme.quiet(figure, height=height, x_title="" if len(scored) <= FEW else "token number", y_title=f"cost, {unit}")
    figure.update_layout(margin_t=30, margin_b=30 if len(scored) <= FEW else 40, hovermode="x" if len(scored) > 1 else "closest", bargap=0)
    figure.update_yaxes(rangemode="tozero", nticks=5, zeroline=False)
    figure.update_xaxes(range=[0.5, len(scored) + 0.5], showgrid=False, zeroline=False)
    if len(scored) <= FEW:
        figure.update_xaxes(
            tickvals=places, ticktext=[_label(token.text) for token in scored.tokens], tickfont_family="monospace", tickangle=0 if len(scored) <= 12 else -45
        )
    means = f", mean of {WINDOW} tokens" if many else ""
    _says(figure, 0.0, "left", f"━ what it cost: loss{means}", theme.LOSS)
    _says(figure, 1.0, "right", f"┅ what the model expected to pay: entropy{means}", theme.MODEL)
    return figure


def _hover(scored: ScoredText, unit: str) -> dict:
    text = [
        f"{display.plotly_escape(display.visible(token.text or '…'))}<br>loss {display.amount(loss, unit)}<br>expected {display.amount(entropy, unit)}"
        for token, loss, entropy in zip(scored.tokens, scored.losses, scored.entropies, strict=True)
    ]
    return {"hovertext": text, "hoverinfo": "text", "name": ""}


def _label(text: str, most: int = 12) -> str:
    shown = display.visible(text or "…")
    return display.plotly_escape(shown if len(shown) <= most else shown[: most - 1] + "…")


def _says(figure: go.Figure, x: float, anchor: str, text: str, colour: str) -> None:
    figure.add_annotation(x=x, y=1, xref="paper", yref="paper", xanchor=anchor, yanchor="bottom", yshift=6, showarrow=False, text=text, font_color=colour)
