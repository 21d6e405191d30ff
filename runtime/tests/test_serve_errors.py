"""What is wrong with a request is said by row and column, and nothing of ours is said when the user's code fails."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator

import pytest
from live_replica import ANSWER, ROW, Answer, Client, Replica, iris_folder

PREDICT = "/v1/models/iris:predict"
NAN = float("nan")
INFINITY = float("inf")


@pytest.fixture(scope="module")
def replica(tmp_path_factory: Any) -> Iterator[Replica]:
    with Replica(iris_folder(tmp_path_factory.mktemp("iris"))) as started:
        yield started


@pytest.fixture()
def client(replica: Replica) -> Iterator[Client]:
    with replica.client() as opened:
        yield opened


def refused(client: Client, **change: Any) -> Answer:
    """The answer to a good row and a row with the change."""
    return client.ask("POST", PREDICT, {"instances": [ROW, {**ROW, **change}]})


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"lenght": 1.0}, "lenght", "Did you mean"),
        ({"zzz": 1.0}, "zzz", "name, length, width, petals, wild"),
        ({"length": "2.5"}, "length", "a string, not a number"),
        ({"length": True}, "length", "a boolean, not a number"),
        ({"length": [2.5]}, "length", "a list, not a number"),
        ({"length": None}, "length", "null"),
        ({"length": 1e999}, "length", "finite"),
        ({"petals": 3.5}, "petals", "a number, not an integer"),
        ({"wild": 1}, "wild", "an integer, not true or false"),
        ({"name": 7}, "name", "an integer, not a string"),
        ({"name": None}, "name", "null"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_row_and_column(
    client: Client, change: Dict[str, Any], column: str, words: str
) -> None:
    body = json.dumps({"instances": [ROW, {**ROW, **change}]}).replace("Infinity", "1e999").encode()
    answer = client.ask("POST", PREDICT, body)
    assert answer.status == 422
    error = answer.json()
    assert (error["code"], error["row"], error["column"]) == ("INVALID_COLUMN", 1, column)
    assert words in f"{error['error']} {error['hint']}"


def test_a_missing_column_is_named_with_what_the_row_has(client: Client) -> None:
    row = {name: value for name, value in ROW.items() if name != "petals"}
    error = client.ask("POST", PREDICT, {"instances": [row]}).json()
    assert (error["code"], error["row"], error["column"]) == ("INVALID_COLUMN", 0, "petals")
    assert "name, length, width, wild" in error["hint"]


def test_null_is_taken_where_the_sample_had_it_and_17_0_is_an_integer(client: Client) -> None:
    assert refused(client, width=None).json() == {"predictions": [ANSWER, 5.0]}
    assert refused(client, petals=17.0).status == 200


@pytest.mark.parametrize("row", [7, "iris", None, True, [1, 2], []])
def test_a_row_that_is_no_row_is_named(client: Client, row: Any) -> None:
    answer = client.ask("POST", PREDICT, {"instances": [ROW, row]})
    assert answer.status == 422
    assert (answer.json()["code"], answer.json()["row"]) == ("INVALID_ROW", 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{", "line 1, column 2"),
        (b'{"instances": [\n  NaN]}', "NaN in row 0 (line 2, column 3)"),
        (b'{"instances": ["NaN", -Infinity]}', "-Infinity in row 1 (line 1, column 23)"),
        (b'{"instances": ["\xff"]}', "byte 16 is 0xff"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"instances": [' + b"1" * 5000 + b"]}", "too many digits"),
        (b"[1]", "instances"),
        (b'{"instances": {}}', "instances"),
        (b'{"instances": [1]} x', "line 1, column 20"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_a_body_that_is_no_json_is_refused_with_the_place(client: Client, body: bytes, words: str) -> None:
    answer = client.ask("POST", PREDICT, body)
    assert (answer.status, answer.json()["code"]) == (400, "INVALID_JSON")
    assert words in answer.json()["error"]


FORM = "application/x-www-form-urlencoded"
V2 = "/v2/models/iris/infer"


@pytest.mark.parametrize(
    ("path", "body", "row", "column"),
    [
        ("/invocations", {"dataframe_records": [ROW, {**ROW, "width": INFINITY}]}, 1, "width"),
        ("/invocations", {"dataframe_split": {"columns": list(ROW), "data": [[0, 1, INFINITY, 3, 4]]}}, 0, "width"),
        ("/invocations", {"inputs": {"name": ["a", "b"], "width": [1, INFINITY]}}, 1, "width"),
        ("/invocations", {"instances": [[1, 2, INFINITY]]}, 0, None),
        (PREDICT, {"instances": [ROW, ROW, {**ROW, "length": INFINITY}]}, 2, "length"),
        (V2, {"inputs": [{"name": "width", "shape": [3, 2], "datatype": "FP64", "data": [1, 2, 3, INFINITY, 5, 6]}]}, 1, "width"),
        (V2, {"inputs": [{"name": "width", "shape": [1, 2], "datatype": "FP64", "data": [[1, INFINITY]]}]}, 0, "width"),
    ],
)  # fmt: skip
def test_infinity_is_no_json_and_is_named_by_row_and_column(
    client: Client, path: str, body: Any, row: int, column: Any
) -> None:
    answer = client.ask("POST", path, body)
    error = answer.json()
    assert (answer.status, error["code"]) == (400, "INVALID_JSON")
    assert (error["row"], error.get("column")) == (row, column)
    assert f"row {row} (line 1, column " in error["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/invocations", {"dataframe_split": {"columns": {"width": [INFINITY]}, "data": []}}),
        ("/invocations", {"dataframe_split": {"columns": [[INFINITY]], "data": []}}),
        (V2, {"inputs": [{"name": "width", "data": {"far": INFINITY}}]}),
        (V2, {"inputs": [{"name": "width", "data": [{"far": [INFINITY]}]}]}),
        (V2, {"inputs": [{"name": "width", "shape": [INFINITY], "data": [[INFINITY]]}]}),
        (V2, {"inputs": {"width": {"data": {"far": INFINITY}}}}),
    ],
)
def test_nan_is_named_wherever_in_the_body_it_stands(client: Client, path: str, body: Any) -> None:
    answer = client.ask("POST", path, body)
    assert (answer.status, answer.json()["code"]) == (400, "INVALID_JSON"), answer.body
    assert "line 1, column " in answer.json()["error"]


def test_a_value_of_a_tensor_is_named_by_row_and_column(client: Client) -> None:
    tensor = {"name": "length", "shape": [2, 1], "datatype": "FP64", "data": [1.5, "far"]}
    answer = client.ask("POST", V2, {"inputs": [tensor]})
    error = answer.json()
    assert (answer.status, error["code"], error["row"], error["column"]) == (422, "INVALID_COLUMN", 1, "length")
    assert "'far', not a number" in error["error"]


def test_what_is_refused_before_it_is_read_speaks_the_words_of_its_protocol(client: Client, replica: Replica) -> None:
    large = {"content_length": str(2**30)}
    for path in (PREDICT, V2):
        answer = replica.ask("POST", path, **large)
        assert (answer.status, answer.json()["code"]) == (413, "TOO_LARGE")
    invocations = replica.ask("POST", "/invocations", **large).json()
    assert (invocations["error_code"], invocations["message"]) == ("TOO_LARGE", invocations["error"])
    form = replica.ask("POST", "/predict", content_type=FORM, **large)
    assert form.headers["content-type"].startswith("text/plain")
    assert form.body.startswith(b"The body has 1,073,741,824 bytes")


def test_a_csv_that_is_not_utf_8_names_the_line(client: Client) -> None:
    answer = client.ask("POST", "/invocations", b"name,length\na,1\nb\xff,2\n", content_type="text/csv")
    assert "byte 17, in line 3, is 0xff" in answer.json()["error"]


def test_a_byte_order_mark_is_no_error(client: Client) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"instances": [ROW]}).encode()
    assert client.ask("POST", PREDICT, body).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/json; charset=latin-1"])
@pytest.mark.parametrize("path", [PREDICT, "/v2/models/iris/infer", "/invocations"])
def test_another_content_type_is_refused_with_the_one_to_send(client: Client, path: str, content_type: str) -> None:
    answer = client.ask("POST", path, b"{}", content_type=content_type)
    assert (answer.status, answer.json()["code"]) == (415, "UNSUPPORTED_TYPE")
    assert answer.json()["hint"]


def test_the_validator_names_the_rows_that_it_refuses(client: Client) -> None:
    bad = {**ROW, "length": -1}
    answer = client.ask("POST", PREDICT, {"instances": [ROW, bad, ROW, bad]})
    assert (answer.status, answer.json()["code"]) == (422, "NOT_VALID")
    assert answer.json()["rows"] == [1, 3]
    assert "rows 1, 3" in answer.json()["error"]


def test_a_predictor_that_raises_is_told_by_type_and_message_alone(client: Client) -> None:
    answer = refused(client, name="boom")
    assert (answer.status, answer.json()["code"]) == (500, "PREDICTOR_FAILED")
    assert answer.json()["error"] == "The predictor raised KeyError: 'no weather for boom'"
    for secret in (b"Traceback", b".py", b"/"):
        assert secret not in answer.body
    assert client.ask("POST", PREDICT, {"instances": [ROW]}).status == 200


def test_a_predictor_that_exits_ends_its_request_and_not_the_service(client: Client, replica: Replica) -> None:
    answer = refused(client, name="exit")
    assert (answer.status, answer.json()["error"]) == (500, "The predictor raised SystemExit: 3")
    assert client.ask("POST", PREDICT, {"instances": [ROW]}).status == 200
    assert replica.process.poll() is None


def test_a_million_rows_are_too_many(client: Client) -> None:
    answer = client.ask("POST", PREDICT, b'{"instances": [' + b"0," * 999_999 + b"0]}")
    assert (answer.status, answer.json()["code"]) == (413, "TOO_LARGE")
    assert "1,000,000 rows" in answer.json()["error"]
    tensor = {"name": "name", "shape": [1_000_000, 0], "datatype": "FP64", "data": []}
    empty = client.ask("POST", "/v2/models/iris/infer", {"inputs": [tensor]})
    assert (empty.status, empty.json()["code"]) == (413, "TOO_LARGE")


def test_how_many_rows_are_too_many_can_be_set(tmp_path: Any) -> None:
    with Replica(iris_folder(tmp_path), GALLEY_ROWS_MAX="2", GALLEY_BODY_BYTES_MAX="1000") as replica:
        assert replica.ask("POST", PREDICT, {"instances": [ROW] * 2}).status == 200
        rows = replica.ask("POST", PREDICT, {"instances": [ROW] * 3})
        assert "3 rows; the service takes 2" in rows.json()["error"]
        size = replica.ask("POST", PREDICT, b" " * 1001)
        assert (size.status, size.json()["code"]) == (413, "TOO_LARGE")


SPLIT = {"columns": list(ROW), "data": [[NAN if name == "width" else value for name, value in ROW.items()]]}


@pytest.mark.parametrize(
    "body",
    [{"dataframe_records": [{**ROW, "width": NAN}]}, {"dataframe_split": SPLIT}, {"instances": SPLIT["data"]}],
)
def test_mlflow_may_write_nan_for_a_missing_number_as_its_own_client_does(client: Client, body: Any) -> None:
    assert client.ask("POST", "/invocations", body).json() == {"predictions": [5.0]}


def test_nan_in_a_column_that_is_never_null_is_refused_by_row_and_column(client: Client) -> None:
    answer = client.ask("POST", "/invocations", {"dataframe_records": [ROW, {**ROW, "length": NAN}]})
    assert (answer.status, answer.json()["code"]) == (422, "INVALID_COLUMN")
    assert (answer.json()["row"], answer.json()["column"]) == (1, "length")


def test_infinity_is_named_also_behind_a_nan_that_may_be_there(client: Client) -> None:
    answer = client.ask("POST", "/invocations", {"dataframe_records": [{**ROW, "width": NAN}, {**ROW, "length": INFINITY}]})
    assert (answer.status, answer.json()["row"], answer.json()["column"]) == (400, 1, "length")
    assert answer.json()["error"].startswith("The body holds Infinity")


def test_nan_is_no_json_where_no_client_writes_it(client: Client) -> None:
    answer = client.ask("POST", PREDICT, {"instances": [ROW, {**ROW, "width": NAN}]})
    assert (answer.status, answer.json()["row"], answer.json()["column"]) == (400, 1, "width")
