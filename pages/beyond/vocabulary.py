"""Chapter 16. Large vocabularies: a tree of choices, clusters, and why the full softmax is used all the same."""

import streamlit as st

from lmviz.ui import reader, scores, show, strip, vocabulary, vocabulary_heads

unit = reader.choices().unit
scored = scores.reader_scored()
selected = strip.reader_strip(scored, key="vocabulary_strip", title="−log P of every token, by the full softmax")
st.markdown(vocabulary.answer(scored, unit))
vocabulary.the_way(scored, selected, unit)

st.subheader("What a vocabulary costs", anchor=False)
vocabulary.costs()

st.subheader("What the short cuts reach", anchor=False)
vocabulary_heads.heads(unit)

st.subheader("Why the full softmax all the same?", anchor=False)
st.latex(r"-\log \frac{e^{z_y}}{\sum_{k=1}^{V} e^{z_k}} \qquad\text{or}\qquad -\sum_{n\,\in\,\text{way to }y} \log \sigma(\pm w_n \cdot h)")
st.markdown(
    "Left, the full softmax: a score $z_k$ for each of $V$ tokens, all in the sum below. Right, the tree: $h$ is the state, $w_n$ the vector of a point on the way, $\\sigma$ turns their product into the chance of the turn that was taken. "
    "Both are cross-entropy, over distributions that sum to 1, and so is the [adaptive softmax](glossary?term=adaptive-softmax), which stands between the two. The right one, a [hierarchical softmax](glossary?term=hierarchical-softmax), has log₂ V terms. Ten years ago it was how large vocabularies were trained at all; today hardly any model has it, for four reasons."
)
st.markdown(vocabulary.why_full(scored))

st.subheader("Where it stops", anchor=False)
st.markdown(
    "The heads above learned from frozen states of a small model and from little text; in a model trained with a tree from the start the states would adapt to it. The trees here are cut by id and by frequency; trees grown from meaning do better (Mnih and Hinton 2008). "
    "Memory is counted as tensors alive, without what a library needs inside one operation, and time is that of one processor core: on a graphics card the gap between a product and a gather is wider."
)
show.predict(*vocabulary.prediction(scored), key="vocabulary_predict")
vocabulary.code(scored, selected)
show.sources(
    "Morin, F., & Bengio, Y. (2005). *Hierarchical Probabilistic Neural Network Language Model*. AISTATS: the tree of choices.",
    "Mnih, A., & Hinton, G. E. (2008). *A Scalable Hierarchical Distributed Language Model*. NeurIPS: trees grown from the data.",
    "Mikolov, T., Sutskever, I., Chen, K., Corrado, G., & Dean, J. (2013). *Distributed Representations of Words and Phrases and their Compositionality*. NeurIPS: Huffman’s tree as a head.",
    "Grave, E., Joulin, A., Cissé, M., Grangier, D., & Jégou, H. (2017). *Efficient softmax approximation for GPUs*. ICML: adaptive softmax and its cost model.",
    "Wijmans, E., Huval, B., Hertzberg, A., Koltun, V., & Krähenbühl, P. (2024). *Cut Your Losses in Large-Vocabulary Language Models*. arXiv:2411.09009: the softmax in strips.",
    "Llama Team (2024). *The Llama 3 Herd of Models*. arXiv:2407.21783, table 3: the sizes of a large model.",
    "Zipf, G. K. (1949). *Human Behavior and the Principle of Least Effort*. Addison-Wesley: how rare words are.",
    "Duchi, J., Hazan, E., & Singer, Y. (2011). *Adaptive Subgradient Methods for Online Learning and Stochastic Optimization*. JMLR 12: the optimiser of the heads.",
)
