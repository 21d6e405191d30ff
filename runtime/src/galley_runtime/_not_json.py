"""Where in a body a token stands that only Python writes: `NaN`, `Infinity`, `-Infinity`.

The parser stops at one and says neither line nor row. A client wants to hear which row and which column it was, and
most of these tokens come from a frame with a missing number. So the text is read once more, with marks in their places,
when the request is lost anyway.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

__all__ = ["Place", "place_of_constant"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
Step = Union[str, int]


class Place(NamedTuple):
    """`line` and `position` of the text; row and column where the body has such."""

    line: int
    position: int
    row: Optional[int]
    column: Optional[str]

    def sentence(self) -> str:
        """`line 1, column 9`, or `column wind of row 3 (line 1, column 9)`."""
        where = f"line {self.line}, column {self.position}"
        if self.row is None and self.column is None:
            return where
        parts = [] if self.column is None else [f"column {self.column}"]
        parts += [] if self.row is None else [f"row {self.row}"]
        return f"{' of '.join(parts)} ({where})"


class _Mark:
    """Stands where the token stood."""


def place_of_constant(text: str, token: str) -> Place:
    """Where the text, which holds this token, has it first."""
    line, position = _position(text, token)
    try:
        value = json.loads(text, parse_constant=lambda name: _Mark() if name == token else None)
        steps = next(_marks(value), None)
    except (ValueError, RecursionError):  # what follows the token is no JSON either
        steps = None
    row, column = (None, None) if steps is None else _row_and_column(value, steps)
    return Place(line, position, row, column)


def _position(text: str, token: str) -> Tuple[int, int]:
    for found in _TOKEN.finditer(text):
        if found.group() == token:
            line_start = text.rfind("\n", 0, found.start()) + 1
            return text.count("\n", 0, found.start()) + 1, found.start() - line_start + 1
    return 1, 1


def _marks(value: Any) -> Iterator[List[Step]]:
    """The ways to the marks, in the order of the text."""
    waiting: List[Tuple[Any, List[Step]]] = [(value, [])]
    while waiting:
        found, steps = waiting.pop()
        if isinstance(found, _Mark):
            yield steps
        elif isinstance(found, dict):
            waiting += [(inner, [*steps, key]) for key, inner in reversed(list(found.items())) if _may_hold(inner)]
        elif isinstance(found, list):
            waiting += [(found[i], [*steps, i]) for i in range(len(found) - 1, -1, -1) if _may_hold(found[i])]


def _may_hold(value: Any) -> bool:
    return isinstance(value, (dict, list, _Mark))


def _row_and_column(value: Any, steps: List[Step]) -> Tuple[Optional[int], Optional[str]]:
    """The first number on the way is the row, the first name beside it the column; V2 and `split` put them elsewhere."""
    if isinstance(value, dict) and steps and steps[0] in _SHAPES:
        shape, steps = steps[0], steps[1:]
        inner = value[shape]
        kinds = [type(step) for step in steps]
        if shape == "inputs" and kinds[:3] == [int, str, int] and steps[1] == "data":
            return _of_tensor(inner[steps[0]], steps[2:])
        if shape == "dataframe_split":
            in_data = kinds == [str, int, int] and steps[0] == "data"
            return (int(steps[1]), _name_of(inner.get("columns"), int(steps[2]))) if in_data else (None, None)
    row = next((step for step in steps[:2] if isinstance(step, int)), None)
    return row, next((step for step in steps[:2] if isinstance(step, str)), None)


_SHAPES = ("dataframe_records", "dataframe_split", "instances", "inputs")


def _of_tensor(tensor: Dict[str, Any], steps: List[Step]) -> Tuple[Optional[int], Optional[str]]:
    """Nested data has the row as its first index; flat data is cut by the shape."""
    width = 1
    if len(steps) == 1 and isinstance(tensor.get("shape"), list):
        for size in tensor["shape"][1:]:
            width *= size if isinstance(size, int) and size > 0 else 1
    name = tensor.get("name")
    return int(steps[0]) // width, name if isinstance(name, str) else None


def _name_of(columns: Any, index: int) -> Optional[str]:
    name = columns[index] if isinstance(columns, list) and index < len(columns) else None
    return str(name) if isinstance(name, (str, int)) else None
