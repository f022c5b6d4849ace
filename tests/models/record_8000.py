"""Record what plain transformers says of one text of 8,000 tokens: `python tests/models/record_8000.py` (about a minute).

transformers' own LlamaForCausalLM in float32, the head a few rows at a time, float64 log-softmax. The recording is beside
this file; `test_exactness.py` holds our figures to it, and `tests/bench/bench_scoring.py` repeats the comparison live.
"""

import random
from pathlib import Path

import numpy as np

RECORDING = Path(__file__).parent / "recorded_8000.npz"
WORDS = "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were".split()


def long_text() -> str:
    """8,000 common words in no order, one token each."""
    rng = random.Random(8)
    return " ".join(rng.choice(WORDS) for _ in range(8000))


def main() -> None:
    import torch
    from transformers import LlamaForCausalLM

    from lmviz.models import files
    from lmviz.models.tokenizer import ByteBPE

    folder = files.prepare_smollm2()
    ids = ByteBPE.from_file(folder / "tokenizer.json", "smollm2", files.SMOLLM2_CONTROL).encode(long_text()).ids
    network = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    columns = {"log_probs": [], "entropies": [], "top_log_probs": []}
    with torch.inference_mode():
        states = network.model(torch.tensor([[0, *ids[:-1]]])).last_hidden_state[0]
        for block, y in zip(states.split(128), torch.tensor(ids).split(128)):
            q = torch.log_softmax(network.lm_head(block).double(), -1)
            columns["log_probs"].append(q.gather(1, y[:, None])[:, 0])
            columns["entropies"].append(-(q.exp() * q).sum(1))
            columns["top_log_probs"].append(q.amax(1))
    np.savez_compressed(RECORDING, **{name: torch.cat(parts).numpy().astype(np.float32) for name, parts in columns.items()})


if __name__ == "__main__":
    main()
