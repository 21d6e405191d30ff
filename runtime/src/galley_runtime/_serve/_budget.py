"""How much memory requests may take at once, over all connections.

A limit per request does not protect a replica: a hundred bodies just below it, parsed at the same time, are what
kills it.
"""

from __future__ import annotations

import threading
import time
from typing import Callable

from galley_runtime._errors import RequestError, UnavailableError

__all__ = ["SMALL_BYTES", "Budget"]

#: What needs no leave.
SMALL_BYTES = 64 * 1024


class Budget:
    """Thread-safe. Whoever reserves must release as much."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._taken = 0
        self._clock = clock
        self._changed = threading.Condition()

    def resize(self, total: int) -> None:
        """Known only once the model is loaded; what is reserved by then counts."""
        with self._changed:
            self._total = total
            self._changed.notify_all()

    def reserve(self, count: int, seconds: float, held: int = 0) -> None:
        """Waits for its turn, at most so long. Raises BUSY, or TOO_LARGE for what would not fit if it were alone.

        `held`: what the same request has reserved before.
        """
        deadline = self._clock() + seconds
        with self._changed:
            while self._taken + count > self._total:
                if held + count > self._total:
                    raise _too_large(held + count, self._total)
                left = deadline - self._clock()
                if left <= 0:
                    raise UnavailableError("BUSY", "Other large requests are being answered.", "Send it again later.")
                self._changed.wait(left)
            self._taken += count

    def release(self, count: int) -> None:
        with self._changed:
            self._taken -= count
            self._changed.notify_all()


def _too_large(count: int, total: int) -> RequestError:
    size, most = (max(1, round(number / 2**20)) for number in (count, total))
    message = f"The rows of the body would take about {size:,} MiB of memory; the service has {most:,} MiB for requests."
    return RequestError("TOO_LARGE", message, "Send the rows in several requests, or raise the service's memory limit.")
