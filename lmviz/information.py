"""Entropy, cross-entropy and divergences of given distributions, in nats.

The last dimension of p and q is the distribution; leading dimensions are a batch and broadcast. 0·log 0 = 0, and +inf is an
answer, not an error: it is what it costs to meet an outcome that q called impossible. Source: Shannon (1948); Cover & Thomas
(2006), ch. 2.
"""

import torch

from lmviz import checks


def entropy(p) -> torch.Tensor:
    """H(p) = −Σ p log p, nats: the least any code or model can pay per outcome when p is the truth.

    p [..., V] → [...]. Raises ValueError if p is not a distribution.

    >>> round(entropy([0.5, 0.25, 0.25]).item(), 6)     # 1.5 bits
    1.039721
    >>> entropy([1.0, 0.0]).item()                      # 0·log 0 = 0
    0.0
    """
    p = checks.distribution_tensor(p, "p")
    return 0.0 - torch.xlogy(p, p).sum(-1)  # 0 − 0 is 0; −(0) would read −0


def cross_entropy(p, q) -> torch.Tensor:
    """H(p, q) = −Σ p log q, nats: what the model q pays per outcome when p is the truth.

    p, q [..., V] → [...]. Raises ValueError if either is not a distribution or their last dimensions differ.

    >>> round(cross_entropy([0.5, 0.5], [0.9, 0.1]).item(), 6)
    1.203973
    >>> cross_entropy([0.5, 0.5], [1.0, 0.0]).item()    # q calls an outcome impossible that happens
    inf
    """
    p, q = _two_distributions(p, q)
    return 0.0 - torch.xlogy(p, q).sum(-1)


def kl_divergence(p, q) -> torch.Tensor:
    """KL(p‖q) = Σ p log(p/q) = H(p, q) − H(p) ≥ 0, nats: what q pays beyond the least possible. Not symmetric.

    p, q [..., V] → [...]. Raises ValueError if either is not a distribution or their last dimensions differ.
    Summed term by term: H(p, q) − H(p) would lose the digits that the two have in common. Source: Kullback & Leibler (1951).

    >>> round(kl_divergence([0.5, 0.5], [0.9, 0.1]).item(), 6), round(kl_divergence([0.9, 0.1], [0.5, 0.5]).item(), 6)
    (0.510826, 0.368064)
    >>> kl_divergence([1.0, 0.0], [1.0, 0.0]).item()
    0.0
    """
    p, q = _two_distributions(p, q)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


def js_divergence(p, q) -> torch.Tensor:
    """Jensen–Shannon divergence H((p+q)/2) − (H(p) + H(q))/2, nats: symmetric, never infinite, at most ln 2.

    p, q [..., V] → [...]. Raises ValueError if either is not a distribution or their last dimensions differ. Source: Lin (1991).

    >>> round(js_divergence([1.0, 0.0], [0.0, 1.0]).item(), 6)
    0.693147
    """
    p, q = _two_distributions(p, q)
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def _two_distributions(p, q) -> tuple[torch.Tensor, torch.Tensor]:
    p, q = checks.distribution_tensor(p, "p"), checks.distribution_tensor(q, "q")
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"q must have as many outcomes as p, {p.shape[-1]}, got {q.shape[-1]}")
    try:
        torch.broadcast_shapes(p.shape, q.shape)
    except RuntimeError as problem:
        raise ValueError(f"q must have leading dimensions that fit p's, {tuple(p.shape)}, got {tuple(q.shape)}") from problem
    dtype = torch.promote_types(p.dtype, q.dtype)
    return p.to(dtype), q.to(dtype)
