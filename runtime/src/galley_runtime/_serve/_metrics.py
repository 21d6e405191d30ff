"""Figures of one replica in Prometheus' text format, written by hand: a counter and a histogram need no library.

Labels are protocols, statuses, codes and columns of the schema, all from closed sets. Nothing that a client sends becomes
a label.
"""

from __future__ import annotations

import bisect
import os
import threading
import time
from typing import Callable, Dict, Iterable, List, Sequence, Tuple

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: Series of violations; a schema may have thousands of columns.
_VIOLATIONS_MAX = 1000


class _Histogram:
    """Counts by upper bound; not cumulative until written."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(_SECONDS) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect.bisect_left(_SECONDS, value)] += 1
        self.sum += value

    def lines(self, name: str, labels: str) -> Iterable[str]:
        total = 0
        comma = "," if labels else ""
        for bound, count in zip((*map(str, _SECONDS), "+Inf"), self.counts):
            total += count
            yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}'
        braces = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{braces} {self.sum:.6f}"
        yield f"{name}_count{braces} {total}"


class Metrics:
    """Thread-safe. `gauges` are asked when somebody reads: name → (help, function)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Dict[Tuple[str, int], int] = {}
        self._seconds: Dict[str, _Histogram] = {}
        self._predictor = _Histogram()
        self._failures: Dict[str, int] = {}
        self._violations: Dict[Tuple[str, str, str], int] = {}
        self._rows = 0
        self._in_flight = 0
        self._gauges: List[Tuple[str, str, Callable[[], float]]] = []

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        self._gauges.append((name, text, read))

    def begin(self) -> None:
        with self._lock:
            self._in_flight += 1

    def end(self, protocol: str, status: int, seconds: float) -> None:
        with self._lock:
            self._in_flight -= 1
            self._requests[protocol, status] = self._requests.get((protocol, status), 0) + 1
            histogram = self._seconds.get(protocol)
            if histogram is None:
                histogram = self._seconds[protocol] = _Histogram()
            histogram.add(seconds)

    def refused(self, protocol: str, status: int) -> None:
        """A request that was no request."""
        with self._lock:
            self._requests[protocol, status] = self._requests.get((protocol, status), 0) + 1

    def failure(self, code: str) -> None:
        with self._lock:
            self._failures[code] = self._failures.get(code, 0) + 1

    def violation(self, column: str, kind: str, outcome: str) -> None:
        """Of the schema; `column` is one of its columns, or '' for a name that it does not have."""
        with self._lock:
            key = (column, kind, outcome)
            if key not in self._violations and len(self._violations) >= _VIOLATIONS_MAX:
                key = ("", kind, outcome)
            self._violations[key] = self._violations.get(key, 0) + 1

    def predictor(self, seconds: float, rows: int) -> None:
        with self._lock:
            self._predictor.add(seconds)
            self._rows += rows

    def text(self) -> bytes:
        with self._lock:
            lines = list(self._lines())
        for name, help_text, read in self._gauges:
            lines += _head(name, help_text, "gauge")
            lines.append(f"{name} {read():g}")
        lines += _process()
        return ("\n".join(lines) + "\n").encode("utf-8")

    def _lines(self) -> Iterable[str]:
        yield from _head("galley_requests_total", "Requests answered, by protocol and status.", "counter")
        for (protocol, status), count in sorted(self._requests.items()):
            yield f'galley_requests_total{{protocol="{protocol}",status="{status}"}} {count}'
        yield from _head("galley_failures_total", "Requests answered with an error, by its code.", "counter")
        for code, count in sorted(self._failures.items()):
            yield f'galley_failures_total{{code="{code}"}} {count}'
        text = "Values unlike those of the sample, by column, kind, and whether they were refused or mended."
        yield from _head("galley_schema_violations_total", text, "counter")
        for (column, kind, outcome), count in sorted(self._violations.items()):
            labels = f'column="{_label(column)}",kind="{kind}",outcome="{outcome}"'
            yield f"galley_schema_violations_total{{{labels}}} {count}"
        yield from _head("galley_rows_total", "Rows given to the predictor.", "counter")
        yield f"galley_rows_total {self._rows}"
        yield from _head("galley_in_flight", "Requests being answered.", "gauge")
        yield f"galley_in_flight {self._in_flight}"
        yield from _head("galley_request_seconds", "From the last byte of a request to its answer.", "histogram")
        for protocol, histogram in sorted(self._seconds.items()):
            yield from histogram.lines("galley_request_seconds", f'protocol="{protocol}"')
        yield from _head(
            "galley_predictor_seconds", "Of the notebook's validator and predictor, per call.", "histogram"
        )
        yield from self._predictor.lines("galley_predictor_seconds", "")


def _label(text: str) -> str:
    """Names of columns are whatever somebody wrote."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _head(name: str, text: str, kind: str) -> Sequence[str]:
    return (f"# HELP {name} {text}", f"# TYPE {name} {kind}")


def _process() -> List[str]:
    """The two figures of the process that every dashboard asks for, under the names that everybody uses."""
    lines = [
        *_head("process_cpu_seconds_total", "User and system time of this process.", "counter"),
        f"process_cpu_seconds_total {time.process_time():.2f}",
    ]
    try:
        with open("/proc/self/statm", "rb") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return lines
    lines += _head("process_resident_memory_bytes", "Resident memory of this process.", "gauge")
    lines.append(f"process_resident_memory_bytes {resident}")
    return lines
