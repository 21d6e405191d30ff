"""Cells of free text: how long it is and what it is made of. Not one word of it is kept."""

from ._fixed import FixedCells
from ._numeric import BINS, NumericCells, quantile_edges
from ._share import SCALE, scaled

LOOKED_AT = 256  # characters of a text whose classes are counted: enough for shares, and a bound on the cost


class TextCells:
    """Deciles of the length, then empty, null, wrong type."""

    kind = "text"

    def __init__(self, edges):
        self.edges = list(edges)
        self._length = NumericCells(self.edges, [])
        self._bins = max(0, len(self.edges) - 1) + 2

    @classmethod
    def of(cls, everything, dictionary):
        del dictionary  # quantile bins may use all rows (MONITORS.md §2)
        return cls(quantile_edges(sorted(len(value) for value in everything if type(value) is str and value), BINS))

    @classmethod
    def read(cls, stream):
        return cls(stream["edges"])

    def describe(self):
        return {"kind": self.kind, "edges": self.edges, "cells": self.labels()}

    def labels(self):
        lengths = self._length.labels()[: self._bins]
        return ["length " + name for name in lengths] + ["empty", "null", "wrong type"]

    def cell(self, value):
        if value is None:
            return self._bins + 1
        if not isinstance(value, str):
            return self._bins + 2
        return self._length.cell(len(value)) if value else self._bins


class CharacterCells(FixedCells):
    """Mean shares of letters, digits, spaces and the rest over a request's texts; `none` is the share of rows without text."""

    kind = "characters"
    names = ("letter", "digit", "space", "other", "none")

    def shares(self, values):
        """(cell, share) of one request."""
        letters = digits = spaces = others = 0.0
        none = 0
        for value in values:
            if not isinstance(value, str) or not value:
                none += 1
                continue
            text = value[:LOOKED_AT]
            size = len(text)
            letter = sum(map(str.isalpha, text))
            digit = sum(map(str.isdigit, text))
            space = sum(map(str.isspace, text))
            letters += letter / size
            digits += digit / size
            spaces += space / size
            others += (size - letter - digit - space) / size
        if none == len(values):
            return [(4, SCALE)]
        parts = (letters, digits, spaces, others, float(none))
        return [(cell, scaled(part / len(values))) for cell, part in enumerate(parts) if part]
