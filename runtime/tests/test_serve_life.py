"""The life of a replica: what it takes to become ready, and how it ends without losing an answer."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from live_replica import ANSWER, LAUNCHER, ROW, ModelFolder, Replica, clean_environment, iris_folder

PREDICT = "/v1/models/iris:predict"

#: A predictor that shows when it is in the middle, and stays there until it is let go.
WAITS = """
import os, time
def predictor(rows):
    folder = rows[0]["folder"]
    open(os.path.join(folder, "entered"), "w").close()
    while not os.path.exists(os.path.join(folder, "go")):
        time.sleep(0.005)
    return [1 for row in rows]
"""


def waiting_request(folder: Path) -> bytes:
    body = json.dumps({"instances": [{"folder": str(folder)}]}).encode()
    return f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def await_file(path: Path, replica: Replica) -> None:
    while not path.exists():
        assert replica.process.poll() is None, replica.ended()


def test_a_switch_that_is_neither_on_nor_off_is_refused_by_name(tmp_path: Path) -> None:
    with Replica(iris_folder(tmp_path), wait=False, GALLEY_PICKLED_ARGS="yes") as replica:
        assert "GALLEY_PICKLED_ARGS is 'yes', neither 0 nor 1" in replica.ended()
        assert replica.process.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_replica_stops_at_once_and_takes_its_sockets_along(tmp_path: Path, number: int) -> None:
    with Replica(iris_folder(tmp_path)) as replica, replica.client() as idle:
        assert idle.ask("GET", "/healthz").status == 200
        assert replica.stop(number) == 0
        assert idle.closed()
        assert os.listdir(replica.sockets) == []


def test_a_request_in_flight_is_answered_before_the_end_and_told_that_it_was_the_last(tmp_path: Path) -> None:
    with Replica(ModelFolder(tmp_path).write(WAITS)) as replica, replica.client() as busy, replica.client(True) as admin:
        assert admin.ask("GET", "/healthz").status == 200
        busy.sock.sendall(waiting_request(tmp_path))
        await_file(tmp_path / "entered", replica)
        replica.process.send_signal(signal.SIGTERM)
        # Not ready at once, though it still works; the admin socket stays until the last answer is out.
        while admin.ask("GET", "/healthz").status == 200:
            pass
        assert admin.ask("GET", "/healthz").json()["code"] == "STOPPING"
        assert "galley_in_flight 1" in admin.ask("GET", "/metrics").body.decode()
        while os.path.exists(os.path.join(replica.sockets, "8080.sock")):
            pass
        with pytest.raises(OSError):
            replica.connect()
        (tmp_path / "go").touch()
        answer = busy.read()
        assert answer.json() == {"predictions": [1]}
        assert answer.headers["connection"] == "close"
        assert busy.closed()
        replica.ended()
        assert replica.process.returncode == 0


def test_a_client_in_the_queue_is_served_before_the_end(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path).write(WAITS)
    with Replica(folder, GALLEY_CONNECTIONS_MAX="1") as replica, replica.client() as busy:
        busy.sock.sendall(waiting_request(tmp_path))
        await_file(tmp_path / "entered", replica)
        with replica.client() as queued:  # connected, but not accepted: the one place is taken
            queued.sock.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n")
            replica.process.send_signal(signal.SIGTERM)
            answer = queued.read()
            assert answer.json() == {"live": True, "ready": False}
            assert answer.headers["connection"] == "close"
        (tmp_path / "go").touch()
        assert busy.read().status == 200
        replica.ended()
        assert replica.process.returncode == 0


def test_a_predictor_that_never_ends_is_cut_after_the_grace(tmp_path: Path) -> None:
    with Replica(ModelFolder(tmp_path).write(WAITS), GALLEY_STOP_SECONDS="1") as replica, replica.client() as busy:
        busy.sock.sendall(waiting_request(tmp_path))
        await_file(tmp_path / "entered", replica)
        assert replica.stop() == 0
        assert "1 requests did not end within 1 s" in replica.output


def test_a_replica_that_is_told_to_stop_while_it_loads_stops(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path).write()
    source = f"import time\nopen({str(tmp_path / 'entered')!r}, 'w').close()\nwhile True: time.sleep(0.005)\n"
    (tmp_path / "app" / "scorer.py").write_text(source)
    with Replica(folder, wait=False) as replica:
        await_file(tmp_path / "entered", replica)
        assert replica.stop() == 0


def test_a_golden_request_that_is_answered_differently_keeps_the_replica_from_becoming_ready(tmp_path: Path) -> None:
    folder = iris_folder(tmp_path)
    folder.put("rehearsed/golden.json", {"requests": [{"rows": [ROW], "predictions": [ANSWER + 0.001]}]})
    with Replica(folder, wait=False) as replica:
        output = replica.ended()
        assert replica.process.returncode == 21
        assert "golden request 0, row 0 with 6.0, in the build with 6.001" in output


def test_a_replica_whose_revision_is_proven_only_loads_and_warms_up(tmp_path: Path) -> None:
    folder = iris_folder(tmp_path)
    folder.put("rehearsed/golden.json", {"requests": [{"rows": [ROW], "predictions": [ANSWER + 0.001]}]})
    with Replica(folder, GALLEY_GOLDEN="warm") as replica:
        assert replica.ask("POST", PREDICT, {"instances": [ROW]}).json() == {"predictions": [ANSWER]}


def test_a_golden_request_that_varied_in_the_rehearsal_is_not_compared_and_the_log_says_so(tmp_path: Path) -> None:
    folder = iris_folder(tmp_path)
    folder.put("rehearsed/golden.json", {"requests": [{"rows": [ROW], "predictions": [0], "varies": True}]})
    with Replica(folder) as replica:
        assert replica.stop() == 0
        assert "1 golden requests are not compared" in replica.output


def test_a_golden_answer_may_differ_as_other_processors_do(tmp_path: Path) -> None:
    folder = iris_folder(tmp_path)
    folder.put("rehearsed/golden.json", {"requests": [{"rows": [ROW], "predictions": [ANSWER * (1 + 1e-7)]}]})
    with Replica(folder) as replica:
        assert replica.ask("GET", "/healthz").json() == {"status": "ready", "revision": "iris-1"}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / "model" / "model.json").unlink(), "There is no model in"),
        (lambda root: (root / "model" / "model.json").write_text("{"), "model.json cannot be read"),
        (lambda root: (root / "model" / "model.pkl").write_bytes(b"\x80\x04junk"), "model.pkl does not load"),
        (lambda root: (root / "model" / "model.pkl").write_bytes(b"\x80\x04N."), "holds no predictor"),
        (lambda root: (root / "app" / "scorer.py").write_text("import not_installed_here"), "not_installed_here"),
        (lambda root: (root / "app" / "scorer.py").write_text("predictor = 7\nvalidator = None"), "neither callable"),
        (lambda root: (root / "rehearsed" / "schema.json").write_text("{}"), "schema.json cannot be followed"),
        (lambda root: (root / "rehearsed" / "golden.json").write_text("[]"), "golden.json has no list"),
    ],
)
def test_a_model_that_does_not_load_ends_the_replica_with_the_reason(tmp_path: Path, spoil: Any, words: str) -> None:
    folder = iris_folder(tmp_path)
    spoil(tmp_path)
    with Replica(folder, wait=False) as replica:
        output = replica.ended()
        assert replica.process.returncode == 30
        assert words in output


def test_a_port_in_use_and_nonsense_in_the_environment_are_named(tmp_path: Path) -> None:
    folder = iris_folder(tmp_path)
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        with Replica(folder, wait=False, GALLEY_SOCKET_DIR="", PORT=str(taken.getsockname()[1])) as replica:
            assert "cannot listen" in replica.ended()
            assert replica.process.returncode == 31
    with Replica(folder, wait=False, GALLEY_ROWS_MAX="many") as replica:
        assert "GALLEY_ROWS_MAX is 'many'" in replica.ended()
        assert replica.process.returncode == 2


def test_a_socket_left_by_a_killed_replica_is_no_obstacle(tmp_path: Path) -> None:
    with Replica(iris_folder(tmp_path)) as replica:
        replica.stop(signal.SIGKILL)
        assert sorted(os.listdir(replica.sockets)) == ["8080.sock", "admin.sock"]
        with Replica(ModelFolder(tmp_path), GALLEY_SOCKET_DIR=replica.sockets, wait=False) as again:
            again_sockets, again.sockets = again.sockets, replica.sockets
            again.wait_ready()
            assert again.stop() == 0
            again.sockets = again_sockets


def test_anybody_may_dial_the_sockets_and_without_a_folder_there_are_ports(tmp_path: Path) -> None:
    with Replica(iris_folder(tmp_path)) as replica:
        for name in ("8080.sock", "admin.sock"):
            assert os.stat(os.path.join(replica.sockets, name)).st_mode & 0o777 == 0o666
    with Replica(ModelFolder(tmp_path), tcp=True) as replica:
        assert replica.ask("POST", PREDICT, {"instances": [ROW]}).json() == {"predictions": [ANSWER]}
        assert replica.ask("GET", "/metrics", admin=True).status == 200
        assert replica.ask("GET", "/metrics").status == 404


def test_the_repository_is_working_directory_and_first_place_to_import_from(tmp_path: Path) -> None:
    source = (
        "import os, sys\n"
        "def predictor(rows):\n"
        "    import helper\n"
        "    here = [os.getcwd(), sys.path[0], helper.WORD, sys.pycache_prefix, sys.dont_write_bytecode]\n"
        "    return [here for row in rows]\n"
    )
    folder = ModelFolder(tmp_path).write(source)
    (tmp_path / "app" / "helper.py").write_text("WORD = 'ours'")
    (tmp_path / "rehearsed" / "pycache").mkdir()
    app = str(tmp_path / "app")
    with Replica(folder) as replica:
        answer = replica.ask("POST", PREDICT, {"instances": [{}]}).json()["predictions"][0]
    assert answer == [app, app, "ours", str(tmp_path / "rehearsed" / "pycache"), True]


def test_without_a_rehearsal_the_model_is_served_all_the_same(tmp_path: Path) -> None:
    with Replica(ModelFolder(tmp_path).write()) as replica:
        assert replica.ask("POST", PREDICT, {"instances": [ROW]}).json() == {"predictions": [ANSWER]}
        assert replica.ask("GET", "/openapi.json").status == 200


def check(folder: ModelFolder, *arguments: str) -> "tuple[int, Any]":
    environment = clean_environment(GALLEY_PYTHON=folder.python)
    command = [str(LAUNCHER), "check", *(arguments or folder.arguments())]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.count("\n") == 1, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def test_check_says_in_one_line_whether_the_model_answers_as_in_the_build(tmp_path: Path) -> None:
    folder = iris_folder(tmp_path)
    code, verdict = check(folder)
    assert (code, verdict["ok"], verdict["requests"], verdict["differences"]) == (0, True, 1, [])
    golden = [{"rows": [ROW, ROW], "predictions": [ANSWER, 7.0]}, {"rows": [{**ROW, "name": "boom"}], "predictions": [1]}]
    folder.put("rehearsed/golden.json", {"requests": golden})
    code, verdict = check(folder)
    assert (code, verdict["ok"]) == (21, False)
    first, second = verdict["differences"]
    assert (first["request"], first["row"], first["expected"], first["actual"]) == (0, 1, 7.0, ANSWER)
    assert second["error"]["code"] == "PREDICTOR_FAILED"


def test_check_keeps_what_the_model_prints_out_of_its_verdict(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path).write("import os\nprint('hello')\nos.write(1, b'raw')\ndef predictor(rows): return rows\n")
    assert check(folder)[1]["ok"] is True


def test_check_says_why_a_model_does_not_load(tmp_path: Path) -> None:
    code, verdict = check(ModelFolder(tmp_path))
    assert (code, verdict["ok"], verdict["code"]) == (30, False, "MODEL_UNREADABLE")
    code, verdict = check(ModelFolder(tmp_path), "--nonsense")
    assert (code, verdict["code"]) == (2, "PLAN_INVALID")


def test_a_command_that_does_not_exist_gets_the_list_of_those_that_do() -> None:
    environment = clean_environment(GALLEY_PYTHON=sys.executable)
    ended = subprocess.run([str(LAUNCHER), "fly"], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "run|adopt|rehearse|compile|serve|check|lab" in ended.stderr


def test_a_replica_of_a_build_waits_for_what_the_rehearsal_finds_and_then_serves_as_every_replica(tmp_path: Path) -> None:
    folder = iris_folder(tmp_path)
    found = {path.name: path.read_text() for path in sorted((tmp_path / "rehearsed").iterdir())}
    for name in found:
        (tmp_path / "rehearsed" / name).unlink()
    with Replica(folder, wait=False, GALLEY_AWAIT_REHEARSED="1") as replica:
        replica.wait_listening()
        for body in ({"files": {"../model.pkl": "x"}}, {"files": {}}, [1]):
            assert replica.ask("POST", "/galley/v1/rehearsed", body, admin=True).status == 400
        assert replica.ask("GET", "/galley/v1/rehearsed", admin=True).status == 405
        assert replica.ask("GET", "/healthz").status == 503
        assert replica.ask("POST", "/galley/v1/rehearsed", {"files": found}, admin=True).status == 200
        replica.wait_ready()
        assert replica.ask("POST", PREDICT, {"instances": [ROW]}).json() == {"predictions": [ANSWER]}
        refused = replica.ask("POST", PREDICT, {"instances": [{**ROW, "length": "long"}]})
        assert refused.json()["code"] == "INVALID_COLUMN"
        assert replica.ask("POST", "/galley/v1/rehearsed", {"files": found}, admin=True).status == 400


def test_what_the_rehearsal_found_is_held_against_the_model_by_a_waiting_replica_too(tmp_path: Path) -> None:
    folder = iris_folder(tmp_path)
    golden = {"requests": [{"rows": [ROW], "predictions": [ANSWER + 1]}]}
    with Replica(folder, wait=False, GALLEY_AWAIT_REHEARSED="1") as replica:
        replica.wait_listening()
        files = {"golden.json": json.dumps(golden)}
        assert replica.ask("POST", "/galley/v1/rehearsed", {"files": files}, admin=True).status == 200
        assert "in the build with" in replica.ended()
        assert replica.process.returncode == 21


def test_only_a_replica_that_waits_takes_files(tmp_path: Path) -> None:
    with Replica(iris_folder(tmp_path)) as replica:
        assert replica.ask("POST", "/galley/v1/rehearsed", {"files": {"golden.json": "{}"}}, admin=True).status == 404
