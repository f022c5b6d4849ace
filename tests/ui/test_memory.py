"""What readers share: computed once however many ask at once, bounded, and whole after a failure."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lmviz.ui.memory import Memory


def test_many_who_ask_at_once_get_the_same_result_of_one_computation():
    memory, calls = Memory(10), []

    def compute():
        calls.append(1)
        time.sleep(0.1)
        return object()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: memory.once("key", compute), range(8)))
    assert len(calls) == 1 and len({id(value) for value in found}) == 1


def test_different_questions_do_not_wait_for_each_other():
    memory = Memory(10)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(memory.once, "slow", lambda: time.sleep(0.5) or "late")
        time.sleep(0.05)
        assert memory.once("quick", lambda: "now") == "now" and not slow.done()
        assert slow.result() == "late"


def test_a_failure_is_told_to_who_computed_and_the_next_computes_anew():
    memory = Memory(10)
    with pytest.raises(ZeroDivisionError):
        memory.once("key", lambda: 1 / 0)
    assert memory.get("key") is None and memory.once("key", lambda: 2) == 2 and not memory._turns


def test_the_oldest_goes_first_and_a_look_makes_a_value_young():
    memory = Memory(10, len)
    for name in ("four", "five5", "one"):
        memory.keep(name, name)
        memory.get("four")
    assert memory.get("five5") is None and memory.get("four") and memory.size <= 10
    memory.keep("huge", "h" * 50)
    assert len(memory) == 1 and memory.get("huge")
