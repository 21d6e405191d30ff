"""What becomes of rows that are not like those of the training run: the mode of `service.schema` (ADR 0130).

`typed` refuses what has another type, and what is null, missing or unknown where the sample was not. `strict` refuses
besides what lies outside the ranges and categories of the sample. `lenient` mends what can be mended. `off` looks at
nothing. Each violation is counted, whether it was refused or mended.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, Callable, Iterator, List, Mapping

from galley_runtime._errors import ModelError, RequestError
from galley_runtime._schema import Column, Schema, column_error
from galley_runtime._serve._table import MISSING_TEXTS, number_of_text, truth_of_text

__all__ = ["Door", "mode_of"]

_MODES = ("typed", "strict", "lenient", "off")
#: So many violations of one request are looked for, and so many of them are told.
_COUNTED_MAX = 1000
_TOLD_MAX = 20


def mode_of(environment: Mapping[str, str]) -> str:
    """GALLEY_SCHEMA. Raises ModelError for a mode that there is not."""
    mode = environment.get("GALLEY_SCHEMA") or "typed"
    if mode not in _MODES:
        raise ModelError(f"GALLEY_SCHEMA is {mode!r}.", "It is one of " + ", ".join(_MODES) + ".")
    return mode


class Door:
    """`note(column, kind, outcome)` counts a violation; outcome is refused or mended."""

    def __init__(self, schema: Schema, mode: str, note: Callable[[str, str, str], None]) -> None:
        self.mode = mode
        self._schema = schema
        self._types = schema.types
        self._note = note
        self._bounded = [
            (position, column) for position, column in enumerate(schema.columns) if column.range or column.categories
        ]

    def admit(self, rows: Any) -> List[Any]:
        """The rows in the shape of the call form. Raises INVALID_ROW, INVALID_COLUMN, naming every violation up to 20."""
        schema = self._schema
        if not isinstance(rows, list) or schema.call_form == "raw" or not schema.columns:
            return schema.conform(rows)
        if self.mode == "off":
            return [self._reshaped(row) for row in rows]
        if self.mode == "lenient":
            rows = [self._mended(row) for row in rows]
        try:
            conformed = schema.conform(rows)
        except RequestError as error:
            raise self._refusal(error, schema.problems(rows)) from None
        if self.mode == "strict" and self._bounded:
            outside = self._outside(conformed)
            first = next(outside, None)
            if first is not None:
                raise self._refusal(first, self._outside(conformed))
        return conformed

    def _refusal(self, first: RequestError, problems: Iterator[RequestError]) -> RequestError:
        found = list(islice(problems, _COUNTED_MAX))
        for problem in found:
            name = problem.column if problem.column in self._types else ""
            self._note(name or "", problem.details.get("kind", "row"), "refused")
        if len(found) > 1:
            told = [
                {"row": problem.row, "column": problem.column, **problem.details, "error": problem.message}
                for problem in found[:_TOLD_MAX]
            ]
            first.details = {**first.details, "violations": told}
        return first

    def _outside(self, rows: List[Any]) -> Iterator[RequestError]:
        for index, row in enumerate(rows):
            for position, column in self._bounded:
                value = row[position] if isinstance(row, list) else row.get(column.name)
                if value is None:
                    continue
                if column.range is not None and not column.range[0] <= value <= column.range[1]:
                    low, high = column.range
                    message = f"Column {column.name} of row {index} is {value}, outside of {low} to {high}."
                    yield column_error("range", message, index, column.name, "The sample had no such values.")
                elif column.categories is not None and value not in column.categories:
                    message = f"Column {column.name} of row {index} is {value[:100]!r}, which the sample did not have."
                    hint = f"It is one of {', '.join(column.categories[:20])}."
                    yield column_error("category", message, index, column.name, hint)

    def _reshaped(self, row: Any) -> Any:
        names = self._schema.names
        if self._schema.call_form == "matrix":
            return [row.get(name) for name in names] if isinstance(row, dict) else row
        return dict(zip(names, row)) if isinstance(row, list) and len(row) == len(names) else row

    def _mended(self, row: Any) -> Any:
        schema = self._schema
        if isinstance(row, list) and len(row) == len(schema.columns):
            row = dict(zip(schema.names, row))
        if not isinstance(row, dict):
            return row
        mended = {}
        for column in schema.columns:
            if column.name in row:
                value = row[column.name]
                other = _coerced(column, value)
                if other is not value:
                    self._note(column.name, "type", "mended")
                mended[column.name] = other
            elif column.nullable and not column.optional:
                self._note(column.name, "missing", "mended")
                mended[column.name] = None
        for _ in row.keys() - self._types.keys():
            self._note("", "unknown", "mended")
        return mended


def _coerced(column: Column, value: Any) -> Any:
    """The value as the column's type if there is one way to read it so, else as it is."""
    kind = column.type
    if kind == "string" and isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if kind == "boolean" and not isinstance(value, bool):
        truth = truth_of_text(value) if isinstance(value, str) else None
        if isinstance(value, (int, float)) and value in (0, 1):
            truth = bool(value)
        return value if truth is None else truth
    if kind in ("number", "integer"):
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, str):
            number = number_of_text(value)
            return None if value.strip().lower() in MISSING_TEXTS else value if number is None else number
    return value
