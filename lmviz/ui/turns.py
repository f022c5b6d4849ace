"""One page at a time: fifty readers' pages are drawn one after another, not all at once and each fifty times slower. No Streamlit.

Python runs one thread at a time, so pages drawn side by side only make each other late: the last of them is done no sooner,
and the first much later. In a queue the mean wait is halved, and the longest is a quarter (tests/bench/README.md).
Who is slow, or waits for a model, loses the turn after LEASE seconds to whoever is next, and goes on beside them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

LEASE = 0.1  # seconds: a page takes 25 ms as a rule


class Turns:
    """`with turns.turn():` waits until it is this thread's turn. First come, first served."""

    def __init__(self, lease: float = LEASE):
        self._lease = lease
        self._lock = Lock()
        self._queue: deque[Event] = deque()  # who waits; the event of the first is set when there is something to look at
        self._holder: object | None = None
        self._until = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        me = self._wait()
        try:
            yield
        finally:
            with self._lock:
                if self._holder is me:
                    self._holder = None
                    self._wake_first()

    def _wait(self) -> Event:
        me = Event()
        with self._lock:
            self._queue.append(me)
        while True:
            with self._lock:
                first, left = self._queue[0] is me, self._until - time.monotonic()
                if first and (self._holder is None or left <= 0):
                    self._queue.popleft()
                    self._holder, self._until = me, time.monotonic() + self._lease
                    self._wake_first()
                    return me
                me.clear()
            me.wait(left if first else None)

    def _wake_first(self) -> None:
        if self._queue:
            self._queue[0].set()
