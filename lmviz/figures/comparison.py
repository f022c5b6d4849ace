"""Two scored texts side by side: what each aligned stretch costs more, or less, in the second."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from lmviz import display
from lmviz.compare import Span
from lmviz.figures import theme

FEW = 24  # so many stretches can be named under the axis


def differences(spans: Sequence[Span], *, unit: str, names: tuple[str, str], height: int = 260) -> go.Figure:
    """One bar an aligned stretch, in the order of the texts: loss in the second minus loss in the first, in `unit`."""
    values = [display.in_unit(span.difference_nats, unit) for span in spans]
    first, second = (display.plotly_escape(name) for name in names)
    hover = [
        f"{shown(span)}<br>{first} {_cost(span.a_nats, span.a_tokens, unit)}<br>{second} {_cost(span.b_nats, span.b_tokens, unit)}"
        f"<br>difference {display.amount(span.difference_nats, unit, sign=True)}"
        for span in spans
    ]
    places = list(range(1, len(spans) + 1))
    few = len(spans) <= FEW
    figure = go.Figure()
    for colour, here in ((theme.LOSS, [i for i, v in enumerate(values) if v > 0]), (theme.MODEL, [i for i, v in enumerate(values) if not v > 0])):
        text = [display.number(values[i], 2, sign=True) if math.isfinite(values[i]) else "" for i in here] if few else None
        figure.add_bar(x=[places[i] for i in here], y=[values[i] for i in here], marker_color=colour, marker_line_width=0, hovertext=[hover[i] for i in here],
                       hoverinfo="text", text=text, textposition="outside" if few else "none", cliponaxis=False, name="")  # fmt: skip
    theme.quiet(figure, height=height, x_title=None if few else "stretch that both cut alike", y_title=f"difference, {unit}")
    figure.update_layout(barmode="overlay", bargap=0.25 if few else 0, margin_t=34, hovermode="x" if len(spans) > 1 else "closest")
    figure.update_xaxes(range=[0.4, len(spans) + 0.6], showgrid=False, zeroline=False)
    finite = [v for v in values if math.isfinite(v)] or [0.0]
    pad = 0.18 * ((max(finite) - min(finite)) or 1.0)
    figure.update_yaxes(range=[min(0.0, min(finite)) - pad, max(0.0, max(finite)) + pad], nticks=6, zeroline=True)
    if few:
        figure.update_xaxes(
            tickvals=places, ticktext=[shown(span, 14) for span in spans], tickfont_family="monospace", tickmode="array", ticklabeloverflow="allow"
        )
    for x, anchor, says, colour in ((0.0, "left", f"▲ dearer in {second}", theme.LOSS), (1.0, "right", "▼ cheaper", theme.MODEL)):
        figure.add_annotation(x=x, y=1, xref="paper", yref="paper", xanchor=anchor, yanchor="bottom", yshift=8, showarrow=False, text=says, font_color=colour)
    return figure


def shown(span: Span, most: int = 40) -> str:
    """What stands there: the text, or both where they differ, with nothing as "∅"; safe for Plotly."""
    texts = [span.a_text] if span.same else [span.a_text, span.b_text]
    return display.plotly_escape(" → ".join(_short(display.visible(text), most) for text in texts))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _cost(nats: float, tokens: tuple[int, int], unit: str) -> str:
    n = tokens[1] - tokens[0]
    return "has nothing there" if n == 0 else f"{display.amount(nats, unit)} in {n} token" + ("s" if n > 1 else "")
