"""Every pair's 2x2 table at the medians, for the most variable numeric columns: it names the pair that moved.

A row counts for a pair when both values are there; a request without such a row is not in that pair's `n`.
"""

from ._numeric import is_finite
from ._share import SCALE, share

MOST_COLUMNS = 32
CELLS = ["low low", "low high", "high low", "high high"]


def medians_of(columns):
    """{name: split} of the most variable columns of {name: values}: `high` is above the split.

    Variable means: the most frequent value holds the least of the rows; scale says nothing about it.
    """
    ranked = []
    for position, (name, values) in enumerate(columns.items()):
        ordered = sorted(value for value in values if is_finite(value))
        if not ordered or ordered[0] == ordered[-1]:
            continue
        split = ordered[len(ordered) // 2]
        if split == ordered[-1]:  # most rows hold the largest value: the split is below it, or nothing would be high
            split = max(value for value in ordered if value < split)
        counts = {}
        for value in ordered:
            counts[value] = counts.get(value, 0) + 1
        ranked.append((max(counts.values()) / len(values), position, name, split))
    kept = sorted(sorted(ranked)[:MOST_COLUMNS], key=lambda entry: entry[1])
    return {name: split for _, _, name, split in kept}


class PairCells:
    """Shares of all pairs of one request. With numpy four small products, without it a loop over pairs."""

    def __init__(self, splits, numpy):
        self.names = list(splits)
        self._splits = [splits[name] for name in self.names]
        self._numpy = numpy
        size = len(self.names)
        self.pairs = [(a, b) for a in range(size) for b in range(a + 1, size)]
        if numpy is not None and self.pairs:
            self._left, self._right = (numpy.array(side) for side in zip(*self.pairs))
            self._split_row = numpy.array(self._splits, dtype=float)
            self._starts = 4 * numpy.arange(len(self.pairs))

    def streams(self):
        names = self.names
        for a, b in self.pairs:
            yield {
                "id": "joint/pair/%s×%s" % (names[a], names[b]),
                "group": "joint",
                "kind": "pair",
                "columns": [names[a], names[b]],
                "medians": [self._splits[a], self._splits[b]],
                "cells": list(CELLS),
            }

    def positions(self, row):
        """(where its cell lies in the pairs' block, the number of the pair), for each pair that one row has both values of."""
        if self._numpy is None:
            sides = [(value > split) if is_finite(value) else None for value, split in zip(row, self._splits)]
            there = [
                number for number, (a, b) in enumerate(self.pairs) if sides[a] is not None and sides[b] is not None
            ]
            return [4 * n + 2 * sides[self.pairs[n][0]] + sides[self.pairs[n][1]] for n in there], there
        numpy = self._numpy
        if not self.pairs:
            return [], []
        high = numpy.array([value > split if is_finite(value) else -9 for value, split in zip(row, self._splits)])
        cell = 2 * high[self._left] + high[self._right]
        if cell.min() >= 0:
            return self._starts + cell, slice(0, len(self.pairs))
        there = numpy.flatnonzero(cell >= 0)
        return self._starts[there] + cell[there], there

    def counts(self, values):
        """[how many rows lie in each of the four cells] per pair, of `values`: a list per column of `names`."""
        if self._numpy is None or not self.pairs:
            return self._counts_by_hand(values)
        return self._counts_by_numpy(values).tolist()

    def shares(self, values):
        """(flat shares, 4 a pair; presence, 0 or 1 a pair) of one request of several rows."""
        if self._numpy is None or not self.pairs:
            flat, present = [], []
            for four in self._counts_by_hand(values):
                whole = sum(four)
                flat.extend(share(part, whole) if whole else 0 for part in four)
                present.append(1 if whole else 0)
            return flat, present
        four = self._counts_by_numpy(values)
        whole = four.sum(axis=1)
        divisor = self._numpy.maximum(whole, 1)[:, None]
        flat = (2 * four * SCALE + divisor) // (2 * divisor)
        return flat.ravel(), (whole > 0).astype(self._numpy.int64)

    def _counts_by_numpy(self, values):
        numpy = self._numpy
        table = numpy.array([[v if is_finite(v) else float("nan") for v in column] for column in values], dtype=float)
        high = table > self._split_row[:, None]
        low = table <= self._split_row[:, None]  # of NaN neither is true
        sides = numpy.concatenate([low, high]).astype(
            numpy.float64
        )  # whole numbers far below 2^53: the products are exact
        counts = (sides @ sides.T).astype(numpy.int64)
        size, left, right = len(self.names), self._left, self._right
        return numpy.stack(
            [
                counts[left, right],
                counts[left, size + right],
                counts[size + left, right],
                counts[size + left, size + right],
            ],
            axis=1,
        )

    def _counts_by_hand(self, values):
        sides = [
            [(1 if value > split else 0) if is_finite(value) else None for value in column]
            for column, split in zip(values, self._splits)
        ]
        for a, b in self.pairs:
            four = [0, 0, 0, 0]
            for left, right in zip(sides[a], sides[b]):
                if left is not None and right is not None:
                    four[2 * left + right] += 1
            yield four
