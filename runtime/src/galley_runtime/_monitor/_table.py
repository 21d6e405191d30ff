"""reference.json as a replica holds it: every cell of every stream at one place in one long list of integers."""

import sys

from . import _column, _prediction
from ._pair import PairCells
from ._projection import ProjectionCells


class Table:
    """Streams with the offset of their cells, grouped by how they are counted. Built once, then only read."""

    def __init__(self, reference, numpy=None):
        self.reference = reference
        self.streams = reference.get("streams", [])
        self.by_id = {}
        self.inputs = []  # (stream index, offset, cells, position in `columns`)
        self.characters = []
        self.ages = []
        self.predictions = []  # (stream index, offset, cells, part)
        self.paths = {}  # stream id -> (stream index, offset, {number: cell}, index of unseen, of exception)
        self.columns = []
        self.pair_first = self.pair_offset = None
        self.projection_first = None
        self.projection_offsets = []
        offset = 0
        for index, stream in enumerate(self.streams):
            self.by_id[stream["id"]] = index
            stream["offset"] = offset
            self._place(index, offset, stream)
            offset += len(stream["cells"])
        self.size = offset
        self.pairs = self.projection = None
        self._read_joint(numpy)

    def _place(self, index, offset, stream):
        group, kind = stream["group"], stream["kind"]
        if group == "inputs":
            cells = _column.KINDS[kind].read(stream)
            name = stream["column"]
            if name not in self.columns:
                self.columns.append(name)
            target = {"characters": self.characters, "age": self.ages}.get(kind, self.inputs)
            target.append((index, offset, cells, self.columns.index(name)))
        elif group == "predictions":
            self.predictions.append((index, offset, _prediction.KINDS[kind].read(stream), stream.get("part", "")))
        elif group == "paths":
            known = {name: cell for cell, name in enumerate(stream["cells"][:-2])}
            self.paths[stream["id"]] = (index, offset, known, len(known), len(known) + 1)
        elif kind == "pair" and self.pair_first is None:
            self.pair_first, self.pair_offset = index, offset
        elif kind == "projection":
            if self.projection_first is None:
                self.projection_first = index
            self.projection_offsets.append(offset)

    def _read_joint(self, numpy):
        joint = self.reference.get("joint") or {}
        if self.pair_first is not None:
            self.pairs = PairCells(joint["medians"], numpy)
            self.pair_columns = [self._column(name) for name in self.pairs.names]
        if self.projection_first is not None:
            edges = [stream["edges"] for stream in self.streams if stream["kind"] == "projection"]
            self.projection = ProjectionCells(joint, edges, numpy)
            self.projection_columns = [self._column(name) for name in self.projection.features.columns]

    def _column(self, name):
        if name not in self.columns:
            self.columns.append(name)
        return self.columns.index(name)


def numpy_if_loaded():
    """numpy when the model imported it already: it costs a tenth of a second that a model without it must not pay."""
    return sys.modules.get("numpy")
