"""Models of readers' own: named once, known to who has the name, let go when their reader has gone."""

import pytest

from lmviz import models
from lmviz.errors import ReaderError
from lmviz.models import own, registry


class Model:
    def __init__(self, name):
        self.name = name


@pytest.fixture
def kept():
    """kept(**options) → the name of a kept model; let go after the test."""
    names = []

    def keep(**options):
        names.append(own.keep(Model, title="yours, hinge", about="A model.", tokenizer="bytes", **options))
        return names[-1]

    yield keep
    for name in names:
        own.let_go(name)


def test_a_kept_model_is_loaded_by_its_name_and_listed_nowhere(kept):
    name = kept()
    assert models.load(name).name == name and models.is_loaded(name)
    assert registry.row(name).title == "yours, hinge" and name not in models.names()


def test_no_name_is_given_twice(kept):
    first = kept()
    own.let_go(first)
    assert kept() != first
    with pytest.raises(ReaderError, match="no model called"):
        models.load(first)
    assert not models.is_loaded(first)


def test_the_oldest_gives_way_and_so_do_models_whose_reader_has_gone(kept, monkeypatch):
    monkeypatch.setattr(own, "MOST", 3)
    here = [True]
    gone, *others = [kept(present=lambda: here[0]), kept(), kept()]
    here[0] = False
    newest = kept()
    assert own.row(gone) is None and all(own.row(name) for name in (*others, newest))
    last = kept()
    assert own.row(others[0]) is None and not models.is_loaded(others[0]) and own.row(others[1]) and own.row(last)
