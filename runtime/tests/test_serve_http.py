"""HTTP read in one way or not at all: each of these requests is one that two servers could understand differently."""

from __future__ import annotations

import json
import socket
from typing import Any, Iterator

import pytest
from live_replica import ANSWER, ROW, Client, Replica, iris_folder

BODY = json.dumps({"instances": [ROW]}).encode()
PATH = "/v1/models/iris:predict"
POST = f"POST {PATH} HTTP/1.1\r\nHost: iris\r\nContent-Type: application/json\r\n".encode()


@pytest.fixture(scope="module")
def replica(tmp_path_factory: Any) -> Iterator[Replica]:
    with Replica(iris_folder(tmp_path_factory.mktemp("iris"))) as started:
        yield started


@pytest.fixture()
def client(replica: Replica) -> Iterator[Client]:
    with replica.client() as opened:
        yield opened


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX:" + b" " * 30_000 + b"\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: b\r\n" * 101 + b"\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n{",
        POST + b"Content-Length: 1, 1\r\n\r\n{",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: +1\r\n\r\n{",
        POST + b"Content-Length: 1_0\r\n\r\n{",
        POST + b"Content-Length: 0x1\r\n\r\n{",
        POST + b"Content-Length: 1e1\r\n\r\n{",
        POST + b"Content-Length: \xb2\r\n\r\n{",
        POST + b"Content-Length:\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: identity\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\n{\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n 1\r\n{\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\n{\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 300 + b"\r\n",
        POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_a_request_that_can_be_read_in_two_ways_is_refused_and_the_connection_ends(client: Client, head: bytes) -> None:
    client.sock.sendall(head)
    answer = client.read()
    assert answer.status == 400
    assert answer.json()["code"] == "BAD_REQUEST"
    assert answer.headers["connection"] == "close"
    client.sock.shutdown(socket.SHUT_WR)
    assert client.closed()


def test_what_is_smuggled_behind_a_refused_request_is_never_answered(client: Client) -> None:
    smuggled = b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n"
    client.sock.sendall(POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled)
    assert client.read().status == 400
    client.sock.shutdown(socket.SHUT_WR)
    assert client.closed()


def test_chunks_of_any_size_make_one_body(client: Client) -> None:
    chunks = b"".join(b"%x;ext=1\r\n%c\r\n" % (1, byte) for byte in BODY[:20])
    chunks += b"%X\r\n%s\r\n" % (len(BODY) - 20, BODY[20:])
    client.sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: 1\r\n\r\n")
    assert client.read().json() == {"predictions": [ANSWER]}
    assert client.ask("GET", "/healthz").status == 200


def test_requests_that_arrive_byte_by_byte_or_several_at_once_are_the_same_requests(client: Client) -> None:
    request = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    for position in range(len(request)):
        client.sock.sendall(request[position : position + 1])
    assert client.read().json() == {"predictions": [ANSWER]}
    client.sock.sendall(request * 3)
    assert [client.read().json() for _ in range(3)] == [{"predictions": [ANSWER]}] * 3


def test_a_client_that_asks_first_is_told_to_go_on(client: Client) -> None:
    client.sock.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    assert client.read().status == 100
    client.sock.sendall(BODY)
    assert client.read().json() == {"predictions": [ANSWER]}


def test_a_client_that_asks_first_with_too_much_is_refused_before_it_sends(client: Client) -> None:
    client.sock.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 104857600\r\n\r\n")
    answer = client.read()
    assert (answer.status, answer.json()["code"]) == (413, "TOO_LARGE")


def test_http_1_0_ends_the_connection_unless_it_asks_to_stay(replica: Replica) -> None:
    with replica.client() as client:
        client.sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.read().headers["connection"] == "close"
        assert client.closed()
    with replica.client() as client:
        client.sock.sendall(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert client.read().headers["connection"] == "keep-alive"
        assert client.ask("GET", "/healthz", connection="close").headers["connection"] == "close"
        assert client.closed()


def test_absolute_targets_and_heads_are_read(client: Client) -> None:
    client.sock.sendall(b"GET http://iris/healthz?a=b#c HTTP/1.1\r\nHost: iris\r\n\r\n")
    assert client.read().status == 200
    answer = client.ask("HEAD", "/openapi.json")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 100
    assert client.ask("GET", "/healthz").status == 200


def test_a_hundred_megabytes_are_refused_without_being_read(client: Client) -> None:
    client.sock.sendall(POST + b"Content-Length: 104857600\r\n\r\n" + b"[" * 65536)
    answer = client.read()
    assert (answer.status, answer.json()["code"]) == (413, "TOO_LARGE")
    assert "104,857,600" in answer.json()["error"]


def test_chunks_are_refused_once_they_are_too_much(client: Client) -> None:
    client.sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"7fffffff\r\n")
    answer = client.read()
    assert (answer.status, answer.json()["code"]) == (413, "TOO_LARGE")


def test_a_small_body_that_unpacks_to_a_large_one_is_refused(client: Client) -> None:
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(b" " * (64 * 1024 * 1024)) + packer.flush()
    assert len(bomb) < 100_000
    answer = client.ask("POST", PATH, bomb, content_encoding="gzip")
    assert (answer.status, answer.json()["code"]) == (413, "TOO_LARGE")


def test_headers_beyond_the_limit_are_refused(client: Client) -> None:
    client.sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000)
    answer = client.read()
    assert (answer.status, answer.json()["code"]) == (413, "TOO_LARGE")


def test_a_client_that_leaves_in_the_middle_leaves_no_trace(replica: Replica) -> None:
    for part in (b"GET", POST, POST + b"Content-Length: 100\r\n\r\n{", POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"):
        with replica.client() as client:
            client.sock.sendall(part)
    assert replica.ask("POST", PATH, {"instances": [ROW]}).json() == {"predictions": [ANSWER]}
    assert replica.process.poll() is None
