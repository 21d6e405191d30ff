"""Cells of a column that is neither number, category nor text: only the JSON type of its values is counted."""

_NAMES = ["object", "array", "string", "number", "boolean", "null", "other"]
_OF_TYPE = {dict: 0, list: 1, tuple: 1, str: 2, int: 3, float: 3, bool: 4, type(None): 5}


class ShapeCells:
    """One cell per type of JSON. Vectors and images get norms and projections in a later issue (MONITORS.md §2)."""

    kind = "shape"

    @classmethod
    def of(cls, everything, dictionary):
        del everything, dictionary
        return cls()

    @classmethod
    def read(cls, stream):
        del stream
        return cls()

    def describe(self):
        return {"kind": self.kind, "cells": self.labels()}

    def labels(self):
        return list(_NAMES)

    def cell(self, value):
        return _OF_TYPE.get(type(value), 6)
