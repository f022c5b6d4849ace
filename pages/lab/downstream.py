"""Chapter 18. Does a lower loss mean a better model? Cross-entropy against accuracy on minimal pairs and missing words."""

import streamlit as st

from lmviz.ui import downstream, downstream_pairs, show

downstream_pairs.own_pair()
st.markdown(downstream.answer())
downstream.all_models()

st.subheader("Learned early, learned late", anchor=False)
downstream.early_and_late()

st.subheader("Equal loss, unequal models", anchor=False)
downstream.same_loss()

st.subheader("The pairs themselves", anchor=False)
downstream_pairs.look()

st.subheader("Read them again", anchor=False)
downstream_pairs.again()

st.subheader("Why should they go together?", anchor=False)
st.markdown(
    "A sentence's probability is a product of its tokens' probabilities, and cross-entropy is the mean of their negative logarithms. In a [minimal pair](glossary?term=minimal-pair) the two sentences share "
    "all but a word or two, so the model is right when"
)
st.latex(r"\sum_t \log P(g_t \mid g_{<t}) \;>\; \sum_t \log P(b_t \mid b_{<t})")
st.markdown(
    "with $g$ the good sentence and $b$ the bad one: the loss itself, on one place where it matters. Whoever lowers the loss over all text lowers it, among others, at the places "
    "where a verb must agree. But such places are few, and the mean over all tokens gives each of them the weight of one. Two models can save the same tenth of a bit, one of them by spelling "
    "names and the other by grammar, and the mean does not say which."
)
st.markdown(f"**Length** weighs in. The longer of two sentences has more factors below 1, so the totals favour the shorter. {downstream.length_words()}")

st.subheader("Where it stops", anchor=False)
st.markdown(
    "Forty pairs a phenomenon leave wide intervals around each [accuracy](glossary?term=accuracy), and all were written by one hand, in one style. nano and tiny have read old novels only, which is why the pairs speak of "
    "ships and letters; SmolLM2 has read far more, most likely such novels too. The checkpoints are those of one run from one seed, and models that share their data and tokenizer are "
    "not independent witnesses. The passages are not the text that anybody trained on. And to prefer a sentence is not to be able to use it: nothing here asks a model to do anything."
)
show.predict(*downstream.prediction(), key="downstream_predict")
downstream.code()
show.sources(
    "Linzen, T., Dupoux, E., & Goldberg, Y. (2016). *Assessing the Ability of LSTMs to Learn Syntax-Sensitive Dependencies*. TACL 4: agreement with a noun of the other number in between.",
    "Marvin, R., & Linzen, T. (2018). *Targeted Syntactic Evaluation of Language Models*. EMNLP: minimal pairs scored by the probability of the whole sentence.",
    "Warstadt, A., Parrish, A., Liu, H., Mohananey, A., Peng, W., Wang, S.-F., & Bowman, S. R. (2020). *BLiMP: The Benchmark of Linguistic Minimal Pairs for English*. TACL 8. None of its sentences is used here.",
    "Paperno, D., et al. (2016). *The LAMBADA dataset: Word prediction requiring a broad discourse context*. ACL: last words that a sentence alone does not give.",
    "Liu, H., Xie, S. M., Li, Z., & Ma, T. (2023). *Same Pre-training Loss, Better Downstream: Implicit Bias Matters for Language Models*. ICML: equal losses, unequal models.",
    "Schaeffer, R., Miranda, B., & Koyejo, S. (2023). *Are Emergent Abilities of Large Language Models a Mirage?* NeurIPS: what a yes-or-no measure does to a smooth curve.",
    "Spearman, C. (1904). *The Proof and Measurement of Association between Two Things*. American Journal of Psychology 15: correlation of ranks.",
    "Efron, B., & Tibshirani, R. J. (1993). *An Introduction to the Bootstrap*. Chapman & Hall.",
    "Wilson, E. B. (1927). *Probable Inference, the Law of Succession, and Statistical Inference*. JASA 22: the interval of each phenomenon.",
)
