"""What could have come: the model's next-token distribution at one place, as bars."""

import math

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme
from lmviz.models.scored import ScoredText


def alternatives(scored: ScoredText, position: int) -> go.Figure:
    """Bars of probability at one position: the best alternatives, what came (wherever it ranks), and all the rest as one.

    The bars sum to 1: the last one is the summed probability of every token not shown.
    """
    rows = bars(scored, position)
    labels, probs, colours = zip(*rows, strict=True)
    hover = [f"{label}<br>P = {display.probability(p)} ({display.one_in(p)})" for label, p in zip(labels, probs, strict=True)]
    figure = go.Figure(
        go.Bar(
            x=probs, y=list(range(len(rows))), orientation="h", marker_color=colours, cliponaxis=False,
            text=[display.probability(p) for p in probs], textposition="outside", hovertext=hover, hoverinfo="text",
        )
    )  # fmt: skip
    theme.quiet(figure, height=30 * len(rows) + 52, x_title="probability of coming next")
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=labels, autorange="reversed", showgrid=False, tickfont_family="monospace")
    figure.update_xaxes(range=[0, min(1.0, max(probs) * 1.22)], tickformat=".2~f", nticks=6)
    figure.update_layout(bargap=0.28)
    return figure


def bars(scored: ScoredText, position: int) -> list[tuple[str, float, str]]:
    """(label, probability, colour) of each bar, best first, the rest last; probabilities sum to 1."""
    token, log_prob = scored.tokens[position], scored.log_probs[position]
    ids = scored.top_ids[position]
    rows = []
    for i, text, lp in zip(ids, scored.top_texts[position], scored.top_log_probs[position], strict=True):
        came = i == token.id
        rows.append((_label(text, came), math.exp(lp), theme.TRUTH if came else theme.MODEL))
    rest = math.exp(scored.tail_log_prob[position])
    shown = len(ids)
    if token.id not in ids:
        rows.append((_label(token.text or "\N{REPLACEMENT CHARACTER}", True, int(scored.ranks[position])), math.exp(log_prob), theme.TRUTH))
        rest = max(rest - math.exp(log_prob), 0.0)  # rounding only: the true token is part of the tail
        shown += 1
    if scored.vocab_size > shown:
        rows.append((f"{display.number(scored.vocab_size - shown)} others", rest, theme.MUTED))
    return rows


def _label(text: str, came: bool, rank: int | None = None) -> str:
    shown = display.plotly_escape(display.visible(text))
    place = f", rank {display.number(rank)}" if rank else ""
    return f"{shown} ← came{place}" if came else shown
