"""Hub models, offline: small random checkpoints of three families on this machine, held against plain transformers."""

import json
import shutil

import numpy as np
import pytest
import torch

from lmviz import models
from lmviz.errors import ReaderError
from lmviz.models import hub, scoring

TEXTS = ["The cat sat on the mat.", "A 2nd text, with ünïcode 🐱 and\nlines", " leading", "x", "<|end|> typed by a reader"]


def byte_level(folder, *, prefix_space=False, normalizer=None):
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
    from tokenizers import models as kinds
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(kinds.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = getattr(normalizers, normalizer)()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|end|>", "<|pad|>"], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(["the cat sat on the mat and the dog sat on the log"] * 3, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>").save_pretrained(folder)
    return tokenizer


def sentence_pieces(folder):
    """As Llama 2 has it: a space before the text, ▁ for spaces, bytes for what has no piece of its own."""
    from tokenizers import Tokenizer, decoders, normalizers
    from tokenizers import models as kinds
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), *"▁Tthecasonmd.", "▁t", "he", "▁the", "at", "▁c", "▁cat"]
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("a", "t"), ("▁", "c"), ("▁c", "at")]
    pieces = list(dict.fromkeys(pieces))
    tokenizer = Tokenizer(kinds.BPE({p: i for i, p in enumerate(pieces)}, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>").save_pretrained(folder)
    return tokenizer


def checkpoint(family, folder):
    from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = sentence_pieces(folder) if family == "llama" else byte_level(folder)
    V = tokenizer.get_vocab_size() + 4  # as many published models: a few rows more than tokens
    network = {
        "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=V, n_positions=64, n_embd=32, n_layer=2, n_head=2)),
        "llama": lambda: LlamaForCausalLM(LlamaConfig(vocab_size=V, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                                                      max_position_embeddings=64, tie_word_embeddings=False)),
        "neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(vocab_size=V, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64)),
    }[family]()  # fmt: skip
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)  # random weights are nearly uniform otherwise, and a mistake would hide
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {family: checkpoint(family, tmp_path_factory.mktemp(family)) for family in ("gpt2", "llama", "neox")}


@pytest.fixture(autouse=True)
def allowed(monkeypatch, tmp_path):
    monkeypatch.setenv("LMVIZ_HUB", "1")
    monkeypatch.setenv("LMVIZ_HUB_LOCAL", "1")
    monkeypatch.setenv("LMVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "_loaded", {})
    monkeypatch.setattr(models, "_failures", {})


@pytest.mark.parametrize("family", ["gpt2", "llama", "neox"])
def test_the_losses_are_those_of_plain_transformers(folders, family):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = folders[family]
    model = models.load(f"hub:{folder}")
    reference, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    assert model.start_id == start and model.context == 64 and model.vocab_size > len(tokenizer)
    for scored, text in zip(scoring.score_many(model, TEXTS[:4]), TEXTS):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            log_probs = reference(torch.tensor([[start, *ids]])).logits[0].double().log_softmax(-1)
        assert [token.id for token in scored.tokens] == ids
        np.testing.assert_allclose(scored.log_probs, [float(log_probs[t, i]) for t, i in enumerate(ids)], atol=1e-4, rtol=0)
        np.testing.assert_allclose(scored.entropies, -(log_probs.exp() * log_probs).sum(-1)[:-1].numpy(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("text", [*TEXTS, ""])
def test_the_tokens_laid_end_to_end_are_the_text_and_none_is_a_control_token(folders, family, text):
    model = models.load(f"hub:{folders[family]}")
    encoded = model.encode(text)
    assert encoded.text_bytes == text.encode()
    assert b"".join(encoded.text_bytes[s:e] for s, e in zip(encoded.starts, encoded.ends)) == text.encode()
    assert not set(encoded.ids) & {0, 1, 2} if family == "llama" else not set(encoded.ids) & {0, 1}


def test_a_long_text_goes_through_windows_as_with_any_model(folders):
    scored = scoring.score(models.load(f"hub:{folders['gpt2']}"), "The cat sat on the mat. " * 12)
    assert len(scored) > 64 and np.isfinite(scored.losses).all() and "".join(t.text for t in scored.tokens) == scored.text


def test_the_revision_names_the_weights(folders, tmp_path):
    other = shutil.copytree(folders["gpt2"], tmp_path / "other")
    same = models.load(f"hub:{folders['gpt2']}").revision
    assert models.load(f"hub:{other}").revision == same
    raw = bytearray((other / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (other / "model.safetensors").write_bytes(raw)
    models.unload(f"hub:{other}")
    assert models.load(f"hub:{other}").revision != same


def refused(name, sentence):
    with pytest.raises(ReaderError, match=sentence):
        models.load(name)


def test_only_where_the_host_allows_it(folders, monkeypatch):
    monkeypatch.setenv("LMVIZ_HUB", "0")
    refused(f"hub:{folders['gpt2']}", "switched off here")


def test_a_folder_of_this_machine_only_where_the_host_allows_that_too(folders, monkeypatch):
    monkeypatch.setenv("LMVIZ_HUB_LOCAL", "0")
    refused(f"hub:{folders['gpt2']}", "not the name of a model on the hub")


@pytest.mark.parametrize("name", ["", "a/b/c", "../../etc", "a b", "https://somewhere/x", "a--b/c", "x" * 300, "-x", "ä/ö"])
def test_what_is_no_name_is_not_looked_for(name):
    refused(f"hub:{name}", "not the name of a model on the hub")


def test_without_a_network_a_model_that_is_not_here_is_a_sentence(monkeypatch):
    refused("hub:owner/name", "could not be reached from this machine, and “owner/name” is not here")


@pytest.fixture
def copy(folders, tmp_path):
    return shutil.copytree(folders["gpt2"], tmp_path / "copy")


def change(file, **facts):
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))


def test_pickled_weights_are_never_read(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    refused(f"hub:{copy}", "no weights in the safetensors format")


def test_a_model_that_is_too_large_is_refused_by_its_size(copy, monkeypatch):
    monkeypatch.setenv("LMVIZ_HUB_MAX_MB", "0")
    refused(f"hub:{copy}", "allows 0 MB")


@pytest.mark.parametrize(
    ("kind", "architecture"), [("bert", "BertForMaskedLM"), ("t5", "T5ForConditionalGeneration"), ("gpt2", "GPT2ForSequenceClassification")]
)
def test_what_is_no_causal_language_model_is_refused(copy, kind, architecture):
    change(copy / "config.json", model_type=kind, architectures=[architecture])
    refused(f"hub:{copy}", "not a causal language model")


def test_a_program_in_a_repository_is_never_run(copy):
    (copy / "modeling_evil.py").write_text("raise SystemExit('it ran')")
    change(copy / "config.json", model_type="evil", architectures=["EvilForCausalLM"], auto_map={"AutoModelForCausalLM": "modeling_evil.EvilForCausalLM"})
    refused(f"hub:{copy}", "Such programs are never run here")


def test_a_damaged_file_is_a_sentence(copy):
    raw = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(raw[: len(raw) // 2])
    refused(f"hub:{copy}", "cannot be read here")
    (copy / "config.json").write_text("{")
    refused(f"hub:{copy}", "config.json .* cannot be read")


def test_a_text_that_the_tokenizer_changes_is_refused_and_another_is_not(copy):
    byte_level(copy, normalizer="Lowercase")
    model = models.load(f"hub:{copy}")
    with pytest.raises(ReaderError, match="changes this text"):
        model.encode("The Cat")
    assert model.encode("the cat").text_bytes == b"the cat"


def test_a_space_before_every_text_is_not_counted_as_part_of_it(copy):
    byte_level(copy, prefix_space=True)
    encoded = models.load(f"hub:{copy}").encode("the cat")
    assert encoded.starts[0] == 0 and encoded.ends[-1] == 7


def test_a_tokenizer_that_loses_characters_is_refused(copy):
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers import models as kinds
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(kinds.WordLevel({"the": 0, "cat": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="the").save_pretrained(copy)
    refused(f"hub:{copy}", "does not keep every character")


def test_a_score_that_the_model_bends_after_its_head_is_not_passed_off_as_its_own(folders, tmp_path):
    from transformers import Gemma2Config, Gemma2ForCausalLM

    folder = tmp_path / "gemma"
    sentence_pieces(folder)
    torch.manual_seed(0)
    Gemma2ForCausalLM(Gemma2Config(vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
                                   final_logit_softcapping=0.05)).save_pretrained(folder)  # fmt: skip
    refused(f"hub:{folder}", "after its last layer")


def test_only_so_many_stay_in_memory_and_on_the_disk(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_loaded", type(hub._loaded)())
    names = [f"hub:{shutil.copytree(folders['gpt2'], tmp_path / f'copy{i}')}" for i in range(3)]
    for name in names:
        models.load(name)
    assert [models.is_loaded(name) for name in names] == [True, False, True] or [models.is_loaded(name) for name in names] == [False, True, True]
    cache = tmp_path / "cache" / "hub"
    for i in range(6):
        (cache / f"models--o--m{i}" / "snapshots" / "abc").mkdir(parents=True)
    present = cache / "models--o--m0" / "snapshots" / "abc"
    hub._tidy(cache, present)
    assert len(list(cache.iterdir())) == hub.KEPT and present.exists()


def test_what_was_fetched_before_is_found_without_a_network(folders, tmp_path, monkeypatch):
    snapshot = tmp_path / "cache" / "hub" / "models--owner--name" / "snapshots" / ("0123456789" * 4)
    shutil.copytree(folders["gpt2"], snapshot)
    model = models.load("hub:owner/name")
    assert model.revision == snapshot.name and len(scoring.score(model, "The cat")) > 1


class Hub:
    """What `huggingface_hub` answers, from a folder: every file it is asked for is noted."""

    def __init__(self, folder, cache, monkeypatch):
        import huggingface_hub

        self.folder, self.commit, self.asked, self.trouble = folder, cache / "hub" / "models--owner--name" / "snapshots" / ("ab" * 20), [], None
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda token: self)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", self.download)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", self.download)

    def model_info(self, name, **_):
        from types import SimpleNamespace

        if self.trouble is not None:
            raise self.trouble
        files = [SimpleNamespace(rfilename=f.name, size=f.stat().st_size) for f in self.folder.iterdir()]
        return SimpleNamespace(sha=self.commit.name, siblings=[*files, SimpleNamespace(rfilename="onnx/model.safetensors", size=10**12)])

    def download(self, *, repo_id, cache_dir, token, revision, filename=None, allow_patterns=()):
        assert token is False and revision == self.commit.name
        self.commit.mkdir(parents=True, exist_ok=True)
        wanted = [filename] if filename else allow_patterns
        self.asked += wanted
        for name in wanted:
            shutil.copy(self.folder / name, self.commit / name)
        return str(self.commit / filename) if filename else str(self.commit)


def test_one_commit_is_fetched_without_what_could_be_a_program(copy, tmp_path, monkeypatch):
    for name in ("pytorch_model.bin", "modeling_x.py", "training_args.bin"):
        (copy / name).write_text("not for us")
    served = Hub(copy, tmp_path / "cache", monkeypatch)
    model = models.load("hub:owner/name")
    assert model.revision == served.commit.name and served.asked[0] == "config.json"
    assert set(served.asked) == {f.name for f in copy.iterdir() if f.suffix in (".json", ".safetensors")}


def test_what_the_hub_refuses_is_a_sentence_and_what_is_too_large_is_not_fetched(copy, tmp_path, monkeypatch):
    from huggingface_hub import errors

    served = Hub(copy, tmp_path / "cache", monkeypatch)
    served.trouble = errors.GatedRepoError.__new__(errors.GatedRepoError)
    refused("hub:owner/name", "no model “owner/name” that is open to all")
    served.trouble = None
    monkeypatch.setenv("LMVIZ_HUB_MAX_MB", "0")
    refused("hub:owner/name", "allows 0 MB")
    monkeypatch.delenv("LMVIZ_HUB_MAX_MB")
    change(copy / "config.json", architectures=["GPT2ForSequenceClassification"])
    refused("hub:owner/name", "not a causal language model")
    assert served.asked == ["config.json"]
