"""Frames and series as JSON: columns become rows. pandas' `to_json` writes them in six ways, MLflow in two of them."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from galley_runtime._errors import RequestError
from galley_runtime._schema import Schema

__all__ = ["rows_of_columns", "rows_of_pandas", "rows_of_split"]


def rows_of_split(value: Any, what: str, room_for: Callable[[int], None]) -> List[Any]:
    """Of `{"columns": […], "data": [[…]]}`; `index` is no part of a row. `what` names it in a refusal."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise RequestError("INVALID_JSON", f"{what} has no list `data`.", 'Send {"columns": […], "data": [[…]]}.')
    room_for(len(value["data"]))
    columns = value.get("columns")
    if columns is None:
        return list(value["data"])
    if not isinstance(columns, list) or len(set(map(str, columns))) != len(columns):
        raise RequestError("INVALID_JSON", f"The columns of {what} are not a list of distinct names.")
    names = [str(name) for name in columns]
    rows = []
    for index, values in enumerate(value["data"]):
        if not isinstance(values, list) or len(values) != len(names):
            message = f"Row {index} of {what} is not a list of {len(names)} values."
            raise RequestError("INVALID_ROW", message, row=index)
        rows.append(dict(zip(names, values)))
    return rows


def rows_of_columns(value: Dict[str, List[Any]], what: str, room_for: Callable[[int], None]) -> List[Any]:
    """Of a list per column."""
    lengths = {len(column) for column in value.values()}
    room_for(max(lengths))
    if len(lengths) != 1:
        raise RequestError("INVALID_JSON", f"The columns of {what} are of different lengths.")
    return [dict(zip(value, row)) for row in zip(*value.values())]


def rows_of_pandas(value: Dict[str, Any], schema: Schema, room_for: Callable[[int], None]) -> List[Any]:
    """An object is one row, unless it is a frame or a series (`orient` columns, index, split or table).

    Names of the schema decide where both could be meant.
    """
    known = set(schema.names)
    if value.keys() & known:
        inner = [cells for cells in value.values() if isinstance(cells, dict)]
        return _rows_by_column(value, room_for) if len(inner) == len(value) and _alike(inner) else [value]
    data = value.get("data")
    if isinstance(data, list) and value.keys() <= {"columns", "index", "data", "name", "schema"}:
        room_for(len(data))
        if "columns" in value:
            return rows_of_split(value, "The frame", room_for)
        if "schema" in value:
            return [_without_index(row, known) for row in data]
        return _rows_of_series(data, schema)
    if not value:
        return [value]
    room_for(len(value))
    inner = [cells for cells in value.values() if isinstance(cells, dict)]
    if len(inner) == len(value) and _alike(inner):
        # By row where the inner names are columns; without a schema by column, which is what `to_json` writes by itself.
        return inner if known and inner[0].keys() & known else _rows_by_column(value, room_for)
    scalars = not any(isinstance(cell, (dict, list)) for cell in value.values())
    # Labels only: a misspelt name of a column must not be taken for the label of a value.
    numbered = all(label.isdigit() for label in value)
    if scalars and numbered and len(known) <= 1:
        return _rows_of_series(list(value.values()), schema)
    return [value]


def _alike(objects: List[Dict[str, Any]]) -> bool:
    return bool(objects) and all(cells.keys() == objects[0].keys() for cells in objects)


def _rows_by_column(value: Dict[str, Any], room_for: Callable[[int], None]) -> List[Any]:
    labels = list(next(iter(value.values())))
    room_for(len(labels))
    return [{name: cells[label] for name, cells in value.items()} for label in labels]


def _rows_of_series(values: List[Any], schema: Schema) -> List[Any]:
    """One value a row, as a list where the call form wants rows with columns."""
    return values if schema.call_form == "raw" else [[value] for value in values]


def _without_index(row: Any, known: "set[str]") -> Any:
    if not isinstance(row, dict) or "index" in known:
        return row
    return {name: cell for name, cell in row.items() if name != "index"}
