"""One process, many readers: single flight, batching, bounds, giving up, and faults that stay where they belong."""

import threading
import time

import numpy as np
import pytest

from lmviz.errors import ReaderError
from lmviz.models import scoring
from lmviz.models.service import Cancelled, Service


class Gate:
    """A model loader whose model waits at a gate, so that a queue can be built up in front of it."""

    def __init__(self, model):
        self.model, self.open, self.reached = model, threading.Event(), threading.Event()

    def __call__(self, name):
        self.reached.set()
        assert self.open.wait(30)
        return self.model


@pytest.fixture
def gate(small):
    gate = Gate(small)
    yield gate
    gate.open.set()


@pytest.fixture
def service(small):
    service = Service(lambda name: small)
    yield service
    service.close()


def behind(gate):
    """A service whose worker stands at the gate with a first text in its hands."""
    service = Service(gate)
    first = service.submit("small", "first in line")
    assert gate.reached.wait(30)
    return service, first


def test_a_result_is_that_of_scoring_directly(service, small):
    result = service.submit("small", "the cat sat").result()
    direct = scoring.score(small, "the cat sat")
    np.testing.assert_allclose(result.log_probs, direct.log_probs, atol=1e-5)
    assert result.tokens == direct.tokens


def test_fifty_readers_of_one_text_cost_one_forward_and_share_one_result(gate):
    service = Service(gate)
    tickets = [service.submit("small", "the same sentence for all") for _ in range(50)]
    gate.open.set()
    results = [ticket.result(30) for ticket in tickets]
    assert service.forwards == 1 and service.texts_scored == 1 and all(r is results[0] for r in results)
    assert service.submit("small", "the same sentence for all").result() is results[0] and service.forwards == 1
    service.close()


def test_fifty_different_texts_that_wait_are_served_in_few_forwards_with_their_own_numbers(gate, small):
    service, first = behind(gate)
    texts = [f"reader {i} has a sentence of their own" for i in range(50)]
    tickets = [service.submit("small", text) for text in texts]
    gate.open.set()
    for text, ticket in zip(texts, tickets):
        np.testing.assert_allclose(ticket.result(30).log_probs, scoring.score(small, text).log_probs, atol=1e-5)
    assert first.result(30) and service.forwards <= 4 and service.texts_scored == 51
    service.close()


def test_a_reader_sees_their_place_move_up(gate):
    service, first = behind(gate)
    tickets = [service.submit("small", f"text {i}") for i in range(3)]
    assert [t.place for t in tickets] == [1, 2, 3] and first.place == 0 and tickets[0].fraction == 0
    tickets[0].cancel()
    assert [t.place for t in tickets[1:]] == [1, 2] and tickets[0].place == 0
    gate.open.set()
    assert tickets[2].wait(30) and tickets[2].place == 0 and tickets[2].fraction == 1
    service.close()


def test_a_text_that_nobody_waits_for_any_more_is_not_scored(gate):
    service, first = behind(gate)
    with service.submit("small", "given up"), service.submit("small", "given up"):
        kept = service.submit("small", "kept")
    gate.open.set()
    assert kept.result(30) and service.peek("small", "given up") is None and service.texts_scored == 2
    service.close()


def test_a_text_that_one_of_two_readers_gives_up_is_scored_for_the_other(gate):
    service, _ = behind(gate)
    one, two = service.submit("small", "shared"), service.submit("small", "shared")
    one.cancel()
    one.cancel()  # a second time changes nothing
    gate.open.set()
    assert two.result(30).text == "shared"
    service.close()


def slow_down(monkeypatch, model, at_layer):
    """Call `at_layer(n)` at each layer of each forward."""
    states, count = type(model).states, [0]

    def watched(self, batch, pasts=None, *, remember=False, tick=None):
        def ticked(fraction):
            count[0] += 1
            at_layer(count[0])
            if tick:
                tick(fraction)

        return states(self, batch, pasts, remember=remember, tick=ticked)

    monkeypatch.setattr(type(model), "states", watched)
    return count


def test_work_under_way_stops_when_its_last_reader_leaves(small, monkeypatch):
    started, left = threading.Event(), threading.Event()

    def at_layer(n):
        started.set()
        assert left.wait(30)

    count = slow_down(monkeypatch, small, at_layer)
    service = Service(lambda name: small)
    with service.submit("small", "xyzq " * 200):
        assert started.wait(30)
    left.set()
    assert service.submit("small", "after").result(30)  # the worker is free again
    assert service.peek("small", "xyzq " * 200) is None and count[0] <= 2 * 3
    service.close()


def test_a_reader_who_comes_back_in_the_moment_work_stops_still_gets_the_result(small, monkeypatch):
    service = Service(lambda name: small)
    text, started, left, back = "xyzq " * 100, threading.Event(), threading.Event(), []

    def at_layer(n):
        if n == 1:
            started.set()
            assert left.wait(30)

    slow_down(monkeypatch, small, at_layer)
    again = service._queue_again
    monkeypatch.setattr(service, "_queue_again", lambda batch: back.append(service.submit("small", text)) or again(batch))
    with service.submit("small", text):
        assert started.wait(30)
    left.set()
    deadline = time.monotonic() + 30
    while not back and time.monotonic() < deadline:
        time.sleep(0.01)
    assert back[0].result(30).text == text
    service.close()


def test_a_long_text_lets_short_ones_through(small, monkeypatch):
    service, finished = Service(lambda name: small), []
    started, submitted = threading.Event(), threading.Event()

    def at_layer(n):
        if n == 1:
            started.set()
            assert submitted.wait(30)

    slow_down(monkeypatch, small, at_layer)
    long = service.submit("small", "xyzq " * 600)
    assert started.wait(30)
    short = service.submit("small", "a short one")
    other = service.submit("small", "qzyx " * 600)
    submitted.set()
    short.wait(30)
    finished = [long._job.finished, other._job.finished]
    assert short.result(30).text == "a short one" and finished == [False, False]
    np.testing.assert_allclose(long.result(30).log_probs, scoring.score(small, "xyzq " * 600).log_probs, atol=1e-5)
    assert other.result(30)
    service.close()


def test_progress_rises_to_one(small, monkeypatch):
    seen = []
    service = Service(lambda name: small)
    score_many = scoring.score_many

    def watched(model, texts, *, tick, **rest):
        return score_many(model, texts, tick=lambda f: (seen.append(f), tick(f)), **rest)

    monkeypatch.setattr(scoring, "score_many", watched)
    ticket = service.submit("small", "xyzq " * 100)
    ticket.result(30)
    assert seen == sorted(seen) and 0 < seen[0] < 0.5 and seen[-1] == pytest.approx(1) and ticket.fraction == 1
    service.close()


def test_a_full_queue_turns_newcomers_away_in_a_sentence_and_serves_the_others(gate):
    service = Service(gate, max_waiting=3)
    service.submit("small", "first in line")
    assert gate.reached.wait(30)
    tickets = [service.submit("small", f"text {i}") for i in range(3)]
    with pytest.raises(ReaderError, match="3 texts are waiting already"):
        service.submit("small", "one too many")
    with pytest.raises(ReaderError, match="waiting already"):
        service.call(lambda: 1)
    joined = service.submit("small", "text 1")  # joining costs no place
    gate.open.set()
    assert all(ticket.result(30) for ticket in (*tickets, joined))
    assert service.submit("small", "one too many").result(30)
    service.close()


def test_one_texts_fault_is_not_its_neighbours(gate):
    service, _ = behind(gate)
    good, bad, more = (service.submit("small", text) for text in ("good", "half \ud83d", "more"))
    gate.open.set()
    assert good.result(30).text == "good" and more.result(30).text == "more"
    with pytest.raises(ReaderError, match="half a character"):
        bad.result(30)
    service.close()


def test_an_unforeseen_fault_of_one_text_is_not_its_neighbours_either(gate, small, monkeypatch):
    encode = type(small).encode

    def fragile(self, text):
        if text == "bad":
            raise ZeroDivisionError("a mistake of ours")
        return encode(self, text)

    monkeypatch.setattr(type(small), "encode", fragile)
    service, _ = behind(gate)
    good, bad = service.submit("small", "good"), service.submit("small", "bad")
    gate.open.set()
    assert good.result(30).text == "good"
    with pytest.raises(ZeroDivisionError):
        bad.result(30)
    service.close()


def test_a_fault_is_not_remembered(service, small, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(type(small), "encode", lambda self, text: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            service.submit("small", "text").result(30)
    assert service.submit("small", "text").result(30).text == "text"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")])
def test_out_of_memory_is_a_sentence(service, small, monkeypatch, error):
    def full(self, *_, **__):
        raise error

    monkeypatch.setattr(type(small), "states", full)
    with pytest.raises(ReaderError, match="ran out of memory"):
        service.submit("small", "text").result(30)


def test_other_runtime_errors_stay_what_they_are(service, small, monkeypatch):
    def broken(self, *_, **__):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(type(small), "states", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        service.submit("small", "text").result(30)


def test_a_model_that_cannot_be_loaded_is_a_sentence_to_each_who_asked(service):
    def missing(name):
        raise ReaderError(f"There is no {name}.")

    service._load = missing
    for ticket in [service.submit("x", "one"), service.submit("x", "two")]:
        with pytest.raises(ReaderError, match="There is no x"):
            ticket.result(30)


def test_other_options_and_other_models_are_other_results(service):
    one, two = service.submit("small", "the cat", top_k=3).result(30), service.submit("small", "the cat", top_k=5).result(30)
    assert one.top_ids.shape[1] == 3 and two.top_ids.shape[1] == 5
    assert service.peek("small", "the cat", top_k=3) is one and service.peek("small", "the cat") is None and service.peek("other", "the cat", top_k=3) is None


def test_kept_results_are_bounded_and_the_oldest_go_first(small):
    service = Service(lambda name: small, kept_tokens=60)
    for text in ("a" * 25, "b" * 25, "a" * 25, "c" * 25):
        service.submit("small", text).result(30)
    assert service.peek("small", "a" * 25) and service.peek("small", "c" * 25) and service.peek("small", "b" * 25) is None
    service.close()


def test_other_work_runs_on_the_workers_thread_and_its_value_or_fault_comes_back(service):
    assert service.call(lambda: threading.current_thread().name) == "lmviz-scoring"
    with pytest.raises(KeyError):
        service.call(lambda: {}["x"])
    result = service.call(lambda: service.peek("small", "nothing"))
    assert result is None and not service._results


def test_results_are_read_only_because_they_are_shared(service):
    result = service.submit("small", "the cat").result(30)
    for name in ("log_probs", "entropies", "ranks", "top_ids", "top_log_probs", "tail_log_prob"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(result, name)[...] = 0


def test_a_wait_that_is_too_long_is_a_timeout_and_the_place_is_kept(gate):
    service, first = behind(gate)
    assert not first.wait(0.01)
    with pytest.raises(TimeoutError):
        first.result(0.01)
    gate.open.set()
    assert first.result(30)
    service.close()


def test_closing_tells_whoever_still_waits(gate):
    service, first = behind(gate)
    waiting = service.submit("small", "too late")
    closer = threading.Thread(target=service.close)
    closer.start()
    with pytest.raises(Cancelled, match="closed"):
        waiting.result(30)
    gate.open.set()
    closer.join(30)
    assert first.result(1)
    with pytest.raises(RuntimeError, match="closed"):
        service.submit("small", "after")


def test_many_threads_at_once_all_get_their_own_numbers(service, small):
    texts = [f"{word} {n}" for word in ("cat", "dog") for n in range(8)]
    wanted = {text: scoring.score(small, text).total_nats for text in texts}
    wrong = []

    def reader(k):
        for i in range(12):
            text = texts[(k * 5 + i) % len(texts)]
            with service.submit("small", text) as ticket:
                if abs(ticket.result(30).total_nats - wanted[text]) > 1e-4:
                    wrong.append(text)

    threads = [threading.Thread(target=reader, args=(k,)) for k in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and service.texts_scored <= len(texts)
