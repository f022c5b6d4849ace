"""The glossary: every term of the book in a sentence or two."""

import streamlit as st

from lmviz.ui import frame, library

st.markdown("Terms as this book uses them. Each leads to the chapter that introduces it, and opens in a tab of its own, so that your place is kept.")
library.words(frame.titles())
