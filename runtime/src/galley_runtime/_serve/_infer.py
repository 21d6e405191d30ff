"""`POST /v2/models/NAME/infer`: tensors become rows, predictions become tensors."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional, Tuple

from galley_runtime._errors import RequestError
from galley_runtime._json import dumps, loads
from galley_runtime._model import Model
from galley_runtime._serve._binary import LENGTH_HEADER, bytes_of_tensor, size_of, split_body, values_of_bytes
from galley_runtime._serve._event_time import PARAMETER
from galley_runtime._serve._exchange import JSON, Request, Response
from galley_runtime._serve._memory import bytes_of_json, bytes_of_values
from galley_runtime._serve._service import Service
from galley_runtime._serve._tensor import DATATYPES, Tensor, rows_of_tensor, tensor_of_json

__all__ = ["infer", "outputs_of_predictions", "rows_of_tensors"]

_HINT = 'Send {"inputs": [{"name": …, "shape": […], "datatype": …, "data": […]}]}.'


def infer(service: Service, request: Request, name: str, version: str = "") -> Response:
    service.check_name(name, version)
    scoring = service.scoring
    body, tensors = _read(request)
    identity = body.get("id")
    if identity is not None and not isinstance(identity, str):
        raise RequestError("INVALID_JSON", "The id is not a string.", _HINT)
    rows = rows_of_tensors(tensors, scoring.model, lambda count: scoring.make_room(count, request.reserve))
    parameters = body.get("parameters")
    event_time = parameters.get(PARAMETER) if isinstance(parameters, dict) else None
    scored = scoring.predict(rows, request, identity, event_time)
    try:
        response = _response(service, body, scored.predictions)
    except Exception:
        scored.after()  # it was scored, whatever became of the answer
        raise
    response.after = scored.after
    return response


def _response(service: Service, body: Dict[str, Any], predictions: List[Any]) -> Response:
    outputs = outputs_of_predictions(predictions)
    wanted, binary = _wanted(body, [output["name"] for output in outputs])
    answer: Dict[str, Any] = {"model_name": service.name}
    if service.revision:
        answer["model_version"] = service.revision
    if body.get("id") is not None:
        answer["id"] = body["id"]
    answer["outputs"] = [output for output in outputs if wanted is None or output["name"] in wanted]
    return _write(answer, binary)


def _read(request: Request) -> Tuple[Dict[str, Any], List[Tensor]]:
    length = request.headers.get(LENGTH_HEADER)
    rest = b""
    if length is None:
        body = request.json(nan=True)  # tritonclient writes NaN where a number is missing
    else:
        head, rest = split_body(request.body, length)
        request.reserve(bytes_of_json(head))
        body = loads(head, "The JSON part of the body", nan=True)
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise RequestError("INVALID_JSON", "The body is not an object with a list `inputs`.", _HINT)
    tensors: List[Tensor] = []
    position = 0
    for value in inputs:
        size = _binary_size(value)
        request.reserve(_bytes_of_tensor(value, size))
        if size is None:
            tensors.append(tensor_of_json(value, request.reserve))
            continue
        end = position + size
        if end > len(rest):
            raise RequestError("BAD_REQUEST", "The binary part of the body is cut off.")
        datatype = value.get("datatype")
        known = datatype if isinstance(datatype, str) else ""
        values = None
        if known in DATATYPES:
            values = values_of_bytes(str(value.get("name")), known, rest[position:end])
        tensors.append(tensor_of_json(value, request.reserve, values))
        position = end
    if position != len(rest):
        raise RequestError("BAD_REQUEST", f"The body has {len(rest) - position} bytes that belong to no input.")
    names = [tensor.name for tensor in tensors]
    if len(set(names)) != len(names):
        raise RequestError("INVALID_JSON", "Two inputs have the same name.", _HINT)
    return body, tensors


def _bytes_of_tensor(value: Any, size: Optional[int]) -> int:
    """What the rows of a tensor will take. Its shape is a claim until it was read; its bytes are not."""
    shape = value.get("shape") if isinstance(value, dict) else None
    rank = len(shape) if isinstance(shape, list) else 1
    if size is not None:
        return bytes_of_values(size // size_of(value.get("datatype")), rank)
    data = value.get("data") if isinstance(value, dict) else None
    # The values themselves were counted with the body; axes beyond the second are lists that the body did not have.
    return bytes_of_values(len(data), rank) if isinstance(data, list) and rank > 2 else 0


def _binary_size(value: Any) -> Optional[int]:
    parameters = value.get("parameters") if isinstance(value, dict) else None
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise RequestError("INVALID_JSON", "binary_data_size is not a number of bytes.", _HINT)
    if "data" in value:
        raise RequestError("INVALID_JSON", "An input has both data and binary data.", _HINT)
    return size


def rows_of_tensors(tensors: List[Tensor], model: Model, room_for: Callable[[int], None]) -> List[Any]:
    """A tensor per column, or one tensor that holds all of them.

    Raises INVALID_JSON when the tensors have different numbers of rows, TOO_LARGE before rows are made of empty shapes.
    """
    names = model.schema.names
    count = tensors[0].shape[0]
    room_for(count)
    by_column = len(tensors) > 1 or (tensors[0].name in names and model.call_form.form != "matrix")
    if not by_column:
        return _rows_of_one(tensors[0], model)
    columns: Dict[str, List[Any]] = {}
    for tensor in tensors:
        if tensor.shape[0] != count:
            message = f"The input {tensor.name} has {tensor.shape[0]} rows, the input {tensors[0].name} has {count}."
            raise RequestError("INVALID_JSON", message, _HINT)
        if len(tensor.values) != count:
            message = f"The input {tensor.name} has the shape {tensor.shape}, not one value a row."
            raise RequestError("INVALID_JSON", message, "Send one input per column, of shape [n] or [n, 1].")
        columns[tensor.name] = tensor.values
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def _rows_of_one(tensor: Tensor, model: Model) -> List[Any]:
    count = tensor.shape[0]
    if 0 in tensor.shape[1:]:
        return [[] for _ in range(count)]
    if tensor.shape[1:] in ([], [1]) and model.call_form.form == "raw":
        return tensor.values
    rows = rows_of_tensor(tensor)
    # [n] is read as [n, 1]: n rows, as MLServer does (serving.md §1.1).
    return rows if len(tensor.shape) > 1 or model.call_form.form == "raw" else [[value] for value in rows]


def outputs_of_predictions(predictions: List[Any]) -> List[Dict[str, Any]]:
    """One output `predictions`; where each prediction is an object with the same names, an output per name."""
    if predictions and isinstance(predictions[0], dict) and predictions[0]:
        names = list(predictions[0])
        if all(isinstance(value, dict) and list(value) == names for value in predictions):
            return [_output(name, [value[name] for value in predictions]) for name in names]
    return [_output("predictions", predictions)]


def _output(name: str, values: List[Any]) -> Dict[str, Any]:
    width = len(values[0]) if values and isinstance(values[0], list) else 0
    if width and all(isinstance(value, list) and len(value) == width for value in values):
        flat = [item for value in values for item in value]
        datatype = _datatype(flat)
        if datatype is not None:
            return {"name": name, "shape": [len(values), width], "datatype": datatype, "data": flat}
    datatype = _datatype(values)
    if datatype is None:  # no tensor: each value as JSON text
        texts = [json.dumps(value, ensure_ascii=False) for value in values]
        parameters = {"content_type": "json"}
        return {"name": name, "shape": [len(values)], "datatype": "BYTES", "parameters": parameters, "data": texts}
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": values}


def _datatype(values: List[Any]) -> Optional[str]:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {str}:
        return "BYTES"
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return "INT64"
    return "FP64" if kinds <= {int, float, type(None)} else None


def _wanted(body: Dict[str, Any], known: List[str]) -> Tuple[Optional[List[str]], Optional[List[str]]]:
    """Names of the outputs asked for (None: all), and those of them to be sent as bytes (None: all)."""
    parameters = body.get("parameters")
    all_binary = isinstance(parameters, dict) and parameters.get("binary_data_output") is True
    asked = body.get("outputs")
    if not asked:
        return None, None if all_binary else []
    if not isinstance(asked, list) or not all(isinstance(o, dict) and isinstance(o.get("name"), str) for o in asked):
        raise RequestError("INVALID_JSON", "`outputs` is not a list of objects with a name.", _HINT)
    wanted, binary = [], []
    for output in asked:
        name = output["name"]
        if name not in known:
            message = f"The model has no output {name[:100]}."
            raise RequestError("INVALID_JSON", message, f"It has {', '.join(known)}.")
        wanted.append(name)
        own = output.get("parameters")
        if (own.get("binary_data", all_binary) if isinstance(own, dict) else all_binary) is True:
            binary.append(name)
    return wanted, binary


def _write(answer: Dict[str, Any], binary: Optional[List[str]]) -> Response:
    parts: List[bytes] = []
    for output in answer["outputs"]:
        if binary is not None and output["name"] not in binary:
            continue
        data = bytes_of_tensor(output["datatype"], output.pop("data"))
        output["parameters"] = {**output.get("parameters", {}), "binary_data_size": len(data)}
        parts.append(data)
    text = dumps(answer)
    if not parts:
        return Response(200, text, JSON)
    headers = {"Inference-Header-Content-Length": str(len(text))}
    return Response(200, text + b"".join(parts), "application/octet-stream", headers)
