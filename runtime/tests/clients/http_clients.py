"""tritonclient, KServe and MLflow's scoring client, as their users write it. Runs in a venv that has them."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
from typing import Any, List

import kserve
import numpy
import pandas
import requests
import tritonclient.http as triton
from conversation import conversation_with
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

CONVERSATIONS: List[Any] = []
ROWS = [
    {"name": "iris", "length": 2.5, "width": 1.0, "petals": 3, "wild": True},
    {"name": "röse", "length": 4.0, "width": None, "petals": 5, "wild": False},
]
ANSWERS = [6.0, 8.0]
TYPES = {"name": "BYTES", "length": "FP64", "width": "FP64", "petals": "INT64", "wild": "BOOL"}


def columns() -> "dict[str, Any]":
    text = numpy.array([row["name"] for row in ROWS], dtype=object)
    width = numpy.array([1.0, numpy.nan])
    numbers = {name: numpy.array([row[name] for row in ROWS]) for name in ("length", "petals", "wild")}
    return {"name": text, "length": numbers["length"], "width": width, "petals": numbers["petals"], "wild": numbers["wild"]}


def tensors(binary: bool) -> List[Any]:
    made = []
    for name, values in columns().items():
        tensor = triton.InferInput(name, [len(values)], TYPES[name])
        if not binary and name == "width":
            values = numpy.array([1.0, 2.0])  # in JSON tritonclient would write NaN, which is none
        made.append(tensor.set_data_from_numpy(values, binary_data=binary))
    return made


@conversation_with("iris", "tritonclient", CONVERSATIONS)
def triton_asks_for_life_and_metadata(port: int) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("iris")
    assert client.is_model_ready("iris", "iris-1")
    assert not client.is_model_ready("iris", "iris-9")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("iris", "iris-1")
    assert {tensor["name"]: tensor["datatype"] for tensor in metadata["inputs"]} == TYPES
    client.close()


@conversation_with("iris", "tritonclient", CONVERSATIONS)
def triton_sends_and_reads_binary_tensors(port: int) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    result = client.infer("iris", tensors(binary=True), model_version="iris-1", request_id="a 7")
    assert result.as_numpy("predictions").tolist() == ANSWERS
    assert result.get_response()["id"] == "a 7"
    assert result.get_output("predictions")["parameters"]["binary_data_size"] == 16
    client.close()


@conversation_with("iris", "tritonclient", CONVERSATIONS)
def triton_sends_and_reads_json(port: int) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    wanted = [triton.InferRequestedOutput("predictions", binary_data=False)]
    result = client.infer("iris", tensors(binary=False), outputs=wanted)
    assert result.as_numpy("predictions").tolist() == [6.0, 10.0]
    client.close()


@conversation_with("iris", "tritonclient", CONVERSATIONS)
def triton_compresses_and_reads_compressed(port: int) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    for algorithm in ("gzip", "deflate"):
        result = client.infer(
            "iris", tensors(binary=True), request_compression_algorithm=algorithm, response_compression_algorithm=algorithm
        )
        assert result.as_numpy("predictions").tolist() == ANSWERS
    client.close()


@conversation_with("iris", "tritonclient", CONVERSATIONS)
def triton_reads_the_error_of_what_is_refused(port: int) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    for inputs, word in ((tensors(binary=True)[1:], "name"), (tensors(binary=True)[:1], "length")):
        try:
            client.infer("iris", inputs)
        except triton.InferenceServerException as error:
            assert word in error.message(), error.message()
        else:
            raise AssertionError("answered")
    client.close()


@conversation_with("sums", "tritonclient", CONVERSATIONS)
def triton_sends_a_matrix_of_fp32(port: int) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    matrix = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
    tensor = triton.InferInput("input", [4, 3], "FP32").set_data_from_numpy(matrix)
    assert client.infer("sums", [tensor]).as_numpy("predictions").tolist() == matrix.sum(axis=1).tolist()
    client.close()


@conversation_with("shouts", "tritonclient", CONVERSATIONS)
def triton_reads_strings(port: int) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    words = numpy.array(["grün", ""], dtype=object)
    tensor = triton.InferInput("input", [2], "BYTES").set_data_from_numpy(words)
    answer = client.infer("shouts", [tensor]).as_numpy("predictions")
    assert [text.decode() for text in answer] == ["GRÜN", ""]
    client.close()


@conversation_with("iris", "kserve", CONVERSATIONS)
def kserve_speaks_v1(port: int) -> None:
    async def talk() -> None:
        url = f"http://127.0.0.1:{port}"
        async with kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v1")) as client:
            assert await client.is_server_live(url)
            assert await client.is_model_ready(url, "iris")
            answer = await client.infer(url, {"instances": ROWS}, model_name="iris")
            assert answer == {"predictions": ANSWERS}

    asyncio.run(talk())


@conversation_with("iris", "kserve", CONVERSATIONS)
def kserve_speaks_v2(port: int) -> None:
    async def talk() -> None:
        url = f"http://127.0.0.1:{port}"
        async with kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2")) as client:
            assert await client.is_server_live(url)
            assert await client.is_server_ready(url)
            assert await client.is_model_ready(url, "iris")
            for binary in (False, True):
                inputs = []
                for name, values in columns().items():
                    tensor = kserve.InferInput(name=name, shape=[len(values)], datatype=TYPES[name])
                    tensor.set_data_from_numpy(values, binary_data=binary)
                    inputs.append(tensor)
                request = kserve.InferRequest("iris", inputs, request_id="k-1")
                answer = await client.infer(url, request, model_name="iris")
                assert answer.outputs[0].as_numpy().tolist() == ANSWERS
                assert answer.id == "k-1"

    asyncio.run(talk())


@conversation_with("iris", "kserve", CONVERSATIONS)
def kserve_reads_the_error_of_what_is_refused(port: int) -> None:
    async def talk() -> None:
        async with kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v1")) as client:
            try:
                await client.infer(f"http://127.0.0.1:{port}", {"instances": [{**ROWS[0], "length": "x"}]}, model_name="iris")
            except Exception as error:
                assert "Column length of row 0" in str(error), error
            else:
                raise AssertionError("answered")

    asyncio.run(talk())


@conversation_with("iris", "mlflow-skinny", CONVERSATIONS)
def mlflow_sends_a_frame_and_rows(port: int) -> None:
    client = ScoringServerClient("127.0.0.1", port)
    client.ping()
    assert client.get_version()
    frame = pandas.DataFrame(ROWS)
    assert client.invoke(frame).get_predictions()[0].tolist() == ANSWERS
    text = json.dumps({"inputs": {name: [row[name] for row in ROWS] for name in TYPES}})
    for data in (ROWS, text):
        assert client.invoke(data).get_predictions()[0].tolist() == ANSWERS


@conversation_with("iris", "requests", CONVERSATIONS)
def mlflow_guides_send_records_instances_and_csv(port: int) -> None:
    """What MLflow's documentation sends without its client."""
    url, frame = f"http://127.0.0.1:{port}/invocations", pandas.DataFrame(ROWS)
    records = json.loads(frame.to_json(orient="records"))
    for body in ({"dataframe_records": records}, {"instances": records}):
        assert requests.post(url, json=body, timeout=30).json() == {"predictions": ANSWERS}
    csv = requests.post(url, frame.to_csv(index=False).encode(), headers={"Content-Type": "text/csv"}, timeout=30)
    assert csv.json() == {"predictions": ANSWERS}


@conversation_with("iris", "requests", CONVERSATIONS)
def the_form_takes_frames_and_series_of_pandas(port: int) -> None:
    url, frame = f"http://127.0.0.1:{port}/predict", pandas.DataFrame(ROWS)
    for orient in ("records", "columns", "index", "split", "table", "values"):
        assert requests.post(url, {"json_args": frame.to_json(orient=orient)}, timeout=30).json() == ANSWERS, orient
    assert requests.post(url, {"json_args": frame.iloc[0].to_json()}, timeout=30).json() == ANSWERS[:1]


@conversation_with("shouts", "requests", CONVERSATIONS)
def the_form_takes_a_series_of_texts(port: int) -> None:
    texts = pandas.Series(["grün", "rot"])
    for orient in ("index", "split", "records"):
        answer = requests.post(f"http://127.0.0.1:{port}/predict", {"json_args": texts.to_json(orient=orient)}, timeout=30)
        assert answer.json() == ["GRÜN", "ROT"], orient


@conversation_with("trusting", "requests", CONVERSATIONS)
def the_form_takes_pickles_where_they_are_switched_on(port: int) -> None:
    for argument in (pandas.DataFrame(ROWS).to_dict("records"), [ROWS[0], ROWS[1]]):
        fields = {"args": base64.b64encode(pickle.dumps(argument, protocol=4)).decode()}
        assert requests.post(f"http://127.0.0.1:{port}/predict", fields, timeout=30).json() == ANSWERS


@conversation_with("sums", "mlflow-skinny", CONVERSATIONS)
def mlflow_sends_an_array_and_params(port: int) -> None:
    client = ScoringServerClient("127.0.0.1", port)
    matrix = numpy.arange(6, dtype=numpy.float64).reshape(2, 3)
    assert client.invoke(matrix).get_predictions()[0].tolist() == [3.0, 12.0]
    assert client.invoke(matrix, params={"factor": 2}).get_predictions()[0].tolist() == [6.0, 24.0]
