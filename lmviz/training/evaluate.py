"""Held-out bits per byte of any model behind the port: the number `scoring.score` gives, without all it also gives."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from lmviz import units
from lmviz.models.port import CausalLM
from lmviz.models.windows import windows

ROWS = 512


def bits_per_byte(model: CausalLM, texts: Iterable[str], *, every: int = 1, context: int | None = None, stride: int | None = None) -> float:
    """Bits per byte over whole texts, in overlapping windows of the model's context (stride: half of it): nats and bytes pooled.

    `every` reads only each so-manieth window, spread evenly: an estimate at a fraction of the price.
    """
    total_nats, n_bytes = 0.0, 0
    context = min(model.context, 1 << 14) if context is None else context
    with torch.inference_mode():
        for text in texts:
            encoded = model.encode(text)
            for w in windows(len(encoded), context, stride)[::every]:
                ids = encoded.ids[w.begin : w.end]
                counted = w.counted - w.begin
                (states,), _ = model.states([(model.start_id, *ids[:-1])])
                for first in range(counted, len(ids), ROWS):
                    targets = torch.tensor(ids[first : first + ROWS])
                    logits = model.logits(states[first : first + ROWS])
                    total_nats += float((logits.logsumexp(1) - logits.gather(1, targets[:, None])[:, 0]).sum(dtype=torch.float64))
                n_bytes += encoded.ends[w.end - 1] - encoded.starts[w.counted]
    return units.bits_per_byte(total_nats, n_bytes)
