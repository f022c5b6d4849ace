"""The loss along a text, and what the model expected to pay at each step, as two lines."""

import numpy as np
import plotly.graph_objects as go

from lmviz import display, landing
from lmviz.figures import theme
from lmviz.models.scored import ScoredText

FEW = 28  # so many tokens can stand under the axis themselves
MANY = 160  # from here on single tokens are too close to read as a line: a running mean is drawn over them
CROWDED = 1500  # and from here on a mean over more of them


def loss_line(scored: ScoredText, *, unit: str, selected: int | None = None, height: int = 225) -> go.Figure:
    """−log P of every token in `unit`, with the entropy the model had there; the selected token is marked.

    Beyond MANY tokens both lines are running means over `window` tokens, and the single losses stand behind them as thin strokes.
    """
    losses, entropies = display.in_unit(scored.losses, unit), display.in_unit(scored.entropies, unit)
    places = np.arange(1, len(scored) + 1)
    many = len(scored) > MANY
    quiet = {"hoverinfo": "skip"}
    figure = go.Figure()
    if many:
        opacity = 0.3 if len(scored) <= CROWDED else 0.18
        figure.add_bar(x=places, y=losses, marker_color=theme.LOSS, opacity=opacity, width=1, marker_line_width=0, **_hover(scored, unit))
        losses_drawn, entropies_drawn = (landing.running_mean(values, window(len(scored))) for values in (losses, entropies))
    else:
        losses_drawn, entropies_drawn = losses, entropies
    mode = "lines+markers" if len(scored) <= 2 * FEW else "lines"
    figure.add_scatter(x=places, y=losses_drawn, mode=mode, line={"color": theme.LOSS, "width": 2}, marker_size=7, **(quiet if many else _hover(scored, unit)))
    figure.add_scatter(x=places, y=entropies_drawn, mode="lines", line={"color": theme.MODEL, "width": 1.5, "dash": "dot"}, **quiet)
    if selected is not None and not np.isnan(losses[selected]):
        figure.add_scatter(x=[places[selected]], y=[losses[selected]], mode="markers", **quiet,
                           marker={"size": 13, "symbol": "circle-open", "line": {"width": 3, "color": theme.TRUTH}, "color": theme.TRUTH})  # fmt: skip
        figure.add_vline(x=int(places[selected]), line={"color": theme.TRUTH, "width": 1})
    means = f" (lines: mean of {window(len(scored))} tokens)" if many else ""
    theme.quiet(figure, height=height, x_title=None if len(scored) <= FEW else f"token number{means}", y_title=f"cost, {unit}")
    figure.update_layout(margin_t=30, margin_b=30 if len(scored) <= FEW else 40, hovermode="x" if len(scored) > 1 else "closest", bargap=0)
    figure.update_yaxes(rangemode="tozero", nticks=5, zeroline=False)
    figure.update_xaxes(range=[0.5, len(scored) + 0.5], showgrid=False, zeroline=False)
    if len(scored) <= FEW:
        figure.update_xaxes(tickvals=places, ticktext=[_label(token.text) for token in scored.tokens], tickfont_family="monospace")
    _says(figure, 0.0, "left", "━ paid: loss", theme.LOSS)
    _says(figure, 1.0, "right", "┅ expected: entropy", theme.MODEL)
    return figure


def window(n_tokens: int) -> int:
    """How many tokens a running mean spans, so that a line of `n_tokens` shows the course and not the noise.

    >>> window(200), window(1000), window(5000)
    (25, 25, 100)
    """
    return 25 if n_tokens <= CROWDED else 100


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
