"""From a path to a protocol, and from an exception to an answer in that protocol's words."""

from __future__ import annotations

import re
import time
import traceback
from typing import Any, Callable, Dict, List, NamedTuple, Pattern, Tuple

from galley_runtime._errors import RequestError, RuntimeFailure, ServiceError, UnavailableError
from galley_runtime._serve import _form, _health, _infer, _invocations, _v1, _v2
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._metrics import Metrics
from galley_runtime._serve._service import Service

__all__ = ["Router"]

Handler = Callable[..., Response]


class _Route(NamedTuple):
    pattern: Pattern[str]
    method: str
    protocol: str
    handler: Handler


def _openapi(service: Service, request: Request) -> Response:
    return Response(200, service.openapi())


def _page(service: Service, request: Request) -> Response:
    from galley_runtime._serve._page import HEADERS  # most replicas are never asked for it

    return Response(200, service.page(), "text/html; charset=utf-8", HEADERS)


_NAME = "([^/:]+)"
_VERSION = "(?:/versions/([^/:]+))?"

#: Path, method, protocol (a label of the metrics), handler. The table of docs/guides/protocols.md.
_TABLE: Tuple[Tuple[str, str, str, Handler], ...] = (
    ("/", "GET", "health", _health.root),
    ("/healthz", "GET", "health", _health.healthz),
    ("/openapi.json", "GET", "openapi", _openapi),
    ("/docs", "GET", "openapi", _page),
    ("/v2/?", "GET", "v2", _v2.server),
    ("/v2/health/live", "GET", "health", _v2.live),
    ("/v2/health/ready", "GET", "health", _v2.ready),
    (f"/v2/models/{_NAME}{_VERSION}", "GET", "v2", _v2.model),
    (f"/v2/models/{_NAME}{_VERSION}/ready", "GET", "health", _v2.model_ready),
    (f"/v2/models/{_NAME}{_VERSION}/infer", "POST", "v2", _infer.infer),
    ("/v1/models", "GET", "v1", _v1.models),
    (f"/v1/models/{_NAME}", "GET", "health", _v1.model_status),
    (f"/v1/models/{_NAME}:predict", "POST", "v1", _v1.predict),
    ("/invocations", "POST", "invocations", _invocations.invoke),
    ("/ping", "GET", "health", _health.ping),
    ("/health", "GET", "health", _health.ping),
    ("/version", "GET", "health", _health.version),
    ("/predict", "POST", "form", _form.predict),
)
_ROUTES: List[_Route] = [_Route(re.compile(path + r"\Z"), *rest) for path, *rest in _TABLE]  # type: ignore[arg-type]


class Router:
    """`__call__` answers every request and raises nothing."""

    def __init__(self, service: Service, metrics: Metrics, log: Callable[[str], None]) -> None:
        self._service = service
        self._metrics = metrics
        self._log = log
        self._headers = {"Galley-Revision": service.revision} if _is_header_safe(service.revision) else {}
        # Plain paths are found at once; names of models need a look at the patterns.
        self._memory: Dict[Tuple[str, str], Tuple[_Route, List[str]]] = {}

    def __call__(self, request: Request) -> Response:
        started = time.perf_counter()
        self._metrics.begin()
        protocol, status = "none", 500
        try:
            try:
                route, names = self._find(request)
                protocol = route.protocol
                response = route.handler(self._service, request, *names)
            except RuntimeFailure as error:
                self._metrics.failure(error.code)
                response = _answer(error, protocol)
            except Exception:
                self._log("the service failed:\n" + traceback.format_exc())
                self._metrics.failure("RUNTIME_FAILED")
                response = _answer(_OURS, protocol)
            status = response.status
        finally:
            self._metrics.end(protocol, status, time.perf_counter() - started)
        response.headers = {**self._headers, **response.headers} if response.headers else self._headers
        return response

    def refuse(self, path: str, error: ServiceError) -> Response:
        """The answer to what never became a request, in the words of the protocol that lives at its path."""
        protocol = next((route.protocol for route in _ROUTES if route.pattern.match(path)), "none")
        self._metrics.refused(protocol, error.status)
        return _answer(error, protocol)

    def _find(self, request: Request) -> Tuple[_Route, List[str]]:
        method = "GET" if request.method == "HEAD" else request.method
        known = self._memory.get((method, request.path))
        if known is not None:
            return known
        allowed: List[str] = []
        for route in _ROUTES:
            match = route.pattern.match(request.path)
            if match is None:
                continue
            if route.method == method:
                found = (route, [_unquote(part) for part in match.groups() if part is not None])
                if len(self._memory) < 64:  # a client must not fill our memory with paths
                    self._memory[method, request.path] = found
                return found
            allowed.append(route.method)
        if allowed:
            raise _MethodError(request.method, request.path, allowed[0])
        message = f"There is no path {request.path[:200]} here."
        raise RequestError("NOT_FOUND", message, "GET /openapi.json lists every path.")


class _MethodError(RequestError):
    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__("METHOD_NOT_ALLOWED", f"{path[:200]} does not take {method}.", f"Use {allowed}.")
        self.allowed = "GET, HEAD" if allowed == "GET" else allowed


_OURS = ServiceError("RUNTIME_FAILED", "The service failed to answer this request.", "Its log says more.")


def _answer(error: RuntimeFailure, protocol: str) -> Response:
    if protocol == "form":
        response = _form.error_text(error)
    elif protocol == "invocations":  # MLflow's clients read these two names
        body: Dict[str, Any] = {**error.body(), "error_code": error.code, "message": error.message}
        response = json_response(body, error.status)
    else:
        response = json_response(error.body(), error.status)
    if isinstance(error, _MethodError):
        response.headers = {"Allow": error.allowed}
    if isinstance(error, UnavailableError):
        response.headers = {"Retry-After": str(error.retry_after)}
    return response


def _is_header_safe(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable()


def _unquote(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)
