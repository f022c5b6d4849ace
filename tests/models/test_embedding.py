"""A sentence as one vector: the mean of the states that the model itself gives, with and without dropout."""

import pytest
import torch

from lmviz import models
from lmviz.errors import ReaderError
from lmviz.models import embedding

TEXTS = ["The cat sat on the mat.", "A dog barked.", "The cat sat on the mat."]


@pytest.mark.parametrize("load", [lambda: models.load("nano"), models.load_masked])
def test_a_vector_is_the_mean_of_the_states_after_the_start_token(load):
    model = load()
    got = embedding.embed(model, TEXTS)
    for text, vector in zip(TEXTS, got):
        states = model.states([[model.start_id, *model.encode(text).ids]])
        rows = states[0][0] if isinstance(states, tuple) else states[0]
        torch.testing.assert_close(vector, rows[1:].mean(0), rtol=1e-4, atol=1e-4)


@pytest.mark.smollm2
def test_packed_layers_are_read_alike():
    model = models.load("smollm2-135m")
    (states,), _ = model.states([[model.start_id, *model.encode(TEXTS[0]).ids]])
    torch.testing.assert_close(embedding.embed(model, TEXTS[:1])[0], states[1:].mean(0), rtol=1e-3, atol=1e-3)


def test_dropout_makes_two_readings_of_one_sentence_and_a_seed_makes_them_again():
    model = models.load_masked()
    first, second = (embedding.embed(model, TEXTS, dropout=0.1, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.allclose(first[0], first[2], atol=1e-3)  # the same sentence, another mask
    plain = embedding.embed(model, TEXTS)
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(first[0], plain[0], dim=0) > cosine(plain[0], plain[1], dim=0)


def test_dropout_leaves_the_mean_where_it_was():
    network, generator = models.load_masked().network, torch.Generator().manual_seed(0)
    ids = torch.tensor([0, 50, 60])
    dropped = torch.stack([embedding.read(_no_layers(network), ids, [3], dropout=0.3, generator=generator) for _ in range(400)])
    kept = (dropped != 0).double().mean()
    assert kept == pytest.approx(0.7, abs=0.01)


def _no_layers(network):
    import copy

    bare = copy.copy(network)
    bare._modules = {**network._modules, "layers": torch.nn.ModuleList()}
    return bare


def test_what_has_no_states_or_no_token_is_turned_away():
    with pytest.raises(ReaderError, match="only counts"):
        embedding.embed(models.load("bigram"), TEXTS)
    with pytest.raises(ReaderError, match="empty"):
        embedding.embed(models.load("nano"), ["one", ""])
