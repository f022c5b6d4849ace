"""Figures are built once for equal contents, anew for others, and what is kept is bounded."""

import numpy as np
import plotly.graph_objects as go
import pytest

from lmviz.ui import charts

calls = []


def curve(values, *, unit="bits"):
    calls.append(unit)
    return go.Figure(go.Scatter(y=values, hovertext=[unit] * len(values)))


@pytest.fixture(autouse=True)
def nothing_kept():
    charts._built.clear()
    calls.clear()
    yield
    charts._built.clear()


def test_equal_contents_share_one_figure_and_other_contents_have_their_own():
    first = charts.built(curve, np.array([1.0, 2.0]), unit="bits")
    assert charts.built(curve, np.array([1.0, 2.0]), unit="bits") is first and len(calls) == 1
    assert charts.built(curve, np.array([1.0, 2.5]), unit="bits") is not first
    assert charts.built(curve, np.array([1.0, 2.0]), unit="nats") is not first
    assert len(calls) == 3


def test_what_is_kept_stays_below_its_bound(monkeypatch):
    monkeypatch.setattr(charts._built, "_most", 50_000)
    for n in range(12):
        charts.built(curve, np.full(500, n + 0.123456))
    assert charts._built.size <= 50_000 and len(charts._built) >= 2


def test_a_function_that_no_module_holds_is_refused():
    with pytest.raises(ValueError, match="function of a module"):
        charts.built(lambda values: curve(values), [1.0])
