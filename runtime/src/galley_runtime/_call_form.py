"""What the predictor gets: the one table from rows to arguments, read in both directions.

Every protocol decodes a request to rows; `CallForm.argument` turns rows into what the predictor was called with in the
notebook. `recognise` goes the other way: it fixes the form from the first known call and gives that call's rows. The
table stands in docs/design/wire.md:

    records   list of dict                        (one dict: called row by row)
    frame     pandas.DataFrame
    matrix    numpy array, or list of lists       (one flat array: called row by row)
    raw       the JSON value as it came           (called row by row, unless the known call gave an answer per element)
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

from galley_runtime._json import plain

__all__ = ["FORMS", "CallForm", "Known", "recognise"]

FORMS = ("records", "frame", "matrix", "raw")


class CallForm:
    """A form, whether it is called row by row (`one`), the columns in order, and their types where they are known."""

    __slots__ = ("columns", "form", "one", "types")

    def __init__(
        self,
        form: str,
        one: bool = False,
        columns: Optional[Sequence[str]] = None,
        types: Optional[Mapping[str, str]] = None,
    ) -> None:
        if form not in FORMS:
            raise ValueError(f"call form {form!r} is none of {', '.join(FORMS)}")
        self.form = form
        self.one = one
        self.columns = None if columns is None else list(columns)
        self.types = dict(types or {})

    def argument(self, rows: List[Any]) -> Any:
        """The rows as the predictor takes them, all at once."""
        if self.form == "frame":
            return self._frame(rows)
        if self.form == "matrix":
            return _array([self._values(row) for row in rows])
        return rows

    def call(self, function: Callable[[Any], Any], rows: List[Any]) -> Any:
        """What `function` answers: to all rows, or, when it is called row by row, the list of its answers."""
        if not self.one:
            return function(self.argument(rows))
        if self.form == "matrix":
            return [function(_array(self._values(row))) for row in rows]
        if self.form == "frame":
            return [function(self._frame([row])) for row in rows]
        return [function(row) for row in rows]

    def _values(self, row: Any) -> Any:
        if isinstance(row, dict):
            return [row.get(name) for name in (self.columns or row)]
        return row

    def _frame(self, rows: List[Any]) -> Any:
        """Column by column with fixed types: pandas would guess `object` for a single row whose only number is null."""
        import pandas

        columns = self.columns
        if columns is None:
            if not rows or not isinstance(rows[0], dict):
                return pandas.DataFrame(rows)
            columns = list(dict.fromkeys(name for row in rows for name in row))
        data: Dict[str, Any] = {}
        for position, name in enumerate(columns):
            values = [row.get(name) if isinstance(row, dict) else row[position] for row in rows]
            data[name] = self._column(values, self.types.get(name))
        return pandas.DataFrame(data, columns=columns)

    @staticmethod
    def _column(values: List[Any], kind: Optional[str]) -> Any:
        if kind is None:
            known = [value for value in values if value is not None]
            numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known)
            kind = "number" if known and numbers else "any"
        if kind in ("number", "integer") and None in values:
            nan = float("nan")
            return [nan if value is None else value for value in values]
        return values


class Known(NamedTuple):
    """What a known call says: its form and its rows, as a client would have sent them."""

    form: CallForm
    rows: List[Any]


def recognise(argument: Any, answer: Any = None) -> Known:
    """The form of one known call. `answer` is what it returned; without it a plain list counts as one row.

    Raises TypeError when the argument has no JSON form, so that no client could ever send it.
    """
    if _is_frame(argument):
        rows = plain(argument)
        return Known(CallForm("frame", columns=[str(name) for name in argument.columns]), rows)
    if hasattr(argument, "iloc") and hasattr(argument, "to_dict"):  # a Series: one row by name, or one column
        if all(isinstance(label, str) for label in argument.index):
            return _records([plain(argument.to_dict())], one=True)
        return Known(CallForm("raw"), plain(argument))
    if isinstance(argument, dict):
        return _records([plain(argument)], one=True)
    if hasattr(argument, "ndim") and hasattr(argument, "tolist"):
        return _array_call(argument, answer)
    if isinstance(argument, (list, tuple)) and argument:
        return _list_call(plain(argument), answer)
    return Known(CallForm("raw", one=True), [plain(argument)])


def _records(rows: List[Any], one: bool) -> Known:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return Known(CallForm("records", one=one, columns=columns), rows)


def _array_call(array: Any, answer: Any) -> Known:
    if array.ndim == 0:
        return Known(CallForm("raw", one=True), [plain(array)])
    if array.ndim == 1 and _length(answer) != len(array):
        return Known(CallForm("matrix", one=True), [plain(array)])
    return Known(CallForm("matrix"), plain(array))


def _list_call(values: List[Any], answer: Any) -> Known:
    if all(isinstance(value, dict) for value in values):
        return _records(values, one=False)
    if all(isinstance(value, list) for value in values):
        return Known(CallForm("matrix"), values)
    if _length(answer) == len(values):
        return Known(CallForm("raw"), values)
    return Known(CallForm("raw", one=True), [values])


def _length(answer: Any) -> int:
    if isinstance(answer, (str, bytes, dict)) or not hasattr(answer, "__len__"):
        return -1
    try:
        return len(answer)
    except TypeError:  # an array without dimensions
        return -1


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iloc")


def _array(values: List[Any]) -> Any:
    """A numpy array where the user's environment has numpy, else the list itself."""
    numpy = _numpy()
    if numpy is None:
        return values
    try:
        return numpy.array(values)
    except ValueError:  # rows of unequal length: numpy wants to be told
        return numpy.array(values, dtype=object)


def _numpy() -> Any:
    loaded = sys.modules.get("numpy")
    if loaded is not None:
        return loaded
    try:
        import numpy
    except ImportError:
        return None
    return numpy
