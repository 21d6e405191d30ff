"""Rows of text/csv: a header line, then values.

The schema decides their types, so that CSV and JSON mean the same (serving.md §6: mlflow#5525).
"""

from __future__ import annotations

import csv
import io
from typing import Any, Callable, List, Optional

from galley_runtime._errors import RequestError
from galley_runtime._schema import Schema

__all__ = ["MISSING_TEXTS", "number_of_text", "rows_of_csv", "truth_of_text"]

#: In lower case: what stands where a number is missing.
MISSING_TEXTS = frozenset(("", "nan", "null"))

_TRUE = frozenset(("true", "True", "TRUE", "1"))
_FALSE = frozenset(("false", "False", "FALSE", "0"))


def rows_of_csv(data: bytes, schema: Schema, check_count: Callable[[int, bool], None]) -> List[Any]:
    """Objects by the names of the header; an empty field is null. Raises INVALID_ROW, INVALID_COLUMN.

    `check_count` raises when there are too many rows; it is asked before each is made.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"The CSV is not UTF-8: byte {error.start}, in line {line}, is 0x{data[error.start]:02x}."
        raise RequestError("INVALID_ROW", message, "Encode it as UTF-8.") from None
    if "\x00" in text:
        raise RequestError("INVALID_ROW", "The CSV holds a NUL character.")
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header: Optional[List[str]] = next(lines, None)
        if not header or len(set(header)) != len(header):
            raise RequestError("INVALID_ROW", "The CSV does not begin with a header of distinct column names.")
        rows: List[Any] = []
        for values in lines:
            if values:
                check_count(len(rows) + 1, True)
                rows.append(_row(len(rows), header, values, schema))
        return rows
    except csv.Error as error:
        raise RequestError("INVALID_ROW", f"The CSV cannot be read at line {lines.line_num}: {error}.") from None


def _row(index: int, header: List[str], values: List[str], schema: Schema) -> Any:
    if len(values) != len(header):
        message = f"Row {index} of the CSV has {len(values)} fields, not {len(header)}."
        raise RequestError("INVALID_ROW", message, row=index)
    types = schema.types
    return {name: _value(index, name, value, types.get(name, "any")) for name, value in zip(header, values)}


def _value(index: int, name: str, text: str, kind: str) -> Any:
    if text == "":
        return None
    if kind == "string":
        return text
    truth = truth_of_text(text) if kind == "boolean" else None
    if truth is not None:
        return truth
    number = number_of_text(text)
    if number is not None and kind != "boolean":
        return number
    if kind == "any":
        return text
    expected = "an integer" if kind == "integer" else "true or false" if kind == "boolean" else "a number"
    message = f"Column {name} of row {index} is {text[:40]!r}, not {expected}."
    raise RequestError("INVALID_COLUMN", message, f"Write {expected}, or nothing for null.", row=index, column=name)


def truth_of_text(text: str) -> Optional[bool]:
    """None for what says neither."""
    return True if text in _TRUE else False if text in _FALSE else None


def number_of_text(text: str) -> Any:
    """None for what is none. JSON's numbers only: Python would also read 1_000, infinity and digits of other scripts."""
    if not text.isascii() or "_" in text or text.strip().lstrip("+-")[:1].lower() in ("i", "n"):
        return None
    try:
        return int(text) if len(text) < 400 and text.strip().lstrip("+-").isdigit() else float(text)
    except ValueError:
        return None
