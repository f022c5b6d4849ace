"""The pictures of chapter 12: a guess from one side and from both, what the 15 % rule does, what counting everywhere teaches, each token hidden in turn."""

import dataclasses

import numpy as np
import plotly.graph_objects as go

from lmviz import display, masking
from lmviz.figures import theme
from lmviz.figures.alternatives import alternatives, bars
from lmviz.models.scored import ScoredText

FATE_NAMES = {masking.MASKED: "masked", masking.SWAPPED: "swapped", masking.KEPT: "left"}
SHOWN = 7  # alternatives in a guess
LABELLED = 40  # tokens whose names find room under an axis


def guess(scored: ScoredText, position: int, most: float, where: str) -> go.Figure:
    """`alternatives`, on an axis that ends at `most` so that two guesses can be compared; `where` says what the chance is of."""
    figure = alternatives(shortened(scored), position)
    figure.update_xaxes(range=[0, most], title_text=f"probability of {where}")
    return figure


def room(*guesses: tuple[ScoredText, int]) -> float:
    """Where the axis of `guess` ends: a little beyond the longest bar of all."""
    longest = max(p for scored, position in guesses for _, p, _ in bars(shortened(scored), position))
    return min(1.0, longest * 1.22)


def shortened(scored: ScoredText, most: int = SHOWN) -> ScoredText:
    """The same text with at most so many alternatives a position; the others join the rest."""
    if scored.top_log_probs.shape[1] <= most:
        return scored
    tail = np.logaddexp.reduce(np.column_stack([scored.tail_log_prob, scored.top_log_probs[:, most:]]), axis=1)
    return dataclasses.replace(
        scored, top_ids=scored.top_ids[:, :most], top_log_probs=scored.top_log_probs[:, :most], tail_log_prob=tail,
        top_texts=tuple(row[:most] for row in scored.top_texts),
    )  # fmt: skip


def fates(counts: tuple[int, int, int]) -> go.Figure:
    """What became of the chosen tokens (masked, swapped, left), by the rule and in one draw: two bars cut into shares."""
    rule = (masking.AS_MASK, masking.AS_RANDOM, 1 - masking.AS_MASK - masking.AS_RANDOM)
    total = sum(counts)
    figure = go.Figure()
    begins = 0.0
    for fate, share, count, colour, opacity in zip(FATE_NAMES, rule, counts, (theme.TRUTH, theme.LOSS, theme.MUTED), (1.0, 1.0, 0.75), strict=True):
        name = FATE_NAMES[fate]
        figure.add_bar(
            x=[share, count / total], y=["the rule", "this draw"], orientation="h", marker={"color": colour, "opacity": opacity}, width=0.62,
            text=[f"{100 * share:.0f} %", str(count) if count else ""], textposition="inside", insidetextanchor="middle", textangle=0, constraintext="none", textfont_size=11,
            hovertext=[f"{name}: {100 * share:.0f} % of the chosen tokens", f"{name}: {count} of {total} chosen tokens"], hoverinfo="text",
        )  # fmt: skip
        # the names stand above the rule's own shares; those of the two narrow ones lie away from each other, so that they do not touch
        at, anchor = {masking.MASKED: (begins + share / 2, "center"), masking.SWAPPED: (begins + share, "right")}.get(fate, (begins, "left"))
        figure.add_annotation(x=at, y=0, yshift=20, yanchor="bottom", xanchor=anchor, text=name, showarrow=False, font_color=colour)
        begins += share
    theme.quiet(figure, height=182, x_title="share of the chosen tokens")
    figure.update_layout(barmode="stack", margin={"t": 22, "r": 16})
    figure.update_xaxes(range=[0, 1], tickformat=".0%", showgrid=False, zeroline=False)
    figure.update_yaxes(autorange="reversed")
    return figure


def counting(runs: dict[str, list[dict]], unit: str) -> go.Figure:
    """Held-out loss at hidden tokens against training steps, for runs that counted the loss at the chosen tokens or everywhere; one thin line a seed."""
    figure = go.Figure()
    styles = {"chosen": (theme.LOSS, "solid", "counted where chosen"), "everywhere": (theme.SECOND, "dot", "counted everywhere")}
    for name, (colour, dash, label) in styles.items():
        steps = runs[name][0]["step"]
        for run in runs[name]:
            y = [display.in_unit(v, unit) for v in run["masked_nats"]]
            figure.add_scatter(x=steps, y=y, mode="lines", line={"color": colour, "width": 1, "dash": dash}, opacity=0.55, hoverinfo="skip")
        mean = [sum(column) / len(column) for column in zip(*(run["masked_nats"] for run in runs[name]), strict=True)]
        hover = [f"{label}, step {s}<br>{display.amount(v, unit)} a hidden token" for s, v in zip(steps, mean, strict=True)]
        figure.add_scatter(x=steps, y=[display.in_unit(v, unit) for v in mean], mode="lines+markers", line={"color": colour, "width": 2.5, "dash": dash},
                           marker_size=6, hovertext=hover, hoverinfo="text")  # fmt: skip
        middle, above = len(steps) // 2, name == "everywhere"  # the curves fall: above them there is room to the right, below them to the left
        figure.add_annotation(
            x=steps[middle], y=display.in_unit(mean[middle], unit), text=label, showarrow=False, font_color=colour,
            xanchor="left" if above else "right", yanchor="bottom" if above else "top", xshift=8 if above else -8, yshift=8 if above else -8,
        )  # fmt: skip
    theme.quiet(figure, height=320, x_title="training steps", y_title=f"{unit} a hidden token, held out")
    figure.update_xaxes(showgrid=False, rangemode="tozero")
    figure.update_yaxes(nticks=6, zeroline=False)
    return figure


def in_turn(turn: ScoredText, left: ScoredText, unit: str) -> go.Figure:
    """One column a token: what it costs from the left only (ring) and hidden in turn, from both sides (dot)."""
    both, one = ([display.in_unit(float(v), unit) for v in scored.losses] for scored in (turn, left))
    names = [display.plotly_escape(display.visible(token.text or "…")) for token in turn.tokens]
    x = list(range(len(names)))
    figure = go.Figure()
    stems_x, stems_y = [], []
    for i, a, b in zip(x, one, both, strict=True):
        stems_x += [i, i, None]
        stems_y += [a, b, None]
    figure.add_scatter(x=stems_x, y=stems_y, mode="lines", line={"color": theme.MUTED, "width": 1.5}, opacity=0.5, hoverinfo="skip")
    for values, colour, symbol, label in ((one, theme.SECOND, "circle-open", "from the left only"), (both, theme.LOSS, "circle", "from both sides")):
        hover = [f"{name}<br>{label}: {display.number(v)} {unit}" for name, v in zip(names, values, strict=True)]
        figure.add_scatter(x=x, y=values, mode="markers", marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}}, hovertext=hover, hoverinfo="text")  # fmt: skip
    for label, colour, at in (("○ from the left only", theme.SECOND, 1.0), ("● hidden in turn, from both sides", theme.LOSS, 0.91)):
        figure.add_annotation(x=1, xref="paper", xanchor="right", y=at, yref="paper", yanchor="top", text=label, showarrow=False, font_color=colour)
    theme.quiet(figure, height=330, y_title=f"{unit} a token", x_title="" if len(x) <= LABELLED else "token")
    if len(x) <= LABELLED:
        figure.update_xaxes(tickvals=x, ticktext=names, tickfont_family="monospace")
    figure.update_xaxes(showgrid=False, zeroline=False, range=[-0.6, len(x) - 0.4])
    figure.update_yaxes(rangemode="tozero", nticks=6, range=[0, 1.28 * max([*both, *one, 1e-3])])
    return figure
