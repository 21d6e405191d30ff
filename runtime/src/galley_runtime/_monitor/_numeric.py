"""Cells of a number: bins at quantiles of the reference, atoms, and everything that is no finite number."""

from bisect import bisect_left

BINS = 10
ATOM_SHARE = 0.05
ATOM_ROWS = (
    10  # of the dictionary: with 17 rows one sighting is already a share above 5 %, and every value would be an atom
)
_HUGE = 10**300  # an integer beyond the range of floats is no number to compute with


class NumericCells:
    """Right-closed bins (the first holds its lower edge too), below and above the range, atoms, NaN, ±inf, null, wrong type."""

    kind = "numeric"

    def __init__(self, edges, atoms):
        self.edges = list(edges)
        self.atoms = {value: 0 for value in atoms}
        bins = max(0, len(self.edges) - 1)
        self._above = bins + 1
        for position, value in enumerate(self.atoms):
            self.atoms[value] = bins + 2 + position
        after = bins + 2 + len(self.atoms)
        self._nan, self._plus, self._minus, self._null, self._wrong = range(after, after + 5)
        self._low = self.edges[0] if self.edges else 0.0
        self._high = self.edges[-1] if self.edges else 0.0

    @classmethod
    def of(cls, everything, dictionary):
        """Cells for a column: bins from all its values, atoms (share above 5 %) from the dictionary's rows."""
        counts = {}
        for value in dictionary:
            if is_finite(value):
                counts[value] = counts.get(value, 0) + 1
        least = ATOM_SHARE * len(dictionary)
        atoms = sorted(value for value, count in counts.items() if count > least and count >= ATOM_ROWS)
        finite = [value for value in everything if is_finite(value)]
        chosen = set(atoms)
        spread = sorted(value for value in finite if value not in chosen)
        edges = quantile_edges(spread or sorted(finite), BINS)
        if len(edges) == 1 and edges[0] not in chosen:
            atoms = sorted(atoms + edges)
        return cls(edges, atoms)

    @classmethod
    def read(cls, stream):
        return cls(stream["edges"], stream["atoms"])

    def describe(self):
        """What the stream's object carries besides its counts."""
        return {"kind": self.kind, "edges": self.edges, "atoms": list(self.atoms), "cells": self.labels()}

    def labels(self, write=None):
        """`write` gives the text of an edge or atom."""
        write = write or short
        names = ["< min"]
        for left, right in zip(self.edges, self.edges[1:]):
            opening = "[" if len(names) == 1 else "("
            names.append("%s%s, %s]" % (opening, write(left), write(right)))
        names.append("> max")
        names.extend("= " + write(value) for value in self.atoms)
        return names + ["NaN", "+inf", "-inf", "null", "wrong type"]

    def cell(self, value):
        """The index of the cell that `value` falls into; never raises for values of JSON."""
        if value is None:
            return self._null
        kind = type(value)
        if kind is not float and kind is not int:
            value = plain_number(value)
            if value is None:
                return self._wrong
        if value != value:
            return self._nan
        atom = self.atoms.get(value)
        if atom is not None:
            return atom
        if value < self._low:
            return self._minus if value == float("-inf") else 0
        if value > self._high:
            return self._plus if value == float("inf") else self._above
        return bisect_left(self.edges, value) or 1


def quantile_edges(ordered, bins):
    """At most `bins` + 1 edges at the quantiles of sorted values, ties merged."""
    if not ordered:
        return []
    last = len(ordered) - 1
    edges = []
    for step in range(bins + 1):
        value = ordered[(step * last + bins // 2) // bins]
        if not edges or value > edges[-1]:
            edges.append(value)
    return edges


def is_finite(value):
    kind = type(value)
    return (kind is float and value - value == 0.0) or (kind is int and -_HUGE < value < _HUGE)


def plain_number(value):
    """A Python number out of a numpy scalar; None for anything that is not a number (a bool is not)."""
    item = getattr(value, "item", None)
    if item is None:
        return None
    try:
        value = item()
    except Exception:  # an array of several items, or an object that only looks like a scalar
        return None
    return value if type(value) in (int, float) else None


def short(value):
    return "%.6g" % value if type(value) is float or abs(value) < 10**15 else "%.6g" % float(str(value)[:300])
