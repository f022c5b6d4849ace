"""Why a wrong prediction is wrong: what the chosen answer would have meant, beside what is. Pure text; the numbers come from the page."""

from collections.abc import Callable, Sequence


def by_range(edges: Sequence[float], answer: int, value: Callable[[float], str], actual: str, *, under: str = "", over: str = "") -> list[str]:
    """For options that are ranges, cut at `edges` from small to large: what the nearest edge of each wrong one would have meant, and what is.

    `value` says what an edge means, `under` and `over` what a reader who chose too little or too much may have overlooked. The right one has an empty string.

    >>> by_range([0.1, 0.3], 1, lambda e: f"{100 * e:.0f} %", "12 %", under="It adds up.")
    ['Your answer ends at 10 %, and it is 12 %. It adds up.', '', 'Your answer begins at 30 %, and it is 12 %.']
    """
    reasons = []
    for i in range(len(edges) + 1):
        if i < answer:
            reasons.append(f"Your answer ends at {value(edges[i])}, and it is {actual}. {under}".strip())
        elif i > answer:
            reasons.append(f"Your answer begins at {value(edges[i - 1])}, and it is {actual}. {over}".strip())
        else:
            reasons.append("")
    return reasons


def others(answer: int, reasons: Sequence[str]) -> list[str]:
    """One reason an option, that of the right one left empty.

    >>> others(0, ["a", "b"])
    ['', 'b']
    """
    return [reason if i != answer else "" for i, reason in enumerate(reasons)]
