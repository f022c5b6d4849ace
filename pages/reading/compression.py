"""Chapter 4. Loss is code length: −log₂ P bits a token, written to a real file and read back."""

import streamlit as st

from lmviz import display
from lmviz.coding import arithmetic, coder, quantise
from lmviz.ui import compression, compression_others, scores, show, strip

scored = scores.reader_scored()
file = compression.written(scored)
st.markdown(compression.answer(scored, file))
selected = strip.reader_strip(scored, key="compression_strip", title="−log₂ P of every token, in bits", unit="bits")
compression.ribbon(scored, file, selected)
left, right = st.columns([6, 5], gap="large")
with left:
    st.markdown(compression.ribbon_words(scored, file, selected))
    st.caption(
        "Above, the tokens, each as wide as its bits; below, the bits of the file and its bytes. A file is written in bits, so this chapter counts in bits."
    )
with right:
    compression.total(scored, file, selected)

st.subheader("The file", anchor=False)
compression.file_of(scored, file)

huffman = compression_others.huffman_of(scored)
st.subheader("Beside the compressors everybody has", anchor=False)
compression_others.beside(scored, file, huffman)

st.subheader("Learning before, or learning while reading", anchor=False)
compression_others.growth(scored)

st.subheader("Code words of whole bits", anchor=False)
left, right = st.columns([5, 6], gap="large")
with left:
    st.markdown(compression_others.huffman_words(huffman))
with right:
    st.markdown(compression_others.huffman_table(huffman))

st.subheader("Why −log₂ P bits?", anchor=False)
st.markdown(
    "Think of all numbers from 0 to 1. The first token keeps a stretch of them as long as its probability, the second keeps such a share of that stretch, and so on: "
    "a text is a stretch of length $P(w_1 \\dots w_T)$, and different texts have different ones. That is [arithmetic coding](glossary?term=arithmetic-coding). To name a stretch, name one number in it:"
)
st.latex(r"\text{bits} \;\le\; \Bigl\lceil -\log_2 \prod_t P_t \Bigr\rceil + 1 \;<\; \sum_t -\log_2 P_t + 2")
st.markdown(
    "because among the binary fractions of $n$ places there is one every $2^{-n}$. Half the stretch, one more place. Nobody can do better on average: if texts come with the true "
    "probabilities $p$ and the code believes $q$, the expected length is the cross-entropy $H(p, q)$, which is least when $q = p$. **A model trained to a lower loss is a model that "
    "compresses better, and the other way round.**"
)
st.subheader("Where it stops", anchor=False)
st.markdown(
    "The model must be there already, and it is larger than most texts. Both sides must compute the same probabilities to the last unit: here they are whole numbers of 2⁻³², which costs at most "
    f"{display.number(quantise.precision_loss(scored.vocab_size), 2)} bits a token, and the writer takes the reader's steps one by one, on one thread; another processor or another version may still differ in a last digit, "
    "and then the file is refused rather than misread. That is also why it is slow: one step of the model for every token, at both ends. And the code is as long as the surprise, so a text "
    "the model has seen in training looks shorter than it is."
)
show.predict(*compression_others.prediction(scored, file), key="compression_predict")
show.code(compression_others.snippet(scored), coder.encoding, coder.predictions, quantise.counts, arithmetic.Encoder.encode, key="compression_code")
show.sources(
    "Shannon, C. E. (1948). *A Mathematical Theory of Communication*. Bell System Technical Journal 27: codes of −log₂ P bits, and why none is shorter.",
    "Huffman, D. A. (1952). *A Method for the Construction of Minimum-Redundancy Codes*. Proceedings of the IRE 40: the best code words.",
    "Rissanen, J. (1976). *Generalized Kraft Inequality and Arithmetic Coding*. IBM Journal of Research and Development 20(3): fractions of bits.",
    "Witten, I. H., Neal, R. M., & Cleary, J. G. (1987). *Arithmetic Coding for Data Compression*. Communications of the ACM 30(6): the coder used here.",
    "Cleary, J. G., & Witten, I. H. (1984). *Data Compression Using Adaptive Coding and Partial String Matching*. IEEE Transactions on Communications 32(4): PPM, the idea behind PPMd.",
    "Delétang, G., et al. (2024). *Language Modeling Is Compression*. ICLR: large models as compressors, and what their own size does to the comparison.",
)
