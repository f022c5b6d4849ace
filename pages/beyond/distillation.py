"""Chapter 14. Distillation: a student learns from a teacher's whole distribution, and the loss is cross-entropy again."""

import streamlit as st

from lmviz.ui import distillation, distillation_compared, distillation_pair, reader, show

unit = reader.choices().unit
teacher = distillation_pair.teacher()
scored, selected = distillation_pair.teacher_strip(teacher)
st.markdown(distillation.answer(scored, selected))
distillation.lesson(scored, selected, unit)
distillation_compared.compared(unit)

st.subheader("Why learn from another model?", anchor=False)
st.markdown(
    "The text is a sample: at each place one token of all that could have come. Its loss is the cross-entropy against a target that puts everything on that one. The teacher's target $q$ "
    "puts something on each token, so every place says more, and says it with less chance in it. The loss is still a cross-entropy, only the target has changed:"
)
st.latex(r"L = \alpha\,\bigl(-\log \hat y_y\bigr) + (1-\alpha)\,T^2 \sum_k q_{T,k} \log\frac{q_{T,k}}{\hat y_{T,k}}")
st.markdown(
    r"Here $\hat y$ is the student, $y$ what came, $q_T$ and $\hat y_T$ the teacher and the student with logits divided by $T$. The sum is KL, which is cross-entropy minus the teacher's own entropy; "
    "that entropy does not depend on the student, so both have the same gradient."
)
st.subheader("Where it stops", anchor=False)
st.markdown(
    "In [distillation](glossary?term=distillation) a student learns its teacher's mistakes as faithfully as its knowledge, so without the text (α = 0) it can at best become its teacher. Teacher and student must mean the same by every logit: one vocabulary, "
    "one way of cutting text. And it must be worth the price: the teacher has to read every token too."
)
if (question := distillation.prediction(scored, selected)) is not None:
    show.predict(*question, key="distillation_predict")
distillation.code(scored, selected)
show.sources(
    "Hinton, G., Vinyals, O., & Dean, J. (2015). *Distilling the Knowledge in a Neural Network*. arXiv:1503.02531, section 2: temperature, T², matching logits.",
    "Buciluă, C., Caruana, R., & Niculescu-Mizil, A. (2006). *Model Compression*. KDD: a small model trained on what a large one says.",
    "Ba, J., & Caruana, R. (2014). *Do Deep Nets Really Need to be Deep?* NeurIPS: regression on logits.",
    "Sanh, V., Debut, L., Chaumond, J., & Wolf, T. (2019). *DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter*. arXiv:1910.01108.",
    "Menon, A. K., Rawat, A. S., Reddi, S., Kim, S., & Kumar, S. (2021). *A Statistical Perspective on Distillation*. ICML: soft targets as targets with less variance.",
    "Stanton, S., Izmailov, P., Kirichenko, P., Alemi, A. A., & Wilson, A. G. (2021). *Does Knowledge Distillation Really Work?* NeurIPS: how far students stay from their teachers.",
)
