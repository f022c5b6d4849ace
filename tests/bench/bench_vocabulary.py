"""What does a token cost in time and memory as the vocabulary grows, under four heads, and to which power of V?

    python tests/bench/bench_vocabulary.py [--sizes 1024 4096 …] [--patience SECONDS] [--json FILE]

One training step each, on one core: processor time a token, and the bytes that one more token adds to the most alive at once. Exponents
are fitted from V = 4 096 on. Then every step is checked once against a softmax in float64: a quick head that is wrong is no head.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch  # noqa: E402

from lmviz.vocabulary import costs, growth  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", type=int, default=list(costs.SIZES))
    parser.add_argument("--patience", type=float, default=0.2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = []
    for V in options.sizes:
        row = [costs.measure(kind, V, patience=options.patience) for kind in costs.KINDS]
        found += row
        print(f"V = {V:7}  " + "  ".join(f"{cost.kind} {1e6 * cost.seconds:8.2f} µs {cost.n_bytes / 1e3:8.2f} kB" for cost in row), flush=True)
    large = [V for V in options.sizes if V >= 4096]
    if len(large) > 1:
        for kind in costs.KINDS:
            line = [cost for cost in found if cost.kind == kind and cost.vocab_size in large]
            exponents = [growth.exponent(large, [getattr(cost, field) for cost in line]) for field in ("seconds", "n_bytes")]
            print(f"{kind:9} time ~ V^{exponents[0]:.2f}, memory ~ V^{exponents[1]:.2f}")
    print(f"full softmax in strips, largest difference of loss and gradients from float64: {difference():.1e}")
    if options.json:
        options.json.write_text(json.dumps([asdict(cost) for cost in found], indent=1), encoding="utf-8")


def difference(vocab_size: int = 4096, n_tokens: int = 600) -> float:
    from lmviz.vocabulary import chunked

    states, targets = costs.examples(vocab_size, n_tokens)
    weight = torch.randn(vocab_size, costs.D, generator=torch.Generator().manual_seed(2)) / 8

    def run(dtype, loss):
        inputs = [t.to(dtype).requires_grad_() for t in (states, weight)]
        value = loss(*inputs)
        return value.detach(), *torch.autograd.grad(value, inputs)

    plain = run(torch.float64, lambda s, w: torch.nn.functional.cross_entropy(s @ w.T, targets))
    strips = run(torch.float32, lambda s, w: chunked.cross_entropy(s, w, targets))
    return max(float((a - b).abs().max()) for a, b in zip(plain, strips, strict=True))


if __name__ == "__main__":
    main()
