"""Bodies that weigh little and become much: a replica refuses them before they are made into anything."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from live_replica import ROW, Replica, iris_folder

from galley_runtime._serve._memory import bytes_of_csv, bytes_of_json, memory_for_requests

LIMIT = 256 * 2**20
#: Just below the largest body.
SIZE = 16 * 2**20 - 200
V2 = "/v2/models/iris/infer"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def replica(tmp_path_factory: Any) -> Iterator[Replica]:
    folder = iris_folder(tmp_path_factory.mktemp("iris"))
    with Replica(folder, GALLEY_MEMORY_BYTES=str(LIMIT)) as started:
        yield started


def filled(before: bytes, unit: bytes, after: bytes, size: int = SIZE) -> bytes:
    """As many units, with commas between, as fit."""
    return before + b",".join([unit] * ((size - len(before) - len(after)) // (len(unit) + 1))) + after


def binary(shape: str, names: int, data: bytes) -> Tuple[bytes, Dict[str, str]]:
    size = len(data) // names
    one = '{"name":"c%d","shape":%s,"datatype":"UINT8","parameters":{"binary_data_size":%d}}'
    head = ('{"inputs":[' + ",".join(one % (n, shape, size) for n in range(names)) + "]}").encode()
    return head + data, {"inference_header_content_length": str(len(head)), "content_type": "application/octet-stream"}


def hostile() -> Iterator[Tuple[str, str, bytes, Dict[str, str]]]:
    csv = {"content_type": "text/csv"}
    form = {"content_type": FORM}
    brackets = b"[" * 50 + b"]" * 50
    yield "objects", "/v1/models/iris:predict", filled(b'{"instances":[', b"{}", b"]}"), {}
    yield "brackets", "/invocations", filled(b'{"instances":[', brackets, b"]}"), {}
    yield "rows of split", "/invocations", filled(b'{"dataframe_split":{"columns":["name"],"data":[', b"[1]", b"]}}"), {}
    yield "a column", "/invocations", filled(b'{"inputs":{"name":[', b"1", b"]}}"), {}
    yield "lines", "/invocations", b"length\n" + b"1\n" * (SIZE // 2), csv
    cells = ",".join(f"c{n}" for n in range(100)) + "\n" + (",".join("1" * 100) + "\n") * 80_000
    yield "cells", "/invocations", cells.encode(), csv
    yield "a form", "/predict", filled(b"json_args=[", b"{}", b"]"), form
    yield "an escaped form", "/predict", filled(b"json_args=[", b"%7B%7D", b"]"), form
    yield "tensor", V2, filled(b'{"inputs":[{"name":"length","shape":[9],"datatype":"FP64","data":[', b"1", b"]}]}"), {}
    yield ("axes", V2, *binary("[1,1000000,1,1,1,1,1,1]", 1, b"\x07" * 1_000_000))
    yield ("narrow columns", V2, *binary("[100000]", 150, b"\x07" * 15_000_000))
    inner = b"\\u007b\\u007d\\u002c" * (SIZE // 18 - 20)
    column = b'{"name":"length","shape":[1],"datatype":"BYTES","parameters":{"content_type":"pd_json"},"data":["['
    yield "JSON in text", V2, b'{"inputs":[' + column + inner + b'{}]"]}]}', {}
    packed = gzip.compress(filled(b'{"instances":[', b"{}", b"]}"), 1)
    yield "packed", "/v1/models/iris:predict", packed, {"content_encoding": "gzip"}


@pytest.mark.parametrize(("path", "body", "headers"), [pytest.param(*rest, id=name) for name, *rest in hostile()])
def test_a_body_that_would_fill_the_memory_is_refused_and_the_replica_lives(
    replica: Replica, path: str, body: bytes, headers: Dict[str, str]
) -> None:
    answer = replica.ask("POST", path, body, **headers)
    assert answer.status == 413
    status = Path(f"/proc/{replica.process.pid}/status").read_text()
    peak = int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) * 1024
    assert peak < LIMIT
    assert replica.ask("POST", "/v1/models/iris:predict", {"instances": [ROW]}).status == 200


def test_an_ordinary_request_of_thousands_of_rows_is_far_from_that(replica: Replica) -> None:
    answer = replica.ask("POST", "/v1/models/iris:predict", {"instances": [ROW] * 50_000})
    assert len(answer.json()["predictions"]) == 50_000


def test_commas_inside_of_text_count_as_values_but_text_itself_does_not() -> None:
    assert bytes_of_json(b'["' + b"a" * 1000 + b'"]') < 3000
    assert bytes_of_json("Příliš žluťoučký kůň".encode() * 50) < 9 * 20 * 50 * 2
    assert bytes_of_csv(b"x\n" * 10_000, 10) < 50_000


def test_the_limit_is_what_the_environment_says_else_the_control_group_else_a_gibibyte(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(str(2**62))
    unknown = memory_for_requests({}, str(tmp_path))
    (tmp_path / "memory.max").write_text(str(2**33))
    of_group = memory_for_requests({}, str(tmp_path))
    told = memory_for_requests({"GALLEY_MEMORY_BYTES": str(2**34)}, str(tmp_path))
    assert 0 < unknown < 2**30 < of_group < 2**33 < told < 2**34
    assert memory_for_requests({"GALLEY_MEMORY_BYTES": "1"}, str(tmp_path)) == 16 * 2**20
    assert struct.calcsize("P") == 8, "the figures are those of a 64-bit interpreter"
