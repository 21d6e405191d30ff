"""Columns of requests: taking them out of rows, and deciding what kind a column is."""

from ._category import CategoryCells
from ._date import AgeCells, HourCells, WeekdayCells
from ._numeric import NumericCells
from ._shape import ShapeCells
from ._text import CharacterCells, TextCells

ROWS_COUNTED = 1000  # of one request: its shares are estimated from this many rows at even steps
DISTINCT_IS_TEXT = 0.5

_ALL = (NumericCells, CategoryCells, TextCells, CharacterCells, HourCells, WeekdayCells, AgeCells, ShapeCells)
KINDS = {cells.kind: cells for cells in _ALL}


def cells_of(everything, dictionary):
    """The table of cells for a column, by what most of its values are. A number in words is not a number."""
    numbers = booleans = strings = rest = 0
    for value in everything:
        kind = type(value)
        if kind is float or kind is int:
            numbers += 1
        elif kind is bool:
            booleans += 1
        elif kind is str:
            strings += 1
        elif value is not None:
            rest += 1
    most = max(numbers, booleans, strings, rest)
    if most == 0 or most == rest:
        return ShapeCells()
    if most == numbers:
        return NumericCells.of(everything, dictionary)
    if most == strings and booleans == 0:
        distinct = len({value for value in everything if type(value) is str})
        if distinct > DISTINCT_IS_TEXT * strings:
            return TextCells.of(everything, dictionary)
    return CategoryCells.of(everything, dictionary)


def names_of(rows):
    """Names of the columns of reference rows, in the order in which they first appear; lists are named by position."""
    names = {}
    for row in rows:
        if isinstance(row, dict):
            for name in row:
                names[str(name)] = None
        elif isinstance(row, (list, tuple)):
            for position in range(len(row)):
                names[str(position)] = None
        else:
            names["value"] = None
    return list(names)


def sampled(rows, start):
    """At most ROWS_COUNTED rows at even steps; a request of a million rows must not cost a second."""
    if len(rows) <= ROWS_COUNTED:
        return rows
    step = -(-len(rows) // ROWS_COUNTED)
    return rows[start % step :: step]


def take(rows, names):
    """A list of values per column. A key that is not there counts as null, as the service treats it."""
    try:
        if len(rows) == 1:
            get = rows[0].get
            return [[get(name)] for name in names]
        return [[row.get(name) for row in rows] for name in names]
    except AttributeError:
        return [[_value(row, name) for row in rows] for name in names]


def _value(row, name):
    if isinstance(row, dict):
        return row.get(name)
    if isinstance(row, (list, tuple)):
        return row[int(name)] if name.isdigit() and int(name) < len(row) else None
    return row if name == "value" else None
