"""A text as bits: each token over the bits it pays for, the file beside other files, and what length does for everybody."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme

WIDEST = 40  # bits that are shown at once; a longer text shows those around the selected token
TOKENS, BITS, BYTES = 2.0, 1.0, 0.2  # the three rows


def ribbon(costs: Sequence[float], texts: Sequence[str], bits: Sequence[int] | None, selected: int) -> go.Figure:
    """On one axis of bits: tokens as wide as their −log₂ P, the bits of the file, and its bytes. Without `bits`, the tokens alone.

    `texts` are the tokens as readers see them, not yet escaped.
    """
    ends = np.cumsum(costs)
    left, right = span(ends, len(bits) if bits is not None else 0, selected)
    figure = go.Figure()
    shown = [i for i in range(len(costs)) if ends[i] > left and ends[i] - costs[i] < right]
    hover = [f"{display.plotly_escape(texts[i])}<br>{display.number(costs[i])} bits" for i in shown]
    figure.add_bar(
        x=[costs[i] for i in shown], base=[ends[i] - costs[i] for i in shown], y=[TOKENS] * len(shown), width=0.5, orientation="h",
        marker={"color": theme.LOSS, "opacity": 0.8,  # one shade, with lines between: two would look like a scale
                "line": {"color": [theme.TRUTH if i == selected else "rgba(255,255,255,0.9)" for i in shown], "width": [3 if i == selected else 1.5 for i in shown]}}, hovertext=hover, hoverinfo="text",
    )  # fmt: skip
    scale = 90 / (right - left)  # about how many letters fit in a bit of the axis
    for i in shown:
        name = texts[i] if len(texts[i]) <= 14 else texts[i][:13] + "…"
        if costs[i] * scale < len(name) + 1 and i != selected:
            continue  # too narrow for its name: the hover has it
        middle = float(np.clip(ends[i] - costs[i] / 2, left + len(name) / scale / 2, right - len(name) / scale / 2))
        _says(figure, middle, TOKENS + 0.52, f"<b>{display.plotly_escape(name)}</b>" if i == selected else display.plotly_escape(name), mono=True)
        if costs[i] * scale >= 5:
            _says(figure, middle, TOKENS - 0.42, display.number(costs[i]), size=11)
    if bits is not None:
        _bits(figure, bits, left, right)
    theme.quiet(figure, height=215, x_title="bits")
    figure.update_yaxes(visible=False, range=[-0.25, TOKENS + 0.8])
    figure.update_xaxes(range=[left, right], zeroline=False, showgrid=False, nticks=9)
    figure.update_layout(bargap=0, barmode="overlay", margin={"l": 8, "r": 8, "t": 4, "b": 40})
    return figure


def span(ends: np.ndarray, n_bits: int, selected: int) -> tuple[float, float]:
    """What part of the axis is shown: all of it, or WIDEST bits around the selected token.

    >>> span(np.array([5.0, 12.0]), 13, 0)
    (0.0, 16.0)
    >>> span(np.cumsum([10.0] * 20), 201, 10)
    (85.0, 125.0)
    """
    whole = max(float(ends[-1]), 8.0 * -(-n_bits // 8), 1.0)
    if whole <= WIDEST:
        return 0.0, whole
    middle = float(ends[selected] - (ends[selected] - (ends[selected - 1] if selected else 0)) / 2)
    left = float(np.clip(middle - WIDEST / 2, 0, whole - WIDEST))
    return left, left + WIDEST


def _bits(figure: go.Figure, bits: Sequence[int], left: float, right: float) -> None:
    """The bits that are written, and the bytes they make; the last byte is filled up with zeros that say nothing."""
    n, n_bytes = len(bits), -(-len(bits) // 8)
    places = [i for i in range(max(0, int(left)), min(8 * n_bytes, int(np.ceil(right))))]
    values = [bits[i] if i < n else 0 for i in places]
    figure.add_bar(
        x=[0.92] * len(places), base=[i + 0.04 for i in places], y=[BITS] * len(places), width=0.5, orientation="h", hoverinfo="skip",
        marker={"color": [theme.MODEL if value else theme.MUTED for value in values],
                "opacity": [(0.3 if value else 0.14) if i < n else 0.05 for i, value in zip(places, values)]},
    )  # fmt: skip
    for value in (1, 0):
        here = [i for i, v in zip(places, values) if v == value and i < n]
        figure.add_scatter(x=[i + 0.5 for i in here], y=[BITS] * len(here), mode="text", text=[str(value)] * len(here), hoverinfo="skip",
                           textfont={"family": "monospace", "size": 13 if len(places) <= 24 else 11, "weight": 700 if value else 400})  # fmt: skip
    padded = list(bits) + [0] * (8 * n_bytes - n)
    for k in range(int(left) // 8, n_bytes):
        if 8 * k + 4 < left or 8 * k + 4 > right:
            continue
        value = int("".join(map(str, padded[8 * k : 8 * k + 8])), 2)
        _says(figure, 8 * k + 4, BYTES, f"{value:02x}", mono=True, size=15)
        figure.add_shape(type="line", x0=8 * k + 0.15, x1=8 * k + 7.85, y0=BYTES + 0.34, y1=BYTES + 0.34, line={"color": theme.MUTED, "width": 2})


def running_total(paid: Sequence[float], settled: Sequence[int] | None, n_bits: int, places: Sequence[int], selected: int) -> go.Figure:
    """Bits against bytes of text read: what has been paid, what is already written, and eight bits a byte for comparison.

    `places` [T] are the byte ends of the tokens; `settled` the bits that could be written by then (in the end all `n_bits`), or None if nothing is written.
    """
    x = [0, *places]
    figure = go.Figure()
    figure.add_scatter(x=[0, places[-1]], y=[0, 8 * places[-1]], mode="lines", line={"color": theme.MUTED, "width": 1.5, "dash": "dot"}, hoverinfo="skip")
    hover = ["start", *[f"after {display.number(p)} bytes<br>{display.number(c)} bits paid" for p, c in zip(places, paid)]]
    figure.add_scatter(x=x, y=[0.0, *paid], mode="lines", line={"color": theme.LOSS, "width": 2}, hovertext=hover, hoverinfo="text")
    if settled is not None:
        figure.add_scatter(
            x=[*x, places[-1]], y=[0, *settled, n_bits], mode="lines", line={"color": theme.MODEL, "width": 1.5, "shape": "hv"}, hoverinfo="skip"
        )
    figure.add_scatter(x=[places[selected]], y=[paid[selected]], mode="markers", hoverinfo="skip",
                       marker={"size": 12, "symbol": "circle-open", "color": theme.TRUTH, "line": {"width": 3, "color": theme.TRUTH}})  # fmt: skip
    theme.quiet(figure, height=240, x_title="bytes of the text read", y_title="bits")
    top = max(paid[-1], 1.0) * 1.35
    figure.update_yaxes(range=[0, top], nticks=5, zeroline=False)
    figure.update_xaxes(range=[0, places[-1] * 1.02], zeroline=False, showgrid=False)
    figure.update_layout(margin_t=26)
    figure.add_annotation(
        x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom", showarrow=False, text="┅ 8 bits a byte", font_color=theme.MUTED
    )
    figure.add_annotation(
        x=1, y=1, xref="paper", yref="paper", xanchor="right", yanchor="bottom", showarrow=False, text="━ paid: Σ −log₂ P", font_color=theme.LOSS
    )
    if settled is not None:
        figure.add_annotation(
            x=0.5, y=1, xref="paper", yref="paper", xanchor="center", yanchor="bottom", showarrow=False, text="━ written", font_color=theme.MODEL
        )
    return figure


def sizes(rows: Sequence[tuple[str, float, float]], n_bytes: int, ours: str) -> go.Figure:
    """One bar a way of writing the text: (name, bytes of code, bytes of head); `ours` is the name of the model's own."""
    names, code, head = (list(column) for column in zip(*rows))
    colours = [theme.LOSS if name == ours else theme.MUTED for name in names]
    y = list(range(len(rows)))
    figure = go.Figure()
    figure.add_bar(
        x=code,
        y=y,
        orientation="h",
        marker={"color": colours, "opacity": [1.0 if n == ours else 0.55 for n in names]},
        hoverinfo="text",
        hovertext=[f"{n}: {display.number(int(c))} bytes" for n, c in zip(names, code)],
    )
    figure.add_bar(
        x=head,
        y=y,
        base=code,
        orientation="h",
        marker={"color": colours, "opacity": 0.28},
        hoverinfo="text",
        hovertext=[f"{n}: a head of {display.number(int(h))} bytes" for n, h in zip(names, head)],
    )
    for place, (name, c, h) in enumerate(rows):
        words = f"{display.number(int(c))} + {display.number(int(h))} head" if h else f"{display.number(int(c))}  ·  {display.number(100 * c / n_bytes)} %"
        figure.add_annotation(
            x=c + h,
            y=place,
            xanchor="left",
            xshift=6,
            showarrow=False,
            text=f"<b>{words}</b>" if name == ours else words,
        )
    theme.quiet(figure, height=34 * len(rows) + 56, x_title="bytes")
    figure.update_yaxes(tickvals=y, ticktext=[f"<b>{n}</b>" if n == ours else n for n in names], range=[len(rows) - 0.5, -0.5], showgrid=False)
    figure.update_xaxes(range=[0, max(c + h for c, h in zip(code, head)) * 1.6], zeroline=False, nticks=6)
    figure.update_layout(barmode="overlay", bargap=0.3)
    return figure


def growth(lengths: Sequence[int], others: Mapping[str, np.ndarray], models: Mapping[str, np.ndarray], titles: Mapping[str, str], ours: str) -> go.Figure:
    """Bits a byte against how much of one text has been read, on a logarithmic axis: compressors learn as they read, models learned before."""
    figure = go.Figure()
    for name, row in {**others, **models}.items():
        is_model, label = name in models, titles.get(name, name)
        hover = [f"{label}, {display.number(int(n))} bytes<br>{display.number(v)} bits a byte" for n, v in zip(lengths, row)]
        figure.add_scatter(x=list(lengths), y=list(row), mode="lines", hovertext=hover, hoverinfo="text",
                           line={"color": theme.LOSS if is_model else theme.MUTED, "width": 3 if name == ours else 1.8, "dash": "solid" if is_model else "dash"})  # fmt: skip
    highest = max(float(row[0]) for row in others.values())
    rows = {**others, **models}
    for end, names, side in ((0, others, {"xanchor": "right", "xshift": -6}), (-1, models, {"xanchor": "left", "xshift": 6})):
        # beside the plot, where no line runs; compressors where they are far apart: they learn, and meet in the end
        for name, y in theme.spread({name: float(rows[name][end]) for name in names}, highest / 19).items():
            label, colour = titles.get(name, name), theme.LOSS if name in models else theme.MUTED
            figure.add_annotation(x=np.log10(lengths[end]), y=y, showarrow=False, font={"color": colour, "size": 12}, text=f"<b>{label}</b>" if name == ours else label, **side)  # fmt: skip
    theme.quiet(figure, height=380, x_title="bytes of the text read", y_title="bits a byte")
    figure.update_xaxes(type="log", tickvals=list(lengths), ticktext=[display.number(n) for n in lengths], range=[np.log10(lengths[0]), np.log10(lengths[-1])])
    figure.update_yaxes(range=[0, highest * 1.08], zeroline=False, ticklabelstandoff=34)
    figure.update_layout(margin_r=70)
    return figure


def _says(figure: go.Figure, x: float, y: float, text: str, *, mono: bool = False, size: int = 13) -> None:
    figure.add_annotation(x=x, y=y, text=text, showarrow=False, xanchor="center", font={"size": size} | ({"family": "monospace"} if mono else {}))
