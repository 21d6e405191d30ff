"""Asking the model the sample, request by request, through the door that the server uses."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from galley_runtime._errors import RuntimeFailure
from galley_runtime._model import Model
from galley_runtime._monitor._reference import Seen

__all__ = ["Asked", "RowFailed", "bare_seconds", "read_sample", "replay"]

_BARE_REQUESTS = 400
_TELL_SECONDS = 0.5


class RowFailed(Exception):
    """A request of the sample could not be answered."""

    def __init__(self, number: int, rows: List[Any], error: Dict[str, Any]) -> None:
        super().__init__(f"request {number}")
        self.failure = {"row": number, "request": {"rows": rows}, "error": error}


class Asked(NamedTuple):
    """One request of the sample. `held_out`: no fit has seen its rows."""

    rows: List[Any]
    held_out: bool


def read_sample(path: Optional[str], rows_max: int) -> List[Asked]:
    """At most `rows_max` requests."""
    if path is None:
        return []
    with open(path, encoding="utf-8") as file:
        requests = []
        for line in file:
            if len(requests) >= rows_max:
                break
            if line.strip():
                request = json.loads(line)
                requests.append(Asked(request["rows"], bool(request.get("heldOut"))))
        return requests


def bare_seconds(model: Model, requests: List[Asked]) -> float:
    """Seconds a request takes in the repository's own code, predictor and validator, by the first ones; 0 where one fails."""
    some = requests[:_BARE_REQUESTS]
    started = time.perf_counter()
    try:
        for rows, _ in some:
            conformed = model.schema.conform(rows)
            model.invalid_rows(conformed)
            model.bare(conformed)
    except Exception:
        return 0.0
    return (time.perf_counter() - started) / max(1, len(some))


def replay(
    model: Model, profile: Any, requests: List[Asked], seconds_max: float, tell: Callable[[int, int], None]
) -> Iterator[Seen]:
    """Answers each request; ends early when the time is up. Rows that the validator refuses are no part of a reference."""
    started = told = time.perf_counter()
    for number, (rows, held_out) in enumerate(requests):
        now = time.perf_counter()
        if now - started > seconds_max:
            return
        if now - told > _TELL_SECONDS:
            told = now
            tell(number, len(requests))
        block, token = profile.enter()
        try:
            conformed = model.schema.conform(rows)
            # A predictor may change its rows: the monitors count what came.
            kept = [dict(row) if isinstance(row, dict) else row for row in conformed]
            if model.invalid_rows(conformed):
                continue
            predictions = model.score(conformed)
        except RuntimeFailure as error:
            cause = error.__cause__ or error
            what = {"type": type(cause).__name__, "message": str(cause)[:1000], "said": error.message}
            raise RowFailed(number + 1, rows, what) from error
        finally:
            profile.leave(token)
        yield Seen(kept, predictions, list(profile.taken(block)), held_out)
    sys.stdout.flush()
