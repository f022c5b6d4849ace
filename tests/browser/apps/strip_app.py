"""A page with token strips and nothing else, for the browser tests; ?show= names what it shows."""

import math

import streamlit as st
from strip_texts import CAT, CAT_LOSSES, HOSTILE, MARKDOWN, long_tokens, measures

from lmviz import display
from lmviz.ui.token_strip import token_strip

st.set_page_config(layout="centered")
what = st.query_params.get("show", "cat")
st.session_state["runs"] = st.session_state.get("runs", 0) + 1

if what == "cat":
    st.title("How likely is a sentence?")
    text = st.selectbox("Text", ["cat", "dog"], key="text")
    unit = st.radio("Unit", ["bits", "nats"], key="unit", horizontal=True)
    tokens = CAT if text == "cat" else ["A", " dog", " un", "believ", "ably", " barked"]
    losses = CAT_LOSSES[: len(tokens)]
    if st.button("Select the last", key="last"):
        st.session_state["cat_selected"] = len(tokens) - 1
    selected = token_strip(tokens, key="cat", version=text, measures=measures(losses), unit=unit, title="The sentence", ids=range(100, 100 + len(tokens)))
    st.text(f"selected {selected} runs {st.session_state['runs']}")

elif what == "pair":
    tokens, losses = long_tokens(60)

    @st.fragment
    def first():
        st.session_state["fragments"] = st.session_state.get("fragments", 0) + 1
        chosen = token_strip(tokens, key="one", version=1, measures=measures(losses), measure="surprise", selected=3, second_row=("tiny", losses[::-1]))
        st.text(f"one {chosen} runs {st.session_state['runs']} fragments {st.session_state['fragments']}")

    first()
    token_strip(CAT, key="two", version=1, measures={"loss": [math.nan, math.inf, *CAT_LOSSES[2:]]}, show_values=False)
    st.markdown(f"Literal: {display.md_escape(MARKDOWN)} end")

elif what == "hostile":
    token_strip(HOSTILE, key="hostile", version=1, measures=measures([float(i) for i in range(len(HOSTILE))]))
    st.text("done")

else:
    st.title("Where the loss lands")
    tokens, losses = long_tokens(int(what))
    if st.button("Select the last"):
        st.session_state["long_selected"] = len(tokens) - 1
    selected = token_strip(tokens, key="long", version=1, measures=measures(losses), selected=2)
    st.text(f"selected {selected} runs {st.session_state['runs']}")
