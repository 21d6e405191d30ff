"""What one request adds to the table. Computed outside any lock, added in one short step by the minute it belongs to."""

from . import _prediction
from ._share import SCALE, share

JOINT_ROWS = 100  # of one request: projections of a thousand rows would take tens of milliseconds


class Contribution:
    """Additions to cells, streams that the request is counted in, and the pairs' block: of one row where its cells lie,
    of several the shares and the presence of every pair."""

    __slots__ = ("requests", "rows", "failures", "refused", "cells", "streams", "pairs")

    def __init__(self, rows, failed, refused=False):
        self.requests = 1
        self.rows = rows
        self.failures = 1 if failed else 0
        self.refused = 1 if refused else 0
        self.cells = []
        self.streams = []
        self.pairs = None

    def add_inputs(self, table, columns, seconds):
        """`seconds` since 1970: when the request happened, None where nobody knows."""
        cells, streams = self.cells, self.streams
        size = len(columns[0]) if columns else 0
        if size == 0:
            return
        for index, offset, kind, position in table.inputs:
            values = columns[position]
            if size == 1:
                cells.append((offset + kind.cell(values[0]), SCALE))
            else:
                self._shares(offset, kind.cell, values)
            streams.append(index)
        for index, offset, kind, position in table.characters:
            cells.extend((offset + cell, amount) for cell, amount in kind.shares(columns[position]))
            streams.append(index)
        for index, offset, kind, position in table.ages if seconds is not None else ():
            self._shares(offset, lambda value, kind=kind: kind.cell_at(value, seconds), columns[position])
            streams.append(index)

    def _shares(self, offset, cell, values):
        counts = {}
        for value in values:
            at = cell(value)
            counts[at] = counts.get(at, 0) + 1
        whole = len(values)
        self.cells.extend((offset + at, share(count, whole)) for at, count in counts.items())

    def add_predictions(self, table, values, failed):
        """A failed request is one failure in every stream of predictions."""
        parts = {} if failed else _prediction.parts_of(values)
        for index, offset, kind, part in table.predictions:
            if failed:
                self.cells.append((offset + kind.failure, SCALE))
            elif values:
                self._shares(offset, kind.cell, parts.get(part) or [None] * len(values))
            else:
                continue
            self.streams.append(index)

    def add_joint(self, table, columns):
        if not columns or not columns[0]:
            return
        size = min(len(columns[0]), JOINT_ROWS)
        if table.projection is not None:
            wanted = [columns[position][:size] for position in table.projection_columns]
            lines = table.projection.cells(list(zip(*wanted)))
            for number, offset in enumerate(table.projection_offsets):
                if size == 1:
                    self.cells.append((offset + lines[0][number], SCALE))
                else:
                    counts = {}
                    for line in lines:
                        counts[line[number]] = counts.get(line[number], 0) + 1
                    self.cells.extend((offset + at, share(count, size)) for at, count in counts.items())
                self.streams.append(table.projection_first + number)
        if table.pairs is not None and size == 1:
            self.pairs = table.pairs.positions([columns[position][0] for position in table.pair_columns]), None
        elif table.pairs is not None:
            self.pairs = table.pairs.shares([columns[position][:size] for position in table.pair_columns])

    def add_paths(self, table, stream, counts, raised):
        """`counts`: how often each path ran in this request; `raised`: how many calls ended by an exception."""
        place, whole = table.paths.get(stream), sum(counts.values()) + raised
        if place is None or whole == 0:
            return
        index, offset, known, unseen, exception = place
        cells = {exception: raised} if raised else {}
        for number, count in counts.items():
            cell = known.get(str(number), unseen)
            cells[cell] = cells.get(cell, 0) + count
        self.cells.extend((offset + cell, share(count, whole)) for cell, count in cells.items())
        self.streams.append(index)
