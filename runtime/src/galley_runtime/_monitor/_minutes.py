"""Minutes of event time, each a sum of contributions, kept until the reader has them (wire.md, "admin socket").

Counters are cumulative per (replica, boot, minute) and the reader replaces, so a minute that was let go must never be
opened again: what arrives for it later is counted as `late`. A minute closes ten minutes of the clock after its first
request, not ten minutes of event time: a replay of last year's traffic is not late (ADR 0031).
"""

import json
import zlib
from array import array
from collections import OrderedDict

from ._share import SCALE

OPEN_SECONDS = 660  # the minute itself and ten more
KEPT_SECONDS = 24 * 3600
DENSE = 16  # minutes held as plain arrays; the others are packed
PACKED_BYTES = 32 << 20
GONE = 200_000  # minutes remembered as let go
ANSWER_COUNTS = 200_000  # in one answer, a few megabytes: the reader asks again from its `seq`


def add_pairs(pairs, counts, n, table, numpy):
    """Adds the pairs of one request to arrays of 64-bit integers."""
    (places, present), first, offset = pairs, table.pair_first, table.pair_offset
    if present is None:
        places, present = places
        if numpy is None:
            for place in places:
                counts[offset + place] += SCALE
            for number in present:
                n[first + number] += 1
        else:
            numpy.frombuffer(counts, dtype=numpy.int64)[offset:][places] += SCALE
            numpy.frombuffer(n, dtype=numpy.int64)[first : first + len(table.pairs.pairs)][present] += 1
    elif numpy is not None:
        numpy.frombuffer(counts, dtype=numpy.int64)[offset : offset + len(places)] += places
        numpy.frombuffer(n, dtype=numpy.int64)[first : first + len(present)] += present
    else:
        for at, amount in enumerate(places):
            counts[offset + at] += amount
        for at, amount in enumerate(present):
            n[first + at] += amount


class Minute:
    __slots__ = ("minute", "opened", "seq", "requests", "rows", "failures", "refused", "late", "counts", "n", "packed")

    def __init__(self, minute, opened):
        self.minute = minute
        self.opened = opened
        self.seq = self.requests = self.rows = self.failures = self.refused = self.late = 0
        self.counts = self.n = self.packed = None

    def add(self, contribution, table, numpy):
        """Adds to dense arrays; `unpack` before."""
        counts, n = self.counts, self.n
        self.requests += contribution.requests
        self.rows += contribution.rows
        self.failures += contribution.failures
        self.refused += contribution.refused
        for at, amount in contribution.cells:
            counts[at] += amount
        for index in contribution.streams:
            n[index] += 1
        if contribution.pairs is not None:
            add_pairs(contribution.pairs, counts, n, table, numpy)

    def unpack(self, table):
        if self.counts is not None:
            return
        self.counts = array("q", bytes(8 * table.size))
        self.n = array("q", bytes(8 * len(table.streams)))
        if self.packed is not None:
            for name, stream in json.loads(zlib.decompress(self.packed)).items():
                index = table.by_id[name]
                self.n[index] = stream["n"]
                offset = table.streams[index]["offset"]
                for cell, amount in stream["counts"].items():
                    self.counts[offset + int(cell)] = amount
            self.packed = None

    def pack(self, table):
        """Returns how many bytes it takes now."""
        if self.packed is None:
            streams = self._streams(table)
            self.packed = zlib.compress(json.dumps(streams, separators=(",", ":")).encode(), 1)
            self.counts = self.n = None
        return len(self.packed)

    def _streams(self, table):
        if self.packed is not None:
            return json.loads(zlib.decompress(self.packed))
        streams = {}
        for index, stream in enumerate(table.streams):
            if self.n[index]:
                offset = stream["offset"]
                part = self.counts[offset : offset + len(stream["cells"])]
                streams[stream["id"]] = {
                    "n": self.n[index],
                    "counts": {str(cell): amount for cell, amount in enumerate(part) if amount},
                }
        return streams

    def describe(self, table):
        return {
            "seq": self.seq,
            "minute": self.minute,
            "requests": self.requests,
            "rows": self.rows,
            "failures": self.failures,
            "refused": self.refused,
            "late": self.late,
            "streams": self._streams(table),
        }


class Minutes:
    """All minutes that a reader may still need. Not thread-safe: the counter holds a lock."""

    def __init__(self, table, numpy):
        self._table = table
        self._numpy = numpy
        self._held = OrderedDict()  # minute -> Minute, in the order in which they were opened
        self._dense = OrderedDict()  # the few that are arrays, the last used at the end
        self._gone = OrderedDict()
        self._packed_bytes = 0
        self._acknowledged = 0
        self.lost = 0  # requests of minutes that had to go before they were read

    def add(self, minute, contribution, now, seq):
        """Counts a request in its minute, or as late. True when it was counted."""
        held = self._at(minute, now)
        if held is None or now - held.opened > OPEN_SECONDS:
            self._late(held, now, seq)
            return False
        self._open(held)
        held.add(contribution, self._table, self._numpy)
        held.seq = seq
        self._bound(now)
        return True

    def _at(self, minute, now):
        """The minute, held or new; None when it was let go."""
        held = self._held.get(minute)
        if held is None and minute not in self._gone:
            held = self._held[minute] = Minute(minute, now)
        return held

    def _open(self, held):
        """Makes arrays of it, at the cost of those that were used least lately."""
        if held.packed is not None:
            self._packed_bytes -= len(held.packed)
        held.unpack(self._table)
        self._dense[held.minute] = held
        self._dense.move_to_end(held.minute)
        while len(self._dense) > DENSE:
            self._packed_bytes += self._dense.popitem(last=False)[1].pack(self._table)

    def _late(self, held, now, seq):
        """In its own minute while that is held; else in the minute of the clock, which is surely new to the reader."""
        if held is None:
            held = self._at(int(now // 60), now)
            if held is None:
                self.lost += 1
                return
            if held.packed is None:
                self._open(held)
        held.late += 1
        held.seq = seq
        self._bound(now)

    def _bound(self, now):
        while self._held:
            oldest = next(iter(self._held.values()))
            if self._packed_bytes <= PACKED_BYTES and now - oldest.opened <= KEPT_SECONDS:
                return
            victim = oldest
            if now - oldest.opened <= KEPT_SECONDS:
                read = (held for held in self._held.values() if held.seq <= self._acknowledged)
                victim = next(read, oldest)
            self._let_go(victim)

    def _let_go(self, held):
        if held.seq > self._acknowledged:
            self.lost += held.requests
        del self._held[held.minute]
        self._dense.pop(held.minute, None)
        if held.packed is not None:
            self._packed_bytes -= len(held.packed)
        self._gone[held.minute] = None
        if len(self._gone) > GONE:
            self._gone.popitem(last=False)

    def acknowledge(self, seq, now):
        """Lets go of what was read and can no longer change."""
        self._acknowledged = max(self._acknowledged, seq)
        for held in list(self._held.values()):
            if held.seq <= self._acknowledged and now - held.opened > OPEN_SECONDS:
                self._let_go(held)

    def after(self, seq):
        """(descriptions by seq, the seq up to which they are complete or None when all are there)."""
        wanted = sorted((held for held in self._held.values() if held.seq > seq), key=lambda held: held.seq)
        part, size = [], 0
        for held in wanted:
            described = held.describe(self._table)
            size += sum(1 + len(stream["counts"]) for stream in described["streams"].values())
            if part and size > ANSWER_COUNTS:
                return part, part[-1]["seq"]
            part.append(described)
        return part, None
