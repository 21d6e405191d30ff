"""Cells of a point in time written as RFC 3339: its hour of day and its day of week. Its value is never a category.

The age deciles of MONITORS.md §2 need the event time of the reference's requests, which a rehearsal does not have: left out.
"""

import re
from datetime import date

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?\Z", re.ASCII
)
DATE_SHARE = 0.95  # of the strings of a column that must be times
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def is_date_column(values):
    """Whether nearly all strings of a column are times, and nearly all its values strings."""
    present = [value for value in values if value is not None]
    found = sum(1 for value in present if type(value) is str and _TIME.match(value))
    return found > 0 and found >= DATE_SHARE * len(present)


class HourCells:
    """Hour of day as written, `none` for a date without one, then null and wrong type."""

    kind = "hour"

    @classmethod
    def read(cls, stream):
        del stream  # nothing of this table depends on the reference
        return cls()

    def describe(self):
        return {"kind": self.kind, "cells": ["%02d h" % hour for hour in range(24)] + ["none", "null", "wrong type"]}

    def cell(self, value):
        match = _TIME.match(value) if type(value) is str else None
        if match is None:
            return 25 if value is None else 26
        hour = match.group(4)
        return 24 if hour is None else min(int(hour), 23)


class WeekdayCells:
    """Day of week, then null and wrong type."""

    kind = "weekday"

    @classmethod
    def read(cls, stream):
        del stream
        return cls()

    def describe(self):
        return {"kind": self.kind, "cells": WEEKDAYS + ["null", "wrong type"]}

    def cell(self, value):
        match = _TIME.match(value) if type(value) is str else None
        if match is None:
            return 7 if value is None else 8
        try:
            return date(int(match.group(1)), int(match.group(2)), int(match.group(3))).weekday()
        except ValueError:
            return 8
