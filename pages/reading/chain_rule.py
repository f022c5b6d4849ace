"""Chapter 1. A sentence is a product: P(w_1 … w_T) = Π P(w_t | w_<t)."""

import numpy as np
import streamlit as st

from lmviz import display, ledger
from lmviz.data import examples
from lmviz.figures import alternatives
from lmviz.models import scored as scored_text
from lmviz.ui import chain_rule, charts, ledger_table, links, reader, scores, show, strip

unit = reader.choices().unit
conditioned = links.opening("chain_rule_first", True, links.on_off)
scored = scores.reader_scored(**({} if conditioned else {"first_token": False}))
if not scored.n_scored:
    st.info("With the first token left out nothing remains to be scored. Type a second word, or count the first token again below.")
    chain_rule.start_of_text_choice()
    st.stop()
book = ledger.ledger(scored.log_probs)
selected = strip.reader_strip(scored, key="chain_rule_strip", title="−log P of every token", opening="last")
st.markdown(chain_rule.answer(scored, unit))

left, right = st.columns(2, gap="medium")
with left:
    st.markdown(chain_rule.could_have_come(scored, selected))
    if np.isnan(scored.log_probs[selected]):
        st.markdown("This token is not scored: nothing precedes it.")
    else:
        charts.draw(alternatives.alternatives, scored, selected, key="chain_rule_alternatives", alt=chain_rule.alternatives_alt(scored, selected))
with right:
    st.markdown("**The ledger**: multiply the chances (Π), or add the costs (Σ).")
    ledger_table.show(scored, unit)

st.subheader("Change one word", anchor=False)
chain_rule.swap(scored, selected, unit)

st.subheader("Why a product?", anchor=False)
st.markdown(
    "No [language model](glossary?term=language-model) can hold the probability of every possible sentence. But any sentence can be read from left to right, and then its "
    "probability is the product of one chance a step, with nothing left out and nothing assumed. That is the [chain rule](glossary?term=chain-rule):"
)
st.latex(r"P(w_1 \dots w_T) = \prod_{t=1}^{T} P(w_t \mid w_{<t})")
st.latex(r"-\log P(w_1 \dots w_T) = \sum_{t=1}^{T} -\log P(w_t \mid w_{<t})")
st.markdown(
    f"$w_t$ is [token](glossary?term=token) number $t$, and $w_{{<t}}$ all tokens before it, its [context](glossary?term=context). Each factor is between 0 and 1, so the product of {scored.n_scored} of them is tiny: "
    f"here {display.number(book.products_float64[-1], 2)}. Its logarithm is a sum of ordinary numbers, {display.amount(scored.total_nats, unit)} in all. "
    "Each of them is the [loss](glossary?term=loss) of one token, also called its [surprisal](glossary?term=surprisal): in [nats](glossary?term=nat) with the natural logarithm, in bits with base 2. "
    "That sum, divided by the number of tokens, is the **cross-entropy** of the text under the model."
)
st.markdown(chain_rule.underflow(book))
st.button("Read a text long enough to reach zero", on_click=reader.use_text, args=(examples.long_text(),), key="chain_rule_long")

st.subheader("What comes before the first token?", anchor=False)
st.markdown(chain_rule.start_of_text(scored))
chain_rule.start_of_text_choice()

st.subheader("Where it stops", anchor=False)
st.markdown(
    "The identity holds for any order of reading, but this model, a [causal model](glossary?term=causal-model), can read in one only. Its [vocabulary](glossary?term=vocabulary) is made of pieces of words, so another "
    "tokenizer cuts the same sentence into another product. And a probability is the model's opinion, not the sentence's worth: "
    "a true sentence can be unlikely, and a false one easy to guess."
)
show.predict(*chain_rule.prediction(scored), key="chain_rule_predict")
show.code(chain_rule.snippet(scored), ledger.ledger, scored_text.ScoredText.perplexity.fget, key="chain_rule_code")
show.sources(
    "Shannon, C. E. (1948). *A Mathematical Theory of Communication*, §3: the series of approximations to English.",
    "Bengio, Y., Ducharme, R., Vincent, P., & Jauvin, C. (2003). *A Neural Probabilistic Language Model*. JMLR 3: equation (1) is the product above.",
    "Goodfellow, I., Bengio, Y., & Courville, A. (2016). *Deep Learning*, §3.6, the chain rule of conditional probabilities.",
)
