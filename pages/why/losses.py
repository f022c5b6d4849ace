"""Chapter 10. The alternatives: five losses side by side, on curves and on the reader's own sentence."""

import streamlit as st

from lmviz.ui import loss_curves, reader, scores, show, strip, trained

unit = reader.choices().unit
scored = scores.reader_scored()
selected = strip.reader_strip(scored, key="losses_strip", title="−log P of every token: what cross-entropy charges")
st.markdown(loss_curves.answer(scored, selected))
loss_curves.side_by_side(scored, selected, unit)

if (found := trained.series()) is not None:
    st.subheader("Trained under each", anchor=False)
    trained.under_each(found, unit)

st.subheader("Why cross-entropy?", anchor=False)
st.markdown(
    "Two wishes pull apart. A loss should be **[proper](glossary?term=proper-score)**: least when the model states what it believes, or the model learns to say something else. "
    "And it should **pull where the model is wrong**, or the model never learns that it is. The pull of cross-entropy is what the truth lacks:"
)
st.latex(r"-\frac{\partial}{\partial z_y}\bigl(-\log \hat y_y\bigr) = 1 - p")
st.latex(r"-\frac{\partial}{\partial z_y}\sum_k(\hat y_k - y_k)^2 = 2p\,L")
st.markdown(
    "Here $p$ is the probability of what came and $L$ the [squared error](glossary?term=brier-score) itself. At $p$ near 0 the first is near 1 and the second near 0: squared error sits behind "
    "the softmax, whose own slope vanishes where it is certain, and the logarithm is what undoes that slope. "
    "The [hinge](glossary?term=hinge-loss) pulls with full force until the truth leads by its margin, then lets go, so its scores are no probabilities. [Focal loss](glossary?term=focal-loss) spends less on what is already easy; "
    "label smoothing turns round, and pushes a truth down that has become too sure."
)
st.subheader("Where it stops", anchor=False)
st.markdown(
    "A pull on one logit is not yet a trained model: an optimiser rescales gradients, and millions of tokens are averaged. The runs above are short, of one small network, from one seed. Networks have been trained well on squared error "
    "when its scale was tuned, and focal loss was made for a case that text is not, a few objects in a thousand boxes of background. What cross-entropy gives without tuning is both wishes at once. "
    "It pays for that with mistakes that have no ceiling: one impossible token makes it infinite, where squared error never passes 2."
)
show.predict(*loss_curves.prediction(scored), key="losses_predict")
loss_curves.code(scored, selected)
show.sources(
    "Brier, G. W. (1950). *Verification of Forecasts Expressed in Terms of Probability*. Monthly Weather Review 78: squared error as a score.",
    "Gneiting, T., & Raftery, A. E. (2007). *Strictly Proper Scoring Rules, Prediction, and Estimation*. JASA 102: what “proper” means, and which scores are.",
    "Crammer, K., & Singer, Y. (2001). *On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines*. JMLR 2: the hinge for many classes.",
    "Lin, T.-Y., Goyal, P., Girshick, R., He, K., & Dollár, P. (2017). *Focal Loss for Dense Object Detection*. ICCV, equation 5.",
    "Szegedy, C., Vanhoucke, V., Ioffe, S., Shlens, J., & Wojna, Z. (2016). *Rethinking the Inception Architecture for Computer Vision*. CVPR, section 7: label smoothing.",
    "Golik, P., Doetsch, P., & Ney, H. (2013). *Cross-Entropy vs. Squared Error Training*. Interspeech: the vanishing pull, measured in speech recognition.",
    "Hui, L., & Belkin, M. (2021). *Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy in Classification Tasks*. ICLR: the other side of the argument.",
    "Charoenphakdee, N., Vongkulbhisal, J., Chairatanakul, N., & Sugiyama, M. (2021). *On Focal Loss for Class-Posterior Probability Estimation*. CVPR: why focal loss is not proper.",
)
