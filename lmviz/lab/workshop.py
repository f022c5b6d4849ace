"""Where runs are run: off the page's thread, a few at a time, in a queue, within bounds, and only while their reader is there.

A reader starts up to four runs together, an `Experiment`; they take turns step by step, so their curves grow side by side. A worker
thread serves one experiment at a time. It computes on one core, gives way to the threads that score texts, and drops an experiment
whose reader has gone. No torch until a run starts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING

from lmviz import settings as host
from lmviz.errors import ReaderError
from lmviz.lab.choices import MOST_RUNS, Data, Settings

if TYPE_CHECKING:
    from lmviz.lab.run import Run

MOST_WAITING = 12  # experiments in the queue, besides those that are running
MOST_SECONDS = 900.0  # of work on one experiment
GRACE_SECONDS = 30.0  # how long a reader may be away (a page reload, a bad line) before the work is dropped
NICENESS = 5  # of the worker thread, where threads can have their own: scoring goes first


class Experiment:
    """Up to four runs of one reader. `state` is waiting, running, paused, finished, stopped, failed or ended; what was computed stays."""

    def __init__(self, chosen: Sequence[Settings], data: Data, present: Callable[[], bool]):
        self.chosen, self.data, self.present = tuple(chosen), data, present
        self.runs: list[Run] = []
        self.state, self.wish = "waiting", ""
        self.trouble: ReaderError | None = None
        self.seconds = 0.0
        self.seen = time.monotonic()

    @property
    def is_live(self) -> bool:
        """Whether there is more to come without the reader's doing."""
        return self.state in ("waiting", "running")

    @property
    def fraction(self) -> float:
        """How much of all runs' steps is done, 0 to 1."""
        runs = list(self.runs)
        if len(runs) < len(self.chosen):
            return 0.0
        return sum(1.0 if run.finished else run.steps_done / run.total_steps for run in runs) / len(runs)

    @property
    def seconds_left(self) -> float | None:
        """At the present pace; None until there is a pace."""
        fraction = self.fraction
        return self.seconds * (1 - fraction) / fraction if fraction > 0.02 else None

    def reader_is_gone(self, now: float) -> bool:
        if self.present():
            self.seen = now
        return now - self.seen > GRACE_SECONDS


class Workshop:
    """The queue and its workers. `make` turns settings and data into the runs of an experiment."""

    def __init__(self, *, slots: int | None = None, make: Callable[[Sequence[Settings], Data], list[Run]] | None = None):
        self._slots, self._make = slots or max(1, host.value("LMVIZ_TRAINING_SLOTS")), make or runs_of
        self._changed = Condition()
        self._waiting: list[Experiment] = []
        self._threads: list[Thread] = []
        self._busy = 0
        self._closed = False

    def start(self, chosen: Sequence[Settings], data: Data, *, present: Callable[[], bool] = lambda: True) -> Experiment:
        """Put an experiment in line; returns at once. A full queue is a ReaderError; no run, or more than four, a ValueError."""
        if not 1 <= len(chosen) <= MOST_RUNS:
            raise ValueError(f"chosen must be 1 to {MOST_RUNS} settings, got {len(chosen)}")
        return self._put_in_line(Experiment(chosen, data, present))

    def pause(self, experiment: Experiment) -> None:
        """Let the next in line go on; the runs stand still until `resume`."""
        self._wish(experiment, "paused")

    def resume(self, experiment: Experiment) -> None:
        """Put a paused experiment in line again; a full queue is a ReaderError."""
        if experiment.state == "paused":
            self._put_in_line(experiment)

    def stop(self, experiment: Experiment) -> None:
        """End the runs here; what they have learned stays."""
        self._wish(experiment, "stopped")

    def place(self, experiment: Experiment) -> int:
        """How many experiments are served before this one."""
        with self._changed:
            ahead = self._waiting.index(experiment) if experiment in self._waiting else 0
            return ahead + self._busy if experiment in self._waiting else 0

    @property
    def queue_length(self) -> int:
        """How many experiments are running or waiting, everybody's together."""
        with self._changed:
            return len(self._waiting) + self._busy

    def wait(self, experiment: Experiment, seconds: float) -> bool:
        """Wait until nothing more comes of it by itself; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not experiment.is_live, timeout=seconds)

    def close(self) -> None:
        """Stop everything after the present steps, and wait for the workers."""
        with self._changed:
            self._closed = True
            for experiment in self._waiting:
                experiment.state = "ended"
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _put_in_line(self, experiment: Experiment) -> Experiment:
        with self._changed:
            if self._closed:
                raise RuntimeError("the workshop has been closed")
            now = time.monotonic()
            for gone in [e for e in self._waiting if e.reader_is_gone(now)]:
                self._waiting.remove(gone)
                gone.state = "ended"
            if len(self._waiting) >= MOST_WAITING:
                raise ReaderError(f"{len(self._waiting)} readers are waiting to train already. Please try again in some minutes.")
            experiment.state, experiment.wish = "waiting", ""
            self._waiting.append(experiment)
            if len(self._threads) < self._slots:
                self._threads.append(Thread(target=self._work, name=f"lmviz-training-{len(self._threads)}", daemon=True))
                self._threads[-1].start()
            self._changed.notify_all()
        return experiment

    def _wish(self, experiment: Experiment, state: str) -> None:
        with self._changed:
            if experiment in self._waiting:
                self._waiting.remove(experiment)
                experiment.state = state
            elif experiment.state == "running":
                experiment.wish = state
            elif experiment.state == "paused":
                experiment.state = state
            self._changed.notify_all()

    def _work(self) -> None:
        with suppress(OSError, AttributeError):  # on Linux each thread has a niceness of its own; elsewhere it does without
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                experiment = self._waiting.pop(0)
                experiment.state = "running"
                self._busy += 1
            try:
                ending = self._serve(experiment)
            except ReaderError as trouble:
                experiment.trouble, ending = trouble, "failed"
            except (MemoryError, RuntimeError) as broken:
                experiment.trouble = ReaderError(
                    f"The training broke off: the machine could not go on ({type(broken).__name__}). What was learned before is kept."
                )
                ending = "failed"
            with self._changed:
                experiment.state = ending
                self._busy -= 1
                self._changed.notify_all()

    def _serve(self, experiment: Experiment) -> str:
        """Work on an experiment until it is done or somebody has another wish; returns the state it is then in."""
        one_core()
        begun, worked = time.monotonic(), experiment.seconds
        if not experiment.runs:
            experiment.runs = self._make(experiment.chosen, experiment.data)
        asked = begun
        while unfinished := [run for run in experiment.runs if not run.finished]:
            for run in unfinished:
                run.step()
                now = time.monotonic()
                experiment.seconds = worked + now - begun
                if experiment.wish:
                    return experiment.wish
                if self._closed:
                    return "ended"
                if experiment.seconds > MOST_SECONDS:
                    experiment.trouble = ReaderError(f"The runs were ended after {MOST_SECONDS / 60:.0f} minutes of work. What was learned is kept.")
                    return "ended"
                if now - asked > 1.0:
                    asked = now
                    if experiment.reader_is_gone(now):
                        experiment.runs = []
                        return "ended"
                time.sleep(0.0005)  # whoever waits for the interpreter goes first
        return "finished"


def runs_of(chosen: Sequence[Settings], data: Data) -> list[Run]:
    """The runs of an experiment: all on the same data, which is read once."""
    from lmviz.lab.choices import SIZES
    from lmviz.lab.material import material
    from lmviz.lab.run import Run

    by_context = {context: material(data, context) for context in {SIZES[s.size].context for s in chosen}}
    return [Run(s, data, read=by_context[SIZES[s.size].context]) for s in chosen]


def one_core() -> None:
    """This thread computes on one core.

    subtle: torch makes the number of the last caller the default of threads that come later. Another short thread puts that back,
    so that who scores texts still has what the machine has.
    """
    import torch

    before = torch.get_num_threads()
    if before != 1:
        torch.set_num_threads(1)
        restorer = Thread(target=torch.set_num_threads, args=(before,))
        restorer.start()
        restorer.join()
