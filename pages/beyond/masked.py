"""Chapter 12. Masked language modelling: the same cross-entropy, over gaps that are guessed from both sides."""

import streamlit as st

from lmviz.ui import masked, masked_pseudo, masked_rule, reader, scores, show

unit = reader.choices().unit
text = masked.reader_text()
masked.gap(text, unit)

st.subheader("Fifteen in a hundred", anchor=False)
st.markdown(
    "Nobody clicks in training. A draw chooses 15 % of the tokens, and the loss is the cross-entropy of those. Most are replaced by a mask. But a model that only ever "
    "answers at masks would have nothing to say where none stands, so one in ten chosen tokens is **swapped** for a random one and one in ten is **left**: whatever it reads may be wrong, and it must judge."
)
masked_rule.draw(text, unit)

st.subheader("Counted where it is hidden, or everywhere", anchor=False)
st.markdown(
    "Does it matter that the loss looks at the chosen tokens only? A lower number is easily had, by counting what needs no guessing. Here is what a model learns from that."
)
masked_rule.counting(unit)

st.subheader("Scoring a sentence", anchor=False)
st.markdown(
    "A [masked language model](glossary?term=masked-language-model) has no probability of a sentence to offer. What it can do is hide each token in turn and say how well it is guessed from all the others. "
    "The sum of those log-probabilities is the **[pseudo-log-likelihood](glossary?term=pseudo-log-likelihood)**:"
)
st.latex(r"\mathrm{PLL}(w_1 \dots w_T) = \sum_{t=1}^{T} \log P(w_t \mid w_1 \dots w_{t-1},\, w_{t+1} \dots w_T)")
masked_pseudo.beside(text, unit)
st.markdown("**They are not the same kind of number.** " + masked_pseudo.two_kinds(unit))

st.subheader("Why cross-entropy here too?", anchor=False)
st.markdown(
    "Nothing in cross-entropy asks for an order of reading. It asks for a distribution and for what came. At a gap the model gives one distribution over the vocabulary, the hidden token came, "
    "and everything of the chapters before holds: the loss is proper, its gradient is $\\hat y - y$, and least is the truth about what may stand there. "
    "What changes is the question. “What comes next?” makes a model that can write. “What is missing?” makes one whose states have seen the whole sentence, "
    "which is what a search engine or a tagger wants."
)
st.latex(r"L = -\frac{1}{|M|}\sum_{t \in M} \log P(w_t \mid \tilde w_1 \dots \tilde w_T)")
st.markdown("$M$ is the set of chosen positions, $|M|$ their number, and $\\tilde w$ the text as it was read, masks and swaps included.")

st.subheader("Where it stops", anchor=False)
st.markdown(
    "Each gap is guessed by itself: two gaps side by side may be filled with words that do not go together. In use no mask stands in a text, so training and use differ. "
    "A reading teaches from a seventh of its tokens; this model, small and trained on old novels alone, was therefore not started from nothing, but from the weights of tiny. And the pseudo-log-likelihood can rank sentences (Salazar et al. use it for that) without being anyone's probability."
)
show.predict(*masked_pseudo.prediction(masked_pseudo.in_turn(text), scores.scored(text, masked.left())), key="masked_predict")
masked_pseudo.code(text)
show.sources(
    "Devlin, J., Chang, M.-W., Lee, K., & Toutanova, K. (2019). *BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding*. NAACL, section 3.1: the 15 % rule.",
    "Taylor, W. L. (1953). *“Cloze Procedure”: A New Tool for Measuring Readability*. Journalism Quarterly 30: hiding words, for people.",
    "Salazar, J., Liang, D., Nguyen, T. Q., & Kirchhoff, K. (2020). *Masked Language Model Scoring*. ACL: the pseudo-log-likelihood, equation 2.",
    "Wang, A., & Cho, K. (2019). *BERT has a Mouth, and It Must Speak: BERT as a Markov Random Field Language Model*. NeuralGen workshop; and Cho's later note, “… but it is not an MRF”: the conditionals need not fit one joint distribution.",
    "Besag, J. (1975). *Statistical Analysis of Non-Lattice Data*. The Statistician 24: the pseudo-likelihood, before there were masked models.",
    "Wettig, A., Gao, T., Zhong, Z., & Chen, D. (2023). *Should You Mask 15% in Masked Language Modeling?* EACL: often, more is better.",
    "Boizard, N., et al. (2025). *EuroBERT: Scaling Multilingual Encoders for European Languages*: a Llama without the causal mask, the architecture used here.",
)
