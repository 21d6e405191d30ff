"""Cells of a column that is neither number, category nor text: only the JSON type of its values is counted."""

from ._fixed import FixedCells

_OF_TYPE = {dict: 0, list: 1, tuple: 1, str: 2, int: 3, float: 3, bool: 4, type(None): 5}


class ShapeCells(FixedCells):
    """One cell per type of JSON. Vectors and images get norms and projections in a later issue (MONITORS.md §2)."""

    kind = "shape"
    names = ("object", "array", "string", "number", "boolean", "null", "other")

    def cell(self, value):
        return _OF_TYPE.get(type(value), 6)
