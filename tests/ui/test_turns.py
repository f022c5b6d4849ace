"""Pages are drawn one at a time, first come first served; who is slow holds nobody up for long."""

from threading import Barrier, Event, Thread

import pytest

from lmviz.ui.turns import Turns

LONG = 60.0


def start(target, *args) -> Thread:
    thread = Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread


def waiting(turns: Turns) -> int:
    return len(turns._queue)


def until(condition) -> None:
    pause = Event()
    for _ in range(2000):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not come about within 10 s")


def test_twenty_at_once_are_served_one_by_one():
    turns, together, inside, most = Turns(LONG), Barrier(20), [], []

    def draw(name):
        together.wait()
        with turns.turn():
            inside.append(name)
            most.append(len(inside))
            Event().wait(0.002)
            inside.remove(name)

    threads = [start(draw, i) for i in range(20)]
    for thread in threads:
        thread.join(10)
    assert most == [1] * 20


def test_first_come_first_served():
    turns, order = Turns(LONG), []

    def draw(name):
        with turns.turn():
            order.append(name)

    with turns.turn():
        threads = []
        for i in range(8):
            threads.append(start(draw, i))
            until(lambda so_many=i + 1: waiting(turns) == so_many)
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))


def test_who_holds_the_turn_beyond_the_lease_loses_it_once_and_not_for_everybody():
    turns, done, go_on = Turns(0.05), [], Event()

    def slow():
        with turns.turn():
            go_on.wait(10)
        done.append("slow")

    def draw(name):
        with turns.turn():
            done.append(name)

    first = start(slow)
    until(lambda: turns._holder is not None)
    others = [start(draw, i) for i in range(5)]
    for other in others:
        other.join(10)
    assert sorted(done) == list(range(5)) and first.is_alive()
    go_on.set()
    first.join(10)
    assert done[-1] == "slow"


def test_a_late_return_does_not_end_the_turn_of_who_came_after():
    turns, inside, leave, slow_leaves = Turns(0.02), Event(), Event(), Event()

    def slow():
        with turns.turn():
            slow_leaves.wait(10)

    def next_one():
        with turns.turn():
            inside.set()
            leave.wait(10)

    first = start(slow)
    until(lambda: turns._holder is not None)
    second = start(next_one)
    assert inside.wait(10)
    holder = turns._holder
    slow_leaves.set()
    first.join(10)
    assert turns._holder is holder
    leave.set()
    second.join(10)
    assert turns._holder is None


def test_a_page_that_fails_gives_the_turn_back():
    turns = Turns(LONG)
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError
    with turns.turn():
        pass
