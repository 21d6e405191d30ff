"""What the clients of others depend on, replayed by hand: tritonclient 2.73, KServe 0.21, MLServer 1.7 (serving.md §2)."""

from __future__ import annotations

import json
import struct
from typing import Any, Iterator

import pytest
from live_replica import ANSWER, ROW, Answer, Client, ModelFolder, Replica, iris_folder


@pytest.fixture(scope="module")
def replica(tmp_path_factory: Any) -> Iterator[Replica]:
    with Replica(iris_folder(tmp_path_factory.mktemp("iris"))) as started:
        yield started


@pytest.fixture()
def client(replica: Replica) -> Iterator[Client]:
    with replica.client() as opened:
        yield opened


def triton_result(answer: Answer) -> Any:
    """As `InferResult` does: success is exactly 200, else `error`; without the header everything is JSON."""
    if answer.status != 200:
        raise RuntimeError(json.loads(answer.body)["error"])
    header = answer.headers.get("inference-header-content-length")
    length = len(answer.body) if header is None else int(header)
    result = json.loads(answer.body[:length])
    position = length
    for output in result["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if header is None:
            assert size is None, "binary_data_size without the header makes the client read past the end"
        if size is not None:
            output["data"] = [v for (v,) in struct.iter_unpack("<d", answer.body[position : position + size])]
            position += size
        count = 1
        for dimension in output["shape"]:
            count *= dimension
        assert len(output["data"]) == count, "as_numpy reshapes the data to the shape"
    return result


def triton_request(**parameters: Any) -> bytes:
    inputs = [
        {"name": name, "shape": [1], "datatype": datatype, "data": [ROW[name]]}
        for name, datatype in (("name", "BYTES"), ("length", "FP64"), ("width", "FP64"), ("petals", "INT64"), ("wild", "BOOL"))
    ]
    return json.dumps({"inputs": inputs, "parameters": parameters}).encode()


def test_tritonclient_gets_what_it_asks_for_without_naming_outputs(client: Client) -> None:
    body = triton_request(binary_data_output=True)
    answer = client.ask("POST", "/v2/models/iris/infer", body, content_type="application/octet-stream",
                        inference_header_content_length=str(len(body)))  # fmt: skip
    assert triton_result(answer)["outputs"][0]["data"] == [ANSWER]


def test_tritonclient_gets_json_when_it_does_not_ask_for_binary(client: Client) -> None:
    answer = client.ask("POST", "/v2/models/iris/infer", triton_request())
    assert "inference-header-content-length" not in answer.headers
    assert triton_result(answer)["outputs"][0]["data"] == [ANSWER]


def test_tritonclient_finds_the_error_of_every_failure(client: Client) -> None:
    for path, body in (
        ("/v2/models/iris/infer", b"{"),
        ("/v2/models/tulip/infer", triton_request()),
        ("/v2/models/iris/infer", triton_request().replace(b"2.5", b'"x"')),
        ("/v2/models/iris/infer", triton_request().replace(b'"iris"', b'"boom"')),
    ):
        with pytest.raises(RuntimeError, match="."):
            triton_result(client.ask("POST", path, body))


def test_tritonclient_asks_whether_server_and_model_live_and_are_ready(client: Client) -> None:
    for path in ("v2/health/live", "v2/health/ready", "v2/models/iris/ready", "v2", "v2/models/iris"):
        assert client.ask("GET", "/" + path).status == 200


def test_a_model_name_may_need_quoting(tmp_path: Any) -> None:
    folder = iris_folder(tmp_path)
    with Replica(folder, GALLEY_APPLICATION="iris/at home") as replica:
        assert replica.ask("GET", "/v2/models/iris%2Fat%20home/ready").json() == {"name": "iris/at home", "ready": True}


def test_kserve_reads_the_same_key_from_live_and_ready(client: Client) -> None:
    for path in ("/v2/health/live", "/v2/health/ready"):
        answer = client.ask("GET", path)
        assert answer.json()["live"] is True
        assert answer.json()["ready"] is True


def test_kserve_v1_finds_life_at_the_base_url_and_readiness_at_the_model(client: Client) -> None:
    assert client.ask("GET", "/").json()["status"] == "alive"
    assert client.ask("GET", "/v1/models/iris").json()["ready"] is True


def test_kserve_and_triton_are_told_503_while_the_model_loads(tmp_path: Any) -> None:
    folder = ModelFolder(tmp_path).write("def predictor(rows): return rows\n")
    # The file that the module waits for decides when loading ends, so nothing here depends on the clock.
    gate = tmp_path / "gate"
    (tmp_path / "app" / "scorer.py").write_text(
        f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.005)\ndef predictor(rows): return rows\n"
    )
    with Replica(folder, wait=False) as replica:
        while True:
            try:
                answer = replica.ask("GET", "/v2/health/ready")
                break
            except OSError:
                assert replica.process.poll() is None
        assert answer.status == 503
        assert answer.json()["ready"] is False
        assert replica.ask("GET", "/v2/health/live").json() == {"live": True, "ready": False}
        for path in ("/healthz", "/v1/models/iris", "/v2/models/iris/ready", "/v2/models/iris", "/ping"):
            assert replica.ask("GET", path).json()["code"] == "NOT_READY", path
        early = replica.ask("POST", "/v1/models/iris:predict", {"instances": [1]})
        assert (early.status, early.json()["code"]) == (503, "NOT_READY")
        gate.touch()
        replica.wait_ready()


def test_mlflow_clients_get_a_line_end_from_ping_and_health(client: Client) -> None:
    for path in ("/ping", "/health"):
        answer = client.ask("GET", path)
        assert (answer.status, answer.body) == (200, b"\n")


def test_mlserver_models_find_no_null_where_a_field_is_optional(client: Client) -> None:
    answers = [
        client.ask("POST", "/v2/models/iris/infer", triton_request()).json(),
        client.ask("GET", "/v2/models/iris").json(),
        client.ask("GET", "/v2").json(),
    ]
    for answer in answers:
        assert None not in answer.values()
        assert all(None not in tensor.values() for tensor in answer.get("outputs", []))
