"""The counter of a replica: what `serve` tells about each request becomes integers per minute.

It never raises into a request, never waits for anything but a short lock, and does its work in `end()`, after the answer.
"""

import hashlib
import json
import os
import socket
import threading
import uuid

from . import _column
from ._contribution import Contribution
from ._events import Events
from ._minutes import Minutes
from ._sighting import Sightings
from ._split import keep_by_hash
from ._table import Table, numpy_if_loaded

LATEST = 2.0**40  # seconds: a time before 1970 or in the year 36,000 is no time of a request
JOINT_PER_MINUTE = 6000  # requests whose joint cells are counted; beyond that one in two, in four, …
JOINT_PER_MINUTE_PURE = 600  # without numpy a row of the joint streams costs ten times as much


def load_counter(rehearsed_dir, model_dir, clock):
    """The counter for the reference in `rehearsed_dir`; without one it counts requests only.

    `clock()` is seconds since 1970. `model_dir` is unused until `profile.install` attaches the model's functions.
    """
    del model_dir
    path = os.path.join(str(rehearsed_dir), "reference.json")
    try:
        with open(path, "rb") as file:
            content = file.read()
        reference = json.loads(content.decode("utf-8"))
        return Counter(reference, clock, digest=hashlib.sha256(content).hexdigest())
    except FileNotFoundError:
        return Counter({"streams": []}, clock, digest=None)


class Counter:
    """Counts of one boot of one replica."""

    def __init__(self, reference, clock, digest=None, environment=None, boot=None):
        environment = os.environ if environment is None else environment
        self._clock = clock
        self._digest = digest
        self._replica = environment.get("GALLEY_REPLICA") or socket.gethostname()
        self._revision = environment.get("GALLEY_REVISION", "")
        self._boot = boot or str(uuid.uuid4())
        self._events = Events()
        self._lock = threading.Lock()
        self._joint_minute, self._joint_seen, self._joint_one_in = 0, 0, 1
        self._seq = 0
        self._requests = self._rows = self._failures = self._counted = self._dropped = self._late = 0
        self.profile = None
        self._lay_out(reference)

    def _lay_out(self, reference):
        numpy = numpy_if_loaded()
        self._numpy = numpy
        self.table = Table(reference, numpy)
        self._minutes = Minutes(self.table, numpy)
        self._sightings = Sightings(self.table)
        self._joint_room = JOINT_PER_MINUTE if numpy is not None else JOINT_PER_MINUTE_PURE

    def attach(self, profile):
        """Path counts come from here on: called by `profile.install`, when the model is loaded, and numpy with it."""
        with self._lock:
            if self._numpy is None and numpy_if_loaded() is not None and self._requests == 0:
                self._lay_out(self.table.reference)
        self.profile = profile

    def begin(self, request_id, event_time=None):
        """Opens an observation. Call it, and `end` or `forget`, on the thread (or task) that calls the predictor.

        `event_time` is seconds since 1970, a datetime, or None for now.
        """
        return Observation(self, request_id, event_time)

    def thin_joint(self, minute):
        """One in how many requests has its joint cells counted in this minute of the clock: follows the minute before."""
        if minute != self._joint_minute:
            one_in = 1
            while self._joint_seen > self._joint_room * one_in:
                one_in *= 2
            self._joint_minute, self._joint_seen, self._joint_one_in = minute, 0, one_in
        self._joint_seen += 1
        return self._joint_one_in

    def record(self, observation):
        """Adds an ended observation; called by `Observation.end`."""
        now = self._clock()
        seconds = observation.seconds if observation.seconds is not None else now
        table, columns = self.table, observation.columns
        failed = observation.error is not None
        contribution = Contribution(observation.row_count, failed, observation.was_refused)
        if columns is not None:
            contribution.add_inputs(table, columns, seconds)
            if keep_by_hash(observation.request_id, self.thin_joint(now // 60)):
                contribution.add_joint(table, columns)
        contribution.add_predictions(table, observation.values, failed)
        sighted = []
        if self.profile is not None:
            sighted = self._sightings.paths(self.profile, observation.block, contribution)
        sighted += self._sightings.others(columns, observation.error)
        with self._lock:
            self._seq += 1
            self._requests += 1
            self._rows += contribution.rows
            self._failures += contribution.failures
            for kind, stream, value, detail in sighted:
                self._events.note(kind, stream, value, seconds, self._seq, observation.request_id, detail)
            if self._minutes.add(int(seconds // 60), contribution, now, self._seq):
                self._counted += 1
            else:
                self._late += 1

    def drop(self):
        """A request that could not be counted; the state says how many."""
        with self._lock:
            self._dropped += 1

    def buckets(self, after=0):
        """Minutes and events with a seq above `after`; what lies below counts as read. At most ANSWER_COUNTS numbers
        an answer: the answer's `seq` says how far it goes, and the reader asks again from there."""
        after = int(after)
        with self._lock:
            self._minutes.acknowledge(after, self._clock())
            self._events.acknowledge(after)
            buckets, until = self._minutes.after(after)
            return {
                "schema": "galley.dev/buckets/v1",
                "replica": self._replica,
                "boot": self._boot,
                "seq": self._seq if until is None else until,
                "buckets": buckets,
                "events": self._events.after(after, until),
            }

    def state(self):
        profile = self.profile
        with self._lock:
            return {
                "schema": "galley.dev/state/v1",
                "replica": self._replica,
                "boot": self._boot,
                "revision": self._revision,
                "reference": self._digest,
                "requests": self._requests,
                "rows": self._rows,
                "failures": self._failures,
                "counted": self._counted,
                "late": self._late,
                "dropped": self._dropped + self._minutes.lost,
                "profiled": profile.names() if profile is not None else [],
                "skipped": list(profile.skipped) if profile is not None else [],
            }

    def close(self):
        """Nothing is buffered outside memory: a reader that wants the last minute asks before the process ends."""
        if self.profile is not None:
            self.profile.remove()


class Observation:
    """One request, from its arrival to its answer. No method raises."""

    __slots__ = (
        "_counter",
        "request_id",
        "seconds",
        "columns",
        "row_count",
        "values",
        "error",
        "was_refused",
        "block",
        "_token",
    )

    def __init__(self, counter, request_id, event_time):
        self._counter = counter
        self.request_id = request_id
        self.columns = self.error = self.block = self._token = None
        self.values = []
        self.row_count = 0
        self.was_refused = False
        self.seconds = None
        try:
            if event_time is not None:
                timestamp = getattr(event_time, "timestamp", None)
                seconds = float(timestamp() if timestamp is not None else event_time)
                self.seconds = seconds if 0.0 <= seconds < LATEST else None
            if counter.profile is not None:
                self.block, self._token = counter.profile.enter()
        except Exception:
            pass  # a request without its time or its paths is still a request

    def rows(self, rows):
        """The decoded rows, before the predictor can change them: values are taken out, cells are decided later."""
        try:
            rows = rows if isinstance(rows, list) else [rows]
            self.row_count = len(rows)
            if rows:
                self.columns = _column.take(_column.sampled(rows, hash(self.request_id)), self._counter.table.columns)
        except Exception:
            self.columns = None

    def predictions(self, values):
        """One prediction a row, as plain JSON values."""
        try:
            values = values if isinstance(values, list) else [values]
            self.values = _column.sampled(values, hash(self.request_id))
        except Exception:
            self.values = []

    def failure(self, error):
        """The predictor raised: the request counts as a failure in every stream of predictions."""
        self.error = error

    def refused(self):
        """The schema or the validator said no: its rows count, and nothing was predicted."""
        self.was_refused = True

    def end(self):
        """Counts the request. Call it once, after the answer was sent."""
        counter = self._counter
        self._leave()
        try:
            counter.record(self)
        except Exception:
            counter.drop()

    def forget(self):
        """Instead of `end`: nobody scored it, and its client may come again with the same rows. It is counted nowhere."""
        self._leave()

    def _leave(self):
        try:
            if self._token is not None:
                self._counter.profile.leave(self._token)
        except ValueError:
            pass  # another thread ends what this one began: its context goes with it
        self._token = None
