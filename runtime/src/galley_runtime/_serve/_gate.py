"""Who may call the predictor, in the order of arrival; a line that may not grow, and the merging of those who wait in it.

There is no timer and no thread of its own: who finds nobody before it calls at once, so an idle service delays nobody.
Who ends a call hands its place to the first in the line, and where calls may be merged that one takes along who waits
behind it. So the next batch is as large as what arrived during the last one, and no larger than what the latency bound
lets through (Triton's rule, serving.md §4, with rows counted instead of requests).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List, Mapping, Optional

from galley_runtime._errors import RequestError, UnavailableError

__all__ = ["Gate", "Job"]

#: So often a waiting request looks whether its client is still there.
_LOOK_SECONDS = 0.25
#: A merged call that took longer halves what may be merged; one that filled its share in half the time doubles it.
_BATCH_SECONDS = 0.1
_ROWS_FIRST, _ROWS_MOST = 64, 4096


class Job:
    """One request's rows on their way through the predictor. `gone()`: the client has hung up."""

    __slots__ = ("batch", "error", "gone", "params", "predictions", "rows", "wake")

    def __init__(
        self, rows: List[Any], gone: Callable[[], bool], params: Optional[Mapping[str, Any]] = None
    ) -> None:
        self.rows = rows
        self.gone = gone
        self.params = params
        self.predictions: List[Any] = []
        self.error: Optional[BaseException] = None
        #: Who was handed the place; empty once somebody else has answered for it.
        self.batch: List[Job] = []
        self.wake = threading.Lock()


class Gate:
    """`work(jobs)` answers jobs by their `predictions` or `error`, and must not raise.

    `waiting`: so many may stand in line; `seconds`: so long one may. `merge`: jobs without parameters are answered together.
    """

    def __init__(
        self,
        work: Callable[[List[Job]], None],
        concurrency: int,
        waiting: int,
        seconds: float,
        merge: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._free = concurrency
        self._waiting = waiting
        self._seconds = seconds
        self._merge = merge
        self._clock = clock
        self._lock = threading.Lock()
        self._line: Deque[Job] = deque()
        self._rows_most = _ROWS_FIRST
        #: When each call began that is under way; the oldest first.
        self._began: List[float] = []
        self._call_seconds = 0.0

    @property
    def waiting(self) -> int:
        return len(self._line)

    def longest(self) -> float:
        """Seconds that the oldest call under way has taken so far; 0 when there is none."""
        with self._lock:
            return self._clock() - self._began[0] if self._began else 0.0

    def answer(self, job: Job) -> None:
        """Returns when the job has its predictions, raises its error, BUSY, or CLIENT_GONE."""
        batch = self._enter(job)
        if batch:
            self._call(batch)
        if job.error is not None:
            raise job.error

    def _enter(self, job: Job) -> List[Job]:
        with self._lock:
            if self._free:
                self._free -= 1
                return [job]
            if len(self._line) >= self._waiting:
                raise self._busy(f"{len(self._line)} requests wait for the predictor already.")
            job.wake.acquire()
            self._line.append(job)
        return self._stand_in_line(job)

    def _stand_in_line(self, job: Job) -> List[Job]:
        deadline = self._clock() + self._seconds
        while not job.wake.acquire(timeout=_LOOK_SECONDS):
            late = self._clock() >= deadline
            if not late and not job.gone():
                continue
            with self._lock:
                if job not in self._line:
                    continue  # its turn came in this very moment
                self._line.remove(job)
                if late:
                    raise self._busy(f"The predictor was busy for {self._seconds:g} s.")
            raise _client_gone()
        return job.batch

    def _busy(self, message: str) -> UnavailableError:
        """With the lock held."""
        error = UnavailableError("BUSY", message, "Send it again later, or give the application more replicas.")
        error.retry_after = min(60, max(1, round(self._call_seconds * (len(self._line) + 1))))
        return error

    def _call(self, batch: List[Job]) -> None:
        began = self._clock()
        with self._lock:
            self._began.append(began)
        try:
            # Who never waited was asked for its rows a moment ago.
            here = [job for job in batch if not self._left(job)] if batch[0].batch else batch
            if here:
                self._work(here)
        except BaseException as error:  # else who waits would take its empty predictions for an answer
            for job in batch:
                job.error = error
            raise
        finally:
            took = self._clock() - began
            with self._lock:
                self._began.remove(began)
                self._learn(took, batch)
                self._hand_on()
            for job in batch[1:]:
                job.wake.release()

    @staticmethod
    def _left(job: Job) -> bool:
        if not job.gone():
            return False
        job.error = _client_gone()
        return True

    def _learn(self, took: float, batch: List[Job]) -> None:
        self._call_seconds += (took - self._call_seconds) * 0.2
        if len(batch) > 1:
            rows = sum(len(job.rows) for job in batch)
            if took > _BATCH_SECONDS:
                self._rows_most = max(1, self._rows_most // 2)
            elif rows * 2 > self._rows_most and took < _BATCH_SECONDS / 2:
                self._rows_most = min(_ROWS_MOST, self._rows_most * 2)

    def _hand_on(self) -> None:
        """The place of who is done goes to the first in the line, before anybody who comes now. With the lock held."""
        if not self._line:
            self._free += 1
            return
        first = self._line.popleft()
        first.batch = [first]
        rows = len(first.rows)
        while self._merge and self._line and not first.params and not self._line[0].params:
            rows += len(self._line[0].rows)
            if rows > self._rows_most:
                break
            first.batch.append(self._line.popleft())
        first.wake.release()


def _client_gone() -> RequestError:
    return RequestError("CLIENT_GONE", "The client hung up before its rows were scored.")
