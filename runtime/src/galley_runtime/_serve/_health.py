"""Whether the service lives, and whether it may be asked. Each protocol has its own words for both (serving.md §2)."""

from __future__ import annotations

from galley_runtime import __version__
from galley_runtime._errors import UnavailableError
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._service import Service

__all__ = ["healthz", "ping", "root", "version"]


def root(service: Service, request: Request) -> Response:
    """KServe's V1 client takes `{"status": "alive"}` at the base URL for life; the rest is for people."""
    models = [f"/v2/models/{service.name}/infer", f"/v1/models/{service.name}:predict"]
    paths = ["/docs", "/openapi.json", *models, "/invocations", "/predict"]
    return json_response({"status": "alive", "name": service.name, "revision": service.revision, "paths": paths})


def healthz(service: Service, request: Request) -> Response:
    """200 only when the model is loaded and has answered the golden requests as it did in the build."""
    service.check_ready()
    return json_response({"status": "ready", "revision": service.revision})


def ping(service: Service, request: Request) -> Response:
    """MLflow: the body is one line end."""
    try:
        service.check_ready()
    except UnavailableError as error:
        return json_response(error.body(), error.status)
    return Response(200, b"\n")


def version(service: Service, request: Request) -> Response:
    return Response(200, __version__.encode("ascii"), "text/plain; charset=utf-8")
