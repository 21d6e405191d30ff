"""reference.json from what a rehearsal saw: first what the cells are, then how many requests fell into each."""

import copy

from . import _column, _prediction
from ._contribution import Contribution
from ._date import HourCells, WeekdayCells, is_date_column
from ._joint import joint_of
from ._path_streams import coverage, path_streams
from ._share import SCALE, share
from ._split import in_dictionary
from ._table import Table, numpy_if_loaded
from ._text import CharacterCells, TextCells

SPLIT_FROM = 50  # with fewer requests a fifth of them decides nothing: all decide and all are counted


class Seen:
    """One request of the rehearsal."""

    __slots__ = ("rows", "predictions", "taken")

    def __init__(self, rows, predictions, taken):
        self.rows = rows
        self.predictions = predictions
        self.taken = taken


def reference_of(seen, profile, origin, classes):
    """The content of reference.json for the requests that were answered, in their order."""
    numpy = numpy_if_loaded()
    everything_decides = len(seen) < SPLIT_FROM
    deciding = [request for at, request in enumerate(seen) if everything_decides or in_dictionary(at)]
    counted = [request for at, request in enumerate(seen) if everything_decides or not in_dictionary(at)]
    rows = [row for request in seen for row in request.rows]
    names = _column.names_of(rows)
    columns = dict(zip(names, _column.take(rows, names)))
    decided = dict(zip(names, _column.take([row for request in deciding for row in request.rows], names)))
    kinds, streams = _inputs(columns, decided)
    joint, joint_streams = joint_of(columns, kinds, numpy)
    taken = [request.taken for request in seen]
    streams += joint_streams
    streams += _predictions(seen, deciding, classes)
    streams += list(path_streams(profile, taken, everything_decides))
    reference = {
        "schema": "galley.dev/reference/v1",
        "scale": SCALE,
        "origin": origin,
        "requests": len(seen),
        "rows": len(rows),
        "splitRequests": [len(deciding), len(counted)],
        "streams": streams,
        "joint": joint,
        "coverage": coverage(profile, taken),
    }
    _count(reference, counted, numpy)
    return reference


def _inputs(columns, decided):
    kinds, streams = {}, []
    for name, values in columns.items():
        stream = {"id": "input/%s" % name, "group": "inputs", "column": name}
        if is_date_column(values):
            streams.append(dict(stream, id=stream["id"] + "/hour", **HourCells().describe()))
            streams.append(dict(stream, id=stream["id"] + "/weekday", **WeekdayCells().describe()))
            continue
        cells = kinds[name] = _column.cells_of(values, decided[name])
        streams.append(dict(stream, **cells.describe()))
        if isinstance(cells, TextCells):
            streams.append(dict(stream, id=stream["id"] + "/characters", **CharacterCells().describe()))
    return kinds, streams


def _predictions(seen, deciding, classes):
    everything = _prediction.parts_of([value for request in seen for value in request.predictions])
    dictionary = _prediction.parts_of([value for request in deciding for value in request.predictions])
    for part, values in everything.items():
        cells = _prediction.cells_of(values, dictionary.get(part, values), classes)
        name = "prediction" + ("/" + part if part else "")
        yield dict({"id": name, "group": "predictions", "part": part}, **cells.describe())


def _count(reference, counted, numpy):
    """Fills `counts` and `n` by the very code that counts in a replica."""
    for stream in reference["streams"]:
        stream["counts"], stream["n"] = [0] * len(stream["cells"]), 0
    table = Table(copy.deepcopy(reference), numpy)
    offsets = [stream["offset"] for stream in table.streams]
    totals, requests = [0] * table.size, [0] * len(table.streams)
    pairs = 0 if table.pairs is None else len(table.pairs.pairs)
    for request in counted:
        contribution = Contribution(len(request.rows), False)
        columns = _column.take(request.rows, table.columns)
        contribution.add_inputs(table, columns)
        contribution.add_joint(table, columns)
        contribution.add_predictions(table, request.predictions, False)
        _add_paths(table, request.taken, contribution)
        for at, amount in contribution.cells:
            totals[at] += amount
        for index in contribution.streams:
            requests[index] += 1
        if contribution.pairs is not None:
            flat, present = contribution.pairs
            for at, amount in enumerate(flat):
                totals[table.pair_offset + at] += int(amount)
            for at in range(pairs):
                requests[table.pair_first + at] += int(present[at])
    for stream, offset, n in zip(reference["streams"], offsets, requests):
        stream["counts"] = [int(total) for total in totals[offset : offset + len(stream["cells"])]]
        stream["n"] = n


def _add_paths(table, taken, contribution):
    for function, counts, raised in taken:
        whole = sum(counts.values()) + len(raised)
        if whole == 0 or function.stream not in table.paths:
            continue
        index, offset, known, unseen, exception = table.paths[function.stream]
        cells = {}
        for number, count in counts.items():
            cell = known.get(str(number), unseen)
            cells[cell] = cells.get(cell, 0) + count
        if raised:
            cells[exception] = len(raised)
        contribution.cells.extend((offset + cell, share(count, whole)) for cell, count in cells.items())
        contribution.streams.append(index)
