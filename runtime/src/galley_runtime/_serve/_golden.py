"""The golden requests: what the rehearsal got for them, the service must give again before it calls itself ready."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from galley_runtime._errors import ModelError, ServiceError
from galley_runtime._json import dumps
from galley_runtime._model import Model

__all__ = ["Difference", "check_golden", "differences", "same"]

#: Other processors and other BLAS kernels add in another order; more than this is another answer.
_TOLERANCE = 1e-6


class Difference(NamedTuple):
    """One request that was not answered as before; `actual` is None when it raised `error`."""

    request: int
    row: Optional[int]
    expected: Any
    actual: Any
    error: Optional[Dict[str, Any]]


def differences(model: Model, golden: Any) -> List[Difference]:
    """Replays `golden.json`, but for requests that the rehearsal saw answered in two ways. Raises ModelError when the file has another shape."""
    if golden is None:
        return []
    requests = golden.get("requests") if isinstance(golden, dict) else None
    if not isinstance(requests, list):
        raise ModelError("golden.json has no list of requests.", "Build the application again.")
    found: List[Difference] = []
    for number, request in enumerate(requests):
        try:
            rows, expected = request["rows"], request["predictions"]
        except (KeyError, TypeError):
            raise ModelError(f"Request {number} of golden.json has no rows and predictions.") from None
        if request.get("varies"):
            continue
        try:
            actual = model.score(model.schema.conform(rows))
        except ServiceError as error:
            found.append(Difference(number, None, expected, None, error.body()))
            continue
        if len(actual) != len(expected):
            found.append(Difference(number, None, expected, actual, None))
            continue
        for row, (before, now) in enumerate(zip(expected, actual)):
            if not same(before, now):
                found.append(Difference(number, row, before, now, None))
                break
    return found


def check_golden(model: Model, golden: Any, prove: bool, log: Callable[[str], None]) -> None:
    """Raises ModelError with code GOLDEN_DIFFERS that shows the first difference.

    Without `prove` (another replica of the revision has given the answers) the first request only warms the model up.
    """
    if not prove:
        _warm_up(model, golden)
        return
    found = differences(model, golden)
    varying = sum(1 for request in (golden or {}).get("requests", ()) if request.get("varies"))
    if varying:
        log(f"the model answers the same rows in different ways: {varying} golden requests are not compared")
        _warm_up(model, golden)
    if not found:
        return
    first = found[0]
    where = f"golden request {first.request}" + ("" if first.row is None else f", row {first.row}")
    if first.error is not None:
        message = f"The model does not answer {where}: {first.error['error']}"
    else:
        message = f"The model answers {where} with {_shown(first.actual)}, in the build with {_shown(first.expected)}."
    hint = "The predictor may depend on the time, on chance, or on something outside its arguments."
    raise ModelError(message, hint, code="GOLDEN_DIFFERS")


def _warm_up(model: Model, golden: Any) -> None:
    """What loads at the first call is loaded before a client waits for it. What comes of it is not looked at."""
    try:
        model.score(model.schema.conform(golden["requests"][0]["rows"]))
    except (ServiceError, LookupError, TypeError):
        pass


def same(before: Any, now: Any) -> bool:
    """Equal, floats to 1e-6 absolutely or relatively; a bool is no number."""
    if isinstance(before, bool) or isinstance(now, bool):
        return before is now
    if isinstance(before, (int, float)) and isinstance(now, (int, float)):
        return math.isclose(before, now, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(same, before, now))
    if isinstance(before, dict) and isinstance(now, dict):
        return before.keys() == now.keys() and all(same(before[key], now[key]) for key in before)
    return bool(before == now)


def _shown(value: Any) -> str:
    text = dumps(value).decode("utf-8", "replace")
    return text if len(text) <= 120 else text[:117] + "…"
