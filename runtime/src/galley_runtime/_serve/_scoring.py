"""What every protocol asks: rows in, one prediction a row out.

The order is the contract: rows take the shape of the call form or are refused by name, the validator speaks, the
predictor is called, and the counter hears of each of these. A request that the schema refuses is still counted: rows
of the wrong type are what a broken client or a changed feed looks like. One that only stood in line is not: its client
comes again with the same rows, and would count twice.
"""

from __future__ import annotations

import os
import time
import traceback
from typing import Any, Callable, List, Mapping, NamedTuple, Optional

from galley_runtime._errors import PredictorError, RequestError, RuntimeFailure, UnavailableError
from galley_runtime._model import Model
from galley_runtime._secrets import redacted
from galley_runtime._serve._door import Door
from galley_runtime._serve._event_time import EventTimes
from galley_runtime._serve._exchange import Request
from galley_runtime._serve._gate import Gate, Job
from galley_runtime._serve._limits import Limits
from galley_runtime._serve._memory import bytes_of_rows
from galley_runtime._serve._metrics import Metrics
from galley_runtime._serve._watch import Observed, Watch

__all__ = ["Scored", "Scoring"]

_NAMED_ROWS_MAX = 100
#: Neither validator nor predictor has seen these.
_UNSEEN = frozenset(("BUSY", "CLIENT_GONE"))
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_BOOT = os.urandom(6).hex()


class Scored(NamedTuple):
    """The answer, and what remains to be done after it was sent."""

    predictions: List[Any]
    after: Callable[[], None]


class Scoring:
    """One model behind a gate. `log` gets tracebacks, which clients do not."""

    def __init__(
        self,
        model: Model,
        watch: Watch,
        metrics: Metrics,
        log: Callable[[str], None],
        limits: Limits,
        event_times: EventTimes = EventTimes(),
        mode: str = "typed",
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.model = model
        self._watch = watch
        self._metrics = metrics
        self._log = log
        self.rows_max = limits.rows
        self._call_seconds = limits.call_seconds
        self._event_times = event_times
        self.door = Door(model.schema, mode, metrics.violation)
        # Where nobody looks at rows, a neighbour may change the types of a column after all.
        merge = mode != "off" and may_merge(model, watch)
        self.gate = Gate(self._work, limits.concurrency, limits.waiting, limits.waiting_seconds, merge, monotonic)
        self._monotonic = monotonic
        self._number = 0

    def predict(
        self,
        rows: Any,
        request: Request,
        request_id: Optional[str] = None,
        event_time: Any = None,
        params: Optional[Mapping[str, Any]] = None,
    ) -> Scored:
        """`event_time`: what the protocol's own parameter says of it; `params`: for the predictor beside its rows.

        Raises INVALID_ROW, INVALID_COLUMN, TOO_LARGE, NOT_VALID, PREDICTOR_FAILED, BUSY, CLIENT_GONE."""
        if isinstance(rows, list):
            self.check_count(len(rows))
        headers = request.headers
        name = request_id or headers.get("x-request-id") or self._next_id()
        happened = self._event_times.of(headers, event_time, rows, self.model.schema.names)
        observed = self._watch.begin(name, happened)
        try:
            predictions = self._answer(rows, observed, request, params)
        except Exception as error:
            if isinstance(error, RuntimeFailure) and error.code in _UNSEEN:
                observed.forget()
                raise
            if isinstance(error, RequestError):  # what it never saw is no failure of the model
                observed.refused()
            else:
                observed.failure(error.__cause__ or error)
            observed.end()
            raise
        observed.predictions(predictions)
        return Scored(predictions, observed.end)

    def make_room(self, count: int, reserve: Callable[[int], None]) -> None:
        """Before so many rows are made of columns, which takes a hundred times their text. Raises TOO_LARGE, BUSY."""
        self.check_count(count)
        reserve(bytes_of_rows(count))

    def check_count(self, count: int, at_least: bool = False) -> None:
        """Raises TOO_LARGE."""
        if count > self.rows_max:
            said = "at least " if at_least else ""
            message = f"The request has {said}{count:,} rows; the service takes {self.rows_max:,}."
            hint = "Send the rows in several requests, or raise GALLEY_ROWS_MAX."
            raise RequestError("TOO_LARGE", message, hint)

    def _next_id(self) -> str:
        self._number += 1
        return f"{_BOOT}-{self._number}"

    def _answer(
        self, rows: Any, observed: Observed, request: Request, params: Optional[Mapping[str, Any]]
    ) -> List[Any]:
        try:
            conformed = self.door.admit(rows)
        except RequestError:
            if isinstance(rows, list):
                observed.rows(rows)
            raise
        observed.rows(conformed)
        if not conformed:
            return []
        job = Job(conformed, request.gone, params)
        try:
            self.gate.answer(job)
        except PredictorError as error:
            self._log(_user_traceback(error))
            raise
        return job.predictions

    def check_moving(self) -> None:
        """Raises HUNG when a call of the predictor takes so long that it will hardly end."""
        seconds = self.gate.longest()
        if seconds > self._call_seconds:
            message = f"A call of the predictor has not ended for {seconds:.0f} s."
            raise UnavailableError("HUNG", message, "This replica is replaced; a raised GALLEY_CALL_SECONDS waits longer.")

    def _work(self, jobs: List[Job]) -> None:
        """The user's code, for one request or for several that are answered by one call."""
        started = self._monotonic()
        valid = [job for job in jobs if self._is_valid(job)]
        if len(valid) < 2 or not self._score_together(valid):
            for job in valid:
                self._score(job)
        self._metrics.predictor(self._monotonic() - started, sum(len(job.rows) for job in jobs))

    def _is_valid(self, job: Job) -> bool:
        try:
            self._ask_validator(job.rows)
        except Exception as error:
            job.error = error
        return job.error is None

    def _score(self, job: Job) -> None:
        try:
            job.predictions = self.model.score(job.rows, job.params)
        except Exception as error:
            job.error = error

    def _score_together(self, jobs: List[Job]) -> bool:
        """False when it did not work: then each is asked alone, so that only who is to blame hears of it."""
        try:
            predictions = self.model.score([row for job in jobs for row in job.rows])
        except Exception:
            return False
        start = 0
        for job in jobs:
            job.predictions = predictions[start : start + len(job.rows)]
            start += len(job.rows)
        return True

    def _ask_validator(self, rows: List[Any]) -> None:
        refused = self.model.invalid_rows(rows)
        if not refused:
            return
        named = refused[:_NAMED_ROWS_MAX]
        if len(rows) == 1:
            message = "The validator says that this row cannot be scored."
        elif len(refused) == len(rows):
            message = "The validator says that none of these rows can be scored."
        else:
            more = f" and {len(refused) - 10} more" if len(refused) > 10 else ""
            listed = ", ".join(str(index) for index in refused[:10])
            message = f"The validator says that row{'s' if len(refused) > 1 else ''} {listed}{more} cannot be scored."
        raise RequestError("NOT_VALID", message, "The rule is in the notebook's `validator`.", row=named[0], rows=named)


def may_merge(model: Model, watch: Watch) -> bool:
    """Whether requests may share a call (MONITORS.md §1): an estimator is served, or the predictor says so, its columns
    have types that no neighbour changes, and no function is profiled, whose paths are counted by request.
    """
    predictor = model.info.get("predictor") or {}
    willing = predictor.get("kind") == "estimator" or getattr(model.predictor, "batch", False) is True
    typed = bool(model.schema.columns) and "any" not in model.schema.types.values()
    return willing and typed and not model.call_form.one and not watch.state()["profiled"]


def _user_traceback(error: RuntimeFailure) -> str:
    """From the first frame that is not ours: what the user wrote is what the user can mend."""
    cause = error.__cause__ or error
    trace = cause.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS) and trace.tb_next is not None:
        trace = trace.tb_next
    return redacted(f"{error.message}\n{''.join(traceback.format_exception(type(cause), cause, trace))}")
