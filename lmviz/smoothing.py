"""Where label smoothing comes to rest, found by minimising the real loss instead of deriving it."""

from __future__ import annotations

from lmviz import losses


def gap_path(smoothing: float, n_classes: int, spread: str = "all", *, most: int = 100) -> list[float]:
    """z_y − mean of the other logits after each step of L-BFGS on `losses.label_smoothing`, nats, from z = 0 until no gradient is left.

    The last one is `calibration.optimal_logit_gap`, which is derived. Raises ValueError as `losses.label_smoothing` does.

    >>> from lmviz import calibration
    >>> abs(gap_path(0.1, 10)[-1] - calibration.optimal_logit_gap(0.1, 10)) < 1e-6
    True
    """
    import torch

    z = torch.zeros(n_classes, dtype=torch.float64, requires_grad=True)
    target = torch.tensor(0)
    optimiser = torch.optim.LBFGS([z], max_iter=1, max_eval=30, tolerance_grad=0.0, tolerance_change=0.0, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        with torch.enable_grad():
            loss = losses.label_smoothing(z, target, smoothing=smoothing, spread=spread)
            loss.backward()
        return loss

    path = [0.0]
    for _ in range(most):
        optimiser.step(closure)
        path.append((z[0] - z[1:].mean()).item())
        closure()
        if z.grad.abs().max() < 1e-12 or path[-1] == path[-2]:
            break
    return path
