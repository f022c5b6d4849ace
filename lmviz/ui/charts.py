"""Figures, built once: a Plotly figure costs more time than all the rest of a page, and readers who see the same thing share it."""

import pickle
from collections.abc import Callable, Mapping
from hashlib import blake2b

import streamlit as st

from lmviz.figures import theme
from lmviz.ui.memory import Memory

_built = Memory(400)


def built(make: Callable, *arguments, **keywords):
    """`make(*arguments, **keywords)`, kept by what the arguments hold; results are shared, so nobody changes them.

    All must be of a kind that pickle takes: a function of a module, numbers, texts, arrays, dataclasses.
    """
    # subtle: of equal contents two pickles may differ, and then the figure is built twice; of different contents no two are alike
    key = blake2b(pickle.dumps((make.__module__, make.__qualname__, arguments, keywords), pickle.HIGHEST_PROTOCOL)).digest()
    return _built.once(key, lambda: make(*arguments, **keywords))


def draw(make: Callable, *arguments, key: str, alt: str, place=st, chart: Mapping = {}, **keywords) -> None:
    """Draw the figure that `make(*arguments, **keywords)` returns; `alt` says in words what it shows.

    `place` is where (a column), `chart` what else `st.plotly_chart` is told.
    """
    place.plotly_chart(built(make, *arguments, **keywords), config=theme.CONFIG, key=key, alt=alt, **chart)
