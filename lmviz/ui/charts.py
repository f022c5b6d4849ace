"""Figures, built once: a Plotly figure costs more time than all the rest of a page, and readers who see the same thing share it."""

import pickle
from collections.abc import Callable, Mapping
from hashlib import blake2b

import streamlit as st

from lmviz.figures import theme
from lmviz.ui.memory import Memory

MOST = 24_000_000  # characters of JSON, of all figures kept together; as Python objects they take a few times as much

_built = Memory(MOST, lambda kept: kept[1])


def built(make: Callable, *arguments, **keywords):
    """`make(*arguments, **keywords)`, kept by what the arguments hold; results are shared, so nobody changes them.

    All must be of a kind that pickle takes: a function of a module, numbers, texts, arrays, dataclasses.
    """
    if "<" in make.__qualname__:
        raise ValueError(f"make must be a function of a module, whose name tells it from all others, got {make.__qualname__}")
    # subtle: of equal contents two pickles may differ, and then the figure is built twice; of different contents no two are alike
    key = blake2b(pickle.dumps((make.__module__, make.__qualname__, arguments, keywords), pickle.HIGHEST_PROTOCOL)).digest()
    return _built.once(key, lambda: _weighed(make(*arguments, **keywords)))[0]


def _weighed(made) -> tuple[object, int]:
    """What was made, and about how large it is. (Chapter 1's ledger is a table, not a figure.)"""
    return made, len(made.to_json())


def draw(make: Callable, *arguments, key: str, alt: str, place=st, chart: Mapping = {}, **keywords) -> None:
    """Draw the figure that `make(*arguments, **keywords)` returns; `alt` says in words what it shows.

    `place` is where (a column), `chart` what else `st.plotly_chart` is told.
    """
    place.plotly_chart(built(make, *arguments, **keywords), config=theme.CONFIG, key=key, alt=alt, **chart)
