"""The same model at many temperatures: the text's likelihood has its peak where the mean loss has its valley."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmviz import display
from lmviz.figures import theme

FLAT = 1e-9  # nats: what rounding may make of equal losses


def peak_and_valley(temperatures: Sequence[float], curve: Sequence[float], n_tokens: int, *, chosen: int, unit: str, height: int = 360) -> go.Figure:
    """Two panels over one axis of temperatures: likelihood relative to its highest, exp(−T·(loss − lowest)), and mean loss in `unit`; `chosen` is dotted."""
    best = best_place(temperatures, curve)
    relative = relative_likelihoods(curve, n_tokens)
    losses = [display.in_unit(nats, unit) for nats in curve]
    logs = [math.log2(t) for t in temperatures]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09)
    panels = (
        (
            1,
            relative,
            theme.MODEL,
            [f"temperature {display.number(t)}<br>{display.number(r)} of the highest likelihood" for t, r in zip(temperatures, relative)],
        ),
        (2, losses, theme.LOSS, [f"temperature {display.number(t)}<br>mean loss {display.amount(nats, unit)}" for t, nats in zip(temperatures, curve)]),
    )
    for row, values, colour, hover in panels:
        figure.add_scatter(x=logs, y=values, mode="lines", line={"color": colour, "width": 3}, hovertext=hover, hoverinfo="text", row=row, col=1)
        figure.add_scatter(
            x=[logs[chosen]], y=[values[chosen]], mode="markers", marker={"size": 13, "color": colour}, cliponaxis=False, hoverinfo="skip", row=row, col=1
        )
        figure.add_vline(x=logs[best], line={"color": theme.MUTED, "width": 1.5, "dash": "dot"}, row=row, col=1)
    theme.quiet(figure, height=height)
    figure.update_layout(hovermode="x")
    ticks = [0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8]
    figure.update_xaxes(tickvals=[math.log2(t) for t in ticks], ticktext=[f"{t:g}" for t in ticks], zeroline=False, range=[logs[0] - 0.04, logs[-1] + 0.04])
    figure.update_xaxes(title_text="temperature τ, that is, logits divided by τ", row=2, col=1)
    figure.update_yaxes(nticks=4, zeroline=False)
    finite = [value for value in losses if math.isfinite(value)] or [0.0, 1.0]
    room = 0.12 * ((max(finite) - min(finite)) or 1.0)
    figure.update_yaxes(title_text="likelihood,<br>of its highest", range=[-0.08, 1.12], tickvals=[0, 0.5, 1], row=1, col=1)
    figure.update_yaxes(title_text=f"mean loss,<br>{unit}", range=[min(finite) - room, max(finite) + room], row=2, col=1)
    side = "left" if best < len(curve) / 2 else "right"
    flat = is_flat(curve)
    says = (
        "the same at every temperature"
        if flat
        else f"{'← ' if side == 'left' else ''}best τ = {display.number(temperatures[best], 2)}{' →' if side == 'right' else ''}"
    )
    figure.add_annotation(x=logs[best], y=0.5, xref="x", yref="paper", text=says, showarrow=False, xanchor=side, xshift=6 if side == "left" else -6)
    return figure


def best_place(temperatures: Sequence[float], curve: Sequence[float]) -> int:
    """Index of the lowest loss; of several as low, the one nearest to temperature 1.

    >>> best_place([0.5, 1.0, 2.0], [3.0, 2.0, 2.5]), best_place([0.5, 1.0, 2.0], [2.0, 2.0, 2.0])
    (1, 1)
    """
    as_low = [i for i, nats in enumerate(curve) if nats <= min(curve) + FLAT]
    return min(as_low, key=lambda i: abs(math.log(temperatures[i])))


def is_flat(curve: Sequence[float]) -> bool:
    """Whether the loss is the same everywhere, but for rounding: so it is for a model that knows nothing."""
    return max(curve) - min(curve) <= FLAT


def relative_likelihoods(curve: Sequence[float], n_tokens: int) -> list[float]:
    """Π ŷ of a text of n_tokens at each mean loss (nats), divided by the largest of them.

    >>> relative_likelihoods([1.0, 2.0], 3)[0], round(relative_likelihoods([1.0, 2.0], 3)[1], 6)
    (1.0, 0.049787)
    """
    lowest = min(curve)
    return [1.0 if nats == lowest else math.exp(-n_tokens * (nats - lowest)) for nats in curve]
