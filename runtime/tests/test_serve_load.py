"""A replica that has more to do than it can: who comes is told to come back, and nobody works for who has left."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from live_replica import ModelFolder, Replica
from test_serve_life import PREDICT, WAITS, await_file, waiting_request

#: Notes how many rows each call has, and waits in the one that says so. Without source it is not profiled, as a library is not.
ESTIMATOR = """
import os, time
exec('''
class Model:
    batch = True
    def predict(self, rows):
        with open("calls", "a") as file:
            print(len(rows), file=file)
        if any(row["x"] < 0 for row in rows):
            raise ValueError("negative")
        if any(row["x"] == 13 for row in rows):
            return (1 // (13 - row["x"]) for row in rows)
        if rows[0]["x"] == 0:
            open("entered", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.005)
        return [row["x"] * 2 for row in rows]
''')
predictor = Model()
"""


def metric(replica: Replica, name: str) -> float:
    """0 for a code that no request was answered with yet."""
    text = replica.ask("GET", "/metrics", admin=True).body.decode()
    found = re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[0]) if found else 0.0


def await_metric(replica: Replica, name: str, value: float) -> None:
    while metric(replica, name) != value:
        assert replica.process.poll() is None, replica.ended()


def await_line(replica: Replica, count: int) -> None:
    await_metric(replica, "galley_waiting", count)


def requests_counted(replica: Replica) -> int:
    return int(replica.ask("GET", "/galley/v1/state", admin=True).json()["requests"])


def test_more_than_may_wait_are_told_to_come_back(tmp_path: Path) -> None:
    with Replica(ModelFolder(tmp_path).write(WAITS), GALLEY_WAITING_MAX="1") as replica, ExitStack() as stack:
        clients = [stack.enter_context(replica.client()) for _ in range(2)]
        clients[0].sock.sendall(waiting_request(tmp_path))
        await_file(tmp_path / "entered", replica)
        clients[1].sock.sendall(waiting_request(tmp_path))
        await_line(replica, 1)
        refused = replica.ask("POST", PREDICT, {"instances": [{"folder": str(tmp_path)}]})
        assert (refused.status, refused.json()["code"], refused.headers["retry-after"]) == (503, "BUSY", "1")
        assert requests_counted(replica) == 0, "who comes again would count twice"
        assert replica.ask("GET", "/healthz").status == 200
        (tmp_path / "go").touch()
        assert [client.read().status for client in clients] == [200, 200]
        state = replica.ask("GET", "/galley/v1/state", admin=True).json()
        assert state["failures"] == 0


def test_a_client_that_leaves_the_line_is_not_worked_for(tmp_path: Path) -> None:
    with Replica(ModelFolder(tmp_path).write(WAITS)) as replica, replica.client() as busy:
        busy.sock.sendall(waiting_request(tmp_path))
        await_file(tmp_path / "entered", replica)
        with replica.client() as leaving:
            leaving.sock.sendall(waiting_request(tmp_path))
            await_line(replica, 1)
        await_metric(replica, 'galley_failures_total{code="CLIENT_GONE"}', 1)
        assert requests_counted(replica) == 0
        (tmp_path / "go").touch()
        assert busy.read().status == 200
        assert metric(replica, "galley_predictor_seconds_count") == 1


def test_a_client_that_only_says_that_it_sends_no_more_is_answered(tmp_path: Path) -> None:
    with Replica(ModelFolder(tmp_path).write(WAITS)) as replica, replica.client() as busy, replica.client() as half:
        busy.sock.sendall(waiting_request(tmp_path))
        await_file(tmp_path / "entered", replica)
        half.sock.sendall(waiting_request(tmp_path))
        half.sock.shutdown(1)
        await_line(replica, 1)
        (tmp_path / "go").touch()
        assert [busy.read().status, half.read().status] == [200, 200]


def estimator(tmp_path: Path) -> ModelFolder:
    columns = [{"name": "x", "type": "number", "nullable": False}]
    return ModelFolder(tmp_path).write(ESTIMATOR, columns=columns, prediction={"type": "number"})


def ask_while_busy(tmp_path: Path, values: "list[list[int]]", **environment: str) -> "tuple[list[Any], list[int]]":
    """The answers to requests that waited for the same call, and the rows of each call."""
    with Replica(estimator(tmp_path), **environment) as replica, ExitStack() as stack:
        clients = [stack.enter_context(replica.client()) for _ in range(len(values) + 1)]
        for number, (client, xs) in enumerate(zip(clients, [[0], *values])):
            body = json.dumps({"instances": [{"x": x} for x in xs]}).encode()
            client.sock.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            if number == 0:
                await_file(tmp_path / "app" / "entered", replica)
            else:
                await_line(replica, number)
        (tmp_path / "app" / "go").touch()
        answers = [client.read() for client in clients][1:]
    return answers, [int(line) for line in (tmp_path / "app" / "calls").read_text().split()]


def test_requests_that_wait_for_an_estimator_share_a_call(tmp_path: Path) -> None:
    answers, calls = ask_while_busy(tmp_path, [[1], [2, 3], [4]])
    assert [answer.json() for answer in answers] == [{"predictions": p} for p in ([2], [4, 6], [8])]
    assert calls == [1, 4]


def test_only_the_request_that_is_to_blame_fails(tmp_path: Path) -> None:
    answers, calls = ask_while_busy(tmp_path, [[1], [-1], [4]])
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert answers[2].json() == {"predictions": [8]}
    assert calls == [1, 3, 1, 1, 1]


def test_an_answer_that_breaks_while_it_is_read_fails_only_who_asked_for_it(tmp_path: Path) -> None:
    answers, calls = ask_while_busy(tmp_path, [[1], [13], [4]])
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert answers[0].json() == {"predictions": [2]}
    assert answers[1].json()["code"] == "PREDICTOR_FAILED"
    assert "ZeroDivisionError" in answers[1].json()["error"]
    assert calls == [1, 3, 1, 1, 1]


def test_rows_that_nobody_looked_at_share_no_call(tmp_path: Path) -> None:
    answers, calls = ask_while_busy(tmp_path, [[1], [2]], GALLEY_SCHEMA="off")
    assert [answer.json() for answer in answers] == [{"predictions": [2]}, {"predictions": [4]}]
    assert calls == [1, 1, 1]


def test_a_replica_whose_call_does_not_end_says_that_it_hangs(tmp_path: Path) -> None:
    with Replica(ModelFolder(tmp_path).write(WAITS), GALLEY_CALL_SECONDS="1") as replica, replica.client() as busy:
        busy.sock.sendall(waiting_request(tmp_path))
        await_file(tmp_path / "entered", replica)
        while replica.ask("GET", "/healthz").status == 200:
            assert replica.process.poll() is None
        answer = replica.ask("GET", "/healthz")
        assert (answer.status, answer.json()["code"]) == (503, "HUNG")
        (tmp_path / "go").touch()
        assert busy.read().status == 200
        assert replica.ask("GET", "/healthz").status == 200
