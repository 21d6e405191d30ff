"""The admin socket: figures and counts, for those who run the service and never for its clients (wire.md)."""

from __future__ import annotations

import traceback
from typing import Callable
from urllib.parse import parse_qs

from galley_runtime._errors import RequestError, RuntimeFailure, ServiceError
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._metrics import CONTENT_TYPE, Metrics
from galley_runtime._serve._service import Service
from galley_runtime._serve._watch import Watch

__all__ = ["Admin"]


class Admin:
    """Answers `GET /metrics`, `/healthz`, `/galley/v1/buckets?after=SEQ` and `/galley/v1/state`; raises nothing."""

    def __init__(
        self, service: Service, metrics: Metrics, watch: Callable[[], Watch], log: Callable[[str], None]
    ) -> None:
        self._service = service
        self._metrics = metrics
        self._watch = watch
        self._log = log

    def __call__(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except RuntimeFailure as error:
            return json_response(error.body(), error.status)
        except Exception:
            self._log("the admin socket failed:\n" + traceback.format_exc())
            failure = ServiceError("RUNTIME_FAILED", "The service failed to answer this request.", "Its log says more.")
            return json_response(failure.body(), failure.status)

    def _answer(self, request: Request) -> Response:
        known = ("/metrics", "/healthz", "/galley/v1/buckets", "/galley/v1/state")
        if request.path not in known:
            raise RequestError(
                "NOT_FOUND", f"There is no path {request.path[:200]} here.", "Try " + ", ".join(known) + "."
            )
        if request.method not in ("GET", "HEAD"):
            raise RequestError("METHOD_NOT_ALLOWED", f"{request.path} does not take {request.method}.", "Use GET.")
        if request.path == "/metrics":
            return Response(200, self._metrics.text(), CONTENT_TYPE)
        if request.path == "/healthz":
            self._service.check_ready()
            return json_response({"status": "ready", "revision": self._service.revision})
        if request.path == "/galley/v1/state":
            return json_response(self._watch().state())
        return json_response(self._watch().buckets(_after(request.query)))


def _after(query: str) -> int:
    text = parse_qs(query).get("after", ["0"])[-1]
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise RequestError("BAD_REQUEST", "`after` is not a whole number.", "Send the seq of the last answer.")
    return int(text)
