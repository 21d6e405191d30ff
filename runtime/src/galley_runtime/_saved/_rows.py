"""Rows that lie beside a saved model: what a notebook would have bound to `reference`.

`reference.*` are requests that no fit has seen, `sample.*` rows of any sort. CSV has a heading and numbers where all
of a column are; JSON lines hold a row each.
"""

from __future__ import annotations

import csv
import math
import os
import random
from typing import Any, List, Optional, Sequence

from galley_runtime._capture._sample_files import write_sample_files
from galley_runtime._errors import RequestError
from galley_runtime._json import loads
from galley_runtime._serve._table import MISSING_TEXTS, number_of_text

__all__ = ["fit_columns", "read_rows", "write_rows"]

_ROWS_READ_MAX = 1_000_000


def read_rows(path: str) -> List[Any]:
    """Raises ValueError with a sentence that names the line."""
    name = os.path.basename(path)
    with open(path, encoding="utf-8-sig", newline="") as file:
        if name.endswith(".csv"):
            return _read_csv(file, name)
        rows: List[Any] = []
        for number, line in enumerate(file, 1):
            if len(rows) >= _ROWS_READ_MAX:
                break
            if line.strip():
                rows.append(_value(line, f"Line {number} of {name}"))
        return rows


def _value(line: str, what: str) -> Any:
    try:
        return loads(line, what, nan=True)
    except RequestError as error:
        raise ValueError(error.message) from error


def _read_csv(file: Any, name: str) -> List[Any]:
    reader = csv.reader(file)
    header = next(reader, None)
    if not header or len(set(header)) != len(header):
        raise ValueError(f"{name} begins with no line of column names")
    texts: List[List[str]] = []
    for line in reader:
        if len(texts) >= _ROWS_READ_MAX:
            break
        if line and len(line) != len(header):
            raise ValueError(f"line {reader.line_num} of {name} has {len(line)} values, not {len(header)}")
        if line:
            texts.append(line)
    columns = [_column([row[place] for row in texts]) for place in range(len(header))]
    return [dict(zip(header, values)) for values in zip(*columns)]


def _column(texts: Sequence[str]) -> List[Any]:
    """Numbers where every value that is there is one, read as the service reads CSV; what pandas writes for none is null."""
    there = [text.strip().lower() not in MISSING_TEXTS for text in texts]
    numbers = [number_of_text(text) if is_there else None for text, is_there in zip(texts, there)]
    if any(is_there and number is None for number, is_there in zip(numbers, there)):
        return [text or None for text in texts]
    if not any(isinstance(number, float) for number in numbers):
        return numbers
    floats = [float(text) if is_there else None for text, is_there in zip(texts, there)]
    if any(number is not None and math.isinf(number) for number in floats):
        raise ValueError("it has a number that is too large for one")
    return floats


def fit_columns(rows: List[Any], columns: Optional[Sequence[str]], width: Optional[int]) -> List[Any]:
    """The rows with the model's columns alone: a file often has the answer too. Raises ValueError where one is missing."""
    if not rows or not isinstance(rows[0], dict):
        return rows
    if columns is not None:
        missing = next((name for name in columns if name not in rows[0]), None)
        if missing is not None:
            raise ValueError(f"it has no column {missing}")
        return [{name: row.get(name) for name in columns} for row in rows]
    if width is not None and len(rows[0]) != width:
        raise ValueError(f"it has {len(rows[0])} columns, and the model takes {width}")
    return rows


def write_rows(folder: str, rows: List[Any], *, most: int, seed: int, held_out: bool) -> None:
    """At most so many of them, as the sample of a run is written."""
    kept = rows if len(rows) <= most else random.Random(seed).sample(rows, most)
    write_sample_files(folder, kept, [held_out] * len(kept), "reference", len(rows))
