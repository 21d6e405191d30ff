"""How many bytes of large bodies may be in hand at once, over all connections.

A limit per request does not protect a replica: a hundred bodies just below it, parsed at the same time, are what
kills it.
"""

from __future__ import annotations

import threading
import time
from typing import Callable

from galley_runtime._errors import UnavailableError

__all__ = ["SMALL_BYTES", "Budget"]

#: Bodies up to this size need no leave.
SMALL_BYTES = 64 * 1024


class Budget:
    """Thread-safe. Whoever reserves must release as much."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._left = total
        self._clock = clock
        self._changed = threading.Condition()

    def reserve(self, count: int, seconds: float) -> None:
        """Waits for its turn, at most so long. Raises BUSY."""
        deadline = self._clock() + seconds
        with self._changed:
            while self._left < count:
                left = deadline - self._clock()
                if left <= 0:
                    raise UnavailableError("BUSY", "Other large requests are being answered.", "Send it again later.")
                self._changed.wait(left)
            self._left -= count

    def release(self, count: int) -> None:
        with self._changed:
            self._left += count
            self._changed.notify_all()
