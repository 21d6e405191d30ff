"""JSON as the service reads and writes it.

Reading is strict: `NaN` and `Infinity` are Python's own tokens, no JSON, and are refused with their position instead of
travelling into a model. Writing never fails for what models return: numpy and pandas values become plain ones, and
what is not finite becomes null, as MLServer's codecs do (serving.md §1.1). numpy and pandas are recognised by what
they can do and never imported: a model that does not need them must not pay for them.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
from typing import Any, Dict, List, Union

from galley_runtime._errors import RequestError

__all__ = ["dumps", "loads", "plain"]

#: Deeper answers are taken for a cycle.
_DEPTH_MAX = 64
_HINT = "Compare the body with the example in /openapi.json."


class _NotJson(Exception):
    """Raised by the parser at a token that only Python writes."""


def _refuse_constant(name: str) -> Any:
    raise _NotJson(name)


def _null_for_nan(name: str) -> Any:
    return None if name == "NaN" else _refuse_constant(name)


# One decoder for all requests: `json.loads` with a keyword builds a new one, scanner and all, each time.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_nan_decoder = json.JSONDecoder(parse_constant=_null_for_nan)
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def loads(data: Union[bytes, str], what: str = "The body", nan: bool = False) -> Any:
    """The value of strict JSON text. Raises `INVALID_JSON` naming line and column; `what` opens the sentence.

    `nan`: a `NaN` is null, for protocols whose own client writes one for a missing number.
    """
    text = _text(data, what)
    if not text.strip():
        raise RequestError("INVALID_JSON", f"{what} is empty.", _HINT)
    try:
        return (_nan_decoder if nan else _decoder).decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RequestError("INVALID_JSON", f"{what} is not JSON at {where}: {error.msg}.", _HINT) from None
    except _NotJson as error:
        from galley_runtime._not_json import place_of_constant  # only when something is wrong

        place = place_of_constant(text, str(error))
        message = f"{what} holds {error} in {place.sentence()}, which is not JSON."
        hint = "Send null for a missing number."
        raise RequestError("INVALID_JSON", message, hint, row=place.row, column=place.column) from None
    except RecursionError:
        raise RequestError("INVALID_JSON", f"{what} is nested too deeply.", _HINT) from None
    except ValueError:
        # Python refuses to read integers of thousands of digits, which would take quadratic time.
        raise RequestError("INVALID_JSON", f"{what} holds a number of too many digits.", _HINT) from None


def _text(data: Union[bytes, str], what: str) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8-sig" if data[:3] == b"\xef\xbb\xbf" else "utf-8")
    except UnicodeDecodeError as error:
        message = f"{what} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}."
        raise RequestError("INVALID_JSON", message, "Encode the body as UTF-8.") from None


def dumps(value: Any) -> bytes:
    """Compact JSON. Raises TypeError, naming the type, only for what has no JSON form at all."""
    try:
        return _encoder.encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        # ValueError: not finite, a cycle, or half of a surrogate pair that a client sent us as an escape.
        return json.dumps(plain(value), allow_nan=False, separators=(",", ":")).encode("ascii")


def plain(value: Any, depth: int = 0) -> Any:
    """A copy made of None, bool, int, float, str, list and dict only."""
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if depth > _DEPTH_MAX:
        raise TypeError("a value is nested too deeply, or holds itself")
    if kind is list or kind is tuple:
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    return _plain_of_object(value, depth + 1)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    simple = plain(key)
    if isinstance(simple, bool):
        return "true" if simple else "false"
    if isinstance(simple, float) and simple.is_integer():
        return str(int(simple))
    return "null" if simple is None else str(simple)


def _plain_of_object(value: Any, depth: int) -> Any:
    if isinstance(value, (bool, int, str)):  # a subclass, such as an Enum of ints or numpy.str_
        base: Any = bool if isinstance(value, bool) else int if isinstance(value, int) else str
        return base(value) if base is not str else str.__str__(value)
    if isinstance(value, float):  # numpy.float64 is a float
        return plain(float(value))
    if isinstance(value, (bytes, bytearray)):
        return _text_of_bytes(bytes(value))
    if isinstance(value, (set, frozenset)):
        return _sorted_if_possible([plain(item, depth) for item in value])
    if _is_missing(value):
        return None
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return _plain_of_array(value, depth)


def _plain_of_array(value: Any, depth: int) -> Any:
    dtype_kind = getattr(getattr(value, "dtype", None), "kind", "")
    if dtype_kind in ("M", "m") and hasattr(value, "astype") and not hasattr(value, "iloc"):
        return _plain_of_times(value, depth)
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        return _records_of_frame(value, depth)
    for method in ("tolist", "item"):  # numpy and torch arrays, pandas Series and Index, numpy scalars
        convert = getattr(value, method, None)
        if callable(convert):
            return plain(convert(), depth)
    if hasattr(value, "value") and hasattr(type(value), "__members__"):
        return plain(value.value, depth)
    if hasattr(value, "__float__"):  # Decimal, Fraction
        return plain(float(value), depth)
    if hasattr(value, "isoformat"):  # pandas.Period, pandas.Timedelta
        return value.isoformat()
    if hasattr(value, "__iter__"):
        return [plain(item, depth) for item in value]
    if type(value).__module__ in ("uuid", "pathlib", "datetime"):
        return str(value)
    raise TypeError(f"a value of type {type(value).__module__}.{type(value).__qualname__} has no JSON form")


def _plain_of_times(value: Any, depth: int) -> Any:
    """datetime64: `tolist` gives integers of nanoseconds, so go by text."""
    texts = value.astype(str)
    as_list = texts.tolist() if hasattr(texts, "tolist") else texts
    if isinstance(as_list, list):
        return [plain(None if item == "NaT" else item, depth) for item in as_list]
    return None if as_list == "NaT" else str(as_list)


def _records_of_frame(frame: Any, depth: int) -> List[Dict[str, Any]]:
    columns = [_key(column) for column in frame.columns]
    lists = [plain(frame.iloc[:, index], depth) for index in range(len(columns))]
    return [dict(zip(columns, row)) for row in zip(*lists)] if columns else [{} for _ in range(len(frame))]


def _is_missing(value: Any) -> bool:
    """NaT, pandas.NA, and a Decimal that is no number."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return type(value).__name__ == "Decimal" and not value.is_finite()


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")


def _sorted_if_possible(items: List[Any]) -> List[Any]:
    try:
        return sorted(items)
    except TypeError:
        return items
