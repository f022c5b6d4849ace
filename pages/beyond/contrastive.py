"""Chapter 15. Contrastive losses are cross-entropies: rows of similarities are softmaxes, and the targets are on the diagonal."""

import streamlit as st

from lmviz import contrastive as core
from lmviz.ui import contrastive, contrastive_training, reader, show

unit = reader.choices().unit
pairs, name = contrastive.sentences()
temperature = st.session_state.contrastive_temperature
first, second = contrastive.vectors(pairs, name)
steps = core.info_nce(first, second, temperature=temperature)
st.markdown(contrastive.answer(steps, unit))
contrastive.matrix(steps, pairs, unit)

st.subheader("One row, every step", anchor=False)
contrastive.row(steps, pairs, unit)

st.subheader("More negatives, a harder question", anchor=False)
contrastive.harder(steps, unit)

st.subheader("Pairs that nobody labelled", anchor=False)
contrastive_training.simcse(unit)

st.subheader("The same trick for words", anchor=False)
st.markdown(
    "A language model also picks one out of many: the next token, out of its vocabulary. There, too, a few negatives can stand for all the others. Choose a token of the text that you read in the other chapters:"
)
contrastive_training.estimates(unit)

st.subheader("Why is it cross-entropy?", anchor=False)
st.markdown(
    "A language model's logits are scores of tokens; here they are cosines of sentences, that is of their [embeddings](glossary?term=embedding), divided by a temperature. All that follows is the same: softmax, one right answer, −log."
)
st.latex(r"L_i = -\log \frac{\exp(\cos(a_i, p_i)/T)}{\sum_{j=1}^{N} \exp(\cos(a_i, p_j)/T)}")
st.markdown(
    "Here $a_i$ is the first sentence of pair $i$, $p_j$ the second of pair $j$, $N$ the number of pairs. The other pairs of the batch are the wrong answers, **in-batch negatives**: the vocabulary of this softmax is whoever happens to be present. "
    "What the loss learns, if the vectors are free, is the log of how much likelier the two are together than apart, up to a constant."
)
st.subheader("Where it stops", anchor=False)
st.markdown(
    "A negative may be a paraphrase that nobody marked, and it is pushed away all the same. [InfoNCE](glossary?term=infonce) cannot show more than log N of information. And a cosine of mean states is a rough reading of a sentence: these models are small, "
    "two sentences with the same words in another order may get nearly the same vector, and the pairs here were written for this book."
)
show.predict(*contrastive.prediction(steps, unit), key="contrastive_predict")
contrastive.code(pairs, name, temperature)
show.sources(
    "van den Oord, A., Li, Y., & Vinyals, O. (2018). *Representation Learning with Contrastive Predictive Coding*. arXiv:1807.03748: InfoNCE and its bound.",
    "Gao, T., Yao, X., & Chen, D. (2021). *SimCSE: Simple Contrastive Learning of Sentence Embeddings*. EMNLP.",
    "Wang, T., & Isola, P. (2020). *Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere*. ICML.",
    "Poole, B., Ozair, S., van den Oord, A., Alemi, A. A., & Tucker, G. (2019). *On Variational Bounds of Mutual Information*. ICML: why the bound cannot pass log N.",
    "Reimers, N., & Gurevych, I. (2019). *Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks*. EMNLP: the mean of the states as a sentence's vector.",
    "Gutmann, M., & Hyvärinen, A. (2012). *Noise-Contrastive Estimation of Unnormalized Statistical Models*. JMLR 13.",
    "Mnih, A., & Teh, Y. W. (2012). *A Fast and Simple Algorithm for Training Neural Probabilistic Language Models*. ICML: NCE for words.",
    "Bengio, Y., & Senécal, J.-S. (2003). *Quick Training of Probabilistic Neural Nets by Importance Sampling*. AISTATS: sampling the softmax.",
    "Blanc, G., & Rendle, S. (2018). *Adaptive Sampled Softmax with Kernel Based Sampling*. ICML: its bias, and which proposal has none.",
)
