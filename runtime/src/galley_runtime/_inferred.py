"""The schema of rows that are known: what the training run and the rehearsal saw is what requests may look like."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from galley_runtime._schema import Column, Schema

__all__ = ["INTEGER_EVIDENCE_ROWS", "infer"]

#: With fewer rows than this a column of whole numbers is taken for `number`: three examples prove little.
INTEGER_EVIDENCE_ROWS = 20
#: Nor do they tell which numbers or words there are.
_EVIDENCE_ROWS = 20
#: More distinct strings than this, or more than half of all, are text and no categories.
_CATEGORIES_MAX = 64
#: A column has at most so many distinct string predictions that are still called classes.
_CLASSES_MAX = 100


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
    nullable, optional = len(present) < len(values) or not present, len(values) < len(rows)
    if len(present) < _EVIDENCE_ROWS:
        return Column(name, kind, nullable, optional)
    return Column(name, kind, nullable, optional, kinds == {float}, _range_of(kind, present), _categories_of(kind, present))


def _range_of(kind: str, values: Sequence[Any]) -> Optional[Tuple[Any, Any]]:
    finite = [value for value in values if math.isfinite(value)] if kind in ("number", "integer") else []
    return (min(finite), max(finite)) if finite else None


def _categories_of(kind: str, values: Sequence[Any]) -> Optional[Tuple[str, ...]]:
    if kind != "string":
        return None
    distinct = sorted(set(values))
    return tuple(distinct) if len(distinct) <= min(_CATEGORIES_MAX, len(values) // 2) else None


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
