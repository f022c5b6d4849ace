"""Results of models that all readers share, computed on the worker's thread."""

from collections.abc import Callable

import streamlit as st

from lmviz.errors import ReaderError
from lmviz.ui import runtime, show
from lmviz.ui.memory import Memory

_results = Memory(200)


def remembered(key: tuple, compute: Callable[[], object], saying: str):
    """`compute()` on the worker's thread, once for all readers; trouble ends the page, or the fragment, with a sentence."""
    if (known := _results.get(key)) is not None:
        return known
    try:
        with st.spinner(saying):
            return _results.once(key, lambda: runtime.service().call(compute))
    except ReaderError as trouble:
        show.trouble(trouble)
        st.stop()


keep, recall = _results.keep, _results.get
