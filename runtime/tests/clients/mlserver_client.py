"""MLServer's codecs, encoding requests and decoding answers, over plain HTTP. Runs in a venv that has MLServer."""

from __future__ import annotations

import datetime
import json
import urllib.request
from typing import Any, List

import numpy
import pandas
from conversation import conversation_with
from mlserver.codecs import Base64Codec, DatetimeCodec, NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec
from mlserver.codecs import StringRequestCodec
from mlserver.codecs.utils import get_decoded_or_raw
from mlserver.types import InferenceRequest, InferenceResponse, Parameters

CONVERSATIONS: List[Any] = []


def infer(port: int, model: str, request: InferenceRequest) -> InferenceResponse:
    body = request.model_dump_json(exclude_none=True).encode()
    url = f"http://127.0.0.1:{port}/v2/models/{model}/infer"
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return InferenceResponse.model_validate_json(answer.read())


@conversation_with("iris", "mlserver", CONVERSATIONS)
def mlserver_sends_and_reads_a_frame(port: int) -> None:
    frame = pandas.DataFrame(
        {"name": ["iris", "röse"], "length": [2.5, 4.0], "width": [1.0, None], "petals": [3, 5], "wild": [True, False]}
    )
    answer = infer(port, "iris", PandasCodec.encode_request(frame, use_bytes=False))
    assert PandasCodec.decode_response(answer)["predictions"].tolist() == [6.0, 8.0]
    assert NumpyCodec.decode_output(answer.outputs[0]).ravel().tolist() == [6.0, 8.0]


@conversation_with("notes", "mlserver", CONVERSATIONS)
def mlserver_sends_a_column_of_anything(port: int) -> None:
    """Which it writes as JSON in text, for want of a datatype."""
    frame = pandas.DataFrame({"note": pandas.Series(["a", 7], dtype=object)})
    answer = infer(port, "notes", PandasCodec.encode_request(frame, use_bytes=False))
    assert PandasCodec.decode_response(answer)["predictions"].tolist() == ["str", "int"]


@conversation_with("sums", "mlserver", CONVERSATIONS)
def mlserver_sends_an_array(port: int) -> None:
    request = NumpyRequestCodec.encode_request(numpy.arange(6, dtype=numpy.float32).reshape(2, 3))
    answer = infer(port, "sums", request)
    assert NumpyRequestCodec.decode_response(answer).ravel().tolist() == [3.0, 12.0]


@conversation_with("shouts", "mlserver", CONVERSATIONS)
def mlserver_sends_and_reads_strings(port: int) -> None:
    answer = infer(port, "shouts", StringRequestCodec.encode_request(["grün", "rot"], use_bytes=False))
    assert StringRequestCodec.decode_response(answer) == ["GRÜN", "ROT"]
    assert get_decoded_or_raw(answer.outputs[0]) == ["GRÜN", "ROT"]


@conversation_with("shouts", "mlserver", CONVERSATIONS)
def mlserver_sends_base64(port: int) -> None:
    tensor = Base64Codec.encode_input("input", ["grün".encode(), b"rot"], use_bytes=False)
    answer = infer(port, "shouts", InferenceRequest(inputs=[tensor]))
    assert StringCodec.decode_output(answer.outputs[0]) == ["GRÜN", "ROT"]


@conversation_with("years", "mlserver", CONVERSATIONS)
def mlserver_sends_and_reads_times(port: int) -> None:
    times = [datetime.datetime(2026, 11, 25, 14, 0), datetime.datetime(1999, 12, 31, 23, 59, 59)]
    tensor = DatetimeCodec.encode_input("when", times, use_bytes=False)
    answer = infer(port, "years", InferenceRequest(inputs=[tensor], parameters=Parameters(content_type="pd")))
    assert DatetimeCodec.decode_output(answer.outputs[0]) == [time.replace(year=time.year + 1) for time in times]


@conversation_with("iris", "mlserver", CONVERSATIONS)
def mlserver_reads_what_is_wrong(port: int) -> None:
    frame = pandas.DataFrame({"name": ["iris"], "length": ["long"], "width": [1.0], "petals": [3], "wild": [True]})
    try:
        infer(port, "iris", PandasCodec.encode_request(frame, use_bytes=False))
    except urllib.error.HTTPError as error:
        assert "length" in json.loads(error.read())["error"]
    else:
        raise AssertionError("answered")
