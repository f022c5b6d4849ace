"""Fixtures that every test may use."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest  # noqa: E402

from lmviz import models  # noqa: E402


@pytest.fixture(scope="session")
def smollm2():
    """SmolLM2 as the app loads it."""
    return models.load("smollm2-135m")
