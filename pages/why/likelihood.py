"""Chapter 7. Four names, one number: maximum likelihood, NLL, one-hot cross-entropy, KL to the data."""

import streamlit as st

from lmviz.ui import likelihood, reader, scores, show, strip

unit = reader.choices().unit
scored = scores.reader_scored()
selected = strip.reader_strip(scored, key="likelihood_strip", title="−log P of every token")
likelihood.one_number(scored, unit)

st.subheader("Four computations", anchor=False)
st.markdown(
    r"Textbooks name four things that training does. Here $\hat y_t$ is the model's distribution at token number $t$, the softmax of its logits; $w_t$ is the token that came, "
    r"$T$ the number of tokens, $\theta$ the weights. Choose one:"
)
likelihood.one_at_a_time(scored, unit)

st.subheader("How a batch meets the loss", anchor=False)
st.markdown(
    "In training many texts are read at once. B texts of T tokens give logits of shape [B, T, V], and the loss wants a list of questions and a list of answers. "
    "Three conventions make the one into the other; each is easy to get wrong. Below, your text, and its first half as a second, shorter text of the batch."
)
likelihood.batch(scored, unit)

st.subheader("Where the four come apart", anchor=False)
likelihood.ten_times(scored, selected, unit)

st.subheader("Why are they one?", anchor=False)
st.markdown(
    "The logarithm turns a product into a sum and keeps its order: what makes the product largest, [maximum likelihood](glossary?term=maximum-likelihood), makes the sum of costs smallest. A [one-hot](glossary?term=one-hot) target picks a single term out of "
    "the cross-entropy's sum, and that term is the cost. And KL is the cross-entropy less the entropy of the data, in which the model has no say."
)
st.latex(
    r"\begin{aligned} -\tfrac1T \log \textstyle\prod_t \hat y_t[w_t] &= \tfrac1T \textstyle\sum_t -\log \hat y_t[w_t] \\ "
    r"&= \tfrac1T \textstyle\sum_t H(1_{w_t}, \hat y_t) \\ &= \tfrac1T \textstyle\sum_t \bigl(\mathrm{KL}(p_t \,\|\, \hat y_t) + H(p_t)\bigr) \end{aligned}"
)
st.markdown(
    "So there is nothing to choose between them. Each tells why the number is worth lowering: the [likelihood](glossary?term=log-likelihood) says *make what was written probable*, "
    "the cross-entropy *spend few bits on it*, the divergence *come close to where the text came from*."
)

st.subheader("Where it stops", anchor=False)
st.markdown(
    "The equalities need targets that are tokens, and the logarithm. Soften the targets (label smoothing, distillation) and H(p) is no longer 0; weight the tokens (focal loss) and it is no "
    "likelihood at all. All four look at the data in hand: a model that learns them by heart has the best likelihood there and a poor one elsewhere. And KL to the data is KL(data‖model); "
    "turned round, it would be another aim."
)
show.predict(*likelihood.prediction(scored), key="likelihood_predict")
likelihood.code(scored)
show.sources(
    "Fisher, R. A. (1922). *On the mathematical foundations of theoretical statistics*. Phil. Trans. A 222: maximum likelihood.",
    "Kullback, S., & Leibler, R. A. (1951). *On information and sufficiency*. Annals of Mathematical Statistics 22(1): the divergence.",
    "Akaike, H. (1973). *Information theory and an extension of the maximum likelihood principle*: maximum likelihood as minimum divergence.",
    "Goodfellow, I., Bengio, Y., & Courville, A. (2016). *Deep Learning*, §5.5 and §6.2.1: the same equalities, and why the loss is called cross-entropy.",
    "The conventions: `torch.nn.functional.cross_entropy` (`ignore_index=-100`), and huggingface/transformers #35066 for a shift that was missing.",
)
