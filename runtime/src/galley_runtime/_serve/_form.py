"""The form `POST /predict` of earlier notebook builders (builders.md §1.7): `json_args` is what the predictor gets.

It answers its own way: the predictions alone, and errors as a line of text. Unlike its ancestors it gives errors their
status, and it never unpickles `args`: that let every client run code in the service.
"""

from __future__ import annotations

from typing import Any, Callable, List

from galley_runtime._errors import RequestError, RuntimeFailure
from galley_runtime._json import dumps, loads
from galley_runtime._schema import Schema
from galley_runtime._serve._exchange import Request, Response
from galley_runtime._serve._memory import bytes_of_form, bytes_of_json
from galley_runtime._serve._service import Service

__all__ = ["error_text", "predict"]

_FORM = "application/x-www-form-urlencoded"
_HINT = "Send json_args, for instance: curl --data-urlencode 'json_args=[{\"a\": 1}]'"
_FIELDS_MAX = 16


def predict(service: Service, request: Request) -> Response:
    media_type, _ = request.media_type()
    if media_type not in ("", _FORM):
        raise RequestError("UNSUPPORTED_TYPE", f"The content type {media_type} is not a form.", f"Send {_FORM}.")
    scoring = service.scoring
    value = _json_args(request)
    rows = rows_of_json(value, scoring.model.schema, lambda count: scoring.make_room(count, request.reserve))
    scored = scoring.predict(rows, request.headers)
    response = Response(200, dumps(scored.predictions))
    response.after = scored.after
    return response


def _json_args(request: Request) -> Any:
    from urllib.parse import parse_qs

    request.reserve(bytes_of_form(request.body))
    try:
        fields = parse_qs(
            request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, encoding="utf-8", errors="strict",
            max_num_fields=_FIELDS_MAX,
        )  # fmt: skip
    except ValueError:  # UnicodeDecodeError is one
        raise RequestError("BAD_REQUEST", "The body is not a URL-encoded form in UTF-8.", _HINT) from None
    if "json_args" not in fields:
        if "args" in fields:
            message = "The field args is a pickle, which is a program and not data; it is never loaded here."
            raise RequestError("UNSUPPORTED_TYPE", message, _HINT)
        raise RequestError("BAD_REQUEST", "The form has no field json_args.", _HINT)
    if len(fields["json_args"]) > 1:
        raise RequestError("BAD_REQUEST", "The form has json_args more than once.", _HINT)
    text = fields["json_args"][0].encode("utf-8")
    request.reserve(bytes_of_json(text))
    return loads(text, "json_args")


def rows_of_json(value: Any, schema: Schema, room_for: Callable[[int], None]) -> List[Any]:
    """A list is the rows; an object is one row, or columns as pandas' `to_json` writes them."""
    if isinstance(value, dict):
        columns = list(value.values())
        if columns and all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns):
            room_for(len(columns[0]))
            return [{name: value[name][label] for name in value} for label in columns[0]]
        return [value]
    if not isinstance(value, list):
        return [value]
    scalars = bool(value) and not any(isinstance(item, (list, dict)) for item in value)
    if scalars and schema.call_form != "raw" and len(value) == len(schema.columns):
        return [value]
    if scalars and len(schema.columns) == 1:
        return [[item] for item in value]
    return value


def error_text(error: RuntimeFailure) -> Response:
    text = f"{error.message} {error.hint}".rstrip() + "\n"
    return Response(error.status, text.encode("utf-8"), "text/plain; charset=utf-8")
