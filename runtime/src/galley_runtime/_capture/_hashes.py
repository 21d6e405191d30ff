"""A hash per row, the same for one row in a frame, an array, a list and a dict: it tells whether a row was in a fit.

Two hashes per row: by column name and by position, because `fit` may get a frame and `score` the array of it. A row's
hash is the wrapping sum of its values' hashes, each mixed with its column's key. Numbers of every width hash as
float64. numpy does whole columns at a time; without it, or for a few rows, plain integers give the same result.
Collisions of 64 bits would call a held-out row in-sample about once in 10^11 comparisons of a million fitted rows:
harmless.
"""

from __future__ import annotations

import math
import struct
import sys
from typing import Any, List, Optional, Sequence

__all__ = ["column_key", "combine", "hash_column", "hash_value"]

_MASK = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15
_NAN = 0x7FF8000000000000
_pack = struct.Struct("<d").pack
_unpack = struct.Struct("<Q").unpack


def _mix(x: int) -> int:
    """The finaliser of splitmix64."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def column_key(column: Any) -> int:
    """The key of a column's name, or of its position."""
    return _mix((hash(column if isinstance(column, int) else str(column)) * _ODD + 1) & _MASK)


def _bits(value: Any) -> int:
    if value is None:
        return _NAN
    try:
        number = float(value) if not isinstance(value, str) else None
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None:
        if type(value).__name__ in ("NAType", "NaTType"):
            return _NAN
        return hash(value if isinstance(value, str) else repr(value)) & _MASK
    if math.isnan(number):
        return _NAN
    return int(_unpack(_pack(number + 0.0))[0])  # + 0.0 makes one zero of two


def hash_value(value: Any, key: int) -> int:
    """The hash of one value in the column with this key."""
    return _mix(_bits(value) ^ key)


def combine(hashes: Sequence[int]) -> int:
    """The hash of a row from those of its values; their order does not matter, the keys hold it."""
    return sum(hashes) & _MASK


def _bits_of_objects(numpy: Any, values: Any) -> Any:
    """Texts repeat: hashing the distinct ones is ten times faster, where pandas is there to find them."""
    pandas = sys.modules.get("pandas")
    codes: Any = None
    if pandas is not None and values.dtype.kind == "O":
        try:
            codes, values = pandas.factorize(values)
        except TypeError:  # lists and other values without a hash
            codes = None
    as_list: List[Any] = list(values) if values.dtype.kind == "O" else values.tolist()
    found = [_bits(value) for value in as_list] + [_NAN]
    bits = numpy.array(found, dtype="uint64")
    return bits[:-1] if codes is None else bits[codes]  # code -1 is a missing value, and the last


def hash_column(values: Any, key: int) -> Optional[Any]:
    """The hashes of a numpy array of one dimension as uint64, equal to `hash_value` of each; None without numpy."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if values.dtype.kind in "fiub":
        numbers = values.astype("float64") + 0.0
        bits = numbers.view("uint64").copy()
        bits[numpy.isnan(numbers)] = _NAN
    else:
        bits = _bits_of_objects(numpy, values)
    x = bits ^ numpy.uint64(key)
    with numpy.errstate(over="ignore"):
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return x ^ (x >> numpy.uint64(31))
