"""Chapter 19. Sources and next steps: what the book rests on, and where to go from here."""

import streamlit as st

from lmviz.ui import frame, library

st.markdown(
    "Every chapter names the papers it rests on. Here they stand together, each with a line on what it is good for. "
    "The links need the network; nothing else in this book does."
)
library.sources(frame.titles())

st.subheader("Next steps", anchor=False)
st.markdown(
    "- **Read the code.** The package behind these pages is small and has one file for each idea; start with `lmviz/losses.py`, `lmviz/models/llama.py` and `lmviz/training/loop.py`.\n"
    "- **Train on a text of your own.** `python -m lmviz train --corpus FOLDER --preset smoke` takes seconds, `--preset nano` hours; the model it writes loads with transformers.\n"
    "- **Score without a page.** `python -m lmviz score FILE --json` gives every number of chapters 1 to 3, for scripts.\n"
    "- **Change something and predict what happens:** another loss in chapter 17, a start token left out in chapter 1, float16 in chapter 8. A wrong prediction is where learning starts."
)
st.subheader("Where it stops", anchor=False)
st.markdown(
    "The list is short on purpose: what this book uses, and what is worth a reader's hour. It leaves out how models are made to do what people want after they are trained, "
    "where rewards and preferences join cross-entropy; and it leaves out scale, since everything here fits on a laptop."
)
