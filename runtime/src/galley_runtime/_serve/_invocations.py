"""MLflow's `/invocations`: four shapes of JSON, and CSV; `params` beside them (serving.md §1.3)."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from galley_runtime._errors import RequestError
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._frame import rows_of_columns, rows_of_split
from galley_runtime._serve._memory import bytes_of_csv
from galley_runtime._serve._scoring import Scoring
from galley_runtime._serve._service import Service
from galley_runtime._serve._table import rows_of_csv

__all__ = ["invoke"]

_SHAPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
_HINT = "Send an object with exactly one of " + ", ".join(_SHAPES) + "."


def invoke(service: Service, request: Request) -> Response:
    scoring = service.scoring
    params: Optional[Dict[str, Any]] = None
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
        body = _body_of(request)
        params = _params_of(body, scoring)
        rows = _rows_of_body(body, request, scoring)
    scored = scoring.predict(rows, request, params=params)
    response = json_response({"predictions": scored.predictions})
    response.after = scored.after
    return response


def _body_of(request: Request) -> Dict[str, Any]:
    body = request.json(nan=True)  # MLflow's own client writes NaN where a number of a frame is missing
    if not isinstance(body, dict):
        raise RequestError("INVALID_JSON", "The body is not an object.", _HINT)
    found = [shape for shape in _SHAPES if shape in body]
    unknown = [key for key in body if key not in _SHAPES and key != "params"]
    if len(found) != 1 or unknown:
        what = f"unknown {unknown[0]}" if unknown else f"{len(found)} of the known shapes"
        raise RequestError("INVALID_JSON", f"The body has {what}.", _HINT)
    return body


def _params_of(body: Dict[str, Any], scoring: Scoring) -> Optional[Dict[str, Any]]:
    params = body.get("params")
    if not params:
        return None
    if not isinstance(params, dict):
        raise RequestError("INVALID_JSON", "`params` is not an object.", 'Send {"params": {"name": value}}.')
    if not scoring.model.takes_params:
        hint = "Leave params out, or give the notebook's predictor an argument `params`."
        raise RequestError("INVALID_JSON", "The predictor takes no params.", hint)
    return params


def _rows_of_body(body: Dict[str, Any], request: Request, scoring: Scoring) -> List[Any]:
    shape = next(shape for shape in _SHAPES if shape in body)
    value = body[shape]

    def room_for(count: int) -> None:
        scoring.make_room(count, request.reserve)

    if shape == "dataframe_split":
        return rows_of_split(value, "dataframe_split", room_for)
    if shape == "dataframe_records":
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise RequestError("INVALID_JSON", "dataframe_records is not a list of objects.", _HINT)
        return value
    if isinstance(value, dict):
        return rows_of_columns(value, shape, room_for) if _all_lists(value) else [value]
    if not isinstance(value, list):
        if scoring.model.schema.call_form == "raw":
            return [value]
        raise RequestError("INVALID_JSON", f"{shape} is neither a list of rows nor an object of columns.", _HINT)
    return value


def _all_lists(value: Dict[str, Any]) -> bool:
    return bool(value) and all(isinstance(column, list) for column in value.values())
