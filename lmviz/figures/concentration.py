"""Costs concentrate: the share of the loss that the costliest tokens carry, as a curve; and what each rank carries, as bars."""

import math

import numpy as np
import plotly.graph_objects as go

from lmviz import display, landing
from lmviz.figures import theme

POINTS = 200  # on the curve; more cannot be told apart


def concentration(curve: np.ndarray, *, fraction: float = 0.1, height: int = 300) -> go.Figure:
    """`landing.concentration` as a curve: tokens, costliest first, against their share of the loss; the first `fraction` is marked."""
    n = len(curve) - 1
    marked = landing.n_costliest(n, fraction)
    drawn = np.unique(np.append(np.linspace(0, n, min(n, POINTS) + 1).round().astype(int), marked))
    hover = [
        f"the {display.number(k)} costliest of {display.number(n)} tokens<br>carry {percent(share)} of the loss"
        for k, share in zip(drawn.tolist(), curve[drawn], strict=True)
    ]
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": theme.MUTED, "width": 1.5, "dash": "dot"}, hoverinfo="skip")
    figure.add_scatter(x=drawn / n, y=curve[drawn], mode="lines+markers" if n <= 20 else "lines", line={"color": theme.LOSS, "width": 2.5}, marker_size=6,
                       hovertext=hover, hoverinfo="text", name="")  # fmt: skip
    figure.add_scatter(x=[marked / n], y=[curve[marked]], mode="markers", marker={"size": 11, "color": theme.LOSS}, hoverinfo="skip")
    theme.quiet(figure, height=height, x_title="share of the tokens, costliest first", y_title="share of the loss")
    figure.add_annotation(x=marked / n, y=curve[marked], text=f"{_tokens(marked)}: {percent(curve[marked])}", font_color=theme.LOSS, xanchor="left",
                          ax=60, ay=44, arrowcolor=theme.LOSS, arrowwidth=1, arrowhead=0, standoff=6)  # fmt: skip
    figure.add_annotation(x=1, y=0.5, text="if all cost the same", showarrow=False, xanchor="right", yanchor="middle")
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%", nticks=6, zeroline=False)
    figure.update_yaxes(range=[0, 1.04], tickformat=".0%", nticks=6, zeroline=False)
    return figure


def rank_bars(buckets: list[landing.Bucket], *, unit: str, height: int = 300) -> go.Figure:
    """For each bucket of ranks two bars: its share of the tokens, and its share of the loss."""
    n, total = sum(b.n_tokens for b in buckets), math.fsum(b.total_nats for b in buckets)
    labels = [bucket_name(b) for b in buckets]
    of_tokens = [b.n_tokens / n if n else math.nan for b in buckets]
    of_loss = [b.total_nats / total if 0 < total < math.inf else math.nan for b in buckets]
    figure = go.Figure()
    for name, shares, colour, hover in (
        ("of the tokens", of_tokens, theme.MUTED, [_tokens(b.n_tokens) for b in buckets]),
        ("of the loss", of_loss, theme.LOSS, [display.amount(b.total_nats, unit) for b in buckets]),
    ):
        figure.add_bar(
            y=labels, x=shares, orientation="h", marker_color=colour, name=name, text=[percent(share) for share in shares], textposition="outside",
            cliponaxis=False, hovertext=[f"{label}<br>{text}, {percent(share)} {name}" for label, text, share in zip(labels, hover, shares, strict=True)], hoverinfo="text",
        )  # fmt: skip
    theme.quiet(figure, height=height, x_title="share of the tokens, or of the loss")
    figure.update_layout(barmode="group", bargap=0.3, bargroupgap=0.05, margin_t=30)
    figure.update_yaxes(autorange="reversed", title_text="rank of what came", showgrid=False)
    figure.update_xaxes(range=[0, 1.12], tickformat=".0%", nticks=6)
    for x, anchor, text, colour in ((0.0, "left", "share of the tokens", None), (1.0, "right", "share of the loss", theme.LOSS)):
        figure.add_annotation(x=x, y=1, xref="paper", yref="paper", xanchor=anchor, yanchor="bottom", yshift=6, showarrow=False, text=text, font_color=colour)
    return figure


def bucket_name(bucket: landing.Bucket) -> str:
    """The ranks of a bucket as a reader sees them.

    >>> [bucket_name(landing.Bucket(first, last, 0, 0.0)) for first, last in landing.RANK_BUCKETS]
    ['1', '2–10', '11–100', '101–1\u202f000', 'beyond 1\u202f000']
    """
    if bucket.last is None:
        return f"beyond {display.number(bucket.first - 1)}"
    return display.number(bucket.first) + (f"–{display.number(bucket.last)}" if bucket.last > bucket.first else "")


def percent(share: float) -> str:
    """A share as a percentage; whole from 10 % on, and "–" for what is not defined.

    >>> percent(0.4567), percent(0.0312), percent(0.0), percent(float("nan"))
    ('46\u202f%', '3.1\u202f%', '0\u202f%', '–')
    """
    if math.isnan(share):
        return display.UNDEFINED
    return f"{100 * share:.{0 if share >= 0.0995 or share == 0 else 1}f}{display.THIN_SPACE}%"


def _tokens(n: int) -> str:
    return f"{display.number(n)} token" + ("s" if n != 1 else "")
