"""What a longer memory is worth: loss against what came before, windows laid over a text, cost against precision."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from lmviz import display
from lmviz.context_length import Pooled, WindowCost
from lmviz.figures import theme
from lmviz.models.windows import Window

HEIGHT = 330


def by_memory(groups: Sequence[str], passages: Pooled | None, yours: Sequence[float] | None, your_groups: Sequence[str], unit: str, x_title: str) -> go.Figure:
    """Mean loss a token against how many tokens came before: the bundled passages with their 95 % band, the reader's text on top.

    `groups` name the places on the axis, `your_groups` the place of each number of `yours` (NaN: none there).
    """
    figure = go.Figure()
    places = {name: i for i, name in enumerate(groups)}
    means = None
    if passages is not None:
        means, half = display.in_unit(passages.means, unit), display.in_unit(passages.half_widths, unit)
        x = list(range(len(means)))
        band = {"x": x + x[::-1], "y": [*(means + half), *(means - half)[::-1]]}
        figure.add_trace(go.Scatter(**band, mode="lines", fill="toself", fillcolor=theme.MODEL, opacity=0.18, line_width=0, hoverinfo="skip"))
        hover = [f"{name} before: {display.number(m)} {unit} ± {display.number(h, 2)}" for name, m, h in zip(groups, means, half)]
        figure.add_trace(go.Scatter(x=x, y=means, mode="lines+markers", line={"color": theme.MODEL, "width": 2.5}, hovertext=hover, hoverinfo="text"))
    spots = [(places[name], display.in_unit(loss, unit)) for name, loss in zip(your_groups, yours or ()) if loss == loss]
    below = bool(spots) and means is not None and spots[-1][1] < means[spots[-1][0]]
    if spots:
        x, y = zip(*spots)
        hover = [f"{groups[i]} before: {display.number(v)} {unit}" for i, v in spots]
        figure.add_trace(
            go.Scatter(
                x=x, y=y, mode="lines+markers", line={"color": theme.LOSS, "width": 2.5, "dash": "dot"}, marker_size=9, hovertext=hover, hoverinfo="text"
            )
        )
        _label(figure, x[-1], y[-1], "your text", theme.LOSS, below=below, last=x[-1] == len(groups) - 1)
    if means is not None:
        crowded = bool(spots) and spots[-1][0] == len(groups) - 1
        _label(figure, len(means) - 1, means[-1], "passages", theme.MODEL, below=crowded and not below, last=True)
    theme.quiet(figure, height=HEIGHT, x_title=x_title, y_title=f"mean loss, {unit} a token")
    figure.update_xaxes(tickvals=list(range(len(groups))), ticktext=[name.split("–")[0] for name in groups], range=[-0.4, len(groups) - 0.6], showgrid=False)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _label(figure: go.Figure, x: float, y: float, text: str, colour: str, *, below: bool, last: bool) -> None:
    figure.add_annotation(x=x, y=y, yshift=-17 if below else 17, text=text, showarrow=False, font_color=colour, xanchor="right" if last else "center")


def window_bars(cut: Sequence[Window], n_tokens: int, most: int = 24) -> go.Figure:
    """The windows laid over a text of n_tokens, one row each: read as context only (pale), and counted (full)."""
    shown = list(cut[:most])
    rows = list(range(len(shown)))
    figure = go.Figure()
    figure.add_trace(go.Bar(y=rows, base=[w.begin for w in shown], x=[w.counted - w.begin for w in shown], orientation="h", marker_color=theme.MUTED, marker_opacity=0.45,
                            hovertext=[f"tokens {w.begin + 1} to {w.counted}: context only" for w in shown], hoverinfo="text"))  # fmt: skip
    figure.add_trace(go.Bar(y=rows, base=[w.counted for w in shown], x=[w.end - w.counted for w in shown], orientation="h", marker_color=theme.MODEL,
                            hovertext=[f"tokens {w.counted + 1} to {w.end}: counted" for w in shown], hoverinfo="text"))  # fmt: skip
    theme.quiet(figure, height=HEIGHT, x_title="token of the text", y_title="window")
    figure.update_layout(barmode="overlay", bargap=0.25)
    figure.update_yaxes(range=[max(len(shown), 6) - 0.4, -0.6], showgrid=False, showticklabels=False)
    figure.update_xaxes(range=[0, n_tokens])
    if len(cut) > most:
        figure.add_annotation(
            x=0.02,
            xref="paper",
            xanchor="left",
            y=0.02,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text=f"and {display.number(len(cut) - most)} windows more",
        )
    return figure


def window_costs(costs: Sequence[WindowCost], chosen: WindowCost | None) -> go.Figure:
    """Bits per byte against cost (tokens read for each token of the text), one line a context; the chosen windows are ringed.

    Windows as long as the text are a level line: what the text costs when it is read at once.
    """
    figure = go.Figure()
    for context in sorted({c.context for c in costs if c.context < c.n_tokens}):
        line = sorted((c for c in costs if c.context == context), key=lambda c: c.tokens_read)
        x, y = [c.tokens_read / c.n_tokens for c in line], [c.bits_per_byte for c in line]
        hover = [
            f"context {c.context}, stride {c.stride}<br>{display.number(c.tokens_read)} tokens read<br>{display.number(c.bits_per_byte, 4)} bits per byte"
            for c in line
        ]
        figure.add_trace(
            go.Scatter(
                x=x, y=y, mode="lines+markers", line={"color": theme.MODEL, "width": 2}, marker_size=7, hovertext=hover, hoverinfo="text", cliponaxis=False
            )
        )
        figure.add_annotation(
            x=math.log10(x[0]),
            y=y[0],
            text=f"context {context}",
            showarrow=False,
            xanchor="right",
            xshift=-8,
            font={"color": theme.MODEL, "size": theme.FONT - 1},
        )
    for whole in (c for c in costs if c.context >= c.n_tokens):
        figure.add_hline(y=whole.bits_per_byte, line={"color": theme.MUTED, "width": 1.5, "dash": "dot"})
        figure.add_annotation(x=0, xref="paper", xanchor="left", xshift=4, y=whole.bits_per_byte, yshift=-11, text="the whole text at once", showarrow=False)
    if chosen is not None:
        ring = {"symbol": "circle-open", "size": 18, "color": theme.TRUTH, "line": {"width": 2.5}}
        figure.add_trace(
            go.Scatter(x=[chosen.tokens_read / chosen.n_tokens], y=[chosen.bits_per_byte], mode="markers", marker=ring, hoverinfo="skip", cliponaxis=False)
        )
    theme.quiet(figure, height=HEIGHT, x_title="cost: times that a token is read", y_title="bits per byte")
    if costs:
        low, high = min(c.bits_per_byte for c in costs), max(c.bits_per_byte for c in costs)
        room = 0.12 * (high - low) or 0.1
        figure.update_yaxes(range=[low - room, high + room])
    figure.update_xaxes(type="log", range=[math.log10(0.5), math.log10(10)], tickvals=[1, 2, 4, 8], ticktext=["1", "2", "4", "8"])
    return figure
