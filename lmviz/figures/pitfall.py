"""A wrong perplexity beside the right one."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme

ROW = 52


def wrong_and_right(rows: Sequence[tuple[str, float, bool]], x_title: str = "perplexity") -> go.Figure:
    """One bar for each (label, value, right?): right ones full, wrong ones hatched.

    Values at least 1 that differ by more than four times get a logarithmic axis from 1 on, so that a bar's length is the mean loss.
    """
    finite = [value for _, value, _ in rows if math.isfinite(value)]
    logarithmic = min(finite) >= 1 and max(finite) > 4 * min(finite)
    figure = go.Figure(
        go.Bar(
            x=[value if math.isfinite(value) else None for _, value, _ in rows], y=list(range(len(rows))), orientation="h", cliponaxis=False,
            marker={"color": [theme.MODEL if right else theme.MUTED for *_, right in rows], "pattern": {"shape": ["" if right else "/" for *_, right in rows], "fillmode": "replace"}},
            text=[f"<b>{display.number(value)}</b>  {'right' if right else 'wrong'}" for _, value, right in rows], textposition="outside", hoverinfo="skip",
        )
    )  # fmt: skip
    theme.quiet(figure, height=ROW * len(rows) + 60, x_title=x_title)
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[display.plotly_escape(label) for label, *_ in rows], autorange="reversed", showgrid=False)
    if logarithmic:
        top = math.log10(max(finite))
        ticks = range(0, math.ceil(top) + 1)
        figure.update_xaxes(type="log", range=[0, top * 1.45], tickvals=[10**t for t in ticks], ticktext=[display.number(10**t) for t in ticks])
    else:
        figure.update_xaxes(range=[0, max(finite) * 1.45])
    figure.update_layout(bargap=0.35)
    return figure
