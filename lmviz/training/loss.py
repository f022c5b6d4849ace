"""The loss that runs are made with: the full softmax, never written down. See `lmviz.vocabulary.chunked`."""

from lmviz.vocabulary.chunked import cross_entropy as chunked_cross_entropy

ROWS = 512  # of logits at once, where a run does its own strips

__all__ = ["ROWS", "chunked_cross_entropy"]
