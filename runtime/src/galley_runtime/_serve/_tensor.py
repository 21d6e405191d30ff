"""Tensors of the V2 protocol: a datatype, a shape, and values in row-major order (serving.md §1.1)."""

from __future__ import annotations

import base64
import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from galley_runtime._errors import RequestError
from galley_runtime._json import loads
from galley_runtime._serve._memory import bytes_of_json
from galley_runtime._time import seconds_of

__all__ = ["DATATYPES", "Tensor", "rows_of_tensor", "tensor_of_json"]

#: Datatype → lowest and highest whole number, or None.
DATATYPES: Dict[str, Optional[Tuple[int, int]]] = {
    "BOOL": None,
    "UINT8": (0, 2**8 - 1),
    "UINT16": (0, 2**16 - 1),
    "UINT32": (0, 2**32 - 1),
    "UINT64": (0, 2**64 - 1),
    "INT8": (-(2**7), 2**7 - 1),
    "INT16": (-(2**15), 2**15 - 1),
    "INT32": (-(2**31), 2**31 - 1),
    "INT64": (-(2**63), 2**63 - 1),
    "FP16": None,
    "FP32": None,
    "FP64": None,
    "BYTES": None,
}
_RANK_MAX = 8
#: MLServer's content type for columns of anything: each value is JSON in a string.
_JSON_TEXT = "pd_json"


class Tensor(NamedTuple):
    """`values` are flat."""

    name: str
    datatype: str
    shape: List[int]
    values: List[Any]


def tensor_of_json(value: Any, reserve: Callable[[int], None], values: Optional[List[Any]] = None) -> Tensor:
    """One element of `inputs`. `values`: those of the binary part, if that is where they are. `reserve` as in Request.

    Raises INVALID_JSON, or UNSUPPORTED_TYPE for an unknown datatype, naming the tensor.
    """
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise RequestError("INVALID_JSON", "An input is not an object with a name.", _HINT)
    name = value["name"]
    datatype = value.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        message = f"The input {name} has the datatype {datatype!r}."
        raise RequestError("UNSUPPORTED_TYPE", message, "Use one of " + ", ".join(DATATYPES) + ".")
    shape = _shape(name, value.get("shape"))
    if values is None:
        if datatype == "FP16":
            message = f"The input {name} sends FP16 as JSON, which has no such numbers."
            raise RequestError("UNSUPPORTED_TYPE", message, "Use FP32, or binary data.")
        values = _flatten(name, value.get("data"), shape)
        content_type = _content_type(value)
        if content_type == _JSON_TEXT:  # escapes hid from the body's own estimate what is in it
            reserve(sum(bytes_of_json(text.encode("utf-8", "replace")) for text in values if isinstance(text, str)))
        _check_all(name, datatype, content_type, values, max(1, math.prod(shape[1:])))
    if len(values) != math.prod(shape):
        message = f"The input {name} has {len(values)} values, but its shape {shape} means {math.prod(shape)}."
        raise RequestError("INVALID_JSON", message, _HINT)
    return Tensor(name, datatype, shape, values)


_HINT = "GET /v2/models/NAME gives names, datatypes and shapes."


def _content_type(value: Dict[str, Any]) -> str:
    parameters = value.get("parameters")
    return str(parameters.get("content_type", "")) if isinstance(parameters, dict) else ""


def _shape(name: str, shape: Any) -> List[int]:
    fits = isinstance(shape, list) and 1 <= len(shape) <= _RANK_MAX
    if not fits or not all(type(size) is int and 0 <= size < 2**31 for size in shape):
        raise RequestError("INVALID_JSON", f"The input {name} has no shape of whole numbers.", _HINT)
    return list(shape)


def _flatten(name: str, data: Any, shape: List[int]) -> List[Any]:
    """Nested or flat, both are allowed; nested must be as the shape says, or rows would change places."""
    if not isinstance(data, list):
        raise RequestError("INVALID_JSON", f"The input {name} has no list `data`.", _HINT)
    if not any(isinstance(item, list) for item in data):
        return data
    level = data
    for depth, size in enumerate(shape):
        if depth == 0:
            if len(level) != size:
                raise _ragged(name, shape)
            continue
        if not all(isinstance(item, list) and len(item) == size for item in level):
            raise _ragged(name, shape)
        level = [inner for item in level for inner in item]
    if any(isinstance(item, list) for item in level):
        raise _ragged(name, shape)
    return level


def _ragged(name: str, shape: List[int]) -> RequestError:
    return RequestError("INVALID_JSON", f"The nested data of the input {name} does not have the shape {shape}.", _HINT)


def _check_all(name: str, datatype: str, content_type: str, values: List[Any], width: int) -> None:
    """In place: whole floats become integers, encoded text is decoded. `width` is how many values a row has."""
    decode, expected_text = _DECODERS.get(content_type, _AS_IT_IS)
    bounds = DATATYPES[datatype]

    def wrong(index: int, value: Any, expected: str) -> RequestError:
        message = f"Value {index} of the input {name} is {repr(value)[:40]}, not {expected}."
        return RequestError("INVALID_COLUMN", message, _HINT, row=index // width, column=name)

    for index, value in enumerate(values):
        if value is None and datatype != "BOOL":
            continue  # MLServer's convention for NaN; the schema decides whether the column may be null
        if datatype == "BYTES":
            if not isinstance(value, str):
                raise wrong(index, value, "a string")
            try:
                values[index] = decode(value)
            except (ValueError, RequestError):
                raise wrong(index, value, expected_text) from None
        elif datatype == "BOOL":
            if not isinstance(value, bool):
                raise wrong(index, value, "true or false")
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wrong(index, value, "a number")
        elif bounds is not None:
            if isinstance(value, float) and value.is_integer():
                value = values[index] = int(value)
            if not isinstance(value, int) or not bounds[0] <= value <= bounds[1]:
                raise wrong(index, value, f"a whole number of {datatype}")


def _text_of_base64(value: str) -> str:
    return base64.b64decode(value, validate=True).decode("utf-8")


def _time(value: str) -> str:
    if seconds_of(value) is None:
        raise ValueError
    return value


#: What MLServer's codecs make of text before they send it as BYTES: content type → how to undo it, what it should have been.
_DECODERS: Dict[str, Tuple[Callable[[str], Any], str]] = {
    "base64": (_text_of_base64, "base64 of UTF-8 text"),
    "datetime": (_time, "a time as in RFC 3339"),
    _JSON_TEXT: (loads, "JSON"),
}
_AS_IT_IS: Tuple[Callable[[str], Any], str] = (str, "a string")


def rows_of_tensor(tensor: Tensor) -> List[Any]:
    """Along the first axis: scalars for [n], lists for [n, k], nested lists beyond."""
    values = tensor.values
    for size in reversed(tensor.shape[1:]):
        # A size of 0 leaves nothing to cut: the caller has refused such shapes for more than 0 rows.
        values = [values[start : start + size] for start in range(0, len(values), size)] if size else []
    return values
