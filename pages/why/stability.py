"""Chapter 8. Numerical stability: log softmax in the precision that machines have."""

import streamlit as st

from lmviz.ui import logits, reader, scores, show, stability, strip

unit = reader.choices().unit
scored = scores.reader_scored()
selected = strip.reader_strip(scored, key="stability_strip", title="−log P of every token")
position = stability.at(scored, selected)
if position != selected:
    st.markdown(f"The selected token has no logits here: of a long text the first {logits.LONGEST} tokens have. The costliest of those is shown.")
stability.six_forms(scored, position, unit)

st.subheader("What a number can hold", anchor=False)
st.markdown(
    "A floating-point number has a largest and a smallest value, and the exponential reaches both soon. Real models in training have logits of 20 or 50, and half precision ends at 11:"
)
stability.ranges()

st.subheader("The lid", anchor=False)
st.markdown(
    "The common way round log 0 is to add a small ε to the probability, or to keep it from falling below ε. The infinity is gone. So is something else:"
)
stability.lid(unit)

st.subheader("Why is the largest logit subtracted?", anchor=False)
st.markdown(
    "Adding the same number to all logits changes no probability: it cancels in the fraction. So choose it well. With the largest logit $m$ taken off, the largest exponent is 0: "
    "no exp can overflow, the sum is at least 1, and its logarithm is never log 0."
)
st.latex(
    r"\begin{aligned} -\log \hat y_{w} &= -\log \frac{e^{z_w}}{\sum_k e^{z_k}} \\ &= \log \sum_k e^{z_k - m} - (z_w - m), \quad m = \max_k z_k \end{aligned}"
)
st.markdown(
    "$z_w$ is the logit of the token that came. The second line never forms its probability: however improbable the token, the loss is a difference of two ordinary numbers. "
    "That is why libraries take **logits**, not probabilities, and why a softmax at the end of the network, followed by a log, is a mistake even when it seems to work."
)

st.subheader("Where it stops", anchor=False)
st.markdown(
    "The last form cannot overflow, but it cannot conjure digits: in bfloat16 a logit of 60 is rounded to a quarter, before any loss is computed, and every form inherits that error. "
    "So the logits are brought to float32 first, and in this book they are never less. Errors are measured against NumPy's longest floating point, on the same logits before rounding."
)
show.predict(*stability.prediction(scored, position), key="stability_predict")
stability.code(scored, position)
show.sources(
    "Blanchard, P., Higham, D. J., & Higham, N. J. (2021). *Accurately computing the log-sum-exp and softmax functions*. IMA Journal of Numerical Analysis 41(4).",
    "Goldberg, D. (1991). *What every computer scientist should know about floating-point arithmetic*. ACM Computing Surveys 23(1).",
    "Goodfellow, I., Bengio, Y., & Courville, A. (2016). *Deep Learning*, §4.1 and §6.2.2.3: overflow, underflow, and the log that undoes the exp.",
    "Micikevicius, P., et al. (2018). *Mixed Precision Training*. ICLR: why the loss is computed in float32.",
    "Milakov, M., & Gimelshein, N. (2018). *Online normalizer calculation for softmax*: the maximum and the sum in one pass.",
)
