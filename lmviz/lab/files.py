"""A run as files a reader can keep: the weights under transformers' names, with what is needed to use them."""

from __future__ import annotations

import json

from safetensors.torch import save

from lmviz.lab.material import START_ID
from lmviz.lab.run import Run
from lmviz.models import weights


def safetensors(run: Run) -> bytes:
    """The weights in float32 under transformers' names; the metadata hold the config, the settings and what a token id means."""
    config = weights.hf_config(run.config, dtype="float32", bos_token_id=START_ID, pad_token_id=None, eos_token_id=None)
    metadata = {
        "format": "pt",
        "config": json.dumps(config),
        "settings": json.dumps(vars(run.settings)),
        "steps": str(run.steps_done),
        "tokens": "0: start of text; 1, 2: unused; 3 to 258: the bytes in the order of GPT-2's byte alphabet",
    }
    return save(weights.to_hf(run.model.state_dict(), run.config), metadata)
