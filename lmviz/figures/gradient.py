"""The gradient of the loss as pictures: at one token, after a step, along a sentence, and against probability."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lmviz import display, pulls
from lmviz.figures import alternatives, theme
from lmviz.models.scored import ScoredText

SHOWN = 8  # of the model's favourites
FEW = 40  # tokens whose names fit under an axis


def entries(scored: ScoredText, position: int) -> list[tuple[str, float, str]]:
    """(label, ŷ − y, colour) for what came, the model's favourites, and all the rest as one; they sum to 0."""
    rows = alternatives.bars(scored, position)
    came = [row for row in rows if row[2] == theme.TRUTH]
    favourites = [row for row in rows if row[2] == theme.MODEL]
    rest = [p for _, p, colour in rows if colour == theme.MUTED] + [p for _, p, _ in favourites[SHOWN:]]
    n_others = scored.vocab_size - len(came) - len(favourites[:SHOWN])
    result = [(label.split(" ← came")[0], p - 1, colour) for label, p, colour in came] + favourites[:SHOWN]
    return [*result, (f"{display.number(n_others)} others", math.fsum(rest), theme.MUTED)] if n_others else result


def gradient_bars(scored: ScoredText, position: int, *, height: int = 372) -> go.Figure:
    """Bars of ŷ − y around 0: what came is pulled up (to the left, negative), every other token is pushed down."""
    labels, values, colours = zip(*entries(scored, position), strict=True)
    texts = [display.number(v, 2, sign=True) for v in values]
    hover = [f"{label}<br>ŷ − y = {text}<br>{'pulled up' if v < 0 else 'pushed down'}" for label, v, text in zip(labels, values, texts, strict=True)]
    places = list(range(len(labels)))
    figure = go.Figure(
        go.Bar(
            x=values, y=places, orientation="h", marker_color=colours, text=texts, textposition="outside", cliponaxis=False, hovertext=hover, hoverinfo="text"
        )
    )
    theme.quiet(figure, height=height, x_title="ŷ − y, taken off the logit")
    figure.update_yaxes(tickvals=places, ticktext=labels, autorange="reversed", showgrid=False, tickfont_family="monospace")
    low, high = min(values), max(values)
    figure.update_xaxes(range=[min(low * 1.4, -0.1), max(high * 1.35, 0.1)], nticks=6, zeroline=True, zerolinewidth=1.5)
    figure.update_layout(bargap=0.3)
    return figure


def step_curves(sizes: Sequence[float], after: np.ndarray, after_squared: np.ndarray, norm: float, eta: float, *, unit: str, height: int = 300) -> go.Figure:
    """Cross-entropy after a step of each size: along its own gradient, along squared error's, and what the slope at 0 promises."""
    sizes = np.asarray(sizes)
    own, other = display.in_unit(after, unit), display.in_unit(after_squared, unit)
    promised = display.in_unit(after[0] - sizes * norm**2, unit)
    figure = go.Figure()
    kept = promised >= -0.02 * own[0]
    figure.add_scatter(x=sizes[kept], y=promised[kept], mode="lines", line={"color": theme.MUTED, "width": 1.5, "dash": "dot"}, hoverinfo="skip")
    for values, colour, dash, label in ((other, theme.MODEL, "dash", "squared error's"), (own, theme.LOSS, "solid", "cross-entropy's")):
        hover = [f"η = {display.number(float(s))} along {label} gradient<br>loss {display.number(float(v))} {unit}" for s, v in zip(sizes, values, strict=True)]
        figure.add_scatter(x=sizes, y=values, mode="lines", line={"color": colour, "width": 2.5, "dash": dash}, hovertext=hover, hoverinfo="text", name=label)
        figure.add_scatter(x=[eta], y=[np.interp(eta, sizes, values)], mode="markers", marker={"size": 11, "color": colour}, hoverinfo="skip")
    theme.quiet(figure, height=height, x_title="step size η", y_title=f"cross-entropy after the step, {unit}")
    # where there is most room: over the upper curve at its far end, under the lower one in its middle
    low = own[0] - other[-1] < 0.5 * own[0]
    figure.add_annotation(
        x=sizes[-1],
        y=other[-1],
        text="along squared error's gradient",
        font_color=theme.MODEL,
        showarrow=False,
        xanchor="right",
        yanchor="top" if low else "bottom",
        yshift=-4 if low else 6,
    )
    middle = len(sizes) // 2
    figure.add_annotation(
        x=sizes[middle],
        y=own[middle],
        text="along its own, ŷ − y",
        font_color=theme.LOSS,
        showarrow=False,
        xanchor="right" if own[middle] > 0.35 * own[0] else "left",
        yanchor="bottom" if own[middle] < 0.35 * own[0] else "top",
        xshift=-8 if own[middle] > 0.35 * own[0] else 4,
        yshift=6 if own[middle] < 0.35 * own[0] else 0,
    )
    figure.update_xaxes(range=[-0.2, float(sizes[-1]) + 0.2], zeroline=False)
    figure.update_yaxes(range=[-0.04 * own[0], 1.12 * own[0]], zeroline=False)
    return figure


def norms(scored: ScoredText, evidence: pulls.Evidence, selected: int, *, height: int = 260) -> go.Figure:
    """The length of the gradient at each token, between 0 and √2."""
    values = evidence.gradient_norm
    n = len(values)
    names = [display.plotly_escape(display.visible(token.text or "…")) for token in scored.tokens[:n]]
    hover = [f"{name}<br>p = {display.probability(p)}<br>‖ŷ − y‖ = {display.number(v)}" for name, p, v in zip(names, evidence.p, values, strict=True)]
    colours = [theme.TRUTH if i == selected else theme.LOSS for i in range(n)]
    figure = go.Figure(go.Bar(x=list(range(n)), y=values, marker_color=colours, hovertext=hover, hoverinfo="text"))
    if n <= 12:
        figure.update_traces(text=[display.number(v) for v in values], textposition="outside", cliponaxis=False)
    theme.quiet(figure, height=height, y_title="length of the gradient, ‖ŷ − y‖", x_title="" if n <= FEW else "token")
    figure.add_hline(y=math.sqrt(2), line_color=theme.MUTED, line_dash="dot", line_width=1.5)
    figure.add_annotation(x=1, xref="paper", xanchor="right", y=math.sqrt(2), yanchor="bottom", text="√2: certain of something else", showarrow=False)
    if n <= FEW:
        figure.update_xaxes(tickvals=list(range(n)), ticktext=[name if len(name) <= 14 else name[:13] + "…" for name in names], tickfont_family="monospace")
    figure.update_xaxes(showgrid=False, range=[-0.7, n - 0.3])
    figure.update_yaxes(range=[0, 1.62], tickvals=[0, 0.5, 1])  # no line at 1.5, through the words over √2
    figure.update_layout(bargap=0.3)
    return figure


def vanishing(evidence: pulls.Evidence, names: Sequence[str], *, height: int = 330) -> go.Figure:
    """Pull on the truth against its probability: cross-entropy's 1 − p, and all that squared error's can be; the tokens as dots."""
    p = np.logspace(-6, 0, 181)
    missing = 1 - p
    figure = go.Figure()
    # squared error's pull is 2p((1−p)² + Σ rivals²), and Σ rivals² is between about 0 and (1−p)²: one rival has all
    outline = np.concatenate([2 * p * missing**2, (4 * p * missing**2)[::-1]])
    figure.add_scatter(
        x=np.concatenate([p, p[::-1]]), y=outline, mode="lines", fill="toself", fillcolor=theme.MODEL, opacity=0.18, line_width=0, hoverinfo="skip"
    )
    figure.add_scatter(x=p, y=missing, mode="lines", line={"color": theme.LOSS, "width": 2.5}, hoverinfo="skip")
    for loss, colour, label in (("cross_entropy", theme.LOSS, "cross-entropy"), ("squared_error", theme.MODEL, "squared error")):
        values = pulls.pull(loss, evidence)
        hover = [
            f"{display.plotly_escape(display.visible(name))}, p = {display.probability(q)}<br>pull of {label} {display.number(v)}"
            for name, q, v in zip(names, evidence.p, values, strict=True)
        ]
        marker = {"size": 9, "color": colour, "symbol": "circle" if loss == "cross_entropy" else "diamond"}
        figure.add_scatter(x=evidence.p, y=values, mode="markers", marker=marker, hovertext=hover, hoverinfo="text", name=label, cliponaxis=False)
    theme.quiet(figure, height=height, x_title="probability of what came, p", y_title="pull on the truth")
    ticks = list(range(-6, 1))
    figure.update_xaxes(type="log", range=[-6.1, 0.05], tickvals=[10.0**t for t in ticks], ticktext=[display.power_of_ten(t) if t else "1" for t in ticks])
    figure.update_yaxes(range=[-0.04, 1.14], zeroline=False)
    figure.add_annotation(x=-6.05, y=1, text="cross-entropy: 1 − p", font_color=theme.LOSS, showarrow=False, xanchor="left", yanchor="bottom", yshift=5)
    figure.add_annotation(
        x=-6.05, y=0, text="squared error: 2 to 4 times p(1 − p)²", font_color=theme.MODEL, showarrow=False, xanchor="left", yanchor="bottom", yshift=6
    )
    return figure
