"""MLflow's `/invocations`: five shapes of JSON, and CSV (serving.md §1.3)."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from galley_runtime._errors import RequestError
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._memory import bytes_of_csv
from galley_runtime._serve._scoring import Scoring
from galley_runtime._serve._service import Service
from galley_runtime._serve._table import rows_of_csv

__all__ = ["invoke"]

_SHAPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
_HINT = "Send an object with exactly one of " + ", ".join(_SHAPES) + "."


def invoke(service: Service, request: Request) -> Response:
    scoring = service.scoring
    media_type, charset = request.media_type()
    if media_type == "text/csv":
        if charset not in ("", "utf-8", "utf8"):
            raise RequestError(
                "UNSUPPORTED_TYPE", f"The charset {charset} is not read here.", "Encode the CSV as UTF-8."
            )
        request.reserve(bytes_of_csv(request.body, scoring.rows_max))
        rows: List[Any] = rows_of_csv(request.body, scoring.model.schema, scoring.check_count)
    elif media_type not in ("", "application/json"):
        message = f"The content type {media_type} is not read here."
        raise RequestError("UNSUPPORTED_TYPE", message, "Send application/json or text/csv.")
    else:
        rows = _rows_of_json(request, scoring)
    scored = scoring.predict(rows, request.headers)
    response = json_response({"predictions": scored.predictions})
    response.after = scored.after
    return response


def _rows_of_json(request: Request, scoring: Scoring) -> List[Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise RequestError("INVALID_JSON", "The body is not an object.", _HINT)
    found = [shape for shape in _SHAPES if shape in body]
    unknown = [key for key in body if key not in _SHAPES and key != "params"]
    if len(found) != 1 or unknown:
        what = f"unknown {unknown[0]}" if unknown else f"{len(found)} of the known shapes"
        raise RequestError("INVALID_JSON", f"The body has {what}.", _HINT)
    if body.get("params"):
        raise RequestError("INVALID_JSON", "The predictor takes no params.", "Leave params out.")
    shape, value = found[0], body[found[0]]

    def room_for(count: int) -> None:
        scoring.make_room(count, request.reserve)

    if shape == "dataframe_split":
        return _rows_of_split(value, room_for)
    if shape == "dataframe_records":
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise RequestError("INVALID_JSON", "dataframe_records is not a list of objects.", _HINT)
        return value
    if isinstance(value, dict):
        return _rows_of_columns(value, shape, room_for) if _all_lists(value) else [value]
    if not isinstance(value, list):
        if scoring.model.schema.call_form == "raw":
            return [value]
        raise RequestError("INVALID_JSON", f"{shape} is neither a list of rows nor an object of columns.", _HINT)
    return value


def _rows_of_split(value: Any, room_for: Callable[[int], None]) -> List[Any]:
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise RequestError(
            "INVALID_JSON", "dataframe_split has no list `data`.", 'Send {"columns": […], "data": [[…]]}.'
        )
    room_for(len(value["data"]))
    columns = value.get("columns")
    if columns is None:
        return list(value["data"])
    if not isinstance(columns, list) or len(set(map(str, columns))) != len(columns):
        raise RequestError("INVALID_JSON", "The columns of dataframe_split are not a list of distinct names.")
    names = [str(name) for name in columns]
    rows = []
    for index, values in enumerate(value["data"]):
        if not isinstance(values, list) or len(values) != len(names):
            message = f"Row {index} of dataframe_split is not a list of {len(names)} values."
            raise RequestError("INVALID_ROW", message, row=index)
        rows.append(dict(zip(names, values)))
    return rows


def _all_lists(value: Dict[str, Any]) -> bool:
    return bool(value) and all(isinstance(column, list) for column in value.values())


def _rows_of_columns(value: Dict[str, Any], shape: str, room_for: Callable[[int], None]) -> List[Any]:
    lengths = {len(column) for column in value.values()}
    room_for(max(lengths))
    if len(lengths) != 1:
        raise RequestError("INVALID_JSON", f"The columns of {shape} are of different lengths.")
    return [dict(zip(value, row)) for row in zip(*value.values())]
