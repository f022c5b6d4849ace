"""Chapter 9. The gradient is ŷ − y: what the loss tells the logits."""

import streamlit as st

from lmviz.ui import gradient, reader, scores, show, strip

unit = reader.choices().unit
scored = scores.reader_scored()
chosen = strip.reader_strip(scored, key="gradient_strip", title="−log P of every token")
selected = gradient.within_reach(scored, chosen)
st.markdown(gradient.answer(scored, selected))

left, right = st.columns(2, gap="medium")
with left:
    gradient.bars(scored, selected)
with right:
    gradient.step(scored, selected, unit)
st.markdown(gradient.facts(scored, selected))

st.subheader("Along the sentence", anchor=False)
gradient.along(scored, selected)

st.subheader("Why it does not vanish", anchor=False)
st.markdown(
    "Training moves every weight along this [gradient](glossary?term=gradient), so where it is 0 nothing is learned. A probability comes out of a [softmax](glossary?term=softmax), and a softmax is flat where it is "
    "certain: a logit has to move far before the probability $p$ of what came moves at all. Its slope is"
)
st.latex(r"\frac{\partial p}{\partial z_y} = p\,(1-p)")
st.markdown(
    "which is almost 0 at a confident mistake, just where a correction is needed. The logarithm is steep exactly there, with slope $1/p$, and the two cancel:"
)
st.latex(r"-\frac{\partial \log p}{\partial z_y} = -\frac{1}{p}\;p\,(1-p) = -(1-p) = \hat y_y - 1")
gradient.vanishing(scored)

st.subheader("Where it stops", anchor=False)
st.markdown(
    "This is the gradient at the logits. Below them it is multiplied by every layer on its way down, and there it can still shrink or grow; that is what initialisation, residual "
    "connections and normalisation are for. No step is really taken on logits either: training moves weights, and one weight serves every token. "
    "And a pull that never tires has its price: a wrong label pulls as hard as a right one, and a token that came once with p near 1 is still pulled up for ever."
)
show.predict(*gradient.prediction(scored), key="gradient_predict")
gradient.code(scored, selected)
show.sources(
    "Bridle, J. S. (1990). *Probabilistic Interpretation of Feedforward Classification Network Outputs*. In Neurocomputing: softmax, and the loss that fits it.",
    "Goodfellow, I., Bengio, Y., & Courville, A. (2016). *Deep Learning*, §6.2.2: why the log of the likelihood undoes the exp of the output unit.",
    "Bishop, C. M. (2006). *Pattern Recognition and Machine Learning*, §4.3.6: canonical link functions, of which ŷ − y is the general form.",
    "Golik, P., Doetsch, P., & Ney, H. (2013). *Cross-Entropy vs. Squared Error Training*. Interspeech.",
)
