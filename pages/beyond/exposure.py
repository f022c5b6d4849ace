"""Chapter 13. Exposure bias and sequence-level training: a model that reads its own words, and training on whole texts."""

import streamlit as st

from lmviz.ui import exposure, exposure_many, exposure_remedies, reader, scores, show

unit = reader.choices().unit
scored = scores.reader_scored()
exposure.two_roads(scored, unit)

st.subheader("On many texts", anchor=False)
exposure_many.many_texts(unit)

st.subheader("Remedies, run", anchor=False)
st.markdown(exposure_remedies.words())
exposure_remedies.curves(unit)

st.subheader("Why is it so slow?", anchor=False)
st.markdown("What should grow is the reward that can be expected of the model's own texts $y$, and its gradient is again something to sample:")
st.latex(r"\nabla\, \mathbb{E}_{y \sim p}\, r(y) = \mathbb{E}_{y \sim p}\, \bigl(r(y) - b\bigr)\, \nabla \log p(y)")
st.markdown(
    "Each text is pushed up or down as a whole, by as much as its reward exceeds the baseline $b$, which may be anything that does not depend on that text. With the human's text as the only $y$, "
    "and reward 1, this **is** the gradient of cross-entropy: ŷ − y at every token. Sampling one's own texts instead is what costs:"
)
exposure_remedies.variance()

st.subheader("Before and after", anchor=False)
exposure_remedies.samples()

st.subheader("Try it", anchor=False)
exposure_remedies.live(unit)

st.subheader("Where it stops", anchor=False)
st.markdown(
    "Whether [exposure bias](glossary?term=exposure-bias) matters is disputed: He and others (2021) found that language models, given a distorted beginning, largely recover by themselves. What is measured here is nano, "
    "a small model, on a few dozen short texts, drawn as they come or by [top-k](glossary?term=top-k-sampling) and [nucleus sampling](glossary?term=nucleus-sampling), and an oracle is a model too. Scheduled sampling has a flaw of its own: it asks for the human's next word after words that no longer lead there, so even with endless data its best "
    "answer is not the truth (Huszár 2015). A reward of shared words invites flat texts that share many; real ones are learned from people's judgements, and need a leash that keeps the model near where it started. "
    "[Teacher forcing](glossary?term=teacher-forcing) with cross-entropy stays the first stage of nearly all language models: every token is a lesson, and none has to be drawn by lot."
)
show.predict(*exposure.prediction(), key="exposure_predict")
exposure.code(scored)
show.sources(
    "Williams, R. J., & Zipser, D. (1989). *A Learning Algorithm for Continually Running Fully Recurrent Neural Networks*. Neural Computation 1: teacher forcing.",
    "Bengio, S., Vinyals, O., Jaitly, N., & Shazeer, N. (2015). *Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks*. NeurIPS.",
    "Huszár, F. (2015). *How (not) to Train your Generative Model: Scheduled Sampling, Likelihood, Adversary?* arXiv:1511.05101: why scheduled sampling is not consistent.",
    "Ranzato, M., Chopra, S., Auli, M., & Zaremba, W. (2016). *Sequence Level Training with Recurrent Neural Networks*. ICLR: exposure bias, named; REINFORCE on text.",
    "Williams, R. J. (1992). *Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning*. Machine Learning 8: REINFORCE and its baseline.",
    "Shen, S., Cheng, Y., He, Z., He, W., Wu, H., Sun, M., & Liu, Y. (2016). *Minimum Risk Training for Neural Machine Translation*. ACL.",
    "Wu, Y., et al. (2016). *Google's Neural Machine Translation System*. arXiv:1609.08144: GLEU, a reward for single sentences.",
    "Kool, W., van Hoof, H., & Welling, M. (2019). *Buy 4 REINFORCE Samples, Get a Baseline for Free!* ICLR workshop: the mean of the other samples as baseline.",
    "Holtzman, A., Buys, J., Du, L., Forbes, M., & Choi, Y. (2020). *The Curious Case of Neural Text Degeneration*. ICLR: repetition, and nucleus sampling.",
    "Fan, A., Lewis, M., & Dauphin, Y. (2018). *Hierarchical Neural Story Generation*. ACL: top-k sampling.",
    "He, T., Zhang, J., Zhou, Z., & Glass, J. (2021). *Exposure Bias versus Self-Recovery: Are Distortions Really Incremental for Autoregressive Text Generation?* EMNLP.",
    "Arora, K., El Asri, L., Bahuleyan, H., & Cheung, J. C. K. (2022). *Why Exposure Bias Matters: An Imitation Learning Perspective of Error Accumulation in Language Generation*. Findings of ACL: the accumulated error.",
)
