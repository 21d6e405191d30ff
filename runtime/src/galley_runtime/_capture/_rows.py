"""Rows, whatever holds them: a frame, an array, a list of dicts, a list of lists, one dict.

A table knows how many rows there are, gives some of them as JSON rows (objects by column name, or lists where there are
no names; NaN as null), and hashes them. It copies nothing before it is asked: the notebook's data may fill the memory.
Sparse matrices are no tables: no client sends them.
"""

from __future__ import annotations

import sys
from typing import Any, List, Optional, Sequence, Tuple

from galley_runtime._capture import _hashes
from galley_runtime._json import plain

__all__ = ["ArrayTable", "FrameTable", "ListTable", "Table", "table_of"]

#: Fewer rows are hashed one value at a time: numpy's start-up per column would cost more.
_SMALL = 16


class Table:
    """The common face. `columns` is None where rows have no names."""

    columns: Optional[List[str]] = None

    def __len__(self) -> int:
        raise NotImplementedError

    def take(self, positions: Sequence[int]) -> List[Any]:
        """JSON rows at these positions, in this order."""
        raise NotImplementedError

    def hashes(self) -> Tuple[Optional[Sequence[int]], Sequence[int]]:
        """Hashes by name (None without names) and by position, one each per row."""
        rows = self.take(range(len(self)))
        by_name = [hash_row(row)[0] for row in rows] if self.columns is not None else None
        return by_name, [hash_row(row)[1] for row in rows]


def hash_row(row: Any) -> Tuple[int, int]:
    """Hashes of a JSON row by name and by position; a row without names has its position's hash twice."""
    values = list(row.values()) if isinstance(row, dict) else row if isinstance(row, list) else [row]
    place = _hashes.combine([_hashes.hash_value(v, _hashes.column_key(i)) for i, v in enumerate(values)])
    if not isinstance(row, dict):
        return place, place
    return _hashes.combine([_hashes.hash_value(v, _hashes.column_key(str(k))) for k, v in row.items()]), place


class FrameTable(Table):
    """A pandas DataFrame, or what behaves like one (`columns`, `iloc`)."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.columns = [str(column) for column in frame.columns]

    def __len__(self) -> int:
        return len(self._frame)

    def take(self, positions: Sequence[int]) -> List[Any]:
        part = self._frame.iloc[list(positions)]
        lists = [plain(part.iloc[:, index]) for index in range(len(self.columns or ()))]
        return [dict(zip(self.columns or (), row)) for row in zip(*lists)]

    def hashes(self) -> Tuple[Optional[Sequence[int]], Sequence[int]]:
        if len(self) < _SMALL:
            return super().hashes()
        by_name: Any = 0
        by_place: Any = 0
        for index, column in enumerate(self.columns or ()):
            values = self._frame.iloc[:, index]
            array = values.to_numpy() if _is_plain(values) else values.to_numpy(dtype=object)
            by_name = by_name + _hashes.hash_column(array, _hashes.column_key(column))
            by_place = by_place + _hashes.hash_column(array, _hashes.column_key(index))
        return by_name, by_place


def _is_plain(series: Any) -> bool:
    return getattr(series.dtype, "kind", "O") in "fiub" and hasattr(series.dtype, "byteorder")


class ArrayTable(Table):
    """A numpy array; rows are along the first axis."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def take(self, positions: Sequence[int]) -> List[Any]:
        return list(plain(self._array[list(positions)]))

    def hashes(self) -> Tuple[Optional[Sequence[int]], Sequence[int]]:
        if len(self) < _SMALL:
            return super().hashes()
        flat = self._array.reshape(len(self._array), -1)
        total: Any = 0
        for index in range(flat.shape[1]):
            total = total + _hashes.hash_column(flat[:, index], _hashes.column_key(index))
        return None, total


class ListTable(Table):
    """A list of rows: dicts, lists, or plain values such as texts."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows
        first = rows[0] if len(rows) else None
        self.columns = [str(key) for key in first] if isinstance(first, dict) else None

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, positions: Sequence[int]) -> List[Any]:
        return [plain(self._rows[position]) for position in positions]


def table_of(value: Any) -> Optional[Table]:
    """The table that a value is, or None: a sparse matrix, a generator, a number, text."""
    if isinstance(value, dict):
        return ListTable([value])
    if isinstance(value, (list, tuple)):
        return ListTable(value)
    if hasattr(type(value), "iloc") or hasattr(value, "iloc"):
        return FrameTable(value) if hasattr(value, "columns") else ArrayTable(value.to_numpy())
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray) and value.ndim:
        return ArrayTable(value)
    if hasattr(value, "to_pandas") and hasattr(value, "columns"):
        return table_of(value.to_pandas())
    return None
