"""The binary tensor extension of V2: JSON, then raw little-endian tensors in order (serving.md §1.1).

`tritonclient` asks for it by default. `array` and `struct` read it as fast as numpy would for the sizes of a request.
"""

from __future__ import annotations

import array
import struct
import sys
from typing import Any, Dict, List, Tuple

from galley_runtime._errors import RequestError

__all__ = ["LENGTH_HEADER", "split_body", "values_of_bytes", "bytes_of_tensor", "size_of"]

LENGTH_HEADER = "inference-header-content-length"

#: Datatype → (code of `array`, bytes). The codes have these sizes on every platform that has wheels.
_CODES: Dict[str, Tuple[str, int]] = {
    "UINT8": ("B", 1),
    "UINT16": ("H", 2),
    "UINT32": ("I", 4),
    "UINT64": ("Q", 8),
    "INT8": ("b", 1),
    "INT16": ("h", 2),
    "INT32": ("i", 4),
    "INT64": ("q", 8),
    "FP32": ("f", 4),
    "FP64": ("d", 8),
}


def size_of(datatype: Any) -> int:
    """Bytes of an element; of BYTES the least, its length. 1 for what is no datatype."""
    if datatype == "BYTES":
        return 4
    return 2 if datatype == "FP16" else _CODES.get(datatype, ("", 1))[1] if isinstance(datatype, str) else 1


def split_body(body: bytes, length: str) -> Tuple[bytes, bytes]:
    """JSON and binary part. Raises BAD_REQUEST when the header does not fit the body."""
    if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > len(body):
        raise RequestError("BAD_REQUEST", "Inference-Header-Content-Length does not fit the body.")
    return body[: int(length)], body[int(length) :]


def values_of_bytes(name: str, datatype: str, data: bytes) -> List[Any]:
    """The values of one tensor; NaN becomes None. Raises BAD_REQUEST when the bytes are no whole number of elements."""
    if datatype == "BYTES":
        return _strings(name, data)
    if datatype == "BOOL":
        return [byte != 0 for byte in data]
    if datatype == "FP16":
        if len(data) % 2:
            raise _cut_off(name)
        floats: List[float] = [value for (value,) in struct.iter_unpack("<e", data)]
        return [None if value != value else value for value in floats]
    code, size = _CODES[datatype]
    if len(data) % size:
        raise _cut_off(name)
    values = array.array(code)
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    as_list: List[Any] = values.tolist()
    return [None if value != value else value for value in as_list] if code in "fd" else as_list


def _strings(name: str, data: bytes) -> List[str]:
    """Each element: its length in four bytes, then UTF-8."""
    strings: List[str] = []
    position = 0
    while position < len(data):
        end = position + 4
        if end > len(data):
            raise _cut_off(name)
        (length,) = struct.unpack_from("<I", data, position)
        position = end + length
        if position > len(data):
            raise _cut_off(name)
        try:
            strings.append(data[end:position].decode("utf-8"))
        except UnicodeDecodeError:
            message = f"String {len(strings)} of the input {name} is not UTF-8."
            raise RequestError("INVALID_JSON", message, "Encode strings as UTF-8.") from None
    return strings


def bytes_of_tensor(datatype: str, values: List[Any]) -> bytes:
    """The other way, for what V2 answers with: BOOL, INT64, FP64, BYTES. None becomes NaN."""
    if datatype == "BYTES":
        parts = []
        for value in values:
            encoded = value.encode("utf-8", "replace")
            parts += [struct.pack("<I", len(encoded)), encoded]
        return b"".join(parts)
    if datatype == "BOOL":
        return bytes(bool(value) for value in values)
    code, _ = _CODES[datatype]
    floats = code in "fd"
    raw = array.array(code, [float("nan") if value is None else float(value) if floats else value for value in values])
    if sys.byteorder == "big":
        raw.byteswap()
    return raw.tobytes()


def _cut_off(name: str) -> RequestError:
    return RequestError("BAD_REQUEST", f"The binary data of the input {name} is cut off.")
