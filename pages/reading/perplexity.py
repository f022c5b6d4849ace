"""Chapter 3. Perplexity: exp of the mean loss, the number of equally likely tokens a model is choosing between."""

import math

import streamlit as st

from lmviz import display, ladder, units
from lmviz.figures import die
from lmviz.models import scored as scored_text
from lmviz.ui import charts, perplexity, perplexity_context, perplexity_pitfalls, reader, scores, show, strip

unit = reader.choices().unit
scored = scores.reader_scored()
selected = strip.reader_strip(scored, key="perplexity_strip", title="−log P of every token")

left, right = st.columns([5, 6], gap="large")
with left:
    charts.draw(die.die, scored.perplexity, key="perplexity_die", alt=perplexity.die_alt(scored.perplexity))
with right:
    st.markdown(perplexity.answer(scored, unit))
    charts.draw(die.dice, scored, selected, 210, key="perplexity_dice", alt=perplexity.dice_alt(scored))
    st.markdown(perplexity.dice_words(scored, selected))

st.subheader("From loss to perplexity", anchor=False)
perplexity.from_loss()

st.subheader("The ladder", anchor=False)
st.markdown(
    "One text, read by models that know more and more, from those that count, [n-grams](glossary?term=n-gram), to those that learn. All are charged for the same bytes, in [bits per byte](glossary?term=bits-per-byte), so the bars compare."
)
perplexity.ladder(scored)

st.subheader("Context helps", anchor=False)
perplexity_context.helps(scored, unit)

st.subheader("Texts longer than the memory", anchor=False)
st.markdown(
    "A model has a longest context. A longer text is read through windows that overlap: each counts only its new tokens (full), and repeats some "
    "old ones so that the new ones are not read cold (pale). Moving on in small steps, a small [stride](glossary?term=stride), is kinder to every token and costs more."
)
perplexity_context.long_texts(scored)

st.subheader("Six ways to a wrong perplexity", anchor=False)
perplexity_pitfalls.choose(scored)

st.subheader("Why exp of the mean?", anchor=False)
st.markdown(
    "A fair die of $N$ sides gives every outcome the chance $1/N$, and so the loss $\\log N$. [Perplexity](glossary?term=perplexity) asks which $N$ would cost what this text costs:"
)
st.latex(
    r"\begin{aligned} \log N &= \frac1T \sum_{t=1}^{T} -\log P_t \\[4pt] N &= \exp\Big(\frac1T \sum_{t=1}^{T} -\log P_t\Big) = \Big(\prod_{t=1}^{T} \frac1{P_t}\Big)^{1/T} \end{aligned}"
)
st.markdown(
    f"$T$ is the number of tokens, here {scored.n_scored}, and $P_t$ the chance that the model gave token $t$. So $1/P_t$ is that token's own die, "
    f"and the $T$-th root of their product is the **geometric mean**. A choice among {display.number(scored.perplexity)} has an entropy of {display.amount(math.log(scored.perplexity), unit)}: the same fact as the mean loss, "
    "said in sides instead of in bits or nats. That is why the base of the logarithm does not matter, as long as it is also the base of the power."
)

st.subheader("Where it stops", anchor=False)
st.markdown(
    "Perplexity is counted per token, so it belongs to a [tokenizer](glossary?term=tokenizer), a context, a start token and a text; without those four it means nothing. One token of "
    "probability 0 makes it infinite. It says how well a text was foreseen, not whether the text is true, useful or kind, and two models of equal "
    "perplexity can fail in different places. The model does not roll a fair die either: at most places a few tokens share nearly all the chance."
)
show.predict(*perplexity.prediction(scored), key="perplexity_predict")
show.code(perplexity.snippet(scored), units.perplexity, units.bits_per_byte, scored_text.ScoredText.mean_nats.fget, ladder.uniform, key="perplexity_code")
show.sources(
    "Jelinek, F., Mercer, R. L., Bahl, L. R., & Baker, J. K. (1977). *Perplexity: a measure of the difficulty of speech recognition tasks*. JASA 62, S63: the name.",
    "Brown, P. F., et al. (1992). *An Estimate of an Upper Bound for the Entropy of English*. Computational Linguistics 18(1): cross-entropy per character, so that models compare.",
    "Chen, S. F., & Goodman, J. (1999). *An empirical study of smoothing techniques for language modeling*. Computer Speech & Language 13: the n-gram rungs.",
    "Khandelwal, U., He, H., Qi, P., & Jurafsky, D. (2018). *Sharp Nearby, Fuzzy Far Away: How Neural Language Models Use Context*. ACL.",
    "Press, O., Smith, N. A., & Lewis, M. (2021). *Shortformer: Better Language Modeling Using Shorter Inputs*. ACL: sliding windows and what their stride changes.",
    "Mistakes in public code: huggingface/evaluate #636 (padding scored), huggingface/transformers #35066 (shift), pytorch #82081 (softmax twice), lm-evaluation-harness #1586 (start token).",
)
