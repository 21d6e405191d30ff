"""When a request happened, for the monitors: by the clock, unless the application lets its clients say it.

Whoever may set the time may also fill minutes of any year, and push others out of the records: it is off until
`monitor.eventTime` or `monitor.eventTimeColumn` says otherwise (MONITORS.md §1). They reach a replica as
GALLEY_EVENT_TIME and GALLEY_EVENT_TIME_COLUMN.
"""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Optional

from galley_runtime._serve._switch import switched_on
from galley_runtime._time import seconds_of

__all__ = ["HEADER", "PARAMETER", "EventTimes", "event_times_of"]

HEADER = "galley-event-time"
#: Of a V2 request's `parameters`.
PARAMETER = "galley_event_time"


class EventTimes(NamedTuple):
    """Who is believed: nobody, a request that says it, a column of its first row; both: the request first."""

    by_request: bool = False
    column: str = ""

    def of(self, headers: Mapping[str, str], parameter: Any, rows: Any, names: List[str]) -> Optional[float]:
        """Seconds since 1970; None: the arrival counts. A time that cannot be read counts as absent and fails no request."""
        said = None
        if self.by_request:
            said = seconds_of(parameter)
            if said is None:
                said = seconds_of(headers.get(HEADER, "").strip())
        if said is None and self.column:
            said = seconds_of(_first(rows, self.column, names))
        return said


def event_times_of(environment: Mapping[str, str]) -> EventTimes:
    """Raises ModelError when GALLEY_EVENT_TIME is neither 0 nor 1."""
    return EventTimes(switched_on(environment, "GALLEY_EVENT_TIME"), environment.get("GALLEY_EVENT_TIME_COLUMN", ""))


def _first(rows: Any, column: str, names: List[str]) -> Any:
    """The column's value in the first row, before anything was checked: rows are whatever the client sent."""
    row = rows[0] if isinstance(rows, list) and rows else None
    if isinstance(row, dict):
        return row.get(column)
    if isinstance(row, list) and column in names and names.index(column) < len(row):
        return row[names.index(column)]
    return None
