"""Every protocol gives the same rows to the same predictor, on every Python that the machine has."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from typing import Any, Dict, Iterator, List
from urllib.parse import urlencode

import pytest
from interpreters import parameters
from live_replica import ANSWER, ROW, Client, Replica, iris_folder

OTHER = {"name": "rose", "length": 4, "width": None, "petals": 5, "wild": False}
INFER = "/v2/models/iris/infer"
PREDICT = "/v1/models/iris:predict"
TYPES = {"name": "BYTES", "length": "FP64", "width": "FP64", "petals": "INT64", "wild": "BOOL"}


@pytest.fixture(scope="module", params=parameters())
def replica(request: Any, tmp_path_factory: Any) -> Iterator[Replica]:
    with Replica(iris_folder(tmp_path_factory.mktemp("iris"), request.param)) as started:
        yield started


@pytest.fixture()
def client(replica: Replica) -> Iterator[Client]:
    with replica.client() as opened:
        yield opened


def tensors(rows: List[Dict[str, Any]], shape_tail: "tuple[int, ...]" = ()) -> List[Dict[str, Any]]:
    return [
        {"name": name, "shape": [len(rows), *shape_tail], "datatype": datatype, "data": [row[name] for row in rows]}
        for name, datatype in TYPES.items()
    ]


def test_v1_answers_rows_as_objects_and_as_lists(client: Client) -> None:
    both = client.ask("POST", PREDICT, {"instances": [ROW, OTHER]})
    assert (both.status, both.json()) == (200, {"predictions": [ANSWER, 8]})
    lists = client.ask("POST", PREDICT, {"instances": [list(ROW.values())]})
    assert lists.json() == {"predictions": [ANSWER]}
    assert both.headers["galley-revision"] == "iris-1"
    assert both.headers["content-type"] == "application/json"


def test_v1_says_which_models_there_are_and_that_they_are_ready(client: Client) -> None:
    assert client.ask("GET", "/v1/models").json() == {"models": ["iris"]}
    assert client.ask("GET", "/v1/models/iris").json() == {"name": "iris", "ready": True}
    other = client.ask("GET", "/v1/models/tulip")
    assert (other.status, other.json()["code"]) == (404, "NOT_FOUND")


def test_v2_answers_a_tensor_per_column_and_echoes_the_id(client: Client) -> None:
    answer = client.ask("POST", INFER, {"id": "a-7", "inputs": tensors([ROW, OTHER])})
    assert answer.status == 200
    assert answer.json() == {
        "model_name": "iris",
        "model_version": "iris-1",
        "id": "a-7",
        "outputs": [{"name": "predictions", "shape": [2], "datatype": "FP64", "data": [ANSWER, 8]}],
    }


def test_v2_takes_columns_of_shape_n_1_and_the_content_types_of_mlserver(client: Client) -> None:
    inputs = tensors([ROW], (1,))
    inputs[0]["parameters"] = {"content_type": "str"}
    answer = client.ask("POST", INFER, {"parameters": {"content_type": "pd"}, "inputs": inputs})
    assert answer.json()["outputs"][0]["data"] == [ANSWER]
    assert "id" not in answer.json()
    inputs[0].update(data=["aXJpcw=="], parameters={"content_type": "base64"})
    assert client.ask("POST", INFER, {"inputs": inputs}).json()["outputs"][0]["data"] == [ANSWER]


def test_v2_takes_nested_data_only_in_the_shape_that_it_announces(client: Client) -> None:
    inputs = tensors([ROW, OTHER], (1,))
    inputs[1]["data"] = [[2.5], [4]]
    assert client.ask("POST", INFER, {"inputs": inputs}).json()["outputs"][0]["data"] == [ANSWER, 8]
    inputs[1]["data"] = [[2.5, 4]]
    refused = client.ask("POST", INFER, {"inputs": inputs})
    assert refused.status == 400
    assert "length" in refused.json()["error"]


def test_v2_describes_columns_and_predictions(client: Client) -> None:
    metadata = client.ask("GET", "/v2/models/iris").json()
    assert metadata["inputs"] == [{"name": n, "datatype": d, "shape": [-1]} for n, d in TYPES.items()]
    assert metadata["outputs"] == [{"name": "predictions", "datatype": "FP64", "shape": [-1]}]
    assert metadata["name"] == "iris"
    assert metadata["versions"] == ["iris-1"]
    assert client.ask("GET", "/v2/models/iris/versions/iris-1").json() == metadata
    assert client.ask("GET", "/v2/models/iris/versions/iris-9").status == 404
    server = client.ask("GET", "/v2").json()
    assert server["extensions"] == ["binary_tensor_data"]
    assert client.ask("GET", "/v2/").json() == server


def test_v2_gives_only_the_outputs_that_are_named(client: Client) -> None:
    body = {"inputs": tensors([ROW]), "outputs": [{"name": "predictions"}]}
    assert len(client.ask("POST", INFER, body).json()["outputs"]) == 1
    unknown = client.ask("POST", INFER, {**body, "outputs": [{"name": "score"}]})
    assert unknown.status == 400
    assert "score" in unknown.json()["error"]
    assert "predictions" in unknown.json()["hint"]


def test_v2_counts_what_was_scored_whatever_became_of_its_answer(replica: Replica) -> None:
    def counted() -> int:
        return int(replica.ask("GET", "/galley/v1/state", admin=True).json()["requests"])

    before = counted()
    assert replica.ask("POST", INFER, {"inputs": tensors([ROW]), "outputs": [{"name": "score"}]}).status == 400
    assert counted() == before + 1


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"datatype": "FP16"}, 415, "FP16"),
        ({"datatype": "DECIMAL"}, 415, "DECIMAL"),
        ({"shape": [3]}, 400, "3"),
        ({"shape": []}, 400, "shape"),
        ({"shape": [-1]}, 400, "shape"),
        ({"data": "2.5"}, 400, "data"),
        ({"data": ["2.5"]}, 422, "'2.5'"),
        ({"data": [True]}, 422, "True"),
        ({"datatype": "INT8", "data": [300]}, 422, "300"),
        ({"datatype": "UINT8", "data": [-1]}, 422, "-1"),
        ({"datatype": "INT64", "data": [2.5]}, 422, "2.5"),
        ({"name": 7}, 400, "name"),
        ({"name": "width"}, 400, "same name"),
        ({"shape": [2], "data": [1.0, 2.0]}, 400, "rows"),
    ],
)
def test_v2_refuses_tensors_that_are_none_and_names_them(client: Client, change: Dict[str, Any], status: int, word: str) -> None:
    inputs = tensors([ROW])
    inputs[1].update(change)
    answer = client.ask("POST", INFER, {"inputs": inputs})
    assert answer.status == status, answer.body
    assert word in answer.json()["error"]


def test_v2_takes_binary_tensors_and_answers_in_kind(client: Client) -> None:
    def string(text: str) -> bytes:
        return struct.pack("<I", len(text)) + text.encode()

    parts = {
        "name": string("iris") + string("rose"),
        "length": struct.pack("<dd", 2.5, 4.0),
        "width": struct.pack("<dd", 1.0, float("nan")),
        "petals": struct.pack("<qq", 3, 5),
        "wild": b"\x01\x00",
    }
    inputs = [
        {"name": name, "shape": [2, 1], "datatype": TYPES[name], "parameters": {"binary_data_size": len(part)}}
        for name, part in parts.items()
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    body = head + b"".join(parts.values())
    answer = client.ask("POST", INFER, body, inference_header_content_length=str(len(head)))
    assert answer.status == 200, answer.body
    length = int(answer.headers["inference-header-content-length"])
    output = json.loads(answer.body[:length])["outputs"][0]
    assert output["parameters"]["binary_data_size"] == 16
    assert "data" not in output
    assert struct.unpack("<dd", answer.body[length:]) == (ANSWER, 8.0)


def test_v2_refuses_binary_tensors_that_do_not_fill_the_body(client: Client) -> None:
    inputs = tensors([ROW])
    del inputs[1]["data"]
    inputs[1]["parameters"] = {"binary_data_size": 8}
    head = json.dumps({"inputs": inputs}).encode()
    for rest, word in ((b"", "cut off"), (b"\x00" * 9, "1 bytes")):
        answer = client.ask("POST", INFER, head + rest, inference_header_content_length=str(len(head)))
        assert answer.status == 400
        assert word in answer.json()["error"]
    beyond = client.ask("POST", INFER, head, inference_header_content_length=str(len(head) + 1))
    assert beyond.status == 400


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [ROW]},
        {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())], "index": [0]}},
        {"dataframe_split": {"data": [list(ROW.values())]}},
        {"instances": [ROW]},
        {"instances": [list(ROW.values())]},
        {"inputs": {name: [value] for name, value in ROW.items()}},
        {"inputs": [ROW], "params": {}},
    ],
)
def test_mlflow_takes_each_of_its_shapes(client: Client, body: Dict[str, Any]) -> None:
    assert client.ask("POST", "/invocations", body).json() == {"predictions": [ANSWER]}


@pytest.mark.parametrize(
    "body",
    [[ROW], {}, {"instances": [ROW], "inputs": [ROW]}, {"rows": [ROW]}, {"instances": [ROW], "params": {"t": 1}},
     {"dataframe_records": ROW}, {"dataframe_split": {"columns": ["a", "a"], "data": []}}, {"instances": 7},
     {"inputs": {"name": ["a"], "length": [1, 2]}}],
)  # fmt: skip
def test_mlflow_refuses_other_shapes_in_the_words_of_its_clients(client: Client, body: Any) -> None:
    answer = client.ask("POST", "/invocations", body)
    assert answer.status == 400
    assert answer.json()["error_code"] == "INVALID_JSON"
    assert answer.json()["message"] == answer.json()["error"]


def test_csv_means_what_json_means(client: Client) -> None:
    text = "name,length,width,petals,wild\r\niris,2.5,1,3,true\r\n\"ro\"\"se, red\",4,,5,false\r\n"
    answer = client.ask("POST", "/invocations", text.encode(), content_type="text/csv; charset=utf-8")
    assert answer.json() == {"predictions": [ANSWER, 8.0]}


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("iris,many,1,3,true", "INVALID_COLUMN", "length"),
        ("iris,2.5,1,3,perhaps", "INVALID_COLUMN", "wild"),
        ("iris,,1,3,true", "INVALID_COLUMN", "length"),
        ("iris,nan,1,3,true", "INVALID_COLUMN", "length"),
        ("iris,1_0,1,3,true", "INVALID_COLUMN", "length"),
        ("iris,2.5,1,3.5,true", "INVALID_COLUMN", "petals"),
        ("iris,2.5,1,3", "INVALID_ROW", None),
        ('"iris,2.5', "INVALID_ROW", None),
    ],
)
def test_csv_that_does_not_fit_is_refused_by_row_and_column(client: Client, line: str, code: str, column: Any) -> None:
    text = f"name,length,width,petals,wild\n{line}\n"
    answer = client.ask("POST", "/invocations", text.encode(), content_type="text/csv")
    assert answer.status == 422, answer.body
    assert answer.json()["code"] == code
    assert answer.json().get("column") == column


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


@pytest.mark.parametrize(
    "value",
    [
        [ROW],
        ROW,
        list(ROW.values()),
        {name: {"0": value} for name, value in ROW.items()},
        {"7": ROW},
        {"columns": list(ROW), "index": [7], "data": [list(ROW.values())]},
        {"schema": {"fields": []}, "data": [{"index": 7, **ROW}]},
    ],
)
def test_the_form_takes_rows_a_row_and_frames_of_pandas(client: Client, value: Any) -> None:
    body = form(json_args=json.dumps(value))
    answer = client.ask("POST", "/predict", body, content_type="application/x-www-form-urlencoded")
    assert (answer.status, answer.json()) == (200, [ANSWER])


def test_the_form_loads_no_pickle_unless_that_is_switched_on(client: Client) -> None:
    answer = client.ask("POST", "/predict", form(args="gASVAA"), content_type="application/x-www-form-urlencoded")
    assert answer.status == 415
    assert b"pickle" in answer.body
    assert b"GALLEY_PICKLED_ARGS" in answer.body
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (form(other="1"), "application/x-www-form-urlencoded", 400),
        (b"json_args=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"json_args=1&json_args=2", "application/x-www-form-urlencoded", 400),
        (form(json_args="[NaN]"), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (form(json_args='[{"name": "iris"}]'), "application/x-www-form-urlencoded", 422),
    ],
)
def test_the_form_gives_errors_as_text_with_their_status(
    client: Client, body: bytes, content_type: str, status: int
) -> None:
    answer = client.ask("POST", "/predict", body, content_type=content_type)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/plain")


def test_no_rows_are_answered_with_no_predictions(client: Client) -> None:
    assert client.ask("POST", PREDICT, {"instances": []}).json() == {"predictions": []}
    empty = client.ask("POST", INFER, {"inputs": tensors([])})
    assert empty.json()["outputs"][0]["shape"] == [0]


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies_are_read(client: Client, encoding: str, pack: Any) -> None:
    body = pack(json.dumps({"instances": [ROW]}).encode())
    assert client.ask("POST", PREDICT, body, content_encoding=encoding).json() == {"predictions": [ANSWER]}


def test_openapi_types_the_columns_and_its_examples_work(client: Client) -> None:
    document = client.ask("GET", "/openapi.json").json()
    row = document["components"]["schemas"]["Row"]
    assert row["properties"]["petals"] == {"type": "integer"}
    assert row["properties"]["width"] == {"type": "number", "nullable": True}
    assert row["required"] == list(ROW)
    tried = 0
    for path, methods in document["paths"].items():
        if "get" in methods:
            assert client.ask("GET", path).status == 200, path
        for media_type, media in methods.get("post", {}).get("requestBody", {"content": {}})["content"].items():
            if "example" in media:
                example = media["example"]
                body = example.encode() if isinstance(example, str) else example
                answer = client.ask("POST", path, body, content_type=media_type)
                assert answer.status == 200, (path, answer.body)
                assert json.dumps(ANSWER) in answer.body.decode()
                tried += 1
    assert tried == 5
    references = json.dumps(document).split('"#/components/schemas/')[1:]
    assert {text.split('"')[0] for text in references} <= document["components"]["schemas"].keys()


def test_paths_and_methods_that_do_not_exist_are_named(client: Client) -> None:
    missing = client.ask("GET", "/v3/models")
    assert (missing.status, missing.json()["code"]) == (404, "NOT_FOUND")
    wrong = client.ask("GET", "/invocations")
    assert (wrong.status, wrong.json()["code"], wrong.headers["allow"]) == (405, "METHOD_NOT_ALLOWED", "POST")
    assert client.ask("HEAD", "/healthz").status == 200
    assert client.ask("GET", "/version").body
