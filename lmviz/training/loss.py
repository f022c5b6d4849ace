"""The loss that runs are made with: the full softmax, never written down. See `lmviz.vocabulary.chunked`."""

from lmviz.vocabulary.chunked import cross_entropy as chunked_cross_entropy

__all__ = ["chunked_cross_entropy"]
