"""Chapter 6. Entropy, cross-entropy, KL: what must be paid, what is paid, and the difference."""

import streamlit as st

from lmviz.ui import entropy, known_source, reader, scores, show, strip

unit = reader.choices().unit
scored = scores.reader_scored()
selected = strip.reader_strip(scored, key="entropy_strip", title="−log P of every token")
entropy.edit(scored, selected, unit)

st.subheader("A source whose entropy is known", anchor=False)
st.markdown(
    "Whether a model is as good as can be, one can say only where p is known. So take a [Markov source](glossary?term=markov-source), made by hand: each symbol depends on the one before, by a small table, and its [entropy rate](glossary?term=entropy-rate) "
    "follows exactly. Let a model learn it from longer and longer texts:"
)
entropy.known_source(unit)
known_source.networks(unit)

st.subheader("And on real text?", anchor=False)
st.markdown(entropy.real_text(scored, unit))

st.subheader("Why is KL never negative?", anchor=False)
st.markdown(
    "An outcome of probability $q$ costs $-\\log q$. Averaged over what really happens, with $p$, that is the **[cross-entropy](glossary?term=cross-entropy)**; if the costs come from $p$ itself, it is the **[entropy](glossary?term=entropy)**; "
    "and what is left between them is the **[Kullback–Leibler divergence](glossary?term=kl-divergence)**:"
)
st.latex(
    r"\underbrace{-\sum_k p_k \log q_k}_{H(p,\,q)} = \underbrace{-\sum_k p_k \log p_k}_{H(p)} + \underbrace{\sum_k p_k \log \frac{p_k}{q_k}}_{\mathrm{KL}(p \,\|\, q)}"
)
st.markdown(
    r"$k$ runs over the outcomes. A logarithm lies below its tangent, $\log x \le x - 1$, with equality only at 1. Put $x = q_k / p_k$ and average: $-\mathrm{KL}(p \,\|\, q) \le \sum_k p_k (q_k/p_k - 1) \le 0$. "
    "So cross-entropy is lowest at q = p and nowhere else. Whoever wants to pay little must believe what is true; that is why a language model is trained with it."
)

st.subheader("Where it stops", anchor=False)
st.markdown(
    "All this is about averages under p. A single outcome may cost anything, and p must be one fixed thing: if the world changes, yesterday's entropy is no floor for tomorrow. "
    "KL is not a distance: it is not symmetric, and a detour can be shorter than the straight way. And it weighs all outcomes by probability alone; mistaking “mat” for “rug” and for “Tuesday” cost the same."
)
show.predict(*entropy.prediction(scored, entropy.predictable(scored, selected)), key="entropy_predict")
entropy.code()
show.sources(
    "Shannon, C. E. (1948). *A Mathematical Theory of Communication*, §6–7: entropy, and the entropy of a source with memory.",
    "Shannon, C. E. (1951). *Prediction and Entropy of Printed English*. Bell System Technical Journal 30: between 0.6 and 1.3 bits a letter.",
    "Kullback, S., & Leibler, R. A. (1951). *On Information and Sufficiency*. Annals of Mathematical Statistics 22(1).",
    "Lin, J. (1991). *Divergence Measures Based on the Shannon Entropy*. IEEE Transactions on Information Theory 37(1): Jensen–Shannon.",
    "Markov, A. A. (1913). *An Example of Statistical Investigation of the Text Eugene Onegin*: 20 000 letters, vowels and consonants, counted by hand.",
    "Cover, T. M., & Thomas, J. A. (2006). *Elements of Information Theory*, ch. 2 and 4.",
)
