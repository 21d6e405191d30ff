"""What a request shows for the first time: a path, a fallback line, a category, an exception (MONITORS.md §5)."""

from ._category import CategoryCells

MOST_DECIDED = 1000  # texts that are remembered: a path that is new may be taken by every request


class Sightings:
    """Finds candidates for events; `Events` decides which of them are new. Reads the table, holds no state of its own."""

    def __init__(self, table):
        self._table = table
        reference = table.reference
        self._learnt = bool(reference.get("requests"))  # with no reference everything would be new
        self._known_paths = {}
        self._known_exceptions = {}
        self._passed = {}  # stream -> lines that a path of the reference passes
        self._usual = {}  # stream -> what its most frequent path decides
        self._decided = {}
        for stream in table.streams:
            if stream["group"] == "paths":
                self._known_paths[stream["id"]] = {path["number"] for path in stream["paths"]}
                self._passed[stream["id"]] = {line for path in stream["paths"] for _, line in path["lines"]}
                self._usual[stream["id"]] = _usual_answers(stream)
                self._known_exceptions[stream["id"]] = set(stream.get("exceptions", []))
        # A vocabulary is closed when the counted part of the reference showed nothing beyond the dictionary's.
        self._closed = [
            (table.streams[index], cells, position)
            for index, _, cells, position in table.inputs
            if isinstance(cells, CategoryCells) and self._learnt and _nothing_unseen(table.streams[index], cells)
        ]

    def paths(self, profile, block, contribution):
        """Adds the request's shares of paths to `contribution`; returns candidates for events."""
        found = []
        for function, counts, raised in profile.taken(block):
            contribution.add_paths(self._table, function.stream, counts, len(raised))
            if self._learnt:
                found.extend(self._new_paths(function, counts))
                found.extend(self._new_exceptions(function, raised))
        return found

    def _new_paths(self, function, counts):
        known = self._known_paths.get(function.stream, ())
        for number in counts:
            name = str(number)
            fallback = function.fallback_line(number)
            if fallback is not None:
                yield "fallback", function.stream, name, dict(function.place(fallback), known=name in known)
            elif name not in known:
                line = function.telling_line(number, self._passed.get(function.stream, ()))
                yield "path", function.stream, name, dict(function.place(line), decided=self._differs(function, number))

    def _differs(self, function, number):
        """What a path decides otherwise than the usual one, as text: its lines may all be known."""
        key = (function.stream, number)
        if key not in self._decided:
            if len(self._decided) > MOST_DECIDED:
                self._decided.clear()
            usual = self._usual.get(function.stream, ())
            own = [each for each in function.answers(number) if each not in usual]
            self._decided[key] = ", ".join("%d: %s → %s" % each for each in own)
        return self._decided[key]

    def _new_exceptions(self, function, raised):
        known = self._known_exceptions.get(function.stream, ())
        for name, line in raised:
            value = "%s at line %d" % (name, line)
            if value not in known:
                yield "exception", function.stream, value, function.place(line)

    def others(self, columns, error):
        """Unseen categories of closed vocabularies, and the failure of the request."""
        found = []
        for stream, cells, position in self._closed if columns is not None else ():
            for value in columns[position]:
                if type(value) is str and cells.cell(value) == cells.unseen:
                    found.append(("category", stream["id"], value, {"column": stream["column"]}))
        if error is not None:
            found.append(("exception", "prediction", type(error).__name__, {}))
        return found


def _usual_answers(stream):
    """(line, question, word) of the path with the largest share."""
    numbers = {path["number"]: path for path in stream["paths"]}
    taken = [(count, name) for name, count in zip(stream["cells"], stream["counts"]) if name in numbers]
    if not taken or "questions" not in stream:
        return frozenset()
    questions = stream["questions"]
    return frozenset((*questions[index], word) for index, word in numbers[max(taken)[1]]["answers"])


def _nothing_unseen(stream, cells):
    counts = stream["counts"]
    return len(counts) > cells.unseen and counts[cells.unseen] == 0 and stream["n"] > 0
