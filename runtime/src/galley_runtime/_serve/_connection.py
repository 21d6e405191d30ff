"""The life of one connection: requests in, answers out, one after the other, until somebody has enough."""

from __future__ import annotations

import socket
import threading
import time
from typing import Callable

from galley_runtime._errors import ServiceError
from galley_runtime._serve._body import decoded, read_body
from galley_runtime._serve._budget import SMALL_BYTES, Budget
from galley_runtime._serve._exchange import Request, Response, encode
from galley_runtime._serve._head import Head, parse_head
from galley_runtime._serve._limits import Limits
from galley_runtime._serve._stream import Closed, Stream

__all__ = ["Connection"]

#: After an error that ends the connection: for so long and so much is thrown away, so that the client reads the answer.
#: Many clients send all of a body before they look at what came back.
_DRAIN_SECONDS = 2.0
#: For the one request of a connection that was accepted while stopping.
_LAST_SECONDS = 1.0
#: A connection without a request is not closed for another's sake before this.
_YOUTH_SECONDS = 1.0
_DRAIN_BYTES = 256 * 1024 * 1024


class Connection:
    """`handler` must not raise. `refuse` answers for it where a request never became one; the path is '' if unread."""

    def __init__(
        self,
        sock: socket.socket,
        handler: Callable[[Request], Response],
        refuse: Callable[[str, ServiceError], Response],
        limits: Limits,
        budget: Budget,
        last: bool = False,
    ) -> None:
        """`last`: accepted while stopping, so it gets one answer and little time to ask."""
        self._socket = sock
        self._handler = handler
        self._refuse = refuse
        self._path = ""
        self._limits = limits
        self._budget = budget
        self._reserved = 0
        self._stream = Stream(sock, limits.stall_seconds)
        self._lock = threading.Lock()
        self._idle = True
        self._served = False
        self._last = last
        #: When it became idle, on the monotonic clock.
        self.idle_since = time.monotonic()

    def may_go(self, now: float) -> bool:
        """Idle, and not so young that its first request may be on its way."""
        return self._idle and (self._served or now - self.idle_since > _YOUTH_SECONDS)

    def finish(self) -> None:
        """No request after the one in hand; an idle connection ends now. A request that has arrived is still read."""
        with self._lock:
            if self._idle and not self._last:
                self._shut(socket.SHUT_RD)
            self._last = True

    def abort(self) -> None:
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        try:
            self._socket.shutdown(how)
        except OSError:
            pass

    def run(self) -> None:
        try:
            while self._one():
                pass
        except Closed:
            pass
        finally:
            self._socket.close()

    def _one(self) -> bool:
        """One request; True when another may follow."""
        try:
            return self._exchange()
        finally:
            if self._reserved:
                self._budget.release(self._reserved)
                self._reserved = 0

    def _reserve_body(self, total: int) -> None:
        if total > SMALL_BYTES:
            self._reserve(total - self._reserved)

    def _reserve(self, more: int) -> None:
        if more > 0 and self._reserved + more > SMALL_BYTES:
            self._budget.reserve(more, self._limits.stall_seconds, self._reserved)
            self._reserved += more

    def _exchange(self) -> bool:
        self._stream.wait(_LAST_SECONDS if self._last else self._limits.idle_seconds)
        with self._lock:
            self._idle = False
        self._path = ""
        try:
            head, request = self._read()
        except ServiceError as error:
            self._send(self._refuse(self._path, error), head_only=False, keep_alive=False, version=1)
            self._shut(socket.SHUT_WR)
            self._stream.drain(_DRAIN_SECONDS, _DRAIN_BYTES)
            return False
        response = self._handler(request)
        with self._lock:
            keep = head.keep_alive and not response.close and not self._last
        try:
            self._send(response, head_only=head.method == "HEAD", keep_alive=keep, version=head.version)
        finally:
            if response.after is not None:
                response.after()
        with self._lock:
            if not keep or self._last:
                return False
            self._idle = True
            self._served = True
            self.idle_since = time.monotonic()
        return True

    def _read(self) -> "tuple[Head, Request]":
        limits, stream = self._limits, self._stream
        stream.allow(limits.head_seconds)
        head = parse_head(stream.until_blank_line(limits.head_bytes))
        self._path = head.path
        stream.allow(limits.body_seconds)
        if head.expects_continue and (head.chunked or 0 < (head.length or 0) <= limits.body_bytes):
            stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = read_body(stream, head, limits.body_bytes, self._reserve_body)
        body = decoded(body, head.headers.get("content-encoding"), limits.body_bytes)
        self._reserve_body(len(body))
        return head, Request(head.method, head.path, head.query, head.headers, body, self._reserve, self._stream.gone)

    def _send(self, response: Response, *, head_only: bool, keep_alive: bool, version: int) -> None:
        self._stream.send(encode(response, head_only=head_only, keep_alive=keep_alive, version=version))
