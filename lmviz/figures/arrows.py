"""H(p), KL(p‖q) and H(p, q) as three arrows on one axis: the last is as long as the first two laid end to end."""

import math

import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme


def three_arrows(entropy: float, cross_entropy: float, kl: float, *, unit: str, limit: float | None = None, height: int = 250) -> go.Figure:
    """Arrows for the three, given in nats and drawn in `unit`; an infinite one runs off the axis. `limit` (nats) fixes the axis."""
    finite = [x for x in (entropy, cross_entropy, kl) if math.isfinite(x)]
    end = display.in_unit(limit if limit is not None else 1.15 * max(*finite, 0.05), unit)
    h = display.in_unit(entropy, unit)
    rows = (
        (2, 0.0, h, theme.TRUTH, "H(p), the least possible", entropy),
        (1, h, h + display.in_unit(kl, unit), theme.LOSS, "KL(p‖q), what q adds", kl),
        (0, 0.0, display.in_unit(cross_entropy, unit), theme.MODEL, "H(p, q), what q pays", cross_entropy),
    )
    figure = go.Figure()
    for y, start, stop, colour, name, nats in rows:
        endless = math.isinf(stop) or stop > 1.2 * end
        tip = 1.04 * end if endless else stop
        if tip - start > 0.05 * end:  # shorter than its own head, on a phone, it would start left of where it starts
            arrow = {
                "xref": "x",
                "yref": "y",
                "axref": "x",
                "ayref": "y",
                "showarrow": True,
                "arrowhead": 2,
                "arrowsize": 0.8,
                "arrowwidth": 4.5,
                "arrowcolor": colour,
                "text": "",
            }
            figure.add_annotation(x=tip, ax=start, y=y, ay=y, **arrow)
        else:
            figure.add_scatter(x=[start], y=[y], mode="markers", marker={"color": colour, "size": 10, "symbol": "diamond"}, cliponaxis=False, hoverinfo="skip")
        says = f"{name}: <b>{'infinite' if math.isinf(nats) else display.amount(nats, unit)}</b>"
        late = start > 0.5 * end
        figure.add_annotation(
            x=min(start, end) if not late else min(tip, end),
            y=y + 0.2,
            yanchor="bottom",
            xanchor="right" if late else "left",
            showarrow=False,
            xshift=0 if late or not start else 6,
            text=says,
            font_color=colour,
        )
    # from where one arrow ends to where the next begins, or ends too; where words stand in between, from above them
    for x, low, high in ((h, 1.7 if h > 0.5 * end else 1.0, 2.0), (display.in_unit(cross_entropy, unit), 0.0, 1.0)):
        if math.isfinite(x) and x <= end:
            figure.add_shape(type="line", x0=x, x1=x, y0=low, y1=high, line={"color": theme.MUTED, "width": 1, "dash": "dot"})
    figure.add_scatter(x=[0, end], y=[0, 2], mode="markers", marker_opacity=0, hoverinfo="skip")  # gives the axes their extent
    theme.quiet(figure, height=height, x_title=f"{unit} per outcome")
    figure.update_xaxes(range=[0, 1.05 * end], nticks=7, zeroline=True)
    figure.update_yaxes(range=[-0.35, 2.7], showticklabels=False, showgrid=False, zeroline=False)
    return figure
