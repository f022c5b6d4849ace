"""Chapter 17. Train it yourself: one small model, one seed, and the loss is yours to choose."""

import streamlit as st

from lmviz.lab import recorded
from lmviz.ui import reader, show, training_lab, training_reading, training_words

unit = reader.choices().unit
st.markdown(training_words.answer(recorded.curves(), unit))
training_lab.lab(unit)

st.subheader("Your sentence, read by each", anchor=False)
training_reading.your_sentence()

st.subheader("Why does the loss matter at all?", anchor=False)
st.markdown(
    "The model, its first weights and the text are the same in every run; so is the order in which the text is read. All that a loss decides is **which way is down**: "
    "every step moves the weights against its gradient. So runs part where gradients differ. Cross-entropy pulls a missed token up with $1 - p$; squared error pulls with $2pL$, almost nothing as long as $p$ is small, "
    "and at the start every $p$ is small. Adam and Muon are [optimisers](glossary?term=optimiser) that rescale every step, and so they make up for much of it; under plain SGD, among the further choices, squared error stays far behind. The hinge never asks for probabilities, only for a lead, so what it learns cannot be read as chances."
)
st.latex(r"w \leftarrow w - \eta\,\frac{\partial L}{\partial w}")
st.markdown(
    r"Here $w$ is a weight, $L$ the loss of a batch and $\eta$ the [learning rate](glossary?term=learning-rate). All runs are measured by the same yardstick, cross-entropy on text they never read. "
    "It is the yardstick because it counts the bits that a code built on the model would need; a loss that is not cross-entropy can be good at something else, and the table says at what: "
    "the share of right favourites, and the **calibration error**, how far stated confidence lies from how often it comes true."
)
st.markdown(
    "With **a source of known entropy** the end of the road is known. Held-out cross-entropy falls towards H(p) and never below; the hatched gap is KL(p‖q), exactly what training can still remove. "
    "There it is computed from the source's own table at every held-out place, so no luck of the draw is in it."
)
st.subheader("Where it stops", anchor=False)
st.markdown(
    "These are small models, trained for seconds: a page of text teaches spelling, not sense. Their tokens are bytes, so that any text can be learned from and nothing is known beforehand; a vocabulary of words would bring along what it was made from. One seed is one throw; another seed moves the curves by more than some of their gaps, so try two before you believe one. "
    "A loss also has its own best learning rate, and a comparison at one rate is fair to none. The recorded runs are longer, but they too are one run each. "
    "The bundled passages are what other chapters measure on: a model you train on them has seen most of them, and is flattered there."
)
show.predict(*training_reading.prediction(), key="training_predict")
training_reading.code(unit)
show.sources(
    "Goodfellow, I., Bengio, Y., & Courville, A. (2016). *Deep Learning*. MIT Press, chapters 5 to 8: losses as likelihoods, and what optimisers do.",
    "Golik, P., Doetsch, P., & Ney, H. (2013). *Cross-Entropy vs. Squared Error Training*. Interspeech: the same comparison in speech recognition.",
    "Hui, L., & Belkin, M. (2021). *Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy in Classification Tasks*. ICLR: when squared error keeps up.",
    "Kingma, D. P., & Ba, J. (2015). *Adam: A Method for Stochastic Optimization*. ICLR. Loshchilov, I., & Hutter, F. (2019). *Decoupled Weight Decay Regularization*. ICLR: AdamW.",
    "Jordan, K., et al. (2024). *Muon: An optimizer for hidden layers in neural networks*.",
    "Polyak, B. T. (1964). *Some methods of speeding up the convergence of iteration methods*. USSR Computational Mathematics and Mathematical Physics 4(5): momentum.",
    "Hägele, A., et al. (2024). *Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations*. NeurIPS: a constant rate, then a decay to zero.",
    "Guo, C., Pleiss, G., Sun, Y., & Weinberger, K. Q. (2017). *On Calibration of Modern Neural Networks*. ICML: the calibration error.",
)
