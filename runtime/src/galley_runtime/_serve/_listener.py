"""Accepting connections, a thread for each, and stopping without losing one that a client already has.

Threads and not an event loop: what takes the time is the predictor, which blocks anyway, and a blocking read costs
less per request than a loop's bookkeeping (peers.md §A: the stdlib's threads beat every framework at one client).
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from typing import Callable, Set

from galley_runtime._errors import ServiceError
from galley_runtime._serve._budget import Budget
from galley_runtime._serve._connection import Connection
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._limits import Limits

__all__ = ["Listener", "bind_tcp", "bind_unix"]

_BACKLOG = 256
_PAUSE_SECONDS = 0.05


def bind_unix(path: str) -> socket.socket:
    """A socket file that everybody may dial: the engine dials under another uid, and the directory guards the file."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.unlink(path)  # of a process that was killed
    except FileNotFoundError:
        pass
    before = os.umask(0o111)
    try:
        sock.bind(path)
    finally:
        os.umask(before)
    sock.listen(_BACKLOG)
    return sock


def bind_tcp(port: int, host: str = "0.0.0.0") -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(_BACKLOG)
    return sock


class Listener:
    """Serves one socket. `handler` must not raise; `refuse(path, error)` answers what never reached it."""

    def __init__(
        self,
        sock: socket.socket,
        handler: Callable[[Request], Response],
        limits: Limits,
        refuse: Callable[[str, ServiceError], Response] = lambda path, error: json_response(error.body(), error.status),
    ) -> None:
        self._socket = sock
        self._handler = handler
        self._limits = limits
        self._refuse = refuse
        #: Until the model is loaded, which tells how much is left, enough for a body or two.
        self.budget = Budget(2 * limits.body_bytes)
        self._open: Set[Connection] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._accept_all, name="galley-accept", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def connections(self) -> int:
        return len(self._open)

    def stop(self, grace_seconds: float) -> int:
        """No new connections; requests in flight end. Returns how many did not within the grace and were cut."""
        deadline = time.monotonic() + grace_seconds
        self._unlink()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        os.write(self._wake_write, b"x")
        self._thread.join(max(0.1, grace_seconds))
        os.close(self._wake_write)
        with self._changed:
            for connection in self._open:
                connection.finish()
            while self._open and time.monotonic() < deadline:
                self._changed.wait(max(0.0, deadline - time.monotonic()))
            left = list(self._open)
        for connection in left:
            connection.abort()
        return len(left)

    def _unlink(self) -> None:
        if self._socket.family == socket.AF_UNIX:
            try:
                os.unlink(self._socket.getsockname())
            except OSError:
                pass

    def _accept_all(self) -> None:
        self._socket.setblocking(False)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            poll.poll()
            if self._stopping:
                break
            # Room is made only for a client that waits, and may be taken back by one that hangs up meanwhile.
            self._make_room()
            self._accept_one()
        # A client whose connect() succeeded counts as accepted: what waits in the backlog is served once and closed.
        while self._accept_one():
            pass
        self._socket.close()
        os.close(self._wake_read)

    def _accept_one(self) -> bool:
        try:
            sock, _ = self._socket.accept()
        except BlockingIOError:
            return False
        except OSError:  # no file handle left: the queue stays readable, so without a pause this would spin
            time.sleep(_PAUSE_SECONDS)
            return False
        sock.setblocking(True)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._begin(sock)
        return True

    def _make_room(self) -> None:
        """At the limit the longest idle connection goes; when all are busy, newcomers wait in the kernel's queue."""
        with self._changed:
            while len(self._open) >= self._limits.connections and not self._stopping:
                now = time.monotonic()
                idle = [connection for connection in self._open if connection.may_go(now)]
                if idle:
                    min(idle, key=lambda connection: connection.idle_since).finish()
                self._changed.wait(0.5)

    def _begin(self, sock: socket.socket) -> None:
        connection = Connection(sock, self._handler, self._refuse, self._limits, self.budget, self._stopping)
        thread = threading.Thread(target=self._run, args=(connection,), name="galley-connection", daemon=True)
        with self._changed:
            self._open.add(connection)
        try:
            thread.start()
        except RuntimeError:  # the limit on processes: this client must try again
            with self._changed:
                self._open.discard(connection)
            sock.close()

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            with self._changed:
                self._open.discard(connection)
                self._changed.notify_all()
