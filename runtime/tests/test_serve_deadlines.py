"""Clients that are slow on purpose, in this process, with limits of a fraction of a second."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Iterator, List, Tuple

import pytest
from live_replica import Client

from galley_runtime._errors import RequestError, ServiceError, UnavailableError
from galley_runtime._serve._budget import Budget
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._limits import Limits, limits_of
from galley_runtime._serve._listener import Listener, bind_tcp

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


@contextlib.contextmanager
def listening(limits: Limits) -> Iterator[Tuple[int, List[int], threading.Event]]:
    """A listener whose handler waits for the event when the path is /wait. Yields port, refused statuses, event."""
    gate = threading.Event()
    refused: List[int] = []

    def refuse(path: str, error: ServiceError) -> Response:
        refused.append(error.status)
        return json_response(error.body(), error.status)

    def handle(request: Request) -> Response:
        if request.path == "/wait":
            assert gate.wait(20)
        return Response(200, request.body)

    sock = bind_tcp(0, "127.0.0.1")
    listener = Listener(sock, handle, limits, refuse)
    listener.start()
    try:
        yield sock.getsockname()[1], refused, gate
    finally:
        gate.set()
        assert listener.stop(20) == 0


def connect(port: int) -> Client:
    return Client(socket.create_connection(("127.0.0.1", port), timeout=20))


@pytest.mark.parametrize(
    "sent", [b"GET / HT", POST + b"Content-Length: 10\r\n\r\n{", POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"]
)
def test_a_request_that_stops_arriving_is_answered_with_408(sent: bytes) -> None:
    with listening(Limits(head_seconds=0.1, stall_seconds=0.1)) as (port, refused, _), connect(port) as client:
        client.sock.sendall(sent)
        assert client.read().status == 408
        assert refused == [408]
        client.sock.shutdown(socket.SHUT_WR)
        assert client.closed()


def test_a_request_that_trickles_is_cut_by_the_deadline_of_the_whole() -> None:
    with listening(Limits(head_seconds=0.3, stall_seconds=20)) as (port, _, _), connect(port) as client:
        client.sock.sendall(b"GET / HTTP/1.1\r\n")
        client.sock.settimeout(0.02)
        answered = False
        while not answered:
            try:
                client.sock.sendall(b"X: y\r\n")
                answered = client.read().status == 408
            except socket.timeout:
                pass


def test_an_idle_connection_is_closed_without_a_word() -> None:
    with listening(Limits(idle_seconds=0.1)) as (port, refused, _), connect(port) as client:
        assert client.closed()
        assert refused == []


def test_at_the_limit_of_connections_the_idle_one_goes_and_the_newcomer_is_served() -> None:
    with listening(Limits(connections=1)) as (port, _, _), connect(port) as first:
        assert first.ask("GET", "/").status == 200
        with connect(port) as second:
            assert second.ask("GET", "/").status == 200
            assert first.closed()


def test_at_the_limit_of_connections_a_busy_one_is_never_cut() -> None:
    with listening(Limits(connections=1)) as (port, _, gate), connect(port) as first:
        first.sock.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        with connect(port) as second:
            second.sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            gate.set()
            assert first.read().status == 200
            first.sock.close()
            assert second.read().status == 200


def test_large_bodies_wait_for_each_other_and_are_refused_when_that_takes_too_long() -> None:
    large = b"x" * 100_000
    head = b"POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    with listening(Limits(body_bytes=100_000, stall_seconds=0.2)) as (port, refused, gate), contextlib.ExitStack() as stack:
        busy = [stack.enter_context(connect(port)) for _ in range(2)]
        for client in busy:
            client.sock.sendall(head + large)
        late = stack.enter_context(connect(port))
        # Which of the three is late is not ours to say: two hold the budget, one is refused.
        late.sock.sendall(head + large)
        waiting = {client.sock: client for client in (*busy, late)}
        import select

        ready = select.select(list(waiting), [], [], 20)[0]
        answer = waiting.pop(ready[0]).read()
        assert (answer.status, answer.json()["code"]) == (503, "BUSY")
        with connect(port) as small:
            assert small.ask("POST", "/", b"x").body == b"x"
        gate.set()
        assert [client.read().body == large for client in waiting.values()] == [True, True]
        assert refused == [503]


def test_a_budget_is_given_back_to_whoever_waits() -> None:
    budget = Budget(10)
    budget.reserve(10, 0)
    with pytest.raises(UnavailableError):
        budget.reserve(1, 0)
    waiter = threading.Thread(target=budget.reserve, args=(10, 20))
    waiter.start()
    budget.release(10)
    waiter.join(20)
    assert not waiter.is_alive()


def test_what_would_never_fit_is_refused_at_once() -> None:
    budget = Budget(2**21)
    with pytest.raises(RequestError, match="3 MiB of memory; the service has 2 MiB"):
        budget.reserve(3 * 2**20, 20)
    budget.resize(2**22)
    budget.reserve(3 * 2**20, 0)


@pytest.mark.parametrize("sent", [b"GET / HT", POST + b"Content-Length: 10\r\n\r\n{"])
def test_a_request_that_ends_in_the_middle_is_answered_for_whoever_still_listens(sent: bytes) -> None:
    with listening(Limits()) as (port, refused, _), connect(port) as client:
        client.sock.sendall(sent)
        client.sock.shutdown(socket.SHUT_WR)
        answer = client.read()
        assert (answer.status, answer.json()["code"]) == (400, "BAD_REQUEST")
        assert refused == [400]


def test_limits_come_from_the_environment_and_nonsense_is_named() -> None:
    assert limits_of({"GALLEY_ROWS_MAX": "5", "OTHER": "x"}).rows == 5
    assert limits_of({}) == Limits()
    for text in ("0", "-1", "many", "1.5", "٣"):
        with pytest.raises(Exception, match="GALLEY_ROWS_MAX"):
            limits_of({"GALLEY_ROWS_MAX": text})
