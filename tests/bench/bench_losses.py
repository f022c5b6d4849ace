"""How long does it take to recolour a sentence under all five losses, once its logits are known, against one forward pass of the model?

    python tests/bench/bench_losses.py [TEXT]

Three ways, each as a share of a forward pass: from four numbers a token (what a slider on the page does), from the full logits (what a
new sentence costs once), and through the full closed-form gradients [T, V] of all five.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch  # noqa: E402

from lmviz import gradients, models, pulls  # noqa: E402
from lmviz.data.first_views import pulls as view  # noqa: E402
from lmviz.models import scoring  # noqa: E402

REPEATS = 25


def least_seconds(functions) -> dict[str, float]:
    """The least time of each, measured in turns: on a busy machine the least is nearest to what the work costs."""
    least = {f.__name__: float("inf") for f in functions}
    for _ in range(REPEATS):
        for function in functions:
            start = time.perf_counter()
            function()
            least[function.__name__] = min(least[function.__name__], time.perf_counter() - start)
    return least


def main() -> None:
    model = models.load("smollm2-135m")
    scored = scoring.score(model, sys.argv[1] if len(sys.argv) > 1 else view.MISTAKE)
    logits, targets = view.logits_of(model, scored)
    evidence = pulls.from_logits(logits, targets)
    ids = [token.id for token in scored.tokens]

    def forward():
        (states,), _ = model.states([[model.start_id, *ids[:-1]]])
        model.logits(states)

    def from_evidence():
        return [pulls.pull(name, evidence) for name in pulls.LOSSES]

    def from_logits():
        known = pulls.from_logits(logits, targets)
        return [pulls.pull(name, known) for name in pulls.LOSSES]

    def from_gradients():
        return [getattr(gradients, name)(logits, targets).gather(1, targets[:, None]) for name in pulls.LOSSES]

    seconds = least_seconds([forward, from_evidence, from_logits, from_gradients])
    print(f"{len(ids)} tokens, V = {logits.shape[1]}, {torch.get_num_threads()} threads; one forward pass {1000 * seconds['forward']:.1f} ms")
    for name in ("from_evidence", "from_logits", "from_gradients"):
        print(f"all five losses {name.replace('_', ' ')}: {1000 * seconds[name]:.3f} ms, {seconds[name] / seconds['forward']:.2%} of a forward pass")


if __name__ == "__main__":
    main()
