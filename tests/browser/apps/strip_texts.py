"""Texts and made-up numbers for strip_app.py and for the bench."""

import math
import random

CAT = ["The", " cat", " sat", " on", " the", " mat", "."]
CAT_LOSSES = [5.11, 9.06, 3.08, 0.91, 0.31, 1.12, 0.4]
HOSTILE = [
    "<script>window.__p=1</script>",
    " <img src=x onerror=window.__p=1>",
    "&amp;",
    "\"'`",
    "\t",
    "a\nb",
    "\u202e",
    "",
    " שלום",
    "$x$ **b**",
    "\u0301",
    "    ",
]
MARKDOWN = "a -> b :smile: https://a.org www.a.org me@a.org *x* $y$ :red[z] :material/home: <b>q</b> `c` ~~d~~ ![x](http://a.org/x.png) [l](http://a.org)"
LONG_TEXT = (
    "It was a bright cold day in the old town , and the clocks of Saint Mary were striking thirteen . Nobody seemed to mind ; the unbelievable "
    "grocer swept his doorstep , as he had every morning since the flood .\n"
).split(" ")


def measures(losses, seed=0):
    chance = random.Random(seed)
    entropies = [max(0.01, 3 + 2 * math.sin(i) + chance.random()) for i in range(len(losses))]
    return {
        "loss": losses,
        "probability": [math.exp(-x) for x in losses],
        "rank": [max(1, round(math.exp(x) / 3)) if math.isfinite(x) else 49152 for x in losses],
        "entropy": entropies,
        "surprise": [x - h for x, h in zip(losses, entropies, strict=True)],
    }


def long_tokens(n):
    chance = random.Random(1)
    words, losses = [], []
    while len(words) < n:
        for word in LONG_TEXT:
            pieces = [word[:4], word[4:]] if len(word) > 8 else [word]
            for i, piece in enumerate(pieces):
                words.append(piece if i or not words or words[-1].endswith("\n") else " " + piece)
                losses.append(round(chance.expovariate(0.4), 3))
    return words[:n], losses[:n]
