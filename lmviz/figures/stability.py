"""Errors of six forms of one loss on a logarithmic axis, with their own rows for what is infinite or no number; and a loss with a lid."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmviz import display
from lmviz.figures import theme

STYLES = ((theme.LOSS, "solid"), (theme.LOSS, "dot"), (theme.SECOND, "solid"), (theme.SECOND, "dot"), (theme.MODEL, "dot"), (theme.MODEL, "solid"))
NAN_ROW, INFINITE_ROW, EXACT_ROW = 7.0, 5.0, -18.5  # in powers of ten: beside the scale, not on it


def place(error: float) -> float:
    """Where an error stands on the axis of powers of ten.

    >>> place(1e-3), place(math.inf) == INFINITE_ROW, place(math.nan) == NAN_ROW, place(0.0) == EXACT_ROW
    (-3.0, True, True, True)
    """
    return NAN_ROW if math.isnan(error) else INFINITE_ROW if math.isinf(error) else EXACT_ROW if error == 0 else math.log10(error)


def errors(
    scales: Sequence[float], by_form: Sequence[Sequence[float]], names: Sequence[str], *, chosen: int, unit: str = "nats", height: int = 370
) -> go.Figure:
    """|loss − reference| of each form, given in nats and drawn in `unit`, against the scale of the logits; each line carries its number, 1 to 6, at its end."""
    logs = [math.log2(scale) for scale in scales]
    figure = go.Figure()
    ends: list[tuple[float, str, str]] = []
    for i, (in_nats, name, (colour, dash)) in enumerate(zip(by_form, names, STYLES)):
        values = [display.in_unit(error, unit) for error in in_nats]
        y = [place(error) for error in values]
        words = [
            "no number (NaN)" if math.isnan(e) else "infinite" if math.isinf(e) else "exact" if e == 0 else f"off by {display.number(e, 2)} {unit}"
            for e in values
        ]
        hover = [f"{i + 1}  {display.plotly_escape(name)}<br>logits × {display.number(s)}: {says}" for s, says in zip(scales, words)]
        figure.add_scatter(x=logs, y=y, mode="lines", line={"color": colour, "width": 2.5, "dash": dash}, hovertext=hover, hoverinfo="text", cliponaxis=False)
        failed = [(x, place(e)) for x, e in zip(logs, values) if not math.isfinite(e)]
        if failed:
            figure.add_scatter(
                x=[x for x, _ in failed],
                y=[v for _, v in failed],
                mode="markers",
                marker={"symbol": "x", "size": 7, "color": colour},
                hoverinfo="skip",
                cliponaxis=False,
            )
        ends.append((y[-1], str(i + 1), colour))
    for height_of, text, colour in _apart(ends):
        figure.add_annotation(x=logs[-1], y=height_of, text=f"<b>{text}</b>", showarrow=False, xanchor="left", xshift=8, font_color=colour)
    figure.add_vline(x=logs[chosen], line={"color": theme.MUTED, "width": 1.5, "dash": "dot"})
    theme.quiet(figure, height=height, x_title="the model's logits, multiplied by", y_title=f"error of the loss, {unit}")
    ticks = [-2, -1, 0, 1, 2, 3, 4, 5]
    figure.update_xaxes(
        tickvals=ticks,
        ticktext=[{-2: "¼", -1: "½"}.get(t) or f"{2**t:g}" for t in ticks],
        range=[logs[0] - 0.05, logs[-1] + 0.05],
        zeroline=False,
        showgrid=False,
    )
    powers = [-15, -12, -9, -6, -3, 0, 3]
    figure.update_yaxes(
        tickvals=[EXACT_ROW, *powers, INFINITE_ROW, NAN_ROW],
        ticktext=["exact", *(display.power_of_ten(p) if p else "1" for p in powers), "infinite", "NaN"],
        range=[-19.4, 8.2],
        zeroline=False,
    )
    figure.update_layout(margin_r=34)
    return figure


def capped(
    should_be: Sequence[float], losses: Sequence[Sequence[float]], pulls: Sequence[Sequence[float]], *, epsilon: float, unit: str, height: int = 360
) -> go.Figure:
    """What three forms say, and how hard they pull on the true logit, against the loss there should be (nats, drawn in `unit`)."""
    x = [display.in_unit(v, unit) for v in should_be]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09)
    for values, name, (colour, dash) in zip(zip(losses, pulls), ("exact", "+ ε", "max(·, ε)"), (STYLES[5], STYLES[2], STYLES[3])):
        says, pull = [display.in_unit(v, unit) for v in values[0]], values[1]
        line = {"color": colour, "width": 3 if name == "exact" else 2.5, "dash": dash}
        figure.add_scatter(
            x=x, y=says, mode="lines", line=line, hovertext=[f"{name}: {display.number(v)} {unit}" for v in says], hoverinfo="text", row=1, col=1
        )
        figure.add_scatter(
            x=x, y=pull, mode="lines", line=line, hovertext=[f"{name}: pull {display.number(v, 2)}" for v in pull], hoverinfo="text", row=2, col=1
        )
    lid = display.in_unit(-math.log(epsilon), unit)
    for row in (1, 2):
        figure.add_vline(x=lid, line={"color": theme.MUTED, "width": 1.5, "dash": "dot"}, row=row, col=1)
    theme.quiet(figure, height=height)
    figure.update_layout(hovermode="x")
    figure.add_annotation(
        x=x[-1],
        y=lid,
        text=f"ε: never above {display.number(lid)} {unit}",
        xanchor="right",
        yanchor="top",
        showarrow=False,
        font_color=STYLES[2][0],
        row=1,
        col=1,
    )
    figure.add_annotation(x=x[-1], y=x[-1], text="exact", xanchor="right", xshift=-26, showarrow=False, font_color=STYLES[5][0], row=1, col=1)
    figure.add_annotation(x=x[-1], y=1, text="exact", xanchor="right", yanchor="bottom", showarrow=False, font_color=STYLES[5][0], row=2, col=1)
    figure.add_annotation(x=x[-1], y=0, text="ε: 0, no learning", xanchor="right", yanchor="bottom", showarrow=False, font_color=STYLES[2][0], row=2, col=1)
    figure.update_yaxes(title_text=f"loss said,<br>{unit}", nticks=5, row=1, col=1)
    figure.update_yaxes(title_text="pull on the<br>true logit", range=[-0.06, 1.25], tickvals=[0, 0.5, 1], row=2, col=1)
    figure.update_xaxes(title_text=f"the loss there should be, {unit}", row=2, col=1)
    return figure


def _apart(ends: list[tuple[float, str, str]], gap: float = 1.6) -> list[tuple[float, str, str]]:
    """Labels at the ends of lines, pushed downwards until none stands on another.

    >>> _apart([(7.0, "1", ""), (7.0, "2", ""), (-3.0, "3", "")])
    [(7.0, '2', ''), (5.4, '1', ''), (-3.0, '3', '')]
    """
    placed: list[tuple[float, str, str]] = []
    for y, text, colour in sorted(ends, reverse=True):
        placed.append((min(y, placed[-1][0] - gap) if placed else y, text, colour))
    return placed
