"""What a request may look like: `schema.json`, made from the rows of the rehearsal and held against the rows of
requests.

A row with a column that nobody knows is refused and not trimmed: a misspelt name would otherwise be scored as if the
value were missing, without anyone noticing. Booleans are no numbers here although Python thinks so, and a whole float
such as 17.0 is an integer, because JavaScript cannot write the difference.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, NamedTuple, NoReturn, Optional, Sequence

from galley_runtime._errors import RequestError

__all__ = ["INTEGER_EVIDENCE_ROWS", "Column", "Schema", "infer"]

#: With fewer rows than this a column of whole numbers is taken for `number`: three examples prove little.
INTEGER_EVIDENCE_ROWS = 20

#: A column has at most so many distinct string predictions that are still called classes.
_CLASSES_MAX = 100

_WORDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list", dict: "an object"}
_EXPECTED = {"number": "a number", "integer": "an integer", "string": "a string", "boolean": "true or false"}


class Column(NamedTuple):
    """One column. `optional`: some rows of the sample were without it, so it may be left out."""

    name: str
    type: str
    nullable: bool
    optional: bool = False

    def to_json(self) -> Dict[str, Any]:
        value: Dict[str, Any] = {"name": self.name, "type": self.type, "nullable": self.nullable}
        if self.optional:
            value["optional"] = True
        return value


class Schema:
    """Columns by name. `conform` is the door that every request goes through."""

    def __init__(
        self,
        call_form: str,
        columns: Sequence[Column],
        prediction: Optional[Mapping[str, Any]] = None,
        example: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self.call_form = call_form
        self.columns = list(columns)
        self.names = [column.name for column in columns]
        self.prediction = dict(prediction or {"type": "any", "classes": None})
        self.example = None if example is None else dict(example)
        self._by_name = {column.name: column for column in columns}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Schema:
        """From `schema.json`. Raises KeyError or TypeError when the file has another shape."""
        columns = [
            Column(str(c["name"]), str(c["type"]), bool(c["nullable"]), bool(c.get("optional", False)))
            for c in value["columns"]
        ]
        return cls(str(value["callForm"]), columns, value.get("prediction"), value.get("example"))

    @classmethod
    def of_names(cls, call_form: str, names: Optional[Sequence[str]]) -> Schema:
        """Only names are known, as before a rehearsal: any value goes."""
        return cls(call_form, [Column(name, "any", True) for name in names or ()])

    def to_json(self) -> Dict[str, Any]:
        return {
            "schema": "galley.dev/schema/v1",
            "callForm": self.call_form,
            "columns": [column.to_json() for column in self.columns],
            "prediction": self.prediction,
            "example": self.example,
        }

    @property
    def types(self) -> Dict[str, str]:
        return {column.name: column.type for column in self.columns}

    def conform(self, rows: Any) -> List[Any]:
        """The rows in the shape of the call form: objects, or lists for `matrix`; `raw` rows as they came.

        Raises `INVALID_ROW` or `INVALID_COLUMN`, naming the first row and column that is wrong.
        """
        if not isinstance(rows, list):
            raise RequestError("INVALID_ROW", f"The rows are {_word(rows)}, not a list.")
        if self.call_form == "raw":
            return rows
        if not self.columns:
            return [self._untyped(index, row) for index, row in enumerate(rows)]
        return [self._conform(index, row) for index, row in enumerate(rows)]

    def _untyped(self, index: int, row: Any) -> Any:
        if self.call_form == "matrix":
            if isinstance(row, dict):
                row = list(row.values())
            if row is None or isinstance(row, (str, bool)):
                raise RequestError("INVALID_ROW", f"Row {index} is {_word(row)}, not a list of numbers.", row=index)
        elif not isinstance(row, dict):
            raise RequestError("INVALID_ROW", f"Row {index} is {_word(row)}, not an object.", row=index)
        return row

    def _conform(self, index: int, row: Any) -> Any:
        if isinstance(row, list):
            if len(row) != len(self.columns):
                message = f"Row {index} has {len(row)} values, not {len(self.columns)}: {_listed(self.names)}."
                raise RequestError("INVALID_ROW", message, row=index)
            row = dict(zip(self.names, row))
        elif not isinstance(row, dict):
            message = f"Row {index} is {_word(row)}, not an object with the columns {_listed(self.names)}."
            raise RequestError("INVALID_ROW", message, row=index)
        elif len(row) > len(self.columns) or not row.keys() <= self._by_name.keys():
            self._refuse_extra(index, row)
        values: Dict[str, Any] = {}
        for column in self.columns:
            if column.name in row:
                values[column.name] = self._value(index, column, row[column.name])
            elif not column.optional:
                self._refuse_missing(index, column, row)
        return [values.get(name) for name in self.names] if self.call_form == "matrix" else values

    def _value(self, index: int, column: Column, value: Any) -> Any:
        if value is None:
            if column.nullable:
                return None
            message = f"Column {column.name} of row {index} is null, but was never missing in the sample."
            raise _column_error(message, index, column.name, f"Send {_EXPECTED.get(column.type, 'a value')}.")
        kind = column.type
        if kind == "any":
            return value
        if kind == "string":
            fits = isinstance(value, str)
        elif kind == "boolean":
            fits = isinstance(value, bool)
        else:
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
            if fits and isinstance(value, float):
                if not math.isfinite(value):
                    message = f"Column {column.name} of row {index} is not a finite number."
                    raise _column_error(message, index, column.name, "Send null for a missing number.")
                if kind == "integer":
                    fits = value.is_integer()
                    value = int(value) if fits else value
        if not fits:
            expected = _EXPECTED.get(kind, kind)
            message = f"Column {column.name} of row {index} is {_word(value)}, not {expected}."
            raise _column_error(message, index, column.name, f"Send {expected}.")
        return value

    def _refuse_extra(self, index: int, row: Mapping[str, Any]) -> NoReturn:
        from difflib import get_close_matches  # only when something is wrong: its import costs a start-up millisecond

        extra = next(name for name in row if name not in self._by_name)
        near = get_close_matches(str(extra), [name for name in self.names if name not in row] or self.names, 1)
        hint = f"Did you mean {near[0]}?" if near else f"Leave it out; the columns are {_listed(self.names)}."
        raise _column_error(f"Row {index} has an unknown column {extra}.", index, str(extra), hint)

    def _refuse_missing(self, index: int, column: Column, row: Mapping[str, Any]) -> NoReturn:
        expected = _EXPECTED.get(column.type, "any value")
        hint = (
            f"Send {expected}{' or null' if column.nullable else ''}; the row has {_listed(list(row)) or 'no columns'}."
        )
        raise _column_error(f"Row {index} has no column {column.name}.", index, column.name, hint)


def infer(
    rows: Sequence[Any],
    call_form: str,
    *,
    columns: Optional[Sequence[str]] = None,
    predictions: Sequence[Any] = (),
    classes: Optional[Sequence[Any]] = None,
    example: Optional[Mapping[str, Any]] = None,
) -> Schema:
    """The schema that all of `rows` fit. Columns of lists have no names, so they are called by their position."""
    found: List[Column] = []
    if call_form != "raw" and rows:
        if all(isinstance(row, list) for row in rows):
            names = list(columns or [str(position) for position in range(max(map(len, rows)))])
            rows = [dict(zip(names, row)) for row in rows]
        if all(isinstance(row, dict) for row in rows):
            seen = list(dict.fromkeys(name for row in rows for name in row))
            names = [*(columns or ()), *(name for name in seen if name not in (columns or ()))]
            found = [_column_of(name, rows) for name in names]
    return Schema(call_form, found, _prediction_of(predictions, classes), example)


def _column_of(name: str, rows: Sequence[Mapping[str, Any]]) -> Column:
    values = [row[name] for row in rows if name in row]
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    if not kinds:
        kind = "any"
    elif kinds == {bool}:
        kind = "boolean"
    elif kinds == {int} and len(present) >= INTEGER_EVIDENCE_ROWS:
        kind = "integer"
    elif kinds <= {int, float}:
        kind = "number"
    elif kinds == {str}:
        kind = "string"
    else:
        kind = "any"
    return Column(name, kind, len(present) < len(values) or not present, len(values) < len(rows))


def _prediction_of(predictions: Sequence[Any], classes: Optional[Sequence[Any]]) -> Dict[str, Any]:
    known = None if classes is None else list(classes)
    if not predictions:
        return {"type": "any" if known is None else "class", "classes": known}
    if known is not None and all(_hashable_in(value, known) for value in predictions):
        return {"type": "class", "classes": known}
    kinds = {type(value) for value in predictions if value is not None}
    if kinds <= {str, bool} and kinds:
        distinct = sorted(set(filter(lambda value: value is not None, predictions)), key=str)
        return (
            {"type": "class", "classes": distinct}
            if len(distinct) <= _CLASSES_MAX
            else {"type": "any", "classes": None}
        )
    if kinds and kinds <= {int, float}:
        return {"type": "number", "classes": None}
    if kinds == {list} and all(_is_distribution(value) for value in predictions):
        return {"type": "probabilities", "classes": known}
    return {"type": "any", "classes": known}


def _hashable_in(value: Any, known: Sequence[Any]) -> bool:
    return not isinstance(value, (list, dict)) and value in known


def _is_distribution(value: Any) -> bool:
    numbers = isinstance(value, list) and value and all(isinstance(item, (int, float)) for item in value)
    return bool(numbers) and all(0 <= item <= 1 for item in value) and abs(sum(value) - 1) < 1e-6


def _column_error(message: str, row: int, column: str, hint: str) -> RequestError:
    return RequestError("INVALID_COLUMN", message, hint, row=row, column=column)


def _word(value: Any) -> str:
    return "null" if value is None else _WORDS.get(type(value), f"a {type(value).__name__}")


def _listed(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(str(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
