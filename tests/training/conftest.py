"""A small corpus that several tests of training read; a module may put its own in its place."""

import numpy as np
import pytest

from lmviz.training.stream import prepare


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for name in ("first", "second", "third"):
        lines = (" ".join(rng.choice(["the", "cat", "sat", "on", "a", "mat", "and", "purred"], 12)) + ".\n" for _ in range(200))
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def streams(corpus, tmp_path_factory):
    return prepare(corpus, tmp_path_factory.mktemp("tokens") / "tokens", vocab_size=300)
