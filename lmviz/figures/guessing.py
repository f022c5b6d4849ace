"""The guessing game as pictures: at which guess symbols were found, what that leaves of their entropy, and what bets are paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmviz import betting, display
from lmviz.figures import theme

COLOURS = {"model": theme.MODEL, "reader": theme.SECOND, "other": theme.MUTED}
SCORE_NAMES = {"log": "log score", "brier": "Brier score", "accuracy": "accuracy", "linear": "linear score"}


@dataclass(frozen=True)
class Player:
    """One row of the pictures: who, in which colour (see COLOURS), the guess numbers, Shannon's bounds and the loss, nats a symbol; NaN for none."""

    name: str
    role: str
    counts: tuple[int, ...]
    lower: float
    upper: float
    loss: float = float("nan")


def histogram(players: Sequence[Player], symbol: str = "letters", shown: int = 27, height: int = 290) -> go.Figure:
    """Share of symbols found at the first guess, the second …, side by side for each player; what lies beyond `shown` is the last bar."""
    figure = go.Figure()
    for player in players:
        found = np.array(player.counts, dtype=float)
        if len(found) > shown:
            found = np.append(found[: shown - 1], found[shown - 1 :].sum())
        n = found.sum()
        shares = found / n if n else found
        hover = [f"{player.name}<br>guess {i}: {int(c)} of {int(n)} {symbol}" for i, c in enumerate(found, 1)]
        labels = [display.probability(s) if i < 1 and s > 0 else "" for i, s in enumerate(shares)]
        figure.add_bar(
            x=np.arange(1, len(found) + 1), y=shares, name=player.name, marker_color=COLOURS[player.role], hovertext=hover, hoverinfo="text", text=labels,
            textposition="outside", textangle=0, constraintext="none", textfont_size=11, cliponaxis=False,
        )  # fmt: skip
    theme.quiet(figure, height=height, x_title="found at guess", y_title=f"share of {symbol}")
    ticks = [1, 5, 10, 15, 20, shown] if shown > 20 else list(range(1, shown + 1))
    beyond = max((len(p.counts) for p in players), default=0) > shown
    figure.update_xaxes(tickvals=ticks, ticktext=[f"{t}+" if beyond and t == shown else str(t) for t in ticks], range=[0.4, shown + 0.6])
    figure.update_yaxes(range=[0, 1.08], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".2~f")
    figure.update_layout(bargap=0.15, margin_t=14)
    for place, player in enumerate(players):
        figure.add_annotation(x=0.98, y=0.94 - 0.11 * place, xref="paper", yref="paper", text=f"<b>{player.name}</b>", showarrow=False, xanchor="right",
                              font={"color": COLOURS[player.role]})  # fmt: skip
    return figure


def ruler(players: Sequence[Player], ceiling: float, unit: str, symbol: str = "letter", height: int = 290) -> go.Figure:
    """For each player Shannon's two bounds as a bar on one axis, the loss as a diamond; `ceiling`: all symbols equally likely. Nats in."""
    figure = go.Figure()
    top = display.in_unit(ceiling, unit)
    for row, player in enumerate(players):
        low, high = display.in_unit(player.lower, unit), display.in_unit(player.upper, unit)
        colour = COLOURS[player.role]
        figure.add_scatter(
            x=[low, high], y=[row, row], mode="lines+markers+text", line={"color": colour, "width": 9}, marker={"color": colour, "size": 11, "symbol": "line-ns"},
            text=[display.number(low), display.number(high)], textposition=["middle left", "middle right"], cliponaxis=False, hoverinfo="text", name=player.name,
            hovertext=f"{player.name}<br>between {display.number(low)} and {display.number(high)} {unit} a {symbol}",
        )  # fmt: skip
        figure.add_annotation(x=0, y=row - 0.34, text=f"<b>{player.name}</b>", showarrow=False, xanchor="left", font={"color": colour})
        if np.isfinite(player.loss):
            loss = display.in_unit(player.loss, unit)
            figure.add_scatter(
                x=[loss], y=[row], mode="markers", marker={"color": theme.LOSS, "size": 14, "symbol": "diamond"}, name=f"{player.name}, loss",
                hovertext=f"{player.name}<br>its loss: {display.number(loss)} {unit} a {symbol}", hoverinfo="text",
            )  # fmt: skip
            figure.add_annotation(x=loss, y=row + 0.3, text=f"loss {display.number(loss)}", showarrow=False, font={"color": theme.LOSS})
    theme.quiet(figure, height=height, x_title=f"{unit} a {symbol}")
    figure.add_vline(x=top, line_color=theme.MUTED, line_dash="dot")
    figure.add_annotation(x=top, y=1, yref="paper", yanchor="bottom", text=f"no idea: {display.number(top)}", showarrow=False, xanchor="right")
    figure.update_xaxes(range=[-0.09 * top, 1.03 * top], zeroline=False, tickmode="auto", nticks=6)
    figure.update_yaxes(range=[max(len(players), 2) - 0.4, -0.62], showticklabels=False, showgrid=False, zeroline=False)
    figure.update_layout(margin_t=24)
    return figure


def bets(belief: tuple[float, ...], bet: tuple[float, ...], unit: str, height: int = 430) -> go.Figure:
    """Expected pay under four scores as a bet goes from even, over honest, to all on the favourite; the reader's own bet as a level."""
    powers = np.linspace(0, 4, 81)
    figure = make_subplots(rows=2, cols=2, subplot_titles=[SCORE_NAMES[s] for s in betting.SCORES], vertical_spacing=0.16, horizontal_spacing=0.12)
    for place, score in enumerate(betting.SCORES):
        at = {"row": place // 2 + 1, "col": place % 2 + 1}
        worth = [in_unit(score, betting.expected(score, betting.bolder(belief, t), belief), unit) for t in powers]
        hover = [f"{SCORE_NAMES[score]}<br>boldness {display.number(t, 2)}<br>expected pay {paid(score, w, unit)}" for t, w in zip(powers, worth)]
        figure.add_scatter(
            x=powers, y=worth, mode="lines", line={"color": theme.MODEL, "width": 2.5}, hovertext=hover, hoverinfo="text", name=f"{score} path", **at
        )
        honest = in_unit(score, betting.expected(score, belief, belief), unit)
        figure.add_scatter(x=[1], y=[honest], mode="markers", marker={"color": theme.TRUTH, "size": 11}, name=f"{score} honest", hoverinfo="text",
                           hovertext=f"the honest bet<br>expected pay {paid(score, honest, unit)}", **at)  # fmt: skip
        yours = in_unit(score, betting.expected(score, bet, belief), unit)
        low, high = min(worth), max(in_unit(score, betting.best_expected(score, belief), unit), honest)
        if np.isfinite(yours):
            low = max(min(low, yours), high - 2.5 * (high - low))
            if yours >= low:
                figure.add_scatter(x=[0, 4], y=[yours, yours], mode="lines", line={"color": theme.SECOND, "dash": "dash", "width": 2}, name=f"{score} yours",
                                   hovertext=f"your bet<br>expected pay {paid(score, yours, unit)}", hoverinfo="text", **at)  # fmt: skip
        figure.add_annotation(x=0.98, y=0.03, xref="x domain", yref="y domain", text=f"your bet {paid(score, yours, unit)}", showarrow=False, xanchor="right",
                              yanchor="bottom", font={"color": theme.SECOND}, **at)  # fmt: skip
        room = 0.12 * (high - low) if high > low else 0.1
        figure.update_yaxes(range=[low - room, high + room], **at)
    theme.quiet(figure, height=height)
    figure.update_xaxes(fixedrange=True, tickvals=[0, 1, 4], ticktext=["even", "<br>honest", "bold"], tickangle=0, range=[-0.15, 4.1], zeroline=False)
    figure.update_yaxes(fixedrange=True, automargin=True, nticks=5, zeroline=False)
    figure.update_yaxes(title_text=unit, row=1, col=1)
    figure.update_layout(margin_t=30)
    return figure


def in_unit(score: str, value: float, unit: str) -> float:
    """A pay in the reader's unit; only the log score, of all four, has one."""
    return display.in_unit(value, unit) if score == "log" else value


def paid(score: str, value_in_unit: float, unit: str) -> str:
    """A pay, already in the reader's unit, as text.

    >>> paid("log", -1.5, "bits"), paid("linear", 0.5, "bits")
    ('−1.50 bits', '0.500')
    """
    return display.number(float(value_in_unit)) + (f" {unit}" if score == "log" else "")
