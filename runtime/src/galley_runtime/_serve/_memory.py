"""What a request takes of a replica's memory, which is not what its body weighs.

A body of brackets becomes forty times as many bytes of Python objects, and a table of one-letter cells a hundred
times. So what a body will be is estimated from what it is made of, before it is parsed: counting a few characters
costs some milliseconds for 16 MiB. The figures are those of CPython 3.8 to 3.13, for the objects of the parser and for
the rows that are made of them twice: as the protocol sent them and as the predictor gets them.
"""

from __future__ import annotations

import os
import re
from typing import Mapping, Tuple

__all__ = ["bytes_of_csv", "bytes_of_form", "bytes_of_json", "bytes_of_rows", "bytes_of_values", "memory_for_requests"]

_OBJECT = 240
_LIST = 96
#: A number, its place in a list or twice in a row.
_VALUE = 140
_STRING = 56
#: What a replica has when nobody says how much: its default limit (DESIGN.md §2).
_UNKNOWN = 1024 * 1024 * 1024
_LEAST = 16 * 1024 * 1024
#: The rest is for the predictor and for what the allocator cannot give back.
_SHARE = 0.7
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # control groups of version 2 and 1


def memory_for_requests(environment: Mapping[str, str], root: str = "/sys/fs/cgroup") -> int:
    """Bytes that all requests together may take, asked when the model is loaded and nothing was answered yet.

    `GALLEY_MEMORY_BYTES` is the limit of the replica; without it the control group says it, where that can be read.
    """
    limit = _limit_of(environment, root)
    return max(_LEAST, int((limit - _peak()) * _SHARE))


def _limit_of(environment: Mapping[str, str], root: str) -> int:
    texts = [environment.get("GALLEY_MEMORY_BYTES", "")]
    for name in _LIMITS:
        try:
            with open(os.path.join(root, name), encoding="ascii") as file:
                texts.append(file.read().strip())
        except (OSError, ValueError):
            continue
    # Version 1 writes "no limit" as a number near 2^63.
    return next((int(text) for text in texts if text.isdigit() and 0 < int(text) < 2**50), _UNKNOWN)


def _peak() -> int:
    """The most that this process ever held: a reload of what the import left in pages may need it again."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            found = re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(found.group(1)) * 1024 if found else 0


def bytes_of_json(data: bytes) -> int:
    """Of JSON text once it is parsed and made into rows."""
    objects, lists, values, strings = _counts(data, (b"{", b"[", b",", b'"'))
    return 2 * _text(data) + objects * _OBJECT + lists * _LIST + values * _VALUE + strings // 2 * _STRING


def bytes_of_csv(data: bytes, rows_max: int) -> int:
    """Of CSV; it is read no further than to the row that is one too many."""
    commas, lines = _counts(data, (b",", b"\n"))
    return 2 * _text(data) + min(lines, rows_max) * (_OBJECT + _VALUE + _STRING) + commas * (_VALUE + _STRING)


def bytes_of_form(data: bytes) -> int:
    """Of a URL-encoded form while it is decoded; what its text becomes is `bytes_of_json`."""
    return 4 * len(data) + 90 * data.count(b"%")


def bytes_of_rows(count: int) -> int:
    """Of rows that are made of columns, beside what is in them: one as it was sent, one as the predictor gets it."""
    return 2 * count * _OBJECT


def bytes_of_values(count: int, rank: int) -> int:
    """Of a tensor: each value in a list, in a row and in the row that the predictor gets, a list around it for each axis."""
    return count * (_VALUE + _LIST * rank)


def _text(data: bytes) -> int:
    """One character outside of ASCII makes all of them wider."""
    return len(data) if data.isascii() else 4 * len(data)


def _counts(data: bytes, separators: Tuple[bytes, ...]) -> Tuple[int, ...]:
    return tuple(data.count(separator) for separator in separators)
