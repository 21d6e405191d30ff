"""What a request may look like: `schema.json`, made from the rows of the rehearsal and held against the rows of
requests.

A row with a column that nobody knows is refused and not trimmed: a misspelt name would otherwise be scored as if the
value were missing, without anyone noticing. Booleans are no numbers here although Python thinks so, and a whole float
such as 17.0 is an integer, because JavaScript cannot write the difference.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Tuple

from galley_runtime._errors import RequestError

__all__ = ["Column", "Schema", "column_error"]

_WORDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list", dict: "an object"}
_INTEGER_END = 2**63
_NAME_SHOWN = 100
_EXPECTED = {"number": "a number", "integer": "an integer", "string": "a string", "boolean": "true or false"}


class Column(NamedTuple):
    """One column. `optional`: some rows of the sample were without it, so it may be left out.

    `floats`: every number of it was a float, so a whole one of JSON becomes one. `range` and `categories`: what the
    sample had, where it was large enough to tell; only a strict service refuses the rest.
    """

    name: str
    type: str
    nullable: bool
    optional: bool = False
    floats: bool = False
    range: Optional[Tuple[Any, Any]] = None
    categories: Optional[Tuple[str, ...]] = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Column:
        flags = [bool(value[name]) if name == "nullable" else bool(value.get(name)) for name in ("nullable", "optional", "floats")]
        bounds, categories = value.get("range"), value.get("categories")
        return cls(
            str(value["name"]),
            str(value["type"]),
            *flags,
            None if bounds is None else (bounds[0], bounds[1]),
            None if categories is None else tuple(categories),
        )

    def to_json(self) -> Dict[str, Any]:
        value: Dict[str, Any] = {"name": self.name, "type": self.type, "nullable": self.nullable}
        more = {
            "optional": self.optional,
            "floats": self.floats,
            "range": self.range and list(self.range),
            "categories": self.categories and list(self.categories),
        }
        return {**value, **{name: said for name, said in more.items() if said}}


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
        columns = [Column.from_json(column) for column in value["columns"]]
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
            raise column_error("null", message, index, column.name, f"Send {_EXPECTED.get(column.type, 'a value')}.")
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
                    raise column_error("type", message, index, column.name, "Send null for a missing number.")
                if kind == "integer":
                    fits = value.is_integer()
                    value = int(value) if fits else value
            elif fits and not -_INTEGER_END <= value < _INTEGER_END:
                message = f"Column {column.name} of row {index} is too large an integer."
                raise column_error("type", message, index, column.name, "Send one of at most 64 bits.")
            elif fits and column.floats:
                value = float(value)
        if not fits:
            expected = _EXPECTED.get(kind, kind)
            message = f"Column {column.name} of row {index} is {_word(value)}, not {expected}."
            raise column_error("type", message, index, column.name, f"Send {expected}.")
        return value

    def problems(self, rows: List[Any]) -> Iterator[RequestError]:
        """Everything that `conform` would refuse, in the order of rows and columns; of one row at most one where it has no columns."""
        for index, row in enumerate(rows):
            if isinstance(row, list) and len(row) == len(self.columns):
                row = dict(zip(self.names, row))
            if not isinstance(row, dict):
                yield from _raised(self._conform, index, row)
                continue
            if not row.keys() <= self._by_name.keys():
                yield from _raised(self._refuse_extra, index, row)
            for column in self.columns:
                if column.name in row:
                    yield from _raised(self._value, index, column, row[column.name])
                elif not column.optional:
                    yield from _raised(self._refuse_missing, index, column, row)

    def _refuse_extra(self, index: int, row: Mapping[str, Any]) -> NoReturn:
        from difflib import get_close_matches  # only when something is wrong: its import costs a start-up millisecond

        extra = _shown(next(name for name in row if name not in self._by_name))
        near = get_close_matches(extra, [name for name in self.names if name not in row] or self.names, 1)
        hint = f"Did you mean {near[0]}?" if near else f"Leave it out; the columns are {_listed(self.names)}."
        raise column_error("unknown", f"Row {index} has an unknown column {extra}.", index, extra, hint)

    def _refuse_missing(self, index: int, column: Column, row: Mapping[str, Any]) -> NoReturn:
        expected = _EXPECTED.get(column.type, "any value")
        hint = (
            f"Send {expected}{' or null' if column.nullable else ''}; the row has {_listed(list(row)) or 'no columns'}."
        )
        raise column_error("missing", f"Row {index} has no column {column.name}.", index, column.name, hint)


def column_error(kind: str, message: str, row: int, column: str, hint: str) -> RequestError:
    """`kind`: missing, unknown, null, type, range or category; clients and metrics tell violations apart by it."""
    return RequestError("INVALID_COLUMN", message, hint, row=row, column=column, details={"kind": kind})


def _raised(check: Callable[..., Any], *arguments: Any) -> Iterator[RequestError]:
    try:
        check(*arguments)
    except RequestError as error:
        yield error


def _word(value: Any) -> str:
    return "null" if value is None else _WORDS.get(type(value), f"a {type(value).__name__}")


def _listed(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(map(_shown, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _shown(name: Any) -> str:
    """A client may give a name of megabytes, and up to a thousand refusals of one request tell it."""
    text = str(name)
    return text if len(text) <= _NAME_SHOWN else text[: _NAME_SHOWN - 1] + "…"
