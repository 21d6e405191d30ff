"""A day of requests in minutes: what a replica holds after many is what it held after some.

`npm run test:long` only. Every protocol, refusals, hang-ups and new connections are in the mix: each could keep something.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from live_replica import ANSWER, ROW, Replica, iris_folder

SECONDS = 180
#: What the allocator and the minutes of the monitors may take meanwhile: a leak of 1 KiB a request would be 50 MiB.
GROWTH_MAX = 8 * 2**20

pytestmark = pytest.mark.skipif(os.environ.get("GALLEY_TEST_LONG") != "1", reason="runs for minutes; npm run test:long")


def resident(replica: Replica) -> int:
    status = Path(f"/proc/{replica.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024


def round_of(replica: Replica, number: int) -> int:
    """One of everything on a connection of its own; how many requests that was."""
    tensors = [{"name": name, "shape": [1], "datatype": kind, "data": [ROW[name]]} for name, kind in
               (("name", "BYTES"), ("length", "FP64"), ("width", "FP64"), ("petals", "INT64"), ("wild", "BOOL"))]  # fmt: skip
    asked = [
        ("/v1/models/iris:predict", {"instances": [{**ROW, "name": f"n{number}"}]}, 200),
        ("/invocations", {"dataframe_records": [ROW] * 20}, 200),
        ("/v2/models/iris/infer", {"id": f"id-{number}", "inputs": tensors}, 200),
        ("/invocations", {"dataframe_records": [{**ROW, f"column {number}": 1}]}, 422),
        (f"/nowhere/{number}", {}, 404),
        ("/v1/models/iris:predict", {"instances": [{**ROW, "name": "boom"}]}, 500),
    ]
    with replica.client() as client:
        for path, body, status in asked:
            answer = client.ask("POST", path, body)
            assert answer.status == status, answer.body
    with replica.client() as leaving:
        body = json.dumps({"instances": [ROW]}).encode()
        leaving.sock.sendall(b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (len(body) + 7) + body)
    return len(asked) + 1


def test_memory_does_not_grow_with_the_number_of_requests(tmp_path: Path) -> None:
    with Replica(iris_folder(tmp_path)) as replica:
        started, number, requests, settled, before = time.monotonic(), 0, 0, 0, 0
        while time.monotonic() - started < SECONDS:
            requests += round_of(replica, number)
            number += 1
            if not settled and time.monotonic() - started > SECONDS / 4:
                settled, before = resident(replica), requests
        grown = resident(replica) - settled
        assert requests - before > 1000
        assert grown < GROWTH_MAX, f"{grown / 2**20:.1f} MiB in {requests - before} requests"
        assert replica.ask("POST", "/v1/models/iris:predict", {"instances": [ROW]}).json() == {"predictions": [ANSWER]}
