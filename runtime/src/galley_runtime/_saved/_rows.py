"""Rows that lie beside a saved model: what a notebook would have bound to `reference`.

`reference.*` are requests that no fit has seen, `sample.*` rows of any sort. CSV has a heading and numbers where all
of a column are; JSON lines hold a row each.
"""

from __future__ import annotations

import csv
import json
import os
import random
from typing import Any, Dict, List, Optional, Sequence

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
                try:
                    rows.append(json.loads(line))
                except ValueError as error:
                    raise ValueError(f"line {number} of {name} is no JSON: {error}") from error
        return rows


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
    """Numbers where every value that is there is one."""
    for convert in (int, float):
        try:
            return [convert(text) if text.strip() else None for text in texts]
        except ValueError:
            continue
    return [text or None for text in texts]


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


def write_rows(folder: str, rows: List[Any], *, most: int, seed: int, held_out: bool) -> Dict[str, Any]:
    """`sample.jsonl` and `sample.json` as a run writes them (docs/design/wire.md)."""
    kept = rows if len(rows) <= most else random.Random(seed).sample(rows, most)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "sample.jsonl"), "w", encoding="utf-8") as file:
        for row in kept:
            file.write(json.dumps({"rows": [row], "heldOut": held_out}, separators=(",", ":")) + "\n")
    info = {
        "schema": "galley.dev/sample/v1",
        "origin": "held-out" if held_out else "in-sample",
        "source": "reference",
        "requests": len(kept),
        "heldOut": len(kept) if held_out else 0,
        "total": len(rows),
    }
    with open(os.path.join(folder, "sample.json"), "w", encoding="utf-8") as file:
        json.dump(info, file)
    return info
