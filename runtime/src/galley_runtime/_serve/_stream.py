"""Reading from a connection with deadlines: a client that is slow on purpose must not hold a thread for long."""

from __future__ import annotations

import select
import socket
import time
from typing import Callable

from galley_runtime._errors import RequestError

__all__ = ["Closed", "Stream"]

_RECEIVE = 64 * 1024


class Closed(Exception):
    """The other side is gone, or went silent between requests: nobody to answer."""


class Stream:
    """Bytes of one connection, with what was read too far kept for the next request."""

    def __init__(self, sock: socket.socket, stall_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket = sock
        self._stall = stall_seconds
        self._clock = clock
        self._buffer = bytearray()
        self._deadline = 0.0
        self._timeout = -1.0

    def allow(self, seconds: float) -> None:
        """From now on everything must have arrived within so long."""
        self._deadline = self._clock() + seconds

    def wait(self, idle_seconds: float) -> None:
        """Until the first byte of the next request. Raises Closed when none comes."""
        if self._buffer:
            return
        try:
            self._settle(idle_seconds)
            data = self._socket.recv(_RECEIVE)
        except OSError:
            raise Closed from None
        if not data:
            raise Closed
        self._buffer += data

    def until_blank_line(self, limit: int) -> bytes:
        """A head, without the empty line that ends it."""
        if self._buffer.startswith(b"\r\n"):  # RFC 9112 §2.2: one stray line end before a request
            del self._buffer[:2]
        start = 0
        while True:
            end = self._buffer.find(b"\r\n\r\n", start)
            if 0 <= end <= limit:
                head = bytes(self._buffer[:end])
                del self._buffer[: end + 4]
                return head
            if len(self._buffer) > limit:
                raise RequestError("TOO_LARGE", f"The headers are larger than {limit:,} bytes.")
            start = max(0, len(self._buffer) - 3)
            self._receive()

    def line(self, limit: int) -> bytes:
        while True:
            end = self._buffer.find(b"\r\n")
            if 0 <= end <= limit:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 2]
                return line
            if len(self._buffer) > limit:
                raise RequestError("BAD_REQUEST", "A line between chunks is too long.")
            self._receive()

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def drain(self, seconds: float, most: int) -> None:
        """Throws away what still arrives: to close on unread bytes would destroy our answer (RFC 9112 §9.6)."""
        self._buffer.clear()
        self.allow(seconds)
        try:
            while most > 0 and self._clock() < self._deadline:
                self._settle(max(0.01, self._deadline - self._clock()))
                data = self._socket.recv(_RECEIVE)
                if not data:
                    return
                most -= len(data)
        except OSError:
            return

    def gone(self) -> bool:
        """The other side has closed the connection. One that only said it will send no more still reads: that is no hang-up."""
        try:
            poll = select.poll()
            poll.register(self._socket, 0)  # only what is always told: POLLHUP and POLLERR
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True

    def _receive(self) -> None:
        left = self._deadline - self._clock()
        if left <= 0:
            raise _timed_out()
        self._settle(min(left, self._stall))
        try:
            data = self._socket.recv(_RECEIVE)
        except socket.timeout:
            raise _timed_out() from None
        except OSError:
            raise Closed from None
        if not data:
            # Who only said that nothing more follows still reads what we answer; for who is gone it is lost.
            raise RequestError("BAD_REQUEST", "The request ends before it is complete.", "Send all that was announced.")
        self._buffer += data

    def _settle(self, seconds: float) -> None:
        if seconds != self._timeout:  # each change is a system call
            self._socket.settimeout(seconds)
            self._timeout = seconds

    def send(self, data: bytes) -> None:
        """All of it, or Closed."""
        try:
            self._settle(max(self._stall, len(data) / 65536))
            self._socket.sendall(data)
        except OSError:
            raise Closed from None


def _timed_out() -> RequestError:
    return RequestError("TIMED_OUT", "The request did not arrive in time.", "Send it again.")
