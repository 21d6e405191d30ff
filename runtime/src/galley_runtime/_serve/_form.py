"""The form `POST /predict` of earlier notebook builders (builders.md §1.7): `json_args` is what the predictor gets.

It answers its own way: the predictions alone, and errors as a line of text. Unlike its ancestors it gives errors their
status, and it unpickles `args` only where the application switched that on: it lets every client run code in the service.
"""

from __future__ import annotations

import base64
import binascii
import pickle
from typing import Any, Callable, Dict, List

from galley_runtime._call_form import recognise
from galley_runtime._errors import RequestError, RuntimeFailure
from galley_runtime._json import dumps, loads
from galley_runtime._schema import Schema
from galley_runtime._serve._exchange import Request, Response
from galley_runtime._serve._frame import rows_of_pandas
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
    fields = _fields(request)
    if "args" in fields and service.pickled_args:
        rows = _rows_of_pickle(fields["args"][0])
        scoring.make_room(len(rows), request.reserve)
    else:
        value = _json_args(fields, request)
        rows = rows_of_json(value, scoring.model.schema, lambda count: scoring.make_room(count, request.reserve))
    scored = scoring.predict(rows, request)
    response = Response(200, dumps(scored.predictions))
    response.after = scored.after
    return response


def _fields(request: Request) -> Dict[str, List[str]]:
    from urllib.parse import parse_qs

    request.reserve(bytes_of_form(request.body))
    try:
        return parse_qs(
            request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, encoding="utf-8", errors="strict",
            max_num_fields=_FIELDS_MAX,
        )  # fmt: skip
    except ValueError:  # UnicodeDecodeError is one
        raise RequestError("BAD_REQUEST", "The body is not a URL-encoded form in UTF-8.", _HINT) from None


def _json_args(fields: Dict[str, List[str]], request: Request) -> Any:
    if "json_args" not in fields:
        if "args" in fields:
            message = "The field args is a pickle, which is a program and not data; it is not loaded here."
            raise RequestError("UNSUPPORTED_TYPE", message, f"{_HINT}. GALLEY_PICKLED_ARGS=1 would load it.")
        raise RequestError("BAD_REQUEST", "The form has no field json_args.", _HINT)
    if len(fields["json_args"]) > 1:
        raise RequestError("BAD_REQUEST", "The form has json_args more than once.", _HINT)
    text = fields["json_args"][0].encode("utf-8")
    request.reserve(bytes_of_json(text))
    return loads(text, "json_args")


def _rows_of_pickle(text: str) -> List[Any]:
    """What the predictor was called with, as rows. Only for services whose owner trusts every client of theirs."""
    try:
        argument = pickle.loads(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise RequestError("BAD_REQUEST", "The field args is not base64.", _HINT) from None
    except Exception as error:
        raise RequestError("BAD_REQUEST", f"The pickle of args does not load: {type(error).__name__}.", _HINT) from None
    try:
        return recognise(argument).rows
    except TypeError as error:
        raise RequestError("BAD_REQUEST", f"The pickle of args holds no rows: {error}.", _HINT) from None


def rows_of_json(value: Any, schema: Schema, room_for: Callable[[int], None]) -> List[Any]:
    """A list is the rows; an object is one row, or a frame or series of pandas."""
    if isinstance(value, dict):
        return rows_of_pandas(value, schema, room_for)
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
