"""The book's spine: its table of contents, the reader's choices, the page, and the way on.

Run with `streamlit run app.py`.
"""

# First of all, and complete before any other thread looks: on a cold server Plotly peeks into half-imported modules.
import numpy, pandas, plotly.graph_objects, plotly.io  # noqa: E401, F401, I001

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lmviz.ui import frame, runtime
from lmviz.ui.frame import Chapter

BOOK = {
    "": [Chapter("pages/start/contents.py", "Contents", "Why is cross-entropy the loss used in language modelling?", number=None)],
    "Reading": [
        Chapter("pages/reading/chain_rule.py", "A sentence is a product", "How likely is a sentence?", number=1),
        Chapter("pages/reading/heatmap.py", "Where the loss lands", "Which words surprise a model?", number=2),
        Chapter("pages/reading/perplexity.py", "Perplexity", "How many words is the model choosing between?", number=3),
        Chapter("pages/reading/compression.py", "Loss is code length", "How short can a text be written?", number=4),
        Chapter("pages/reading/guessing_game.py", "Shannon's guessing game", "How well can you guess the next letter?", number=5, reads_text=False),
    ],
    "Why": [
        Chapter("pages/why/entropy.py", "Entropy, cross-entropy, KL", "What does a wrong belief cost?", number=6),
        Chapter("pages/why/likelihood.py", "Four names, one number", "Four losses, or one?", number=7),
        Chapter("pages/why/stability.py", "Numerical stability", "What can go wrong in a logarithm?", number=8),
        Chapter("pages/why/gradient.py", "The gradient is ŷ − y", "What does a model feel when it is wrong?", number=9),
        Chapter("pages/why/losses.py", "The alternatives", "Why not another loss?", number=10),
        Chapter("pages/why/calibration.py", "Label smoothing and calibration", "Does a model mean what it says?", number=11),
    ],
    "Beyond": [
        Chapter("pages/beyond/masked.py", "Masked language modelling", "What if a model may read both ways?", number=12),
        Chapter("pages/beyond/exposure.py", "Exposure bias", "What happens when a model reads its own words?", number=13),
        Chapter("pages/beyond/distillation.py", "Distillation", "What can a small model learn from a larger one?", number=14),
        Chapter("pages/beyond/contrastive.py", "Contrastive losses are cross-entropies", "Which sentence belongs to which?", number=15, reads_text=False),
        Chapter("pages/beyond/vocabulary.py", "Large vocabularies", "Must every token be scored?", number=16),
    ],
    "Lab": [
        Chapter("pages/lab/training.py", "Train it yourself", "What does each loss teach?", number=17),
        Chapter("pages/lab/downstream.py", "Loss and ability", "Does a lower loss mean a better model?", number=18, reads_text=False),
        Chapter("pages/lab/sources.py", "Sources and next steps", "Where does this come from, and where next?", number=19, reads_text=False),
        Chapter("pages/lab/glossary.py", "Glossary", "What does that word mean?", number=None, reads_text=False),
    ],
}

if get_script_run_ctx(suppress_warning=True) is None:  # the server is starting, no reader is here yet
    from starlette.middleware import Middleware

    from lmviz.headers import SecurityHeaders

    app = st.App("app.py", lifespan=runtime.lifespan, middleware=[Middleware(SecurityHeaders)])
else:
    frame.open_book(BOOK)
