"""The precomputed first views are what a fresh run gives."""

import json

import numpy as np
import pytest

from lmviz import models
from lmviz.data import examples
from lmviz.models import scoring, series
from lmviz.models.scored import ScoredText
from lmviz.ui import scores


@pytest.mark.smollm2
@pytest.mark.parametrize("name", [*models.names(), *(f"nano-{loss}" for loss in series.losses())])
def test_the_first_view_is_what_a_fresh_run_gives(name):
    kept = scores.first_view(name)
    fresh = scoring.score(models.load(name), examples.OPENING)
    assert kept is not None, f"run python -m lmviz.data.first_views.make: no first view of {name}"
    assert kept.text == fresh.text and kept.tokens == fresh.tokens
    for column in ("log_probs", "entropies", "tail_log_prob", "top_log_probs"):
        np.testing.assert_allclose(getattr(kept, column), getattr(fresh, column), atol=1e-4)
    np.testing.assert_array_equal(kept.ranks, fresh.ranks)


def test_a_scored_text_survives_json():
    file = next(examples.FIRST_VIEWS.glob("smollm2*.json"))
    raw = json.loads(file.read_text(encoding="utf-8"))
    assert ScoredText.from_dict(raw).as_dict() == raw
