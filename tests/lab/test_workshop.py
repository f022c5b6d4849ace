"""The workshop with runs that do nothing but count: whose turn it is, who waits, who has gone."""

import threading
import time
from dataclasses import dataclass

import pytest

from lmviz.errors import ReaderError
from lmviz.lab import workshop as module
from lmviz.lab.choices import Data, Settings
from lmviz.lab.workshop import Workshop

ONE, TWO = [Settings()], [Settings(), Settings(loss="hinge")]


@dataclass
class Counter:
    """A run whose steps go into a common diary; with a gate it takes a step only when it is let."""

    settings: Settings
    diary: list
    gate: threading.Semaphore | None = None
    total_steps: int = 5
    steps_done: int = 0
    trouble: str | None = None

    @property
    def finished(self):
        return self.steps_done == self.total_steps

    def step(self):
        if self.gate is not None:
            assert self.gate.acquire(timeout=20)
        self.steps_done += 1
        self.diary.append((self.settings.loss, self.steps_done))


@pytest.fixture
def shop():
    """shop(gate=None, total_steps=5, …) → a workshop and the diary of its runs; closed after the test, gates opened."""
    made, gates = [], []

    def build(gate=None, total_steps=5, **options):
        diary = []
        made.append(Workshop(slots=options.pop("slots", 1), make=lambda chosen, data: [Counter(s, diary, gate, total_steps) for s in chosen]))
        gates.append(gate)
        return made[-1], diary

    yield build
    for gate in filter(None, gates):
        gate.release(10_000)
    for one in made:
        one.close()


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def test_runs_started_together_take_turns_and_finish(shop):
    workshop, diary = shop()
    experiment = workshop.start(TWO, Data())
    assert workshop.wait(experiment, 20) and experiment.state == "finished" and experiment.fraction == 1.0
    assert diary == [(loss, step) for step in range(1, 6) for loss in ("cross_entropy", "hinge")]


def test_the_second_reader_waits_and_is_told_how_many_are_first(shop):
    gate = threading.Semaphore(0)
    workshop, _ = shop(gate)
    first = workshop.start(ONE, Data())
    until(lambda: first.state == "running")
    second, third = workshop.start(ONE, Data()), workshop.start(ONE, Data())
    assert (workshop.place(first), workshop.place(second), workshop.place(third)) == (0, 1, 2)
    assert workshop.queue_length == 3 and second.state == "waiting"
    gate.release(1000)
    assert workshop.wait(third, 20) and second.state == "finished"


def test_two_slots_serve_two_readers_at_once(shop):
    gate = threading.Semaphore(0)
    workshop, _ = shop(gate, slots=2)
    both = [workshop.start(ONE, Data()) for _ in range(2)]
    until(lambda: all(e.state == "running" for e in both))


def test_a_paused_experiment_lets_the_next_one_go_on_and_resumes_where_it_was(shop):
    gate = threading.Semaphore(0)
    workshop, _ = shop(gate)
    first = workshop.start(ONE, Data())
    gate.release(2)
    until(lambda: first.runs and first.runs[0].steps_done == 2)
    workshop.pause(first)
    gate.release(1)
    until(lambda: first.state == "paused")
    assert first.runs[0].steps_done == 3 and not first.is_live
    gate.release(1000)
    second = workshop.start(ONE, Data())
    assert workshop.wait(second, 20) and first.runs[0].steps_done == 3
    workshop.resume(first)
    assert workshop.wait(first, 20) and first.state == "finished" and first.runs[0].steps_done == 5


def test_a_stopped_experiment_keeps_what_it_has_learned_and_goes_no_further(shop):
    gate = threading.Semaphore(0)
    workshop, diary = shop(gate)
    experiment = workshop.start(ONE, Data())
    gate.release(2)
    until(lambda: len(diary) == 2)
    workshop.stop(experiment)
    gate.release(1)
    assert workshop.wait(experiment, 20)
    gate.release(1000)
    assert experiment.state == "stopped" and experiment.runs[0].steps_done == 3 and experiment.fraction == pytest.approx(3 / 5)


def test_one_who_waits_can_leave_the_queue(shop):
    gate = threading.Semaphore(0)
    workshop, _ = shop(gate)
    first = workshop.start(ONE, Data())
    until(lambda: first.state == "running")
    second = workshop.start(ONE, Data())
    workshop.stop(second)
    assert second.state == "stopped" and workshop.queue_length == 1


def test_work_whose_reader_has_gone_is_dropped_after_a_grace(shop, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.2)
    gate = threading.Semaphore(0)
    workshop, _ = shop(gate, total_steps=10**9)
    here = threading.Event()
    here.set()
    experiment = workshop.start(ONE, Data(), present=here.is_set)
    gate.release(1)
    until(lambda: experiment.runs and experiment.runs[0].steps_done == 1)
    here.clear()
    until(lambda: gate.release(1) or experiment.state == "ended")
    assert experiment.runs == [] and workshop.queue_length == 0


def test_a_reader_who_comes_back_within_the_grace_loses_nothing(monkeypatch):
    answers = iter([True, False, True])
    experiment = module.Experiment(ONE, Data(), lambda: next(answers))
    assert [experiment.reader_is_gone(experiment.seen + after) for after in (1.0, 2.0, 29.0)] == [False] * 3


def test_a_full_queue_is_said_in_a_sentence(shop, monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    gate = threading.Semaphore(0)
    workshop, _ = shop(gate)
    first = workshop.start(ONE, Data())
    until(lambda: first.state == "running")
    workshop.start(ONE, Data())
    with pytest.raises(ReaderError, match="waiting to train"):
        workshop.start(ONE, Data())


def test_too_long_a_run_is_ended_and_keeps_what_it_has(shop, monkeypatch):
    monkeypatch.setattr(module, "MOST_SECONDS", 0.0)
    workshop, _ = shop()
    experiment = workshop.start(ONE, Data())
    assert workshop.wait(experiment, 20)
    assert experiment.state == "ended" and "minutes" in str(experiment.trouble) and len(experiment.runs) == 1


@pytest.mark.parametrize("failure", [RuntimeError("not enough memory"), MemoryError(), ReaderError("That text is too short.")])
def test_a_run_that_breaks_off_leaves_a_sentence_and_a_workshop_that_works(failure):
    def make(chosen, data):
        if data.kind == "source":
            raise failure
        return [Counter(s, []) for s in chosen]

    workshop = Workshop(slots=1, make=make)
    broken = workshop.start(ONE, Data("source"))
    assert workshop.wait(broken, 20) and broken.state == "failed" and isinstance(broken.trouble, ReaderError)
    whole = workshop.start(ONE, Data())
    assert workshop.wait(whole, 20) and whole.state == "finished"
    workshop.close()


def test_no_run_or_more_than_four_are_refused(shop):
    workshop, _ = shop()
    for chosen in ([], ONE * 5):
        with pytest.raises(ValueError, match="chosen"):
            workshop.start(chosen, Data())


def test_a_closed_workshop_has_ended_what_it_held(shop):
    gate = threading.Semaphore(0)
    workshop, _ = shop(gate)
    running, waiting = workshop.start(ONE, Data()), workshop.start(ONE, Data())
    until(lambda: running.state == "running")
    closer = threading.Thread(target=workshop.close)
    closer.start()
    gate.release(1000)
    closer.join(20)
    assert (running.state, waiting.state) == ("ended", "ended")
    with pytest.raises(RuntimeError):
        workshop.start(ONE, Data())
    running.state = "paused"
    with pytest.raises(RuntimeError):
        workshop.resume(running)


def test_the_number_of_slots_is_the_hosts_to_say(monkeypatch):
    monkeypatch.setenv("LMVIZ_TRAINING_SLOTS", "3")
    assert Workshop()._slots == 3
    monkeypatch.setenv("LMVIZ_TRAINING_SLOTS", "0")
    assert Workshop()._slots == 1


def test_one_core_for_the_trainer_leaves_later_threads_what_the_machine_has():
    import torch

    before, seen = torch.get_num_threads(), []
    try:
        torch.set_num_threads(2)
        for job in (lambda: (module.one_core(), seen.append(torch.get_num_threads())), lambda: seen.append(torch.get_num_threads())):
            thread = threading.Thread(target=job)
            thread.start()
            thread.join()
        assert seen == [1, 2]
    finally:
        torch.set_num_threads(before)
