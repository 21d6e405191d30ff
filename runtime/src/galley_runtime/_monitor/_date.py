"""Cells of a point in time written as RFC 3339: its hour of day, its day of week, its age. Its value is never a category.

Age is the time from the value to the request. A reference has it only where its rows say when they happened
(`monitor.eventTimeColumn`): against the day of the build every old sample would look ancient (ADR 0060).
"""

from datetime import date

from .._time import TIME, seconds_of
from ._fixed import FixedCells
from ._numeric import NumericCells, short

DATE_SHARE = 0.95  # of the strings of a column that must be times
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def is_date_column(values):
    """Whether nearly all strings of a column are times, and nearly all its values strings."""
    present = [value for value in values if value is not None]
    found = sum(1 for value in present if type(value) is str and TIME.match(value))
    return found > 0 and found >= DATE_SHARE * len(present)


class HourCells(FixedCells):
    """Hour of day as written, `none` for a date without one, then null and wrong type."""

    kind = "hour"
    names = ["%02d h" % hour for hour in range(24)] + ["none", "null", "wrong type"]

    def cell(self, value):
        match = TIME.match(value) if type(value) is str else None
        if match is None:
            return 25 if value is None else 26
        hour = match.group(4)
        return 24 if hour is None else min(int(hour), 23)


class WeekdayCells(FixedCells):
    """Day of week, then null and wrong type."""

    kind = "weekday"
    names = WEEKDAYS + ["null", "wrong type"]

    def cell(self, value):
        match = TIME.match(value) if type(value) is str else None
        if match is None:
            return 7 if value is None else 8
        try:
            return date(int(match.group(1)), int(match.group(2)), int(match.group(3))).weekday()
        except ValueError:
            return 8


class AgeCells:
    """Deciles of the age and ages of their own as for a number, then null and wrong type. The future has negative ages."""

    kind = "age"

    def __init__(self, edges, atoms):
        self._numeric = NumericCells(edges, atoms)
        self._null = len(self._numeric.labels()) - 5  # in the place of NaN: ages are finite

    @classmethod
    def of(cls, everything, dictionary):
        """For pairs of (value, seconds of its request)."""
        ages = NumericCells.of(_ages(everything), _ages(dictionary))
        return cls(ages.edges, ages.atoms)

    @classmethod
    def read(cls, stream):
        return cls(stream["edges"], stream["atoms"])

    def describe(self):
        return dict(self._numeric.describe(), kind=self.kind, cells=self.labels())

    def labels(self):
        return self._numeric.labels(duration)[: self._null] + ["null", "wrong type"]

    def cell_at(self, value, seconds):
        """`seconds` since 1970: when the request happened."""
        if value is None:
            return self._null
        at = seconds_of(value)
        return self._null + 1 if at is None else self._numeric.cell(int(seconds - at))


def _ages(pairs):
    moments = ((seconds_of(value), seconds) for value, seconds in pairs)
    return [int(seconds - at) for at, seconds in moments if at is not None]


def duration(seconds):
    """`-90 s`, `2.5 h`, `400 d`: in the largest unit of which there is at least one."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return "%s %s" % (short(seconds / size), unit)
    return "%d s" % seconds
