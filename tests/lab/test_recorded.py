"""The runs that the page opens on, against the files they come from."""

import json
import math

import pytest

from lmviz import units
from lmviz.data.recorded import losses
from lmviz.lab import recorded


def columns(name: str, n: int = 500) -> dict:
    value = {"value": 1.0, "low": 0.9, "high": 1.1}
    return {
        "step": list(range(1, n + 1)), "loss": [10.0 / s for s in range(1, n + 1)], "norm": [1.0] * n, "held_out_step": [250, 500], "held_out_nats": [5.0, 4.0],
        "accuracy": [0.1, 0.2], "ece": [0.03, 0.02], "sample": [{"step": 500, "text": "The old man *said*"}], "tried": {"1.0": 5.0}, "muon_lr": 0.02, "adam_lr": 0.004,
        "final": {"temperature": 1.0, "windows": 80, "held_out_nats": value},
    }  # fmt: skip


@pytest.fixture
def from_file(tmp_path, monkeypatch):
    """The module as if this were the recorded file, or none."""

    def use(stored: dict | None):
        file = tmp_path / "losses.json"
        if stored is not None:
            file.write_text(json.dumps(stored))
        monkeypatch.setattr(losses, "FILE", file)
        losses.load.cache_clear()
        recorded.curves.cache_clear()
        return recorded.curves()

    yield use
    losses.load.cache_clear()
    recorded.curves.cache_clear()


def test_a_recorded_series_becomes_one_curve_a_loss_with_cross_entropy_first(from_file):
    stored = {"settings": {"batch": 16, "context": 256}, "runs": {name: columns(name) for name in ("hinge", "cross_entropy")}}
    ce, hinge = from_file(stored)
    assert (ce.label, hinge.label, ce.per, ce.total_steps, ce.tokens_per_step) == ("cross-entropy", "hinge", "token", 500, 4096)
    assert ce.held_out == (5.0, 4.0) and ce.perplexity == (math.exp(5.0), math.exp(4.0)) and ce.samples == ((500, "The old man *said*"),)
    assert ce.step[:2] == (2, 4) and ce.training[0] == pytest.approx((10.0 + 5.0) / 2) and len(ce.training) == len(ce.step) == 250


def test_without_it_nanos_own_run_is_shown(from_file):
    (curve,) = from_file(None)
    stored = json.loads(recorded.NANO_FILE.read_text())
    assert curve.per == "byte" and curve.total_steps == stored["step"][-1]
    assert units.to_bits(curve.held_out[-1]) == pytest.approx(stored["held_out_bits_per_byte"][-1])


def test_what_is_recorded_now_can_be_drawn():
    for curve in recorded.curves():
        assert curve.held_out and curve.training and len(curve.step) == len(curve.training) and len(curve.held_step) == len(curve.held_out)
