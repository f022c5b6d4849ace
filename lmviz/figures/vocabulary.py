"""Chapter 16's pictures: the way down a tree to one token, what heads cost against V, and what they reach."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from lmviz import display
from lmviz.figures import theme

COSTS = {  # kind: (label, colour, dash, symbol)
    "full": ("full softmax", theme.LOSS, "solid", "circle"),
    "chunked": ("full, in strips", theme.MODEL, "dash", "square"),
    "adaptive": ("adaptive", "#000009", "dashdot", "diamond"),
    "tree": ("tree", "#000006", "dot", "triangle-up"),
}
HEADS = {
    "full": ("full softmax", theme.LOSS, "solid", "circle"),
    "balanced": ("balanced tree", "#000006", "dot", "triangle-up"),
    "huffman": ("Huffman’s tree", theme.MODEL, "dash", "square"),
    "adaptive": ("adaptive", "#000009", "dashdot", "diamond"),
}
LABEL = 12  # characters of the side not taken


def way(steps: Sequence, token: str, unit: str, *, height: int = 372) -> go.Figure:
    """The way down to `token` (escaped): one level a choice, thick where much probability lies, with the side not taken as a stub.

    `steps` have turn, log_prob, other_log_mass, other_count, others; what each choice costs stands at the right, in `unit`.
    """
    depth = len(steps)
    x = np.concatenate([[0.0], np.cumsum([step.turn for step in steps])])
    y = -np.arange(depth + 1.0)
    mass = np.exp(np.concatenate([[0.0], np.cumsum([step.log_prob for step in steps])]))
    figure = go.Figure()
    for k, step in enumerate(steps):
        side, share = x[k] - step.turn, float(np.exp(step.other_log_mass))
        figure.add_scatter(x=[x[k], side], y=[y[k], y[k + 1]], mode="lines", line={"color": theme.MUTED, "width": _width(share)}, hoverinfo="skip")
        figure.add_scatter(x=x[k : k + 2], y=y[k : k + 2], mode="lines", line={"color": theme.TRUTH, "width": _width(mass[k + 1])}, hoverinfo="skip")
        others = display.plotly_escape(_others(step.others, LABEL))
        figure.add_annotation(x=side, y=y[k + 1], text=others, showarrow=False, xanchor="left" if step.turn < 0 else "right", xshift=-4 * step.turn,
                              font={"family": "monospace", "size": 11, "color": theme.MUTED})  # fmt: skip
        figure.add_annotation(x=1, xref="paper", y=y[k + 1], text=display.number(display.in_unit(-step.log_prob, unit), 2), showarrow=False, xanchor="right",
                              font={"size": 11, "color": theme.LOSS})  # fmt: skip
    hover = [_hover(k, step, float(m), unit) for k, (step, m) in enumerate(zip(steps, mass, strict=False), start=1)]
    figure.add_scatter(x=x[:-1], y=y[:-1], mode="markers", marker={"color": theme.TRUTH, "size": 7}, hovertext=hover, hoverinfo="text", name="choices")
    end = f"<b>{token}</b> {display.probability(float(mass[-1]))}"
    figure.add_scatter(
        x=x[-1:], y=y[-1:], mode="markers", marker={"color": theme.TRUTH, "size": 11, "symbol": "square"}, hovertext=end, hoverinfo="text", name="leaf"
    )
    right = steps[-1].turn > 0  # the last stub's label stands on the other side
    figure.add_annotation(x=x[-1], y=y[-1], text=end, showarrow=False, xanchor="left" if right else "right", xshift=10 if right else -10,
                          font={"color": theme.TRUTH})  # fmt: skip
    figure.add_annotation(x=1, xref="paper", y=0, text=f"cost, {unit}", showarrow=False, xanchor="right", font={"size": 11, "color": theme.LOSS})
    theme.quiet(figure, height=height)
    low, high = float(x.min()) - 1, float(x.max()) + 1
    room = 0.42 * (high - low) + 1  # for labels on either side, and the costs at the right
    figure.update_xaxes(visible=False, range=[low - room, high + 1.4 * room])
    figure.update_yaxes(visible=False, range=[-depth - 0.7, 0.6])
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4})
    return figure


def _width(probability: float) -> float:
    return 1.0 + 11.0 * probability


def _others(texts: Sequence[str], most: int) -> str:
    """The likeliest tokens of a side, as many as have room; more of them are hinted at."""
    shown = display.visible(texts[0])[:most]
    for text in texts[1:]:
        if len(longer := f"{shown} {display.visible(text)}") > most:
            break
        shown = longer
    return shown + (" …" if len(texts) > 1 else "")


def _hover(number: int, step, above: float, unit: str) -> str:
    others = display.plotly_escape(" ".join(display.visible(text) for text in step.others))
    return (
        f"choice {number}, reached with probability {display.probability(min(above, 1.0))}<br>this way {display.probability(min(float(np.exp(step.log_prob)), 1.0))}, costs "
        f"{display.amount(-step.log_prob, unit, 2)}<br>the other side: {display.number(step.other_count)} tokens, {display.probability(min(float(np.exp(step.other_log_mass)), 1.0))} in all<br>{others}"
    )


def costs(rows: Sequence[Mapping], own: Sequence[Mapping], field: str, *, height: int = 360) -> go.Figure:
    """Processor time of one token (`field` "seconds") or memory of one token more ("n_bytes") against V, both axes logarithmic.

    The reader's own points are large and open.
    """
    factor, noun, title = {"seconds": (1e6, "µs", "time of a token, µs"), "n_bytes": (1e-3, "kB", "memory of a further token, kB")}[field]
    figure = go.Figure()
    for kind, (label, colour, dash, symbol) in COSTS.items():
        line = sorted((row["vocab_size"], row[field] * factor) for row in rows if row["kind"] == kind)
        V, value = zip(*line, strict=True)
        hover = [f"{label}<br>V = {display.number(v)}<br>{display.number(c)} {noun} a token" for v, c in line]
        figure.add_scatter(x=V, y=value, mode="lines+markers", line={"color": colour, "dash": dash, "width": 2.5}, marker={"symbol": symbol, "size": 6},
                           hovertext=hover, hoverinfo="text", name=label)  # fmt: skip
        at, side, shift = _label_place(kind, field, len(V))
        figure.add_annotation(x=np.log10(V[at]), y=np.log10(value[at]), text=label, showarrow=False, xanchor=side, xshift=-6 if side == "right" else 8,
                              yshift=shift, font={"color": colour, "size": 12})  # fmt: skip
        mine = sorted((row["vocab_size"], row[field] * factor) for row in own if row["kind"] == kind)
        if mine:
            hover = [f"{label}, measured here<br>V = {display.number(v)}<br>{display.number(c)} {noun} a token" for v, c in mine]
            figure.add_scatter(x=[v for v, _ in mine], y=[c for _, c in mine], mode="markers", hovertext=hover, hoverinfo="text", name=f"{label}, here",
                               marker={"symbol": f"{symbol}-open", "size": 12, "color": colour, "line": {"width": 2}})  # fmt: skip
    theme.quiet(figure, height=height, x_title="vocabulary, V tokens", y_title=title)
    ticks = [1024, 4096, 16384, 65536, 262144]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{v // 1024}k" for v in ticks])
    figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    figure.update_layout(margin_t=24)
    return figure


def _label_place(kind: str, field: str, n: int) -> tuple[int, str, int]:
    """Where a line's name stands clear of the other lines: which point, which side of it, how much higher."""
    if kind == "adaptive":
        return n // 2, "left", -12
    if kind == "chunked" and field == "seconds":  # the same line as the full softmax
        return n // 2, "right", 12
    return n - 1, "right", 11


def reached(found: Mapping, unit: str, *, height: int = 340) -> go.Figure:
    """Held-out loss of each head while it reads its training tokens, against the seconds that took; the model's own head as a line."""
    figure = go.Figure()
    own = display.in_unit(found["own_nats"], unit)
    first = {kind: display.in_unit(found["heads"][kind]["curve"][0][2], unit) for kind in HEADS}
    bottom, top = own, max(first.values())
    for kind, (label, colour, dash, symbol) in HEADS.items():
        rows = found["heads"][kind]["curve"]
        seconds, loss = [row[1] for row in rows], [display.in_unit(row[2], unit) for row in rows]
        hover = [
            f"{label}<br>{display.number(n)} tokens, {display.number(s, 2)} s<br>{display.number(v)} {unit} a token"
            for (n, s, _), v in zip(rows, loss, strict=True)
        ]
        figure.add_scatter(x=seconds, y=loss, mode="lines+markers", line={"color": colour, "dash": dash, "width": 2.5}, marker={"symbol": symbol, "size": 7},
                           hovertext=hover, hoverinfo="text", name=label)  # fmt: skip
        place = {"xanchor": "left", "xshift": 8, "yshift": 9} if kind == "full" else {"xanchor": "right", "xshift": -9}
        figure.add_annotation(x=np.log10(seconds[0]), y=first[kind], text=label, showarrow=False, font_color=colour, **place)
    beside = sorted((note for note in figure.layout.annotations if note.xanchor == "right"), key=lambda note: note.y)
    scale, below = (height - 80) / (top - bottom), -np.inf
    for note in beside:  # names of lines that begin close together are moved apart
        note.yshift = max(0.0, below + 18 - note.y * scale)
        below = note.y * scale + note.yshift
    figure.add_hline(y=own, line_color=theme.MUTED, line_dash="dot", line_width=1.5)
    figure.add_annotation(x=0, xref="paper", y=own, text=f"the model’s own head, {display.number(own)} {unit}", showarrow=False, xanchor="left", yanchor="top",
                          font_color=theme.MUTED)  # fmt: skip
    theme.quiet(figure, height=height, x_title="training so far, seconds of one core", y_title=f"held-out loss, {unit} a token")
    spent = [row[1] for kind in HEADS for row in found["heads"][kind]["curve"]]
    low, high = np.log10(min(spent)), np.log10(max(spent))
    ticks = [10.0**k for k in range(int(np.floor(low)), int(np.ceil(high)) + 1)]
    figure.update_xaxes(type="log", range=[low - 0.3 * (high - low), high + 0.05 * (high - low)], tickvals=ticks, ticktext=[f"{t:g}" for t in ticks])
    figure.update_yaxes(range=[bottom - 0.08 * (top - bottom), top + 0.16 * (top - bottom)])
    figure.update_layout(margin_t=8)
    return figure
