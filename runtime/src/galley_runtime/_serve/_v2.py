"""The Open Inference Protocol, V2: metadata and readiness here, inference in `_infer.py` (serving.md §1.1)."""

from __future__ import annotations

from typing import Any, Dict, List

from galley_runtime import __version__
from galley_runtime._errors import UnavailableError
from galley_runtime._model import Model
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._service import Service

__all__ = ["DATATYPE_OF", "live", "model", "model_ready", "ready", "server"]

#: Column type → datatype. `any` travels as text.
DATATYPE_OF = {"number": "FP64", "integer": "INT64", "string": "BYTES", "boolean": "BOOL", "any": "BYTES"}


def server(service: Service, request: Request) -> Response:
    return json_response({"name": "galley", "version": __version__, "extensions": ["binary_tensor_data"]})


def live(service: Service, request: Request) -> Response:
    """KServe's client reads `live`; the specification's text gives the same key to both (serving.md §2.2)."""
    return json_response({"live": True, "ready": service.ready})


def ready(service: Service, request: Request) -> Response:
    try:
        service.check_ready()
    except UnavailableError as error:
        return json_response({"ready": False, "live": True, **error.body()}, error.status)
    return json_response({"ready": True, "live": True})


def model_ready(service: Service, request: Request, name: str, version: str = "") -> Response:
    service.check_name(name, version)
    service.check_ready()
    return json_response({"name": service.name, "ready": True})


def model(service: Service, request: Request, name: str, version: str = "") -> Response:
    service.check_name(name, version)
    loaded = service.scoring.model
    answer: Dict[str, Any] = {"name": service.name}
    if service.revision:
        answer["versions"] = [service.revision]
    answer["platform"] = "galley"
    answer["inputs"] = inputs_of(loaded)
    answer["outputs"] = outputs_of(loaded)
    return json_response(answer)


def inputs_of(loaded: Model) -> List[Dict[str, Any]]:
    """A tensor per column, or one matrix, or one list of values."""
    columns = loaded.schema.columns
    if loaded.call_form.form == "matrix":
        return [{"name": "input", "datatype": "FP64", "shape": [-1, len(columns) or -1]}]
    if not columns:
        return [{"name": "input", "datatype": "BYTES", "shape": [-1]}]
    return [
        {"name": column.name, "datatype": DATATYPE_OF.get(column.type, "BYTES"), "shape": [-1]} for column in columns
    ]


def outputs_of(loaded: Model) -> List[Dict[str, Any]]:
    kind = loaded.schema.prediction.get("type")
    classes = loaded.schema.prediction.get("classes") or []
    if kind == "probabilities":
        return [{"name": "predictions", "datatype": "FP64", "shape": [-1, len(classes) or -1]}]
    datatype = "FP64" if kind == "number" else "BYTES"
    if kind == "class" and classes:
        kinds = {type(label) for label in classes}
        datatype = {bool: "BOOL", int: "INT64", float: "FP64"}.get(kinds.pop(), "BYTES") if len(kinds) == 1 else "BYTES"
    return [{"name": "predictions", "datatype": datatype, "shape": [-1]}]
