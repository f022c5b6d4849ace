"""The token strip: a text as chips coloured by what each token cost, one of which the reader selects.

The browser half is `token_strip.js` and `token_strip.css` beside this file. Switching the colour, the printed values
or the grouping into words happens there, without a Python run; only a selection comes back. Python owns the
selection: it stands in `st.session_state[f"{key}_selected"]`, may be set there, and is reset when `version` changes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from lmviz import display, units, words

MEASURES = ("loss", "probability", "rank", "entropy", "surprise")
# Where the colour is full, in nats, so that two strips can be compared: 12 bits is a chance of 1 in 4 096.
LIMITS = {"loss": units.to_nats(12.0), "entropy": units.to_nats(12.0), "surprise": units.to_nats(8.0)}
LONG = 400  # tokens; a longer text scrolls inside the strip

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "lmviz_token_strip",
    html='\n<div class="strip"></div>\n',  # subtle: a string of one line would be taken for a file name
    css=(_HERE / "token_strip.css").read_text(encoding="utf-8"),
    js=(_HERE / "make.js").read_text(encoding="utf-8") + (_HERE / "token_strip.js").read_text(encoding="utf-8"),
)


def token_strip(
    tokens: Sequence[str],
    *,
    key: str,
    version,
    selected: int | None = None,
    measures: Mapping[str, Sequence[float]],
    measure: str = "loss",
    unit: str = "bits",
    show_values: bool = True,
    on_select: Callable[[], None] | None = None,
    height: int | None = None,
    title: str = "",
    second_row: tuple[str, Sequence[float]] | None = None,
    labels: Sequence[str | None] | None = None,
    ids: Sequence[int] | None = None,
    limits: Mapping[str, float] | None = None,
) -> int | None:
    """Draw the strip; return the index of the selected token, or None.

    `measures` are lists of T numbers by name (see MEASURES): loss, entropy, surprise in nats, probability, rank from 1.
    `version` names the text and the model: when it changes, the selection returns to `selected`.
    `labels[i]` (if not None) is shown in place of `tokens[i]`; `second_row` is (name, T losses in nats) to compare with;
    `limits` overrides LIMITS; `height` in pixels makes the chips scroll inside it. `on_select` runs before the page's rerun.
    """
    data = strip_data(
        tokens, measures=measures, measure=measure, unit=unit, show_values=show_values, second_row=second_row, labels=labels, ids=ids, limits=limits
    )
    slot, seen = f"{key}_selected", f"{key}_version"
    if seen in st.session_state and st.session_state[seen] != version:
        st.session_state[slot] = selected
    st.session_state[seen] = version
    st.session_state.setdefault(slot, selected)

    def clicked():
        index = valid_index(st.session_state[key].clicked, len(tokens))
        if index is not None:
            st.session_state[slot] = index
            if on_select:
                on_select()

    chosen = valid_index(st.session_state[slot], len(tokens))
    scroll = height or (480 if len(tokens) > LONG else None)
    _COMPONENT(key=key, data=data | {"key": key, "selected": chosen, "title": title, "scroll": scroll}, on_clicked_change=clicked)
    return chosen


def strip_data(tokens, *, measures, measure="loss", unit="bits", show_values=True, second_row=None, labels=None, ids=None, limits=None) -> dict:
    """What the browser is sent: JSON without NaN or infinities, whose words stand in `odd` beside a null.

    Raises ValueError naming the argument that does not fit.

    >>> data = strip_data([" a", "b"], measures={"loss": [0.5, math.inf]})
    >>> data["measures"]["loss"], data["odd"]["loss"], data["tokens"], data["words"]
    ([0.5, None], {'1': 'infinite'}, [['·', 'a'], ['', 'b']], [0])
    """
    columns = dict(measures) | ({"second": second_row[1]} if second_row else {})
    for name, values in columns.items():
        if name != "second" and name not in MEASURES:
            raise ValueError(f"measures may hold {', '.join(MEASURES)}; got {name!r}")
        if len(values) != len(tokens):
            raise ValueError(f"measures[{name!r}] must have one number a token, {len(tokens)}; got {len(values)}")
    if measure not in measures:
        raise ValueError(f"measure must be one of the measures given, {', '.join(measures)}; got {measure!r}")
    for name, parallel in {"labels": labels, "ids": ids}.items():
        if parallel is not None and len(parallel) != len(tokens):
            raise ValueError(f"{name} must have one entry a token, {len(tokens)}; got {len(parallel)}")
    shown = [token if label is None else label for token, label in zip(tokens, labels or [None] * len(tokens), strict=True)]
    encoded = {name: _finite(values) for name, values in columns.items()}
    return {
        "tokens": [display.pieces(token) for token in shown],
        "ids": None if ids is None else [int(i) for i in ids],
        "words": words.word_groups(tokens),
        "measures": {name: encoded[name][0] for name in [*MEASURES, "second"] if name in encoded},
        "odd": {name: odd for name, (_, odd) in encoded.items()},
        "measure": measure,
        "second": second_row[0] if second_row else None,
        "unit": unit,
        "per_nat": display.in_unit(1.0, unit),
        "limits": LIMITS | dict(limits or {}),
        "values": bool(show_values),
    }


def valid_index(value, n_tokens: int) -> int | None:
    """`value` if it is the index of one of `n_tokens` tokens, else None: what comes from a browser or a link is not to be trusted.

    >>> valid_index(2, 3), valid_index(3, 3), valid_index(True, 3), valid_index("1", 3)
    (2, None, None, None)
    """
    return value if type(value) is int and 0 <= value < n_tokens else None


def _finite(values) -> tuple[list[float | None], dict[str, str]]:
    """Six significant figures of each value (enough for a page, and a third of the bytes), and words for what is not finite."""
    numbers, odd = [], {}
    for index, value in enumerate(map(float, values)):
        if math.isfinite(value):
            rounded = float(f"{value:.12g}" if 0.99 < value < 1 else f"{value:.6g}")  # a probability near 1 is told by what it lacks
            numbers.append(int(rounded) if rounded.is_integer() else rounded)
        else:
            numbers.append(None)
            odd[str(index)] = "not scored" if math.isnan(value) else "infinite" if value > 0 else "minus infinite"
    return numbers, odd
