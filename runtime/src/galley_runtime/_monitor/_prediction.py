"""Cells of predictions: classes, or deciles of a score or of a regression, and in each stream the failures."""

from collections import Counter

from ._numeric import NumericCells, plain_number

MOST_CLASSES = 64
WHOLE_NUMBERS_ARE_CLASSES = 20
PARTS = 64  # streams of one prediction: keys of an object, positions of a list


class ClassCells:
    """Each class, then `other` (a class that the reference never answered, or no class at all), then failure."""

    kind = "classes"

    def __init__(self, names):
        self.names = list(names)
        self._index = {name: position for position, name in enumerate(self.names)}
        self.failure = len(self.names) + 1

    @classmethod
    def read(cls, stream):
        return cls(stream["cells"][:-2])

    def describe(self):
        return {"kind": self.kind, "cells": self.names + ["other", "failure"]}

    def cell(self, value):
        return self._index.get(class_name(value), len(self.names))


class ScoreCells:
    """A number's cells, then failure."""

    kind = "score"

    def __init__(self, numeric):
        self._numeric = numeric
        self.cell = numeric.cell
        self.failure = len(numeric.labels())

    @classmethod
    def read(cls, stream):
        return cls(NumericCells.read(stream))

    def describe(self):
        return dict(self._numeric.describe(), kind=self.kind, cells=self._numeric.labels() + ["failure"])


KINDS = {cells.kind: cells for cells in (ClassCells, ScoreCells)}


def cells_of(everything, dictionary, classes):
    """`classes` are those that the model itself names, or None."""
    kinds = {type(value) for value in everything if value is not None}
    seen = Counter(class_name(value) for value in dictionary)
    named = [class_name(value) for value in classes or []]
    if named and all(class_name(value) in named for value in everything):
        return ClassCells(named[:MOST_CLASSES])
    whole = kinds <= {int, bool, str} and (str in kinds or bool in kinds or len(seen) <= WHOLE_NUMBERS_ARE_CLASSES)
    if not kinds or whole or not kinds <= {int, float}:
        ranked = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
        return ClassCells(sorted(name for name, _ in ranked[:MOST_CLASSES]))
    return ScoreCells(NumericCells.of(everything, dictionary))


def class_name(value):
    kind = type(value)
    if kind is str:
        return value[:200]
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return str(int(value)) if value - value == 0.0 and value == int(value) else repr(value)
    if kind is int:
        return str(value)
    if value is None:
        return "null"
    number = plain_number(value)
    return class_name(number) if number is not None else "(%s)" % kind.__name__


def parts_of(values):
    """Splits predictions, one a row, into lists of scalars by part: '' for scalars, keys of objects, positions of lists."""
    if not values:
        return {}
    first = values[0]
    if isinstance(first, dict):
        names = [name for name in list(first)[:PARTS] if isinstance(name, str)]
        return {name: [value.get(name) if isinstance(value, dict) else None for value in values] for name in names}
    if isinstance(first, (list, tuple)):
        width = min(len(first), PARTS)
        return {
            str(i): [v[i] if isinstance(v, (list, tuple)) and len(v) > i else None for v in values]
            for i in range(width)
        }
    return {"": values}
