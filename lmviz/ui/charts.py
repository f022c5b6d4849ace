"""Figures, built once: a Plotly figure costs more time than all the rest of a page, and readers of one text share it."""

from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from lmviz.figures import theme


@lru_cache(256)
def built(make: Callable, *arguments):
    """`make(*arguments)`, kept by the identity of its arguments; results are shared, so nobody changes them."""
    return make(*arguments)


def draw(make: Callable, *arguments, key: str, alt: str, **options) -> None:
    """Draw the figure that `make(*arguments)` returns; `alt` says in words what it shows."""
    st.plotly_chart(built(make, *arguments), config=theme.CONFIG, key=key, alt=alt, **options)
