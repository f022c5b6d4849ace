"""One process, many readers: a queue in front of the models.

A single worker thread does all model work, so forwards never compete for the same cores. It takes as many waiting texts
as fill one trip through the layers, so fifty different sentences cost a few forwards; readers who ask for the same text
share one result; a long document lets short ones through between its layers; a request nobody waits for any more is
dropped. Results are kept, bounded by their size.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Thread

from lmviz import models
from lmviz.errors import ReaderError
from lmviz.models.scored import ScoredText

BATCH_TOKENS = 512  # a short request; so many tokens go together
MAX_WAITING = 200  # more than that, and a newcomer is asked to try again
KEPT_TOKENS = 100_000  # results kept, in tokens with ten alternatives each (about 1.2 kB)


class Cancelled(Exception):
    """Nobody waits for this result any more."""


@dataclass(eq=False)
class Job:
    """One text to score under one model; shared by all who ask for it."""

    key: tuple
    model: str
    text: str
    options: dict
    n_tokens: int = 0
    waiters: int = 0
    fraction: float = 0.0
    started: bool = False
    finished: bool = False
    result: ScoredText | None = None
    error: Exception | None = None
    submitted: float = field(default_factory=time.monotonic)


class Ticket:
    """A reader's claim on a result. Use it as a context manager: leaving without the result gives up the place."""

    def __init__(self, service: Service, job: Job):
        self._service, self._job, self._held = service, job, True

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; True when the result (or the error) is there."""
        return self._service._wait(self._job, seconds)

    @property
    def place(self) -> int:
        """How many requests are served before this one; 0 when it is being computed or done."""
        return self._service._place(self._job)

    @property
    def fraction(self) -> float:
        """How much of the computation is done, 0 to 1."""
        return 1.0 if self._job.finished else self._job.fraction

    def result(self, seconds: float = 600.0) -> ScoredText:
        """The scored text; raises what the computation raised, or TimeoutError."""
        if not self.wait(seconds):
            raise TimeoutError(f"no result within {seconds} s")
        if self._job.error is not None:
            raise self._job.error
        return self._job.result

    def cancel(self) -> None:
        """Give up the place. The work itself stops when the last reader has gone."""
        if self._held:
            self._held = False
            self._service._leave(self._job)

    def __enter__(self) -> Ticket:
        return self

    def __exit__(self, *_) -> None:
        self.cancel()


class Service:
    """The queue, its worker thread, the result cache and the prefix memory.

    `load(name)` gives a model; `forwards` counts batches handed to a model, `texts_scored` the texts in them.
    """

    def __init__(self, load: Callable[[str], models.CausalLM] = models.load, *, max_waiting: int = MAX_WAITING, kept_tokens: int = KEPT_TOKENS):
        self._load, self._max_waiting, self._kept_tokens = load, max_waiting, kept_tokens
        self._changed = Condition()
        self._waiting: list[Job] = []
        self._in_flight: dict[tuple, Job] = {}
        self._results: OrderedDict[tuple, ScoredText] = OrderedDict()
        self._memory = None
        self._thread: Thread | None = None
        self._closed = False
        self.forwards = 0
        self.texts_scored = 0

    # what readers call ------------------------------------------------------------------------------------------

    def submit(self, model: str, text: str, **options) -> Ticket:
        """Ask for `score(model, text, **options)`. Returns at once; a full queue is a ReaderError."""
        key = (model, text, tuple(sorted(options.items())))
        with self._changed:
            self._check_open()
            job = self._in_flight.get(key)
            if job is None:
                job = Job(key, model, text, options, n_tokens=len(text.encode("utf-8", "replace")) // 3 + 1)  # a guess; the tokenizer is slower
                if (kept := self._results.get(key)) is not None:
                    self._results.move_to_end(key)
                    job.result, job.finished = kept, True
                elif len(self._waiting) >= self._max_waiting:
                    raise ReaderError(f"{len(self._waiting)} texts are waiting already. Please try again in half a minute; what you typed is kept.")
                else:
                    self._waiting.append(job)
                    self._in_flight[key] = job
                    self._ensure_worker()
                    self._changed.notify_all()
            job.waiters += 1
        return Ticket(self, job)

    def peek(self, model: str, text: str, **options) -> ScoredText | None:
        """The result, if it is already known."""
        with self._changed:
            return self._results.get((model, text, tuple(sorted(options.items()))))

    def call(self, function: Callable[[], object]):
        """Run something else that needs a model on the worker's thread, one piece at a time, and return its value."""
        job = Job(key=(object(),), model="", text="", options={"call": function})
        with self._changed:
            self._check_open()
            if len(self._waiting) >= self._max_waiting:
                raise ReaderError("Many requests are waiting already. Please try again in half a minute.")
            self._waiting.append(job)
            job.waiters = 1
            self._ensure_worker()
            self._changed.notify_all()
        with Ticket(self, job) as ticket:
            return ticket.result()

    def close(self) -> None:
        """Stop the worker once its present batch is done; whoever still waits is told so."""
        with self._changed:
            self._closed = True
            for job in self._waiting:
                job.error, job.finished = Cancelled("the service has been closed"), True
            self._waiting.clear()
            self._in_flight.clear()
            self._changed.notify_all()
        if self._thread:
            self._thread.join()

    # what tickets call ------------------------------------------------------------------------------------------

    def _wait(self, job: Job, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: job.finished, timeout=seconds)

    def _place(self, job: Job) -> int:
        with self._changed:
            return self._waiting.index(job) + 1 if job in self._waiting else 0

    def _leave(self, job: Job) -> None:
        with self._changed:
            job.waiters -= 1
            if job.waiters == 0 and not job.started and job in self._waiting:
                self._waiting.remove(job)
                self._in_flight.pop(job.key, None)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the service has been closed")

    # the worker -------------------------------------------------------------------------------------------------

    def _ensure_worker(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._work, name="lmviz-scoring", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
            self._serve(self._take(short_only=False))

    def _take(self, *, short_only: bool) -> list[Job]:
        """The next jobs to go through the layers together: the first in line and what fits beside it."""
        with self._changed:
            batch: list[Job] = []
            total = 0
            for job in list(self._waiting):
                if "call" in job.options:
                    if batch or short_only:
                        continue
                    self._waiting.remove(job)
                    job.started = True
                    return [job]
                alike = not batch or (job.model, job.options) == (batch[0].model, batch[0].options)
                fits = total + job.n_tokens <= BATCH_TOKENS or (not batch and not short_only)
                if alike and fits:
                    batch.append(job)
                    total += job.n_tokens
            for job in batch:
                self._waiting.remove(job)
                job.started = True
            return batch

    def _serve(self, batch: list[Job], *, inside: bool = False) -> None:
        if not batch:
            return
        results, error = [None] * len(batch), None
        try:
            results = [batch[0].options["call"]()] if "call" in batch[0].options else self._score(batch, inside)
        except Cancelled as stopped:
            error = stopped
            batch = self._queue_again(batch)
            results = [None] * len(batch)
        except Exception as trouble:
            if len(batch) > 1:  # one text's fault is not its neighbours'
                for job in batch:
                    self._serve([job], inside=inside)
                return
            error = friendly(trouble)
        with self._changed:
            for job, result in zip(batch, results):
                job.result, job.error, job.finished = result, error, True
                self._in_flight.pop(job.key, None)
                if error is None and "call" not in job.options:
                    self._results[job.key] = result
            while len(self._results) > 1 and sum(map(_weight, self._results.values())) > self._kept_tokens:
                self._results.popitem(last=False)
            self._changed.notify_all()

    def _queue_again(self, batch: list[Job]) -> list[Job]:
        """Of a batch that stopped because nobody waited: those that somebody asked for meanwhile go back in line, first; the rest are returned."""
        with self._changed:
            wanted = [job for job in batch if job.waiters > 0]
            for job in wanted:
                job.started, job.fraction = False, 0.0
            self._waiting[:0] = wanted
            return [job for job in batch if job.waiters <= 0]

    def _score(self, batch: list[Job], inside: bool) -> list[ScoredText]:
        from lmviz.models import scoring

        if self._memory is None:
            self._memory = scoring.PrefixMemory()
        model = self._load(batch[0].model)

        def tick(fraction: float) -> None:
            for job in batch:
                job.fraction = fraction
            if all(job.waiters == 0 for job in batch):
                raise Cancelled
            if not inside and sum(job.n_tokens for job in batch) > BATCH_TOKENS:
                self._serve(self._take(short_only=True), inside=True)

        self.forwards += 1
        self.texts_scored += len(batch)
        memory = self._memory if sum(job.n_tokens for job in batch) <= 4 * BATCH_TOKENS else None
        return scoring.score_many(model, [job.text for job in batch], memory=memory, tick=tick, **batch[0].options)


def _weight(scored: ScoredText) -> float:
    """How much room a kept result takes, in tokens of ten alternatives."""
    return len(scored) * max(1.0, scored.top_ids.shape[1] / 10)


def friendly(error: Exception) -> Exception:
    """Out of memory becomes a sentence; what already is one, and what is a mistake of ours, stay as they are."""
    out_of_memory = isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "memory" in str(error))
    if out_of_memory:
        return ReaderError("The machine ran out of memory while reading this text. A shorter text will do; what you typed is kept.")
    return error
