"""Chapter 5. Shannon's guessing game: how many guesses a letter takes, and which pay makes a guesser honest."""

import streamlit as st

from lmviz.ui import guessing_bets, guessing_game, guessing_pool, guessing_words, reader, show

chosen = reader.choices()
guessing_game.game(chosen.model, chosen.unit)
st.markdown(guessing_words.compared(chosen.model, chosen.unit))

st.subheader("A hundred chips", anchor=False)
st.markdown(
    "A guess says what you hold for likeliest, not how sure you are. So let there be chips. You spread them over what may come, and are paid by what you had laid on the one that came. "
    "How you are paid decides how you should bet: some pay rewards saying what you believe, some rewards shouting."
)
guessing_bets.table(chosen.model, chosen.unit)

st.subheader("Pool a class", anchor=False)
guessing_pool.pool(chosen.model, chosen.unit)

st.subheader("Why guesses bound an entropy", anchor=False)
st.markdown(
    "Suppose your twin, who guesses exactly as you do, is given nothing but your guess numbers. The twin guesses too, says “wrong” as often as the numbers ask, and so gets the sentence back, letter by letter. "
    "So the numbers hold all that the sentence held. Let $q_i$ be the share of letters found at guess $i$, of 27 at most. Then"
)
st.latex(r"\begin{aligned} H &\;\le\; -\sum_{i=1}^{27} q_i \log q_i \\[4pt] H &\;\ge\; \sum_{i=1}^{27} i\,(q_i - q_{i+1}) \log i \end{aligned}")
st.markdown(
    "The first: to write numbers that come with shares $q_i$, as if each came by itself, costs their entropy, and their order can only make it cheaper. The second: of all ideal guessers "
    "with these shares, the one who faces the least entropy always meets either one certain letter, or two equally likely ones, or three; it meets $i$ of them in a share $i\\,(q_i - q_{i+1})$ of cases, each worth $\\log i$."
)
st.markdown(
    "A language model need not guess. It states its chance for every letter, the log score charges it $-\\log P$ for the one that came, and the mean of that is its **cross-entropy**. That is the first row of the table of "
    "chips as well: with belief $p$ and bet $q$, the expected log pay is $-H(p) - \\mathrm{KL}(p\\,\\|\\,q)$, most when $q = p$. To be trained by cross-entropy is to be paid for honesty."
)

st.subheader("Where it stops", anchor=False)
st.markdown(
    "The bounds speak of a guesser who always names the likeliest letter next, and of shares measured over long texts. People are not ideal, and a few rare guess numbers are missing from a short game, which makes "
    "the upper bound too small; Shannon smoothed his table for that reason. " + guessing_words.chance_words(chosen.model, chosen.unit)
)
show.predict(*guessing_words.prediction(chosen.model), key="guessing_game_predict")
guessing_words.code(chosen.model)
show.sources(
    "Shannon, C. E. (1951). *Prediction and Entropy of Printed English*. Bell System Technical Journal 30: the game (section 3) and the two bounds (equation 17).",
    "Cover, T. M., & King, R. C. (1978). *A Convergent Gambling Estimate of the Entropy of English*. IEEE Transactions on Information Theory 24: chips instead of guesses, and bounds that need no smoothing.",
    "Gneiting, T., & Raftery, A. E. (2007). *Strictly Proper Scoring Rules, Prediction, and Estimation*. JASA 102: log, Brier and linear scores.",
    "Good, I. J. (1952). *Rational Decisions*. Journal of the Royal Statistical Society B 14: the log score, for paying forecasters.",
    "Brier, G. W. (1950). *Verification of Forecasts Expressed in Terms of Probability*. Monthly Weather Review 78.",
    "Vieira, T., et al. (2024). *From Language Models over Tokens to Language Models over Characters*. arXiv:2412.03719: a letter's probability from a model of tokens.",
)
