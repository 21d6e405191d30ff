"""The V1 protocol of TensorFlow Serving and KServe: `instances` in, `predictions` out (serving.md §1.2)."""

from __future__ import annotations

from galley_runtime._errors import RequestError
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._service import Service

__all__ = ["model_status", "models", "predict"]


def models(service: Service, request: Request) -> Response:
    return json_response({"models": [service.name]})


def model_status(service: Service, request: Request, name: str) -> Response:
    """KServe's client wants `ready` or a 503 (serving.md §2.2)."""
    service.check_name(name)
    service.check_ready()
    return json_response({"name": service.name, "ready": True})


def predict(service: Service, request: Request, name: str) -> Response:
    service.check_name(name)
    body = request.json()
    if not isinstance(body, dict) or not isinstance(body.get("instances"), list):
        message = "The body is not an object with a list `instances`."
        raise RequestError("INVALID_JSON", message, 'Send {"instances": [row, …]}.')
    scored = service.scoring.predict(body["instances"], request)
    response = json_response({"predictions": scored.predictions})
    response.after = scored.after
    return response
