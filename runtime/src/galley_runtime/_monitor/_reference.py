"""reference.json from what a rehearsal saw: first what the cells are, then how many requests fell into each."""

import copy
from array import array

from .._time import seconds_of
from . import _column, _prediction
from ._contribution import Contribution
from ._date import AgeCells, HourCells, WeekdayCells, is_date_column
from ._joint import joint_of
from ._minutes import add_pairs
from ._path_streams import coverage, path_streams
from ._share import SCALE
from ._split import in_dictionary
from ._table import Table, numpy_if_loaded
from ._text import CharacterCells, TextCells
from ._together import count_inputs_and_joint

LEARNING_BELOW = 500  # held-out requests without which a reference of predictions is not one yet (MONITORS.md §3)
SPLIT_FROM = 50  # with fewer requests a fifth of them decides nothing: all decide and all are counted


class Seen:
    """One request of the rehearsal."""

    __slots__ = ("rows", "predictions", "taken", "held_out", "seconds")

    def __init__(self, rows, predictions, taken, held_out=True):
        self.rows = rows
        self.predictions = predictions
        self.taken = taken
        self.held_out = held_out  # no fit has seen it: only such predictions are compared with live ones
        self.seconds = None  # since 1970: when it happened, where its rows say it


def reference_of(seen, profile, origin, classes, time_column=None):
    """The content of reference.json for the requests that were answered, in their order.

    `time_column` says in the first row of a request when it happened: only then do dates have an age.
    """
    for request in seen if time_column is not None else ():
        request.seconds = _time_of(request, time_column)
    numpy = numpy_if_loaded()
    everything_decides = len(seen) < SPLIT_FROM
    deciding = [request for at, request in enumerate(seen) if everything_decides or in_dictionary(at)]
    counted = [request for at, request in enumerate(seen) if everything_decides or not in_dictionary(at)]
    rows = [row for request in seen for row in request.rows]
    names = _column.names_of(rows)
    columns = dict(zip(names, _column.take(rows, names)))
    decided = dict(zip(names, _column.take([row for request in deciding for row in request.rows], names)))
    kinds, streams = _inputs(columns, decided)
    streams += _ages(columns, seen, everything_decides, time_column)
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


def _time_of(request, column):
    if not request.rows:
        return None
    ((value,),) = _column.take(request.rows[:1], [column])
    return seconds_of(value)


def _ages(columns, seen, everything_decides, time_column):
    """Ages of the columns of times, where requests have a time; that of the time itself would always be nothing."""
    owners = [(at, request.seconds) for at, request in enumerate(seen) for _ in request.rows]
    if all(seconds is None for _, seconds in owners):
        return
    for name, values in columns.items():
        if name == time_column or not is_date_column(values):
            continue
        dated = [(at, (value, seconds)) for value, (at, seconds) in zip(values, owners) if seconds is not None]
        deciding = [pair for at, pair in dated if everything_decides or in_dictionary(at)]
        cells = AgeCells.of([pair for _, pair in dated], deciding)
        yield dict({"id": "input/%s/age" % name, "group": "inputs", "column": name}, **cells.describe())


def _predictions(seen, deciding, classes):
    """Cells of predictions, from requests that no fit has seen where there are any."""
    seen = [request for request in seen if request.held_out] or seen
    deciding = [request for request in deciding if request.held_out] or deciding
    everything = _prediction.parts_of([value for request in seen for value in request.predictions])
    dictionary = _prediction.parts_of([value for request in deciding for value in request.predictions])
    for part, values in everything.items():
        cells = _prediction.cells_of(values, dictionary.get(part, values), classes)
        name = "prediction" + ("/" + part if part else "")
        yield dict({"id": name, "group": "predictions", "part": part}, **cells.describe())


def _count(reference, counted, numpy):
    """Fills `counts` and `n` by the very cells that count in a replica."""
    for stream in reference["streams"]:
        stream["counts"], stream["n"] = [0] * len(stream["cells"]), 0
    table = Table(copy.deepcopy(reference), numpy)
    totals, requests = array("q", bytes(8 * table.size)), array("q", bytes(8 * len(table.streams)))
    scored = [request for request in counted if request.held_out] or counted
    single = [request for request in counted if len(request.rows) == 1]
    taken = _column.take([request.rows[0] for request in single], table.columns) if single else []
    count_inputs_and_joint(table, taken, [request.seconds for request in single], totals, requests)
    for request in counted:
        contribution = Contribution(len(request.rows), False)
        if len(request.rows) > 1:
            columns = _column.take(request.rows, table.columns)
            contribution.add_inputs(table, columns, request.seconds)
            contribution.add_joint(table, columns)
        if request.held_out or scored is counted:
            contribution.add_predictions(table, request.predictions, False)
        for function, counts, raised in request.taken:
            contribution.add_paths(table, function.stream, counts, len(raised))
        for at, amount in contribution.cells:
            totals[at] += amount
        for index in contribution.streams:
            requests[index] += 1
        if contribution.pairs is not None:
            add_pairs(contribution.pairs, totals, requests, table, numpy)
    learning = sum(request.held_out for request in counted) < LEARNING_BELOW
    for index, stream in enumerate(reference["streams"]):
        offset = table.streams[index]["offset"]
        stream["counts"] = totals[offset : offset + len(stream["cells"])].tolist()
        stream["n"] = requests[index]
        if stream["group"] == "predictions" and learning:
            stream["learning"] = True
