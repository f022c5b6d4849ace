"""A page's own settings in its link: `linked(st).slider(…, key=…)` is that slider, and its value goes into the address.

What comes from an address is checked against the widget's own arguments — range, options, length — before the widget is
made; what does not fit is left out, with a sentence. A setting that stands at its default is not in the address. What a
reader has set outlives a change of page, which a plain widget's value does not.
"""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import streamlit as st

from lmviz import display

MOST = 60  # settings taken from one address
LONGEST = 1_000  # characters of one setting
NAME = re.compile(r"[a-z][a-z0-9_]{2,60}")
NONE = "-"  # nothing chosen, where something is by default
LEFT_OUT = "The link's setting here does not fit and is left out: "
_ASKED, _KEPT = "link_asked", "link_kept"  # name → text, as it came; name → (widget key, text), as it is
_UNSET = object()


@dataclass(frozen=True)
class Form:
    """How a value is written as text and read back. `read` raises ValueError for what does not fit."""

    default: Any
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def take(query: Mapping[str, str], others: set[str]) -> None:
    """Remember what an address asks for, until the widgets it names are made. `others` are parameters that mean something else."""
    asked = {name: text[:LONGEST] for name, text in query.items() if NAME.fullmatch(name) and name not in others}
    st.session_state[_ASKED] = dict(list(asked.items())[:MOST])
    st.session_state[_KEPT] = {}


def of_page(page: str) -> dict[str, str]:
    """The settings that the address of this page should hold: those asked for and not met yet, and those away from their defaults."""
    kept = {name: text for name, (_, text) in st.session_state.get(_KEPT, {}).items()}
    return {name: text for name, text in (st.session_state.get(_ASKED, {}) | kept).items() if name.startswith(f"{page}_")}


def linked(place=st, *, name: str | None = None, default: Any = _UNSET) -> "Linked":
    """Widgets drawn at `place` whose values go into the address, under `name` or else their key.

    `default` is the value that needs no place in the address, where the page sets it by itself rather than by an argument.
    """
    return Linked(place, name, default)


class Linked:
    """The value widgets of a place; see `linked`."""

    def __init__(self, place, name: str | None, default: Any):
        self._place, self._name, self._default = place, name, default

    def _draw(self, kind: str, args: tuple, options: dict):
        make = getattr(self._place, kind)
        arguments = _signature(kind).bind(*args, **options).arguments
        key, form = arguments["key"], FORMS[kind](arguments)
        name = self._name or key
        default = form.default if self._default is _UNSET else self._default
        asked, kept = st.session_state.setdefault(_ASKED, {}), st.session_state.setdefault(_KEPT, {})
        wanted = asked.pop(name, None)
        unfit = False
        if wanted is None and key not in st.session_state and kept.get(name, ("",))[0] == key:
            wanted = kept[name][1]  # the page was left and is open again
        if wanted is not None:
            try:
                st.session_state[key] = form.read(wanted)
            except (ValueError, OverflowError):
                unfit = True
        value = make(*args, **options)
        if unfit:
            self._place.caption(LEFT_OUT + f"“{display.md_escape(wanted[:40])}”.")
        note(name, form.write(value), form.write(default), key=key)
        return value


def note(name: str, text: str, default: str, *, key: str = "") -> None:
    """Hold a setting in the address, or, where it is the default or too long for one, out of it. For settings that no widget holds, too."""
    kept = st.session_state.setdefault(_KEPT, {})
    if text == default or len(text) > LONGEST:
        kept.pop(name, None)
        if name in st.query_params:
            del st.query_params[name]
    elif kept.get(name) != (key, text):
        kept[name] = (key, text)
        st.query_params[name] = text


def asked(name: str) -> str | None:
    """What the link asks of a setting that no widget holds; once, then None."""
    return st.session_state.setdefault(_ASKED, {}).pop(name, None)


def opening(key: str, default: Any, read: Callable[[str], Any] = str) -> Any:
    """The value of a widget that a page must know before it draws it, by `linked(default=…)` further down; ValueError of `read` means the default."""
    text = asked(key)
    if text is None and key not in st.session_state:
        text = st.session_state.get(_KEPT, {}).get(key, (key, None))[1]
    if text is not None:
        try:
            st.session_state[key] = read(text)
        except ValueError:
            pass
    return st.session_state.setdefault(key, default)


def seed(key: str, default: int) -> int:
    """The seed of a “Draw again” button: a whole number in the session, and in the address once it is another than the first."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 6):
            raise ValueError("no seed")
        return int(text)

    drawn = opening(key, default, read)
    note(key, str(drawn), str(default), key=key)
    return drawn


def on_off(text: str) -> bool:
    """A switch's text back. ValueError if it is neither 0 nor 1."""
    if text not in ("0", "1"):
        raise ValueError("neither 0 nor 1")
    return text == "1"


@lru_cache
def _signature(kind: str) -> inspect.Signature:
    return inspect.signature(getattr(st, kind))


# ---------------------------------------------------------------- how each kind of widget writes its value


def _number(value: float) -> str:
    return format(value, ".12g")


def _numeric(arguments: Mapping) -> Form:
    """A slider or a number input: a number within its range, on its steps."""
    low, high, value, step = (arguments.get(name) for name in ("min_value", "max_value", "value", "step"))
    default = low if value is None or value == "min" else value
    whole = isinstance(default, int)
    step = step or (1 if whole else 0.01)

    def read(text: str) -> float:
        number = float(text)
        if not math.isfinite(number) or number < low or number > high:
            raise ValueError("outside the range")
        steps = round((number - low) / step)
        return int(low + steps * step) if whole else min(round(low + steps * step, 12), high)

    return Form(default, _number, read)


def _switch(arguments: Mapping) -> Form:
    return Form(bool(arguments.get("value", False)), lambda value: str(int(value)), on_off)


def _typed(arguments: Mapping) -> Form:
    most = arguments.get("max_chars")

    def read(text: str) -> str:
        if most is not None and len(text) > most:
            raise ValueError("too long")
        return text

    return Form(arguments.get("value") or "", lambda value: value or "", read)


def _options(arguments: Mapping) -> tuple[list, Callable[[Any], str], Callable[[str], Any]]:
    """The options, one as text and back: by its own word or number if these tell the options apart, else by its place."""
    options = list(arguments["options"])
    words = [option if isinstance(option, str) else _number(option) if type(option) in (int, float) else "" for option in options]
    if len(set(words)) < len(words) or any(not word or "," in word or word == NONE or len(word) > 60 for word in words):
        words = [str(i) for i in range(len(options))]
    return options, lambda option: words[options.index(option)] if option in options else NONE, lambda word: options[words.index(word)]


def _one(arguments: Mapping, default: Any, may_be_none: bool) -> Form:
    _, write, read = _options(arguments)
    return Form(default, write, lambda text: None if may_be_none and text == NONE else read(text))


def _by_index(arguments: Mapping) -> Form:
    """A select box or radio buttons, whose default is a place in the list."""
    options, index = list(arguments["options"]), arguments.get("index", 0)
    return _one(arguments, None if index is None or not options else options[index], index is None)


def _along(arguments: Mapping) -> Form:
    options, value = list(arguments["options"]), arguments.get("value")
    return _one(arguments, options[0] if value is None else value, False)


def _buttons(arguments: Mapping) -> Form:
    """Pills or a segmented control, of which one or several may be chosen."""
    default = arguments.get("default")
    if arguments.get("selection_mode", "single") == "single":
        return _one(arguments, default, not arguments.get("required", False))
    options, write, read = _options(arguments)

    def written(chosen) -> str:
        return ",".join(write(option) for option in sorted(chosen or [], key=options.index)) or NONE

    return Form(default or [], written, lambda text: [] if text == NONE else [read(word) for word in dict.fromkeys(text.split(","))])


FORMS: dict[str, Callable[[Mapping], Form]] = {
    "slider": _numeric,
    "number_input": _numeric,
    "select_slider": _along,
    "selectbox": _by_index,
    "radio": _by_index,
    "segmented_control": _buttons,
    "pills": _buttons,
    "toggle": _switch,
    "checkbox": _switch,
    "text_input": _typed,
    "text_area": _typed,
}


def _widget(kind: str):
    def draw(self: Linked, *args, **options):
        return self._draw(kind, args, options)

    draw.__name__, draw.__doc__ = kind, f"`st.{kind}`, its value in the address; it needs a key."
    return draw


for _kind in FORMS:
    setattr(Linked, _kind, _widget(_kind))
