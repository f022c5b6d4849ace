"""Who trains when: no more readers at once than the host allows, and whoever waits is told so."""

import threading

import pytest

from lmviz.ui import runtime, show


class Bar:
    def __init__(self):
        self.said, self.told = [], threading.Event()

    def progress(self, value, text):
        self.said.append(text)
        self.told.set()


@pytest.fixture
def one_slot(monkeypatch):
    monkeypatch.setenv("LMVIZ_TRAINING_SLOTS", "1")
    runtime.training_slots.cache_clear()
    yield
    runtime.training_slots.cache_clear()


def test_the_second_waits_is_told_so_and_goes_on_when_the_first_is_through(one_slot):
    first, second, through = Bar(), Bar(), threading.Event()

    def train():
        with show.training_turn(second):
            through.set()

    with show.training_turn(first):
        thread = threading.Thread(target=train)
        thread.start()
        assert second.told.wait(10) and not through.is_set()
    assert through.wait(10) and not first.said and "comes first" in second.said[0]
    thread.join()


def test_a_run_that_is_stopped_or_fails_gives_its_turn_back(one_slot):
    with pytest.raises(KeyboardInterrupt), show.training_turn(Bar()):
        raise KeyboardInterrupt
    with show.training_turn(bar := Bar()):
        assert not bar.said
