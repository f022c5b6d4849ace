"""Models of the Hugging Face hub behind the `CausalLM` port: the only import of transformers.

Only where the host allows it (LMVIZ_HUB), only safetensors, never code from the repository, never the host's own access token,
no more megabytes than LMVIZ_HUB_MAX_MB, and always one commit, whose hash is the model's `revision`. The weights are read as float32.
The start of a text is the tokenizer's bos token, else its eos token.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lmviz import models, settings
from lmviz.errors import ReaderError
from lmviz.models import files
from lmviz.models.port import Encoded
from lmviz.models.registry import ModelRow
from lmviz.models.tokenizer import byte_alphabet, utf8

if TYPE_CHECKING:
    import torch

PREFIX = "hub:"
CONTEXT = 2048  # most ids in one window, whatever the model could hold: attention on a CPU
LOADED, KEPT = 2, 4  # models in memory, repositories on the disk; the oldest give way
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
SMALL_FILES = re.compile(r"[\w.-]+\.(json|txt|model)", re.ASCII)  # sizes, names, vocabulary, merges
WEIGHTS = re.compile(r"model[\w.-]*\.safetensors(\.index\.json)?", re.ASCII)
UNFIT = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ImportError, AssertionError)  # what foreign files make libraries raise

_doing: dict[str, str] = {}
_loaded: OrderedDict[str, None] = OrderedDict()
_one_at_a_time = Lock()


class HubLM:
    """A transformers model behind the port: its body gives the states, its head the logits. It keeps no past."""

    dtype = "float32"

    def __init__(self, network, tokenizer: FastTokenizer, *, name: str, revision: str, start_id: int, context: int):
        self.name, self.revision, self.start_id, self.context = name, revision, start_id, context
        self.tokenizer, self.tokenizer_name = tokenizer, tokenizer.name
        self._body, self._head = network.base_model, network.get_output_embeddings()
        self.vocab_size = self._head.weight.shape[0]
        self.n_parameters = sum(p.numel() for p in network.parameters())

    def encode(self, text: str) -> Encoded:
        return self.tokenizer.encode(text)

    def token_bytes(self, token_id: int) -> bytes:
        return self.tokenizer.token_bytes(token_id)

    def states(
        self, batch: Sequence[Sequence[int]], pasts: Sequence[object] | None = None, *, remember: bool = False, tick: Callable[[float], None] | None = None
    ) -> tuple[list[torch.Tensor], list[object]]:
        """[T_i, D] of each sequence, one by one and so without padding; no pasts."""
        import torch

        if pasts is not None and any(past is not None for past in pasts):
            raise ValueError("pasts must be None: a hub model keeps none")
        rows = []
        with torch.inference_mode():
            for i, ids in enumerate(batch):
                rows.append(self._body(input_ids=torch.tensor([list(ids)]), use_cache=False).last_hidden_state[0])
                if tick is not None:
                    tick((i + 1) / len(batch))
        return rows, [None] * len(rows)

    def logits(self, states: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Float32 [N, V]."""
        import torch

        with torch.inference_mode():
            scores = self._head(states)
            return scores if out is None else out.copy_(scores)


class FastTokenizer:
    """A `tokenizers` tokenizer with byte offsets: its tokens laid end to end are the text, or it is refused."""

    def __init__(self, json_text: str, name: str):
        from tokenizers import Tokenizer

        self.name = name
        self._tokenizer = Tokenizer.from_str(json_text)
        self._tokenizer.encode_special_tokens = True  # typed text never becomes a control token
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        kinds = set(re.findall(r'"type":\s*"(\w+)"', json.dumps([json.loads(json_text).get(part) for part in ("decoder", "pre_tokenizer", "normalizer")])))
        self._byte_level = "ByteLevel" in kinds
        if not self._byte_level and not kinds & {"ByteFallback", "Metaspace"}:
            raise ReaderError(f"The tokenizer of {name} does not keep every character of a text, so its losses would belong to another text.")
        self._added = {i: token.content for i, token in self._tokenizer.get_added_tokens_decoder().items()}

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes a token stands for; its name for a control token, and <id> for one that the vocabulary leaves open."""
        if token_id in self._added:
            return self._added[token_id].encode()
        token = self._tokenizer.id_to_token(token_id)
        if token is None:
            return f"<{token_id}>".encode()
        if self._byte_level:
            alphabet = byte_alphabet()
            return bytes(alphabet[c] for c in token) if all(c in alphabet for c in token) else token.encode()
        if re.fullmatch(r"<0x[0-9A-F]{2}>", token):
            return bytes([int(token[3:5], 16)])
        return token.replace("▁", " ").encode()

    def encode(self, text: str) -> Encoded:
        """Ids and byte offsets. subtle: many tokenizers put a space before a text; the first token's span is then one byte less than the token."""
        raw = utf8(text)
        ids = tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)
        pieces = [self.token_bytes(i) for i in ids]
        whole = b"".join(pieces)
        if whole == b" " + raw and pieces and pieces[0][:1] == b" ":
            pieces[0] = pieces[0][1:]
        elif whole != raw:
            raise ReaderError(
                f"The tokenizer of {self.name} changes this text before it reads it, so the losses would belong to another text. Another model will do."
            )
        ends = tuple(accumulate(map(len, pieces)))
        return Encoded(ids, (0, *ends[:-1]) if ids else (), ends, raw)


def row(name: str) -> ModelRow | None:
    """The row of `hub:owner/name`, or None if that is not such a name."""
    if not name.startswith(PREFIX):
        return None
    reference = name.removeprefix(PREFIX)
    return ModelRow(name, reference.rstrip("/").rpartition("/")[2], "transformer", f"{reference}, from the Hugging Face hub, read as float32.", "see its model card",
                    f"the Hugging Face hub: {reference}", reference, lambda: bool(settings.value("LMVIZ_HUB")), lambda: load(name),
                    missing="Models from the Hugging Face hub are switched off here.", remedy="LMVIZ_HUB=1 streamlit run app.py")  # fmt: skip


def doing(name: str) -> str:
    """What is being done to get a model, in words for readers."""
    return _doing.get(name, "waiting for another model")


def load(name: str) -> HubLM:
    """Fetch (unless it is here) and load `hub:owner/name`; one at a time. Every reason why it cannot be is a ReaderError."""
    reference = name.removeprefix(PREFIX)
    if not settings.value("LMVIZ_HUB"):
        raise ReaderError("Models from the Hugging Face hub are switched off here.", remedy="LMVIZ_HUB=1 streamlit run app.py")
    with _one_at_a_time:
        try:
            _doing[name] = f"looking for {reference}"
            folder, revision = _here(reference) if _is_local(reference) else _fetched(reference, name)
            _doing[name] = f"loading {reference}"
            model = _read(folder, name, reference, revision)
        finally:
            _doing.pop(name, None)
        _loaded[name] = None
        _loaded.move_to_end(name)
        while len(_loaded) > LOADED:
            models.unload(_loaded.popitem(last=False)[0])
        return model


def _is_local(reference: str) -> bool:
    return bool(settings.value("LMVIZ_HUB_LOCAL")) and os.path.isabs(reference) and os.path.isdir(reference)


def _here(reference: str) -> tuple[Path, str]:
    """A folder of this machine, and a revision that names its weights."""
    folder = Path(reference)
    weights = sorted(file for file in folder.iterdir() if WEIGHTS.fullmatch(file.name))
    _check_weights(reference, {file.name: file.stat().st_size for file in weights})
    _check_config(reference, folder / "config.json")
    return folder, "-".join(files.sha256(file)[:12] for file in weights)[:40]


def _fetched(reference: str, name: str) -> tuple[Path, str]:
    """The repository's newest commit, fetched unless it is here; without a network, the newest that is here."""
    from huggingface_hub import HfApi, errors, hf_hub_download, snapshot_download

    if not NAME.fullmatch(reference) or ".." in reference or "--" in reference:
        raise ReaderError(f"“{reference[:60]}” is not the name of a model on the hub. Such a name has the form owner/name.")
    cache = files.cache_dir() / "hub"
    common = {"repo_id": reference, "cache_dir": cache, "token": False}  # a reader's wish is no reason to use the host's token
    try:
        info = HfApi(token=False).model_info(reference, files_metadata=True, timeout=15)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
        _check_weights(reference, {file: size for file, size in sizes.items() if WEIGHTS.fullmatch(file)})
        _check_config(reference, Path(hf_hub_download(filename="config.json", revision=info.sha, **common)))
        wanted = [file for file in sizes if WEIGHTS.fullmatch(file) or SMALL_FILES.fullmatch(file)]
        _doing[name] = f"fetching {reference}, {sum(sizes[file] for file in wanted) / 1e6:.0f} MB"
        folder = Path(snapshot_download(revision=info.sha, allow_patterns=wanted, **common))
    except ReaderError:
        raise
    except (errors.RepositoryNotFoundError, errors.GatedRepoError, errors.HFValidationError):
        raise ReaderError(f"The hub has no model “{reference}” that is open to all.") from None
    except errors.EntryNotFoundError:
        raise ReaderError(f"“{reference}” has no config.json: it is not a language model that can be read from here.") from None
    except Exception as unreachable:  # no network, in the words of half a dozen libraries
        folder = _newest_here(cache, reference)
        if folder is None:
            raise ReaderError(
                f"The Hugging Face hub could not be reached from this machine, and “{reference}” is not here ({type(unreachable).__name__})."
            ) from None
        _check_weights(reference, {file.name: file.stat().st_size for file in folder.iterdir() if WEIGHTS.fullmatch(file.name)})
        _check_config(reference, folder / "config.json")
    _tidy(cache, folder)
    return folder, folder.name


def _newest_here(cache: Path, reference: str) -> Path | None:
    """The commit of a repository that was fetched last, complete with its weights."""
    commits = (cache / f"models--{reference.replace('/', '--')}" / "snapshots").glob("*/config.json")
    whole = [file.parent for file in commits if any(WEIGHTS.fullmatch(other.name) and other.exists() for other in file.parent.iterdir())]
    return max(whole, key=lambda folder: folder.stat().st_mtime, default=None)


def _tidy(cache: Path, present: Path) -> None:
    """Keep the disk bounded: of the fetched repositories only the newest stay."""
    repositories = sorted(cache.glob("models--*"), key=lambda folder: folder.stat().st_mtime)
    for old in [folder for folder in repositories if folder not in present.parents][: -(KEPT - 1)]:
        shutil.rmtree(old, ignore_errors=True)


def _check_weights(reference: str, sizes: dict[str, int]) -> None:
    weights = sum(size for file, size in sizes.items() if file.endswith(".safetensors"))
    most = settings.value("LMVIZ_HUB_MAX_MB")
    if not weights:
        raise ReaderError(f"“{reference}” has no weights in the safetensors format, the only one that is read here: other formats can hold programs.")
    if weights > most * 1e6:
        raise ReaderError(f"The weights of “{reference}” have {weights / 1e6:.0f} MB; the host of this book allows {most} MB.")


def _check_config(reference: str, file: Path) -> None:
    """A causal language model of a kind that transformers itself knows."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN

    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        kind, architectures = config.get("model_type"), config.get("architectures") or []
    except (OSError, ValueError, AttributeError):
        raise ReaderError(f"The config.json of “{reference}” cannot be read.") from None
    if kind not in KNOWN and "auto_map" in config:
        raise ReaderError(f"“{reference}” can be run only with a program from its own repository. Such programs are never run here.")
    known = KNOWN.get(kind, ())
    if not set(architectures) & ({known} if isinstance(known, str) else set(known)):
        raise ReaderError(f"“{reference}” is not a causal language model: it does not predict the next token of a text.")


def _read(folder: Path, name: str, reference: str, revision: str) -> HubLM:
    """The files of one commit as a model, tried on a few tokens: head(body) must be what the model itself gives."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    title = reference.rstrip("/").rpartition("/")[2]
    options = {"trust_remote_code": False, "local_files_only": True}
    try:
        slow = AutoTokenizer.from_pretrained(folder, **options)
        tokenizer = FastTokenizer(slow.backend_tokenizer.to_str(), title)
        start = slow.bos_token_id if slow.bos_token_id is not None else slow.eos_token_id
        network = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **options).eval().requires_grad_(False)
        longest = getattr(network.config, "max_position_embeddings", None) or getattr(network.config, "n_positions", None) or CONTEXT
        if start is None:
            raise ReaderError(f"“{title}” has no token for the start of a text.")
        model = HubLM(network, tokenizer, name=name, revision=revision, start_id=start, context=min(longest, CONTEXT))
        few = [start, *range(min(7, model.vocab_size, model.context - 1))]
        with torch.inference_mode():
            whole = network(input_ids=torch.tensor([few]), use_cache=False).logits[0]
            parted = model.logits(model.states([few])[0][0])
    except ReaderError:
        raise
    except (*UNFIT, SafetensorError) as unfit:
        raise ReaderError(f"“{title}” cannot be read here ({type(unfit).__name__}).") from unfit
    if whole.shape != parted.shape or not torch.allclose(whole, parted, atol=1e-3, rtol=1e-4):
        raise ReaderError(f"“{title}” does something to its scores after its last layer that is not understood here.")
    return model
