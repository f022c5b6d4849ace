"""The guided path: about ninety minutes through Reading and Why, stop by stop. No torch, no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

ACTS = {
    "text": "a text of the reader's own stands in the box",
    "token": "a token is selected",
    "setting": "a setting of the page is not where the page or the link had put it",
    "play": "a guess was made in the guessing game",
    "predict": "the question at the foot of the page is answered",
}


@dataclass(frozen=True)
class Stop:
    """One stop: the page's name in the address, its minutes, what to try, and the `acts` by which one knows that it was done; all of them are needed."""

    page: str
    minutes: int
    try_this: str
    acts: tuple[str, ...]


STOPS = (
    Stop("chain_rule", 10, "type a sentence of your own, then answer the question at the foot of the page", ("text", "predict")),
    Stop("heatmap", 8, "choose the token that surprises you most, then answer the question", ("token", "predict")),
    Stop("perplexity", 12, "go through the pitfalls, then say what one token does to the average", ("predict",)),
    Stop("compression", 10, "read the file back, then say what whole bits would cost", ("predict",)),
    Stop("guessing_game", 10, "play a passage, a few letters at least", ("play",)),
    Stop("entropy", 10, "start from another pair of p and q, then answer the question", ("setting", "predict")),
    Stop("gradient", 10, "move the step size, watch the loss after the step, then answer the question", ("setting", "predict")),
    Stop("losses", 12, "change what a loss can be told, and see which pull bends, then answer the question", ("setting", "predict")),
    Stop("calibration", 8, "move the temperature, then answer the question", ("setting", "predict")),
)


def place(page: str) -> int | None:
    """At which stop a page stands, from 0; None if at none.

    >>> place("heatmap"), place("sources")
    (1, None)
    """
    return next((i for i, stop in enumerate(STOPS) if stop.page == page), None)


def minutes(done: frozenset[str] = frozenset()) -> int:
    """The minutes of the stops that are still to be done.

    >>> minutes(), minutes(frozenset({"chain_rule"}))
    (90, 80)
    """
    return sum(stop.minutes for stop in STOPS if stop.page not in done)


def valid(pages: object) -> frozenset[str]:
    """What a browser says was done, as far as it can be: names of stops, anything else left out.

    >>> sorted(valid(["losses", "heatmap", "losses", "<b>", 7, None])), valid({"losses": 1}), valid("losses")
    (['heatmap', 'losses'], frozenset(), frozenset())
    """
    if not isinstance(pages, (list, tuple)):
        return frozenset()
    return frozenset(stop.page for stop in STOPS if stop.page in pages[:100])
