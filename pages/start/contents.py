"""The first page: the opening example at once, and what the book is."""

import numpy as np
import streamlit as st

from lmviz import display
from lmviz.ui import frame, path, reader, scores, search, strip

scored = scores.reader_scored()
unit = reader.choices().unit
strip.reader_strip(scored, key="contents_strip", title="What each token cost the model")
favourite = int(np.nanargmin(scored.losses))
worst = int(np.nanargmax(scored.losses))
st.markdown(
    f"A language model reads a text from left to right and, before every token, says how probable each possible next one is. "
    f"Its loss on the token that came is −log of the probability it had given it: "
    f":orange[**{display.amount(scored.losses[worst], unit)}**] for “{display.md_escape(scored.tokens[worst].text.strip())}”, "
    f"only :orange[**{display.amount(scored.losses[favourite], unit)}**] for “{display.md_escape(scored.tokens[favourite].text.strip())}”. "
    f"Averaged over a text, that is its **cross-entropy**, the number that almost every language model is trained to make small. "
    f"Here it is {display.amount(scored.mean_nats, unit)} a token, a **perplexity** of {display.number(scored.perplexity)}."
)
st.markdown(
    "This book asks why it is this number and not another. Type your own sentence above: every figure in every chapter is then "
    "computed on it, by a real language model, and every page shows the code that did it."
)
search.box(key="contents_search")
path.overview(frame.titles())
