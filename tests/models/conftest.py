"""A small random Llama with a real byte-level tokenizer, on disk as a verified folder; and plain references to hold ours against."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmviz.models import files, weights
from lmviz.models.causal import load_llama
from lmviz.models.llama import Llama, LlamaConfig

CONTROL = {"<|start|>": 0, "<|mask|>": 1}
CONFIG = LlamaConfig(
    vocab_size=300, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64
)


def tokenizer_json() -> str:
    """A byte-level BPE of 300 tokens: 2 control names, the 256 bytes, 42 merges."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=list(CONTROL), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(
        [
            "the cat sat on the mat and the dog sat on the log",
            "old words were spoken where five boxing wizards jump quickly over lazy dogs",
            "hello world; this is how children learn to read",
        ],
        trainer,
    )
    plain = tokenizer.to_str()
    bare = Tokenizer.from_str(plain)
    bare_model = models.BPE(bare.get_vocab(), [tuple(m) for m in json.loads(plain)["model"]["merges"]])
    clean = Tokenizer(bare_model)  # no control token in the matcher, as the real folders have it
    clean.pre_tokenizer, clean.decoder = tokenizer.pre_tokenizer, tokenizer.decoder
    return clean.to_str()


def write_folder(folder, config: LlamaConfig = CONFIG, seed: int = 0):
    """A folder of random weights, ten times as large as at the start of training so that predictions are far from uniform."""
    network = Llama(config)
    network.init_weights(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(10.0 if parameter.dim() == 2 else 1.3)

    def fill(target):
        save_file(weights.to_hf(network.state_dict(), config), target / "model.safetensors", metadata={"format": "pt"})
        (target / "config.json").write_text(json.dumps(weights.hf_config(config)))
        (target / "tokenizer.json").write_text(tokenizer_json(), encoding="utf-8")

    files.build(folder, fill)
    return folder


def load_folder(folder, name="small"):
    return load_llama(folder, name=name, tokenizer_name="test", control=CONTROL, start_id=0, remedy="write it again")


class Reference:
    """Plain transformers: logits of a text read alone, then float64 log-softmax. Nothing of ours but the ids."""

    def __init__(self, folder):
        from transformers import LlamaForCausalLM

        self.network = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def log_probs(self, start_id: int, ids) -> torch.Tensor:
        """[T, V] float64; fine for short texts."""
        return torch.cat(list(self.blocks(start_id, ids)))

    def blocks(self, start_id: int, ids, rows: int = 128):
        """The same, a few rows at a time."""
        with torch.inference_mode():
            states = self.network.model(torch.tensor([[start_id, *ids[:-1]]])).last_hidden_state[0]
            for block in states.split(rows):
                yield torch.log_softmax(self.network.lm_head(block).double(), -1)

    def figures(self, start_id: int, ids, top_k: int = 10) -> dict[str, np.ndarray]:
        columns = {name: [] for name in ("log_probs", "entropies", "lowest_rank", "highest_rank", "top_log_probs", "tail_log_prob")}
        place = 0
        for q in self.blocks(start_id, ids):
            y = torch.tensor(ids[place : place + len(q)])[:, None]
            place += len(q)
            true, p = q.gather(1, y), q.exp()
            top = q.topk(top_k, dim=1).values
            columns["log_probs"].append(true[:, 0])
            columns["entropies"].append(-(p * q).sum(1))
            columns["lowest_rank"].append(1 + (q > true + 1e-4).sum(1))  # a rank is as uncertain as the logits it is counted on
            columns["highest_rank"].append(1 + (q > true - 1e-4).sum(1) - 1)
            columns["top_log_probs"].append(top)
            columns["tail_log_prob"].append(torch.logsumexp(q.scatter(1, q.topk(top_k, dim=1).indices, -torch.inf), 1))
        return {name: torch.cat(parts).numpy() for name, parts in columns.items()}


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("small") / "model")


@pytest.fixture(scope="session")
def small(small_folder):
    return load_folder(small_folder)


@pytest.fixture(scope="session")
def small_reference(small_folder):
    return Reference(small_folder)


@pytest.fixture(scope="session")
def smollm2_reference():
    return Reference(files.prepare_smollm2())


@pytest.fixture(scope="session")
def agree():
    """Assert that a ScoredText of ours and the reference's figures agree to `within` nats, position by position."""

    def check(scored, wanted, within=1e-3):
        for name in ("log_probs", "entropies", "top_log_probs", "tail_log_prob"):
            np.testing.assert_allclose(getattr(scored, name), wanted[name], rtol=0, atol=within, err_msg=name)
        assert ((scored.ranks >= wanted["lowest_rank"]) & (scored.ranks <= np.maximum(wanted["highest_rank"], wanted["lowest_rank"]))).all()
        mass = np.exp(scored.top_log_probs).sum(1) + np.exp(scored.tail_log_prob)
        np.testing.assert_allclose(mass, 1.0, rtol=0, atol=1e-6)

    return check


@pytest.fixture(scope="session")
def wide(tmp_path_factory):
    """The small Llama with SmolLM2's context of 8,192 tokens, and its reference."""
    folder = write_folder(tmp_path_factory.mktemp("wide") / "model", dataclasses.replace(CONFIG, max_position_embeddings=8192))
    return load_folder(folder, "wide"), Reference(folder)
