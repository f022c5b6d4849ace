"""Chapter 11. Label smoothing and calibration: does a model mean what it says?"""

import streamlit as st

from lmviz.ui import calibration, reader, scores, show, strip, trained

unit = reader.choices().unit
scored = scores.reader_scored()
strip.reader_strip(scored, key="calibration_strip", title="How likely each token was", measure="probability")
st.markdown(calibration.answer(scored))
found = calibration.view(scored)
if found is None:
    calibration.measure(scored)
else:
    calibration.diagrams(found, unit)

st.subheader("Doubt on purpose", anchor=False)
st.markdown(
    "Cross-entropy on one-hot targets is never satisfied: the truth should have probability 1, so its logit is pulled up for ever. **[Label smoothing](glossary?term=label-smoothing)** takes a little of the target, "
    "ε, from the truth and spreads it evenly. Then the loss is least at a finite lead:"
)
calibration.smoothed(scored.vocab_size)

if (runs := trained.series()) is not None:
    st.subheader("Trained with doubt", anchor=False)
    trained.doubt(runs, unit)

st.subheader("Why a finite gap?", anchor=False)
st.markdown(
    "The gradient is ŷ − q, with q the smoothed target, and it is 0 only where ŷ = q. Logits are log-probabilities up to a constant, so their gap is the log of a ratio:"
)
st.latex(r"z_y - z_k = \log\frac{q_y}{q_k} = \log\left(\frac{(1-\varepsilon)\,V}{\varepsilon} + 1\right)")
st.markdown("with ε/V on every class, and with ε/(V − 1) on the others:")
st.latex(r"z_y - z_k = \log\frac{(1-\varepsilon)(V-1)}{\varepsilon}")
st.markdown(
    "**Why [calibration](glossary?term=calibration) at all?** Cross-entropy is a proper score: its expectation is least when what is stated is what happens. A model trained on enough text is therefore calibrated as a by-product. "
    "Smoothing gives that up, a little and on purpose; a [temperature](glossary?term=temperature), fitted afterwards by the same loss, can give it back."
)
st.subheader("Where it stops", anchor=False)
st.markdown(
    "The passages are few and were written for this book; a thousand tokens leave a [reliability diagram](glossary?term=reliability-diagram) with intervals that wide. The [ECE](glossary?term=expected-calibration-error) depends on the bins, and is above 0 even for a perfect model on a finite sample. "
    "Only the favourite is looked at here: a model may be calibrated about it and not about the rest. And calibration is not knowledge: stating how often each word occurs, whatever came before, is calibrated too."
)
if found is not None:
    show.predict(*calibration.prediction(found), key="calibration_predict")
calibration.code(scored)
show.sources(
    "Guo, C., Pleiss, G., Sun, Y., & Weinberger, K. Q. (2017). *On Calibration of Modern Neural Networks*. ICML: reliability diagrams, ECE, temperature scaling.",
    "Szegedy, C., et al. (2016). *Rethinking the Inception Architecture for Computer Vision*. CVPR, section 7: label smoothing.",
    "Müller, R., Kornblith, S., & Hinton, G. (2019). *When Does Label Smoothing Help?* NeurIPS.",
    "Murphy, A. H. (1973). *A New Vector Partition of the Probability Score*. Journal of Applied Meteorology 12: the decomposition of the Brier score.",
    "Stephenson, D. B., Coelho, C. A. S., & Jolliffe, I. T. (2008). *Two Extra Components in the Brier Score Decomposition*. Weather and Forecasting 23.",
    "Wilson, E. B. (1927). *Probable Inference, the Law of Succession, and Statistical Inference*. JASA 22.",
    "Naeini, M. P., Cooper, G. F., & Hauskrecht, M. (2015). *Obtaining Well Calibrated Probabilities Using Bayesian Binning*. AAAI: the ECE.",
)
