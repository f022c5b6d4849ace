"""The recorded networks on the known source: above its entropy, and what a fresh run begins with."""

import pytest

from lmviz import sources
from lmviz.data.recorded import known_source
from lmviz.lab.choices import LOSSES
from lmviz.lab.material import source_of
from lmviz.lab.run import Run
from lmviz.ui import known_source as page

CURVES = known_source.load()


def test_every_loss_has_its_run_and_none_is_below_the_entropy_rate():
    assert set(CURVES) == set(LOSSES)
    floor = sources.entropy_rate(source_of(known_source.DATA.source))
    for curve in CURVES.values():
        assert curve.floor == pytest.approx(floor, abs=1e-12)
        assert min(curve.held_out) > floor


def test_a_fresh_run_begins_as_the_recorded_one_did():
    run = Run(known_source.settings("cross_entropy"), known_source.DATA)
    while len(run.curve().held_out) < 2:
        run.step()
    recorded = CURVES["cross_entropy"]
    assert run.curve().held_out == pytest.approx(recorded.held_out[:2], abs=2e-3)
    assert run.curve().held_step == recorded.held_step[:2]


def test_the_sentence_says_the_recorded_gaps():
    said = page.words(CURVES, "nats")
    for name in page.SHOWN:
        assert f"{CURVES[name].held_out[-1] - CURVES[name].floor:.2g}" in said.replace("\u202f", "")
