"""The log of a replica: lines on stderr, with a bound on tracebacks, which any client could otherwise multiply."""

from __future__ import annotations

import sys
import threading
import time
from typing import Callable, TextIO

__all__ = ["Log"]

_A_MINUTE = 20


class Log:
    """Callable with a text of one or more lines. After 20 in a minute, one line says how many were kept back."""

    def __init__(self, stream: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = -1
        self._written = 0
        self._kept_back = 0

    def __call__(self, text: str) -> None:
        with self._lock:
            minute = int(self._clock() // 60)
            if minute != self._minute:
                if self._kept_back:
                    self._write(f"{self._kept_back} more of such lines were kept back")
                self._minute, self._written, self._kept_back = minute, 0, 0
            if self._written >= _A_MINUTE:
                self._kept_back += 1
                return
            self._written += 1
            self._write(text)

    def _write(self, text: str) -> None:
        try:
            self._stream.write("galley: " + text.rstrip("\n") + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads any more; serving goes on
            pass
