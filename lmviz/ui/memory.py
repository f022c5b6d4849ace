"""What all readers share: computed once, also when many ask at the same moment, and the oldest forgotten. Never write into a result."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock


class Memory:
    """Values by key, as many as `most` allows when each counts `size(value)`; the last one is always kept."""

    def __init__(self, most: float, size: Callable[[object], float] = lambda value: 1):
        self._most, self._size = most, size
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._turns: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> float:
        with self._lock:
            return sum(map(self._size, self._kept.values()))

    def get(self, key: Hashable):
        """What is kept under a key, or None."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, value):
        """Keep a value, and return it."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            total = sum(map(self._size, self._kept.values()))
            while len(self._kept) > 1 and total > self._most:
                total -= self._size(self._kept.popitem(last=False)[1])
        return value

    def once(self, key: Hashable, compute: Callable[[], object]):
        """What is kept under a key, or else `compute()`, kept. Who asks for it meanwhile waits; if it fails, the next of them computes."""
        if (known := self.get(key)) is not None:
            return known
        with self._lock:
            turn = self._turns.setdefault(key, Lock())
        with turn:
            if (known := self.get(key)) is not None:
                return known
            try:
                return self.keep(key, compute())
            finally:
                with self._lock:
                    self._turns.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def shared(most: int = 1) -> Callable:
    """Like functools.lru_cache(most), but many who ask at once wait for one computation instead of making one each.

    >>> @shared(8)
    ... def double(x):
    ...     print("computing")
    ...     return 2 * x
    >>> double(2), double(2)
    computing
    (4, 4)
    """

    def wrap(function: Callable) -> Callable:
        memory = Memory(most)

        @functools.wraps(function)
        def answer(*arguments):
            return memory.once(arguments, lambda: (function(*arguments),))[0]  # in a tuple: None is an answer too

        answer.cache_clear = memory.clear
        return answer

    return wrap
