"""The words of the book: what each means in a sentence or two, and the chapter that introduces it. No torch, no Streamlit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Term:
    """One entry. `chapter` is the page's name in the address; `also` are other spellings under which a text may use it. `meaning` is Markdown."""

    name: str
    chapter: str
    meaning: str
    also: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The term as it stands in an address.

        >>> Term("cross-entropy", "entropy", "").slug, Term("KL divergence", "entropy", "").slug
        ('cross-entropy', 'kl-divergence')
        """
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


TERMS: tuple[Term, ...] = (
    Term("accuracy", "downstream", "The share of times the model's favourite was what came. It does not ask how sure the model was."),
    Term("adaptive softmax", "vocabulary", "A softmax in clusters: frequent tokens in a short list, rare ones in tails with fewer numbers each, so that most steps touch few rows (Grave et al. 2017)."),
    Term("alignment", "contrastive", "How near each other the two views of one sentence lie among embeddings; with *uniformity* it says how good a contrastive space is (Wang and Isola 2020)."),
    Term("arithmetic coding", "compression", "A way to write a text in almost exactly as many bits as the model's summed loss: each token narrows an interval by its probability, and a number inside the last one is the file.", ("arithmetic coder",)),
    Term("bits per byte", "perplexity", "The loss of a text in bits, divided by its bytes. It does not depend on how the text was cut into tokens, so it compares models with different tokenizers."),
    Term("Brier score", "losses", "Squared error between the stated probabilities and what came, Σ(ŷ − y)². A proper score that never passes 2.", ("squared error",)),
    Term("calibration", "calibration", "Whether things said to have a chance of 70 % happen 70 % of the time.", ("calibrated",)),
    Term("causal model", "chain_rule", "A language model that reads from the left and predicts the next token from the ones before it, never from those after."),
    Term("chain rule", "chain_rule", "P(w₁ … w_T) is the product of P(wₜ | w₁ … wₜ₋₁): a sentence is as likely as its tokens, each after the ones before it."),
    Term("context", "chain_rule", "The tokens before the one that is predicted; also how many of them a model can read at most."),
    Term("contrastive loss", "contrastive", "A loss that asks which of several candidates belongs to an anchor. InfoNCE is the best known: a cross-entropy over similarities."),
    Term("cross-entropy", "entropy", "H(p, q) = −Σ p log q: what it costs on average to be surprised by p while believing q. With one-hot targets, −log q of what came.", ("cross entropy",)),
    Term("dark knowledge", "distillation", "What a teacher says about the tokens that did not come: which of them were nearly right (Hinton et al. 2015)."),
    Term("distillation", "distillation", "Training a small model, the student, on the whole distributions of a larger one, the teacher, and not only on text."),
    Term("embedding", "contrastive", "A list of numbers that stands for a token or a sentence; near numbers for things that are used alike."),
    Term("entropy", "entropy", "H(p) = −Σ p log p: the least it can cost on average to be surprised by p, paid by whoever knows p."),
    Term("entropy rate", "entropy", "Entropy per symbol of a source with memory, in the long run."),
    Term("excess accumulated error", "exposure", "How much more a model's own contexts cost than they would have, had its errors not fed on each other (Arora et al. 2022)."),
    Term("expected calibration error", "calibration", "The mean distance between stated and true frequency, over bins of confidence. ECE for short.", ("ECE",)),
    Term("exposure bias", "exposure", "A model learns on human contexts and then must go on from its own. The difference is the bias."),
    Term("focal loss", "losses", "Cross-entropy times (1 − p) to the power of γ: it spends less on what is already easy, and is no proper score (Lin et al. 2017).", ("focal",)),
    Term("gradient", "gradient", "How fast the loss changes with each number that can be turned, and in which direction. For cross-entropy with respect to the logits it is ŷ − y."),
    Term("hierarchical softmax", "vocabulary", "A tree of yes-or-no choices with one token at each leaf: a token costs as many steps as its leaf is deep, about log₂ V (Morin and Bengio 2005)."),
    Term("hinge loss", "losses", "Zero once the truth leads its strongest rival by a margin, and linear before. It wants an order, not probabilities.", ("hinge",)),
    Term("Huffman code", "compression", "The best code that gives every token a whole number of bits."),
    Term("InfoNCE", "contrastive", "Cross-entropy over the softmax of similarities, the true partner being the target (van den Oord et al. 2018)."),
    Term("Jensen–Shannon divergence", "entropy", "A symmetric relative of KL that is never infinite: the mean KL of p and of q to their midpoint."),
    Term("KL divergence", "entropy", "KL(p‖q) = H(p, q) − H(p): what believing q costs beyond what p itself costs. Never negative, not symmetric.", ("Kullback–Leibler divergence", "KL")),
    Term("label smoothing", "calibration", "Giving the truth 1 − ε of the target and spreading ε over all classes, so that the best lead is finite (Szegedy et al. 2016)."),
    Term("language model", "chain_rule", "Anything that gives every text a probability; here by giving every next token one."),
    Term("learning rate", "training", "How large a step an optimiser takes against the gradient."),
    Term("log-likelihood", "likelihood", "The logarithm of the probability that a model gives to what came. Its negative is the loss.", ("negative log-likelihood", "likelihood")),
    Term("logit", "gradient", "The score a model gives a token before softmax turns all scores into probabilities.", ("logits",)),
    Term("loss", "chain_rule", "A number that says how wrong a prediction was, and that training makes small. In this book, unless said otherwise, −log P of what came."),
    Term("Markov source", "entropy", "A source in which each symbol depends on the one before by a fixed table; its entropy is known exactly."),
    Term("masked language model", "masked", "A model that sees a text from both sides with some tokens hidden, and predicts those (Devlin et al. 2019).", ("masked LM",)),
    Term("maximum likelihood", "likelihood", "Choosing the model under which the data are most probable; the same thing as the least cross-entropy on them."),
    Term("minimal pair", "downstream", "Two sentences that differ in one thing, one of them right. A model passes if it finds the right one likelier.", ("minimal pairs",)),
    Term("minimum-risk training", "exposure", "Training on the expected reward over a few whole sampled texts, weighted by how likely the model finds them (Shen et al. 2016)."),
    Term("n-gram", "perplexity", "A model that counts runs of n tokens: unigram, bigram, trigram.", ("trigram", "bigram", "unigram")),
    Term("nat", "chain_rule", "The unit of loss with the natural logarithm. One nat is 1.443 bits.", ("nats",)),
    Term("nucleus sampling", "exposure", "Drawing only from the fewest tokens that together have at least a given probability.", ("top-p",)),
    Term("one-hot", "likelihood", "A distribution with all of its probability on one thing: what came."),
    Term("optimiser", "training", "The rule that turns gradients into steps: plain descent, Adam, Muon and others."),
    Term("perplexity", "perplexity", "exp of the mean loss: among how many equally likely tokens the model might as well be choosing."),
    Term("PPMd", "compression", "A file compressor that predicts each byte from the few before it, learning as it goes; long the best for text."),
    Term("proper score", "losses", "A score that is best, on average, when one states what one believes. Log and Brier are proper, accuracy and the hinge are not.", ("proper",)),
    Term("pseudo-log-likelihood", "masked", "The sum over a sentence of each token's log-probability given all the others. Not the logarithm of any probability of the sentence (Salazar et al. 2020)."),
    Term("rank", "heatmap", "The place of what came in the model's order of all candidates; 1 is its favourite."),
    Term("REINFORCE", "exposure", "Learning from a reward by making sampled texts likelier in proportion to it; unbiased and noisy (Williams 1992)."),
    Term("reliability diagram", "calibration", "Stated confidence against how often it was right, bin by bin; the diagonal is perfect."),
    Term("sampled softmax", "contrastive", "An estimate of the full softmax loss from the true token and a few drawn ones."),
    Term("scheduled sampling", "exposure", "Training on contexts in which some tokens are the model's own (Bengio et al. 2015)."),
    Term("softmax", "gradient", "exp of each score divided by their sum: scores in, probabilities out."),
    Term("start token", "chain_rule", "A token that stands before every text, so that its first word too has something to be predicted from."),
    Term("stride", "perplexity", "How far a window moves on when a long text is read through overlapping windows."),
    Term("surprisal", "chain_rule", "−log P of what came: the loss of one token.", ("surprise",)),
    Term("teacher forcing", "exposure", "Training with the true text as context at every step, whatever the model would have written."),
    Term("temperature", "calibration", "A number T that logits are divided by before softmax: above 1 flatter, below 1 sharper."),
    Term("token", "chain_rule", "The piece of text a model predicts at a time: a word, a part of one, a mark.", ("tokens",)),
    Term("tokenizer", "perplexity", "What cuts a text into tokens. Losses per token compare only within one tokenizer.", ("tokenizers",)),
    Term("top-k sampling", "exposure", "Drawing only from the k likeliest tokens.", ("top-k",)),
    Term("uniformity", "contrastive", "How evenly embeddings cover the sphere they lie on."),
    Term("vocabulary", "chain_rule", "All the tokens a model knows; V is their number."),
)  # fmt: skip


@cache
def by_slug() -> dict[str, Term]:
    """Every term under its name in an address."""
    return {term.slug: term for term in TERMS}


@cache
def spellings() -> dict[str, Term]:
    """Every spelling, lower case, and the term it stands for."""
    return {spelling.lower(): term for term in TERMS for spelling in (term.name, *term.also)}


def link(name: str, shown: str | None = None) -> str:
    """A Markdown link from a word on a page to its entry. Raises KeyError for a word that is none.

    >>> link("perplexity")
    '[perplexity](glossary?term=perplexity)'
    """
    return f"[{shown or name}](glossary?term={spellings()[name.lower()].slug})"


def find(words: str) -> list[Term]:
    """The terms that hold all of the words, those whose name begins with them first.

    >>> [term.name for term in find("calib")][:2]
    ['calibration', 'expected calibration error']
    """
    wanted = words.lower().split()
    if not wanted:
        return []
    found = [term for term in TERMS if all(word in f"{term.name} {' '.join(term.also)} {term.meaning}".lower() for word in wanted)]
    return sorted(found, key=lambda term: (not term.name.lower().startswith(wanted[0]), wanted[0] not in term.name.lower(), term.name.lower()))
