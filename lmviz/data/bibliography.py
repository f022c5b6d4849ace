"""What the book rests on: papers, books and films, each with the chapters it belongs to and one line on what it is good for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """`kind` is "paper", "book", "film" or "tutorial"; `chapters` are page names in the address; `link` needs the network, nothing else here does."""

    kind: str
    authors: str
    year: int
    title: str
    where: str
    good_for: str
    link: str
    chapters: tuple[str, ...]


SOURCES: tuple[Source, ...] = (
    Source("paper", "Shannon, C. E.", 1948, "A Mathematical Theory of Communication", "Bell System Technical Journal 27", "Where entropy comes from, and why it is the only measure of its kind. Sections 1 to 7 need little more than logarithms.", "https://doi.org/10.1002/j.1538-7305.1948.tb01338.x", ("entropy", "compression")),
    Source("paper", "Shannon, C. E.", 1951, "Prediction and Entropy of Printed English", "Bell System Technical Journal 30", "The guessing game, with its bounds. The first language-model evaluation there was.", "https://doi.org/10.1002/j.1538-7305.1951.tb01366.x", ("guessing_game", "compression")),
    Source("paper", "Brier, G. W.", 1950, "Verification of Forecasts Expressed in Terms of Probability", "Monthly Weather Review 78", "Two pages on how to score a forecast; squared error as a proper score.", "https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2", ("losses", "guessing_game")),
    Source("paper", "Gneiting, T., & Raftery, A. E.", 2007, "Strictly Proper Scoring Rules, Prediction, and Estimation", "JASA 102", "Which losses reward honesty, and why the logarithm is the only local one.", "https://doi.org/10.1198/016214506000001437", ("losses", "guessing_game")),
    Source("book", "Goodfellow, I., Bengio, Y., & Courville, A.", 2016, "Deep Learning", "MIT Press", "Chapters 5 and 6: maximum likelihood, and why squared error behind a softmax learns slowly.", "https://www.deeplearningbook.org", ("likelihood", "gradient", "losses")),
    Source("book", "Cover, T. M., & Thomas, J. A.", 2006, "Elements of Information Theory", "Wiley, 2nd edition", "The textbook. Chapters 2, 4, 5 and 13 go with this book's 4 to 6.", "https://doi.org/10.1002/047174882X", ("entropy", "compression")),
    Source("book", "MacKay, D. J. C.", 2003, "Information Theory, Inference, and Learning Algorithms", "Cambridge University Press", "Free to read; the best pages on arithmetic coding (its own chapter 6), with exercises.", "https://www.inference.org.uk/mackay/itila/", ("compression", "entropy")),
    Source("paper", "Jelinek, F., Mercer, R. L., Bahl, L. R., & Baker, J. K.", 1977, "Perplexity: a measure of the difficulty of speech recognition tasks", "JASA 62, S63", "The word perplexity, in one abstract.", "https://doi.org/10.1121/1.2016299", ("perplexity",)),
    Source("paper", "Bengio, Y., Ducharme, R., Vincent, P., & Jauvin, C.", 2003, "A Neural Probabilistic Language Model", "JMLR 3", "The first neural language model of this kind, trained on cross-entropy as all since.", "https://www.jmlr.org/papers/v3/bengio03a.html", ("likelihood", "chain_rule")),
    Source("paper", "Lin, T.-Y., Goyal, P., Girshick, R., He, K., & Dollár, P.", 2017, "Focal Loss for Dense Object Detection", "ICCV", "Cross-entropy that spends less on easy cases, and what it was made for.", "https://arxiv.org/abs/1708.02002", ("losses",)),
    Source("paper", "Szegedy, C., Vanhoucke, V., Ioffe, S., Shlens, J., & Wojna, Z.", 2016, "Rethinking the Inception Architecture for Computer Vision", "CVPR", "Section 7 is label smoothing, in one page.", "https://arxiv.org/abs/1512.00567", ("calibration", "losses")),
    Source("paper", "Müller, R., Kornblith, S., & Hinton, G.", 2019, "When Does Label Smoothing Help?", "NeurIPS", "What smoothing does to calibration, and why a smoothed teacher teaches worse.", "https://arxiv.org/abs/1906.02629", ("calibration", "distillation")),
    Source("paper", "Guo, C., Pleiss, G., Sun, Y., & Weinberger, K. Q.", 2017, "On Calibration of Modern Neural Networks", "ICML", "Reliability diagrams and the one temperature that mends most of it.", "https://arxiv.org/abs/1706.04599", ("calibration",)),
    Source("paper", "Hui, L., & Belkin, M.", 2021, "Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy in Classification Tasks", "ICLR", "The other side of the argument: squared error, tuned, does well.", "https://arxiv.org/abs/2006.07322", ("losses",)),
    Source("paper", "Devlin, J., Chang, M.-W., Lee, K., & Toutanova, K.", 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", "NAACL", "The 15 % and 80/10/10 rule.", "https://arxiv.org/abs/1810.04805", ("masked",)),
    Source("paper", "Salazar, J., Liang, D., Nguyen, T. Q., & Kirchhoff, K.", 2020, "Masked Language Model Scoring", "ACL", "Pseudo-log-likelihood: what it is good for, and what it is not.", "https://arxiv.org/abs/1910.14659", ("masked",)),
    Source("paper", "Bengio, S., Vinyals, O., Jaitly, N., & Shazeer, N.", 2015, "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", "NeurIPS", "Training on the model's own words, by a schedule.", "https://arxiv.org/abs/1506.03099", ("exposure",)),
    Source("paper", "Ranzato, M., Chopra, S., Auli, M., & Zaremba, W.", 2016, "Sequence Level Training with Recurrent Neural Networks", "ICLR", "Names exposure bias, and answers it with REINFORCE.", "https://arxiv.org/abs/1511.06732", ("exposure",)),
    Source("paper", "Williams, R. J.", 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning", "Machine Learning 8", "REINFORCE itself, with the baseline.", "https://doi.org/10.1007/BF00992696", ("exposure",)),
    Source("paper", "Shen, S., Cheng, Y., He, Z., He, W., Wu, H., Sun, M., & Liu, Y.", 2016, "Minimum Risk Training for Neural Machine Translation", "ACL", "Training on what is measured in the end.", "https://arxiv.org/abs/1512.02433", ("exposure",)),
    Source("paper", "Arora, K., El Asri, L., Bahuleyan, H., & Cheung, J. C. K.", 2022, "Why Exposure Bias Matters: An Imitation Learning Perspective of Error Accumulation in Language Generation", "Findings of ACL", "How to measure it: excess accumulated error.", "https://arxiv.org/abs/2204.01171", ("exposure",)),
    Source("paper", "Holtzman, A., Buys, J., Du, L., Forbes, M., & Choi, Y.", 2020, "The Curious Case of Neural Text Degeneration", "ICLR", "Why the likeliest text is dull, and nucleus sampling.", "https://arxiv.org/abs/1904.09751", ("exposure",)),
    Source("paper", "Hinton, G., Vinyals, O., & Dean, J.", 2015, "Distilling the Knowledge in a Neural Network", "NeurIPS workshop", "Temperature, dark knowledge and the factor T², in nine pages.", "https://arxiv.org/abs/1503.02531", ("distillation",)),
    Source("paper", "van den Oord, A., Li, Y., & Vinyals, O.", 2018, "Representation Learning with Contrastive Predictive Coding", "arXiv", "InfoNCE, and its bound on mutual information.", "https://arxiv.org/abs/1807.03748", ("contrastive",)),
    Source("paper", "Gao, T., Yao, X., & Chen, D.", 2021, "SimCSE: Simple Contrastive Learning of Sentence Embeddings", "EMNLP", "Two dropout masks as a pair of views.", "https://arxiv.org/abs/2104.08821", ("contrastive",)),
    Source("paper", "Wang, T., & Isola, P.", 2020, "Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere", "ICML", "The two numbers chapter 15 measures.", "https://arxiv.org/abs/2005.10242", ("contrastive",)),
    Source("paper", "Gutmann, M., & Hyvärinen, A.", 2010, "Noise-contrastive estimation", "AISTATS", "Learning a distribution by telling data from noise.", "https://proceedings.mlr.press/v9/gutmann10a.html", ("contrastive",)),
    Source("paper", "Morin, F., & Bengio, Y.", 2005, "Hierarchical Probabilistic Neural Network Language Model", "AISTATS", "The tree of choices.", "https://proceedings.mlr.press/r5/morin05a.html", ("vocabulary",)),
    Source("paper", "Mikolov, T., Sutskever, I., Chen, K., Corrado, G., & Dean, J.", 2013, "Distributed Representations of Words and Phrases and their Compositionality", "NeurIPS", "Huffman trees and negative sampling at scale.", "https://arxiv.org/abs/1310.4546", ("vocabulary", "contrastive")),
    Source("paper", "Grave, E., Joulin, A., Cissé, M., Grangier, D., & Jégou, H.", 2017, "Efficient softmax approximation for GPUs", "ICML", "Adaptive softmax, with the cost model that chooses the clusters.", "https://arxiv.org/abs/1609.04309", ("vocabulary",)),
    Source("paper", "Wijmans, E., Huval, B., Hertzberg, A., Koltun, V., & Krähenbühl, P.", 2024, "Cut Your Losses in Large-Vocabulary Language Models", "arXiv", "The full softmax that is never written down: what is done today.", "https://arxiv.org/abs/2411.09009", ("vocabulary",)),
    Source("paper", "Delétang, G., et al.", 2024, "Language Modeling Is Compression", "ICLR", "Large models as compressors of text, images and sound.", "https://arxiv.org/abs/2309.10668", ("compression",)),
    Source("paper", "Warstadt, A., et al.", 2020, "BLiMP: The Benchmark of Linguistic Minimal Pairs for English", "TACL 8", "The kind of test that chapter 18 makes in small.", "https://arxiv.org/abs/1912.00582", ("downstream",)),
    Source("paper", "Liu, H., Xie, S. M., Li, Z., & Ma, T.", 2023, "Same Pre-training Loss, Better Downstream: Implicit Bias Matters for Language Models", "ICML", "Where equal losses part.", "https://arxiv.org/abs/2210.14199", ("downstream",)),
    Source("paper", "Mnih, A., & Hinton, G. E.", 2008, "A Scalable Hierarchical Distributed Language Model", "NeurIPS", "Trees of choices grown from the data.", "https://papers.nips.cc/paper/2008/hash/1e056d2b0ebd5c878c550da6ac5d3724-Abstract.html", ("vocabulary",)),
    Source("paper", "Huszár, F.", 2015, "How (not) to Train your Generative Model: Scheduled Sampling, Likelihood, Adversary?", "arXiv", "Why scheduled sampling does not aim at the truth.", "https://arxiv.org/abs/1511.05101", ("exposure",)),
    Source("paper", "Wu, Y., et al.", 2016, "Google's Neural Machine Translation System: Bridging the Gap between Human and Machine Translation", "arXiv", "GLEU, a reward for single sentences.", "https://arxiv.org/abs/1609.08144", ("exposure",)),
    Source("paper", "He, T., Zhang, J., Zhou, Z., & Glass, J.", 2021, "Exposure Bias versus Self-Recovery: Are Distortions Really Incremental for Autoregressive Text Generation?", "EMNLP", "Evidence that models recover from their own words.", "https://arxiv.org/abs/1905.10617", ("exposure",)),
    Source("film", "StatQuest with Josh Starmer", 2021, "Neural Networks Part 6: Cross Entropy", "YouTube, 9 minutes", "One small network, every number worked out; the gentlest start there is.", "https://www.youtube.com/watch?v=6ArSys5qHAU", ("losses", "gradient")),
    Source("film", "3Blue1Brown", 2022, "Solving Wordle using information theory", "YouTube, 30 minutes", "Bits as halvings of what is possible; watch it before chapter 6.", "https://www.youtube.com/watch?v=v68zYyaEmEA", ("entropy", "guessing_game")),
    Source("tutorial", "DataCamp", 2024, "The Cross-Entropy Loss Function in Machine Learning", "tutorial", "The same loss for images and tables, with code in two libraries.", "https://www.datacamp.com/tutorial/the-cross-entropy-loss-function-in-machine-learning", ("losses", "likelihood")),
)  # fmt: skip
