"""Chapter 2. Where the loss lands: −log P(w_t | w_<t), token by token."""

import streamlit as st

from lmviz import compare, landing
from lmviz.data import examples
from lmviz.figures import concentration
from lmviz.ui import charts, heatmap, heatmap_compare, heatmap_files, reader, scores, show

unit = reader.choices().unit
scored = scores.reader_scored()
selected = heatmap.shown_strip(scored)
heatmap.line(scored, selected, unit)
st.markdown(heatmap.answer(scored, unit))
heatmap_files.doors(scored, unit)

left, right = st.columns([5, 6], gap="large")
with left:
    heatmap.costliest(scored, unit)
with right:
    st.markdown(heatmap.here(scored, selected, unit))
    st.markdown("**Costs concentrate.** Take the tokens from the costliest down, and add up what they carry:")
    curve = landing.concentration(scored.losses)
    charts.draw(concentration.concentration, curve, key="heatmap_concentration", alt=heatmap.answer(scored, unit))

st.subheader("First choice, or far down the list?", anchor=False)
st.markdown(heatmap.concentrated(scored, unit))
buckets = landing.rank_buckets(scored.ranks, scored.losses)
charts.draw(concentration.rank_bars, buckets, unit=unit, key="heatmap_ranks", alt=heatmap.concentrated(scored, unit))
st.markdown(heatmap.pieces(scored, unit))
st.button("Read a whole passage", on_click=reader.use_text, args=(examples.long_text(),), key="heatmap_long")

st.subheader("Side by side", anchor=False)
st.markdown(
    "Another text under the same model, or the same text under another model, on one colour scale. Tokens may be cut differently, so the two are "
    "lined up by their bytes: select a token on one side, and what stands at the same place is selected on the other."
)
heatmap_compare.side_by_side(scored, unit)

st.subheader("Why does it land there?", anchor=False)
st.markdown(
    "A token's loss is the logarithm of how improbable it was. Halve its chance and it costs one bit more, with no ceiling. So what the model saw coming is "
    "nearly free, and the little it did not see coming pays for most of the text: names, rare words, the first word of a new thought."
)
st.latex(r"\ell_t = -\log P(w_t \mid w_{<t})")
st.latex(r"H_t = \sum_{k} P(k \mid w_{<t})\,\bigl(-\log P(k \mid w_{<t})\bigr)")
st.markdown(
    r"$\ell_t$ is what token $t$ cost. $H_t$, the **entropy**, is the same cost averaged over all tokens $k$ that could have come, each with the chance the model gave it: "
    r"what it expected to pay before it looked. After “The” nearly anything may follow, and a high price is no surprise; $\ell_t - H_t$ is the *surprise beyond expectation*. "
    r"The mean of $\ell_t$ over a great many texts is the one number that training lowers, so training works hardest where the strip is darkest."
)

st.subheader("Where it stops", anchor=False)
st.markdown(
    "Costly does not mean wrong, nor does a far [rank](glossary?term=rank): a typing error, a lie and a good joke can cost the same. The model sees only what stands to the left, so a word that becomes "
    "clear later is paid for at once. And a token is not a word: two tokenizers spread one word's cost differently, and only sums over the same bytes can be compared."
)
show.predict(*heatmap.prediction(scored), key="heatmap_predict")
show.code(heatmap.snippet(scored), landing.costliest, landing.concentration, landing.rank_buckets, compare.align, key="heatmap_code")
show.sources(
    "Hale, J. (2001). *A Probabilistic Earley Parser as a Psycholinguistic Model*. NAACL: −log P of the next word, called surprisal.",
    "Smith, N. J., & Levy, R. (2013). *The effect of word predictability on reading time is logarithmic*. Cognition 128(3): readers slow down in proportion to it.",
    "Gehrmann, S., Strobelt, H., & Rush, A. M. (2019). *GLTR: Statistical Detection and Visualization of Generated Text*. ACL demonstrations: top-10, 100 and 1000 as colours.",
)
