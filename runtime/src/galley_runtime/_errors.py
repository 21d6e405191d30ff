"""Every error of the runtime: one tree of exceptions and one table of codes.

    RuntimeFailure                 has a code, a sentence that names the object, and a hint
    ├── PlanError                  a plan under /galley/in/ cannot be read or followed
    ├── ModelError                 the model layer does not load, or does not answer as it did in the notebook
    └── ServiceError               an answer to a client; may name row and column
        ├── RequestError           the client must send another request (status 4xx)
        ├── PredictorError         the notebook's own code raised (status 500)
        └── UnavailableError       try again, here or at another replica (status 503)

The table below and the section `# service` of docs/errors.md are held to each other by a test, in both directions.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

__all__ = [
    "ModelError",
    "PlanError",
    "PredictorError",
    "RequestError",
    "RuntimeFailure",
    "SERVICE_CODES",
    "ServiceError",
    "UnavailableError",
]

#: Code → HTTP status.
SERVICE_CODES: Dict[str, int] = {
    "BAD_REQUEST": 400,
    "BUSY": 503,
    "CLIENT_GONE": 499,
    "GOLDEN_DIFFERS": 503,
    "HUNG": 503,
    "INVALID_COLUMN": 422,
    "INVALID_JSON": 400,
    "INVALID_ROW": 422,
    "METHOD_NOT_ALLOWED": 405,
    "MODEL_UNREADABLE": 503,
    "NOT_FOUND": 404,
    "NOT_READY": 503,
    "NOT_VALID": 422,
    "PLAN_INVALID": 400,
    "PREDICTOR_FAILED": 500,
    "RUNTIME_FAILED": 500,
    "STOPPING": 503,
    "TIMED_OUT": 408,
    "TOO_LARGE": 413,
    "UNSUPPORTED_TYPE": 415,
}


class RuntimeFailure(Exception):
    """The root of the tree. `message` is a sentence; `hint` says what to do next."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    @property
    def status(self) -> int:
        """HTTP status. A code that is not in the table is our own mistake, so 500."""
        return SERVICE_CODES.get(self.code, 500)

    def body(self) -> Dict[str, Any]:
        """The error as JSON. Clients of V2 read `error` and nothing else (serving.md §2.1)."""
        body: Dict[str, Any] = {"error": self.message, "code": self.code}
        if self.hint:
            body["hint"] = self.hint
        return body


class PlanError(RuntimeFailure):
    """A plan under /galley/in/ cannot be read or followed."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__("PLAN_INVALID", message, hint)


class ModelError(RuntimeFailure):
    """The model layer does not load (`MODEL_UNREADABLE`) or answers differently (`GOLDEN_DIFFERS`)."""

    def __init__(self, message: str, hint: str = "", code: str = "MODEL_UNREADABLE") -> None:
        super().__init__(code, message, hint)


class ServiceError(RuntimeFailure):
    """An answer to a client. `row` counts from 0 within the request; `rows` where several are to blame."""

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        row: Optional[int] = None,
        column: Optional[str] = None,
        rows: Optional[List[int]] = None,
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(code, message, hint)
        self.row = row
        self.column = column
        self.rows = rows
        self.details = details or {}

    def body(self) -> Dict[str, Any]:
        body = super().body()
        for key, value in (("row", self.row), ("column", self.column), ("rows", self.rows)):
            if value is not None:
                body[key] = value
        body.update(self.details)
        return body


class RequestError(ServiceError):
    """The client must send another request."""


class PredictorError(ServiceError):
    """The notebook's own code raised, or answered with something that is no answer."""

    def __init__(self, message: str, hint: str = "", **facts: Any) -> None:
        super().__init__("PREDICTOR_FAILED", message, hint, **facts)


class UnavailableError(ServiceError):
    """The replica is starting (`NOT_READY`), stopping (`STOPPING`), has its hands full (`BUSY`), or hangs (`HUNG`)."""

    #: Seconds after which to try again.
    retry_after = 1
