"""Cells of a category: the frequent ones by name, the known rest, the never seen."""

import hashlib
from collections import Counter

MOST = 64
LEAST_ROWS = 20
LONGEST = 200


class CategoryCells:
    """The 64 most frequent with at least 20 rows of the dictionary, then other, unseen, null, wrong type."""

    kind = "categorical"

    def __init__(self, categories, known, boolean=False):
        self.categories = list(categories)
        self.known = set(known)
        self.boolean = boolean
        self._index = {name: position for position, name in enumerate(self.categories)}
        after = len(self.categories)
        self._other, self.unseen, self._null, self._wrong = range(after, after + 4)

    @classmethod
    def of(cls, everything, dictionary):
        """Both truth values are always cells of a boolean column: its vocabulary is known without looking."""
        if all(type(value) is bool or value is None for value in everything):
            return cls(["false", "true"], [fingerprint("false"), fingerprint("true")], boolean=True)
        counts = Counter(value for value in dictionary if type(value) is str)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        frequent = [name for name, rows in ranked[:MOST] if rows >= LEAST_ROWS and len(name) <= LONGEST]
        return cls(frequent, sorted(fingerprint(name) for name in counts))

    @classmethod
    def read(cls, stream):
        return cls(stream["categories"], stream["known"], stream.get("boolean", False))

    def describe(self):
        return {
            "kind": self.kind,
            "boolean": self.boolean,
            "categories": self.categories,
            "known": sorted(self.known),
            "cells": self.labels(),
        }

    def labels(self):
        return self.categories + ["other", "unseen", "null", "wrong type"]

    def cell(self, value):
        if value is None:
            return self._null
        kind = type(value)
        if kind is not str:
            if kind is bool and self.boolean:
                return 1 if value else 0
            item = getattr(value, "item", None)  # numpy.bool_, numpy.str_
            plain = item() if item is not None and getattr(value, "ndim", 0) == 0 else None
            return self.cell(plain) if type(plain) in (str, bool) and type(plain) is not kind else self._wrong
        position = self._index.get(value)
        if position is not None and not self.boolean:
            return position
        if self.boolean:
            return self._wrong
        return self._other if fingerprint(value) in self.known else self.unseen


def fingerprint(name):
    """How a rare category is remembered: it can be recognised, not read back."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
