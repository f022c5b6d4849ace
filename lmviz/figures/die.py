"""Perplexity as a die: so many equal sides, the last one cut where the number ends; and one die for every token."""

import math
from collections.abc import Iterator

import numpy as np
import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme
from lmviz.models.scored import ScoredText

HOLE = 0.5  # radius of the middle, where the number stands
MOST_PIECES = 1200  # beyond that, a piece stands for 10, 100 … sides
PIECES_IN_A_RING = 64
GAP = 0.055  # of a piece's angle and of a ring's width, between neighbours


def die(sides: float, height: int = 330, *, words: str = "equally likely tokens") -> go.Figure:
    """A wheel of `sides` pieces of equal area, one of them marked, the last one cut to the fraction that is left.

    Whole rings are added as pieces multiply; above MOST_PIECES a piece stands for 10, 100 … sides. Raises ValueError below 1.
    """
    if not sides >= 1:
        raise ValueError(f"sides must be at least 1, got {sides}: no fair choice is among fewer than one")
    figure = go.Figure()
    worth = piece_worth(sides)
    outlines = list(pieces(sides / worth)) if math.isfinite(sides) else []
    whole, part = outlines[1:], []
    if outlines and (sides / worth) % 1:
        whole, part = outlines[1:-1], outlines[-1:] if len(outlines) > 1 else []
    for shapes, colour, opacity in ((whole, theme.MODEL, 0.34), (part, theme.MODEL, 0.34), (outlines[:1], theme.MODEL, 1.0)):
        x, y = _joined(shapes)
        figure.add_trace(
            go.Scatter(x=x, y=y, mode="lines", fill="toself", fillcolor=colour, line_width=0, line_color=colour, opacity=opacity, hoverinfo="skip")
        )
    theme.quiet(figure, height=height)
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4})
    figure.update_xaxes(visible=False, range=[-1.03, 1.03], constrain="domain")
    figure.update_yaxes(visible=False, range=[-1.03, 1.03], scaleanchor="x", constrain="domain")
    figure.add_annotation(x=0, y=0.07, text=f"<b>{display.number(sides)}</b>", showarrow=False, font_size=34, font_color=theme.MODEL)
    figure.add_annotation(x=0, y=-0.17, text=words, showarrow=False, font_size=theme.FONT)
    if worth > 1:
        figure.add_annotation(x=0, y=-0.3, text=f"(a piece is {display.number(worth)} of them)", showarrow=False, font_size=theme.FONT - 1)
    return figure


def piece_worth(sides: float) -> int:
    """How many sides one piece stands for: 1, or the power of ten that keeps the pieces below MOST_PIECES.

    >>> piece_worth(26.2), piece_worth(1200.0), piece_worth(49152.0)
    (1, 1, 100)
    """
    return 10 ** max(0, math.ceil(math.log10(sides / MOST_PIECES))) if math.isfinite(sides) else 1


def rings(n_pieces: float) -> list[tuple[float, float, float]]:
    """(inner radius, outer radius, pieces) of each ring from the inside; areas are in proportion to the pieces, so all pieces are equal.

    Only the outermost ring holds a fraction of a piece.

    >>> rings(4.5)
    [(0.5, 1.0, 4.5)]
    """
    n_rings = max(1, round(math.sqrt(n_pieces / PIECES_IN_A_RING)))
    middles = [HOLE + (i + 0.5) * (1 - HOLE) / n_rings for i in range(n_rings)]
    counts = [float(round(n_pieces * middle / sum(middles))) for middle in middles[:-1]]
    counts.append(n_pieces - sum(counts))
    edges = [math.sqrt(HOLE**2 + (1 - HOLE**2) * done / n_pieces) for done in np.cumsum([0.0, *counts])]
    return list(zip(edges, edges[1:], counts))


def pieces(n_pieces: float, gap: float = GAP) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Outlines (x, y) of the pieces, clockwise from the top, ring by ring; the last one is narrower if n_pieces has a fraction."""
    for inner, outer, count in rings(n_pieces):
        turn = 2 * math.pi / count
        thin = min(gap * turn, 0.02 / outer) / 2 if count > 1 else 0.0
        inset = min(gap * (outer - inner), 0.008) / 2 if outer < 1 or inner > HOLE else 0.0
        for i in range(math.ceil(count)):
            begin, end = i * turn, min(i + 1, count) * turn
            trim = min(thin, (end - begin) / 4)
            angles = np.linspace(begin + trim, end - trim, 2 + int((end - begin) / 0.05))
            x = np.concatenate([(outer - inset) * np.sin(angles), (inner + inset) * np.sin(angles[::-1])])
            y = np.concatenate([(outer - inset) * np.cos(angles), (inner + inset) * np.cos(angles[::-1])])
            yield np.append(x, x[0]), np.append(y, y[0])


def dice(scored: ScoredText, selected: int | None = None, height: int = 330) -> go.Figure:
    """Every token's own die, 1/P sides, on a logarithmic axis; stems from the perplexity, their geometric mean.

    On this axis the stems above and those below are of the same length together.
    """
    log_sides = scored.losses / math.log(10)  # the axis is logarithmic, so that no loss is too large for it
    middle = scored.mean_nats / math.log(10)
    place = np.arange(len(scored))
    names = [display.plotly_escape(display.visible(token.text or "…")) for token in scored.tokens]
    few = len(scored) <= 16
    hover = [f"{name}<br>{display.number(math.exp(min(loss, 700)))} sides" for name, loss in zip(names, scored.losses)]
    x, y = np.repeat(place, 3).astype(float), np.column_stack([np.full(len(scored), middle), log_sides, np.full(len(scored), np.nan)]).ravel()
    figure = go.Figure(go.Scatter(x=x, y=y, mode="lines", line_color=theme.MUTED, line_width=2 if few else 1, hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(
            x=place, y=log_sides, mode="markers", marker={"color": theme.LOSS, "size": 11 if few else 5}, cliponaxis=False, hovertext=hover, hoverinfo="text"
        )
    )
    if selected is not None and not math.isnan(log_sides[selected]):
        ring = {"symbol": "circle-open", "size": 20 if few else 13, "color": theme.TRUTH, "line": {"width": 2.5}}
        figure.add_trace(go.Scatter(x=[selected], y=[log_sides[selected]], mode="markers", marker=ring, cliponaxis=False, hoverinfo="skip"))
    theme.quiet(figure, height=height, y_title="sides, 1/P", x_title="" if few else "token")
    figure.add_hline(y=middle, line_color=theme.MODEL, line_width=2)
    label = {
        "x": 1,
        "xref": "paper",
        "xanchor": "right",
        "text": f"perplexity {display.number(scored.perplexity)}",
        "font_color": theme.MODEL,
        "showarrow": False,
    }
    if few:
        figure.add_annotation(**label, y=middle, yshift=11)
    else:  # no room among the stems: above them all
        figure.add_annotation(**label, y=1, yref="paper", yanchor="bottom")
        figure.update_layout(margin_t=28)
    top = max(1.0, float(np.max(log_sides[np.isfinite(log_sides)], initial=0.0)))
    step = max(1, round(top / 5))
    ticks = list(range(0, math.ceil(top) + 1, step))
    figure.update_yaxes(range=[-0.2, top + 0.35], tickvals=ticks, ticktext=[display.number(10**t) if t < 6 else display.power_of_ten(t) for t in ticks])
    if few:
        figure.update_xaxes(tickvals=place, ticktext=[n if len(n) <= 14 else n[:13] + "…" for n in names], tickfont_family="monospace", showgrid=False)
    figure.update_xaxes(range=[-0.6, len(scored) - 0.4], showgrid=False)
    return figure


def _joined(outlines) -> tuple[np.ndarray, np.ndarray]:
    """Many outlines as one trace, parted by NaN."""
    if not outlines:
        return np.array([]), np.array([])
    return tuple(np.round(np.concatenate([np.append(outline[axis], np.nan) for outline in outlines]), 4) for axis in (0, 1))
