"""How a batch of texts meets the loss: the shift from inputs to targets, and [B, T] laid out as B·T rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme

CELL, ROW = 0.92, 1.9  # width of a cell; from the inputs of a text down to its targets


@dataclass(frozen=True)
class Cell:
    """One place of the batch: the token read, the token to be predicted (None: ignored), and what that cost in nats (0.0 if ignored)."""

    read: str
    target: str | None
    nats: float


def shift(batch: Sequence[Sequence[Cell]], *, height: int = 330) -> go.Figure:
    """Each text twice, as it is read and as it is predicted; an arrow carries every token from the targets to where it is read next."""
    figure = go.Figure()
    T = max(len(row) for row in batch)
    size = theme.FONT if T <= 5 else 10 if T <= 7 else 9  # a phone gives each of seven boxes some 36 px
    for b, row in enumerate(batch):
        top = -b * 2 * ROW
        for t, cell in enumerate(row):
            padding = cell.target is None
            _cell(figure, t, top, cell.read, theme.MUTED if padding else theme.MODEL, faint=padding, size=size)
            _cell(figure, t, top - ROW, "−100" if padding else cell.target, theme.MUTED if padding else theme.TRUTH, faint=padding, size=size)
            if not padding and t + 1 < len(row) and row[t + 1].target is not None:
                figure.add_annotation(x=t + 0.78, y=top - 0.5, ax=t + 0.22, ay=top - ROW + 0.5, xref="x", yref="y", axref="x", ayref="y", showarrow=True, arrowhead=2, arrowsize=0.9,
                                      arrowwidth=1.4, arrowcolor=theme.MUTED, text="")  # fmt: skip
    theme.quiet(figure, height=height)
    figure.update_xaxes(
        range=[-0.55, T - 0.45], showgrid=False, zeroline=False, tickvals=list(range(T)), ticktext=[f"t = {t}" if T <= 6 else str(t) for t in range(T)]
    )
    rows = [(-b * 2 * ROW - i * ROW, f"{name} {b}") for b in range(len(batch)) for i, name in enumerate(("inputs", "targets"))]
    figure.update_yaxes(range=[rows[-1][0] - 0.7, 0.7], showgrid=False, zeroline=False, tickvals=[y for y, _ in rows], ticktext=[name for _, name in rows])
    return figure


def flattened(batch: Sequence[Sequence[Cell]], *, unit: str) -> go.Figure:
    """The B·T rows that the loss sees, one bar each: what it cost, in `unit`; ignored rows cost 0 and are not counted."""
    rows = [(b, t, cell) for b, row in enumerate(batch) for t, cell in enumerate(row)]
    labels = [f"{_short(cell.read)} → {'−100' if cell.target is None else _short(cell.target)}" for _, _, cell in rows]
    costs = [display.in_unit(cell.nats, unit) for _, _, cell in rows]
    text = ["0, ignored" if cell.target is None else display.number(cost) for (_, _, cell), cost in zip(rows, costs)]
    hover = [f"row {i}: text {b}, t = {t}<br>{label}<br>{words}" for i, ((b, t, _), label, words) in enumerate(zip(rows, labels, text))]
    figure = go.Figure(go.Bar(y=list(range(len(rows))), x=costs, orientation="h", marker_color=theme.LOSS, text=text, textposition="outside", cliponaxis=False,
                              hovertext=hover, hoverinfo="text"))  # fmt: skip
    theme.quiet(figure, height=24 * len(rows) + 56, x_title=f"loss of the row, {unit}")
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=labels, autorange="reversed", showgrid=False, tickfont_family="monospace")
    finite = [cost for cost in costs if math.isfinite(cost)] or [1.0]
    figure.update_xaxes(range=[0, 1.3 * (max(finite) or 1.0)], nticks=5)
    figure.update_layout(bargap=0.3)
    return figure


def _cell(figure: go.Figure, x: float, y: float, text: str, colour: str, *, faint: bool, size: int) -> None:
    outline = {"color": colour, "width": 1 if faint else 2, "dash": "dot" if faint else "solid"}
    figure.add_shape(type="rect", x0=x - CELL / 2, x1=x + CELL / 2, y0=y - 0.45, y1=y + 0.45, line=outline)
    figure.add_annotation(x=x, y=y, text=_in_two(_short(text, 8)), showarrow=False, font={"family": "monospace", "size": size})


def _in_two(shown: str) -> str:
    """A name like ⟨start⟩ in two lines: its box is as wide as a short word."""
    return shown[:-3] + "<br>" + shown[-3:] if shown.startswith("⟨") and len(shown) > 5 else shown


def _short(text: str, most: int = 12) -> str:
    shown = display.visible(text)
    return display.plotly_escape(shown if len(shown) <= most else shown[: most - 1] + "…")
