"""First sightings: at most one per value and ten a day in a stream (MONITORS.md §5), kept until the reader has them."""

import datetime
from collections import deque

A_DAY = 10
HELD = 1000
VALUE_LENGTH = 400
REMEMBERED = 20_000


class Events:
    """Not thread-safe: the counter holds a lock."""

    def __init__(self):
        self._held = deque(maxlen=HELD)
        self._announced = {}  # (kind, stream, value) -> event
        self._today = {}  # (kind, stream) -> [day, how many]

    def note(self, kind, stream, value, seconds, seq, request_id, detail):
        """Records a sighting. True when it is an event, not a repetition or one too many today."""
        value = value[:VALUE_LENGTH]  # of a client: it is remembered for as long as the replica lives
        key = (kind, stream, value)
        event = self._announced.get(key)
        if event is not None:
            event["count"] += 1
            return False
        quota = self._today.setdefault((kind, stream), [None, 0])
        day = int(seconds // 86400)
        if quota[0] != day:
            quota[:] = [day, 0]
        if quota[1] >= A_DAY or len(self._announced) >= REMEMBERED:
            return False
        quota[1] += 1
        event = {"seq": seq, "time": rfc3339(seconds), "kind": kind, "stream": stream, "value": value}
        event.update(detail)
        for name, text in event.items():  # a reader refuses what is longer (wire.md: sizes are capped)
            if isinstance(text, str):
                event[name] = text[:VALUE_LENGTH]
        event.update(count=1, requestId=str(request_id)[:VALUE_LENGTH])
        self._announced[key] = event
        self._held.append(event)
        return True

    def after(self, seq, until):
        return [dict(event) for event in self._held if seq < event["seq"] and (until is None or event["seq"] <= until)]

    def acknowledge(self, seq):
        while self._held and self._held[0]["seq"] <= seq:
            self._held.popleft()


def rfc3339(seconds):
    """UTC with milliseconds; years that a calendar does not have are clipped."""
    seconds = min(max(seconds, -62135596800), 253402300799)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=round(seconds * 1000))
    return moment.isoformat(timespec="milliseconds") + "Z"
