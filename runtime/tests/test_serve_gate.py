"""The line before the predictor: it may not grow, it keeps its order, and who waits in it may be answered together."""

from __future__ import annotations

import threading
from typing import Any, Callable, List

import pytest

from galley_runtime._errors import PredictorError, RequestError, UnavailableError
from galley_runtime._serve._gate import Gate, Job

DEADLINE_SECONDS = 60.0


class Predictor:
    """Stays in its first call until it is let go; answers each row with its double."""

    def __init__(self) -> None:
        self.calls: List[List[Any]] = []
        self.entered = threading.Event()
        self.go = threading.Event()

    def __call__(self, jobs: List[Job]) -> None:
        self.calls.append([row for job in jobs for row in job.rows])
        self.entered.set()
        assert self.go.wait(DEADLINE_SECONDS)
        for job in jobs:
            job.predictions = [row * 2 for row in job.rows]


def job(*rows: Any, gone: Callable[[], bool] = lambda: False) -> Job:
    return Job(list(rows), gone)


class Asking:
    """A request on a thread of its own."""

    def __init__(self, gate: Gate, asked: Job) -> None:
        self.job = asked
        self.error: Any = None
        self._gate = gate
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._gate.answer(self.job)
        except Exception as error:
            self.error = error

    def ended(self) -> Any:
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()
        return self.error


def in_line(gate: Gate, count: int) -> None:
    while gate.waiting < count:
        pass


def busy(waiting: int = 8, seconds: float = DEADLINE_SECONDS, merge: bool = False) -> "tuple[Gate, Predictor, Asking]":
    """A gate whose one place is taken."""
    predictor = Predictor()
    gate = Gate(predictor, 1, waiting, seconds, merge)
    first = Asking(gate, job(0))
    assert predictor.entered.wait(DEADLINE_SECONDS)
    return gate, predictor, first


def test_who_finds_nobody_calls_on_its_own_thread() -> None:
    seen: List[Any] = []
    gate = Gate(lambda jobs: seen.append((threading.get_ident(), len(jobs))), 1, 8, 1.0, True)
    for _ in range(3):
        gate.answer(job(1))
    assert seen == [(threading.get_ident(), 1)] * 3
    assert gate.longest() == 0.0


def test_a_line_that_is_full_takes_nobody_and_says_when_to_come_back() -> None:
    gate, predictor, first = busy(waiting=1)
    second = Asking(gate, job(1))
    in_line(gate, 1)
    with pytest.raises(UnavailableError) as refused:
        gate.answer(job(2))
    assert (refused.value.code, refused.value.retry_after) == ("BUSY", 1)
    predictor.go.set()
    assert [first.ended(), second.ended()] == [None, None]
    assert predictor.calls == [[0], [1]]


def test_nobody_stands_in_line_longer_than_is_stated() -> None:
    gate, predictor, first = busy(seconds=0.01)
    late = Asking(gate, job(1)).ended()
    assert late.code == "BUSY"
    assert gate.waiting == 0
    predictor.go.set()
    assert first.ended() is None
    assert predictor.calls == [[0]]


def test_who_has_hung_up_leaves_the_line_and_the_predictor_never_hears_of_it() -> None:
    gate, predictor, first = busy()
    here, gone = Asking(gate, job(1)), Asking(gate, job(2, gone=lambda: True))
    left = gone.ended()
    assert isinstance(left, RequestError)
    assert left.code == "CLIENT_GONE"
    predictor.go.set()
    assert [first.ended(), here.ended()] == [None, None]
    assert predictor.calls == [[0], [1]]


def test_who_waits_is_answered_together_in_the_order_of_arrival() -> None:
    gate, predictor, first = busy(merge=True)
    waiting = []
    for number in range(1, 6):
        waiting.append(Asking(gate, job(number, number + 10)))
        in_line(gate, number)
    predictor.go.set()
    assert [asking.ended() for asking in (first, *waiting)] == [None] * 6
    assert predictor.calls == [[0], [1, 11, 2, 12, 3, 13, 4, 14, 5, 15]]
    assert [asking.job.predictions for asking in waiting] == [[n * 2, (n + 10) * 2] for n in range(1, 6)]


def test_a_call_that_breaks_is_nobodys_answer() -> None:
    entered, go = threading.Event(), threading.Event()

    def work(jobs: List[Job]) -> None:
        if not entered.is_set():
            entered.set()
            assert go.wait(DEADLINE_SECONDS)
        else:
            raise MemoryError

    gate = Gate(work, 1, 8, DEADLINE_SECONDS, True)
    first = Asking(gate, job(0))
    assert entered.wait(DEADLINE_SECONDS)
    waiting = []
    for number in (1, 2):
        waiting.append(Asking(gate, job(number)))
        in_line(gate, number)
    go.set()
    assert first.ended() is None
    assert [type(asking.ended()) for asking in waiting] == [MemoryError, MemoryError]
    assert (gate.waiting, gate.longest()) == (0, 0.0)


def test_rows_are_counted_and_not_requests() -> None:
    gate, predictor, first = busy(merge=True)
    waiting = []
    for number, rows in enumerate((40, 20, 10), 1):
        waiting.append(Asking(gate, job(*range(rows))))
        in_line(gate, number)
    predictor.go.set()
    assert [asking.ended() for asking in (first, *waiting)] == [None] * 4
    assert [len(call) for call in predictor.calls] == [1, 60, 10]


def test_parameters_are_never_shared() -> None:
    gate, predictor, first = busy(merge=True)
    waiting = []
    for number, params in enumerate((None, {"a": 1}, None), 1):
        waiting.append(Asking(gate, Job([number], lambda: False, params)))
        in_line(gate, number)
    predictor.go.set()
    assert [asking.ended() for asking in (first, *waiting)] == [None] * 4
    assert predictor.calls == [[0], [1], [2], [3]]


@pytest.mark.parametrize(("concurrency", "merge"), [(1, False), (3, False), (1, True), (2, True)])
def test_everybody_gets_its_own_answer_and_no_more_call_at_once_than_may(concurrency: int, merge: bool) -> None:
    inside, most, lock = [0], [0], threading.Lock()

    def work(jobs: List[Job]) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        for asked in jobs:
            if asked.rows[0] % 7 == 0:
                asked.error = PredictorError("seven")
            else:
                asked.predictions = [row * 2 for row in asked.rows]
        with lock:
            inside[0] -= 1

    gate = Gate(work, concurrency, 64, DEADLINE_SECONDS, merge)

    def ask(start: int) -> None:
        for number in range(start, start + 50):
            asked = job(number, number + 1)
            try:
                gate.answer(asked)
            except PredictorError:
                assert number % 7 == 0
            else:
                assert asked.predictions == [number * 2, number * 2 + 2]

    failures: List[BaseException] = []

    def run(start: int) -> None:
        try:
            ask(start)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number * 1000 + 1,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert failures == []
    assert most[0] <= concurrency
    assert (gate.waiting, gate.longest()) == (0, 0.0)
