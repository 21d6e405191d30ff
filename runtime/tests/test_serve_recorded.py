"""What real client libraries sent, byte for byte, is answered as it was when they were content with it.

`test_real_clients.py` recorded the files: each conversation went through `clients/relay.py`, which wrote down both sides,
and its library accepted every answer. Only `Date`, the further words of a refusal and the runtime's own version may differ since.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from client_models import replicas_for_clients
from live_replica import Replica

RECORDED = sorted((Path(__file__).resolve().parent / "clients" / "recorded").glob("*.json"))
VERSIONED = ("GET /version ", "GET /v2 ")


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: Any) -> Iterator[Dict[str, Replica]]:
    with replicas_for_clients(tmp_path_factory.mktemp("models")) as started:
        yield started


def headers_of(text: str) -> Dict[str, str]:
    lines = text.split("\r\n\r\n", 1)[0].split("\r\n")[1:]
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    headers.pop("date")
    return headers


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in RECORDED])
def test_a_recorded_client_gets_the_same_answers(path: Path, replicas: Dict[str, Replica]) -> None:
    conversation = json.loads(path.read_text())
    assert conversation["exchanges"], "nothing was recorded"
    with replicas[conversation["model"]].client() as client:
        for exchange in conversation["exchanges"]:
            client.sock.sendall(exchange["request"].encode("latin-1"))
            answer = client.read()
            before = exchange["answer"]
            assert answer.status == int(before.split(" ", 2)[1]), answer.body
            if exchange["request"].startswith(VERSIONED):
                continue
            said = before.split("\r\n\r\n", 1)[1].encode("latin-1")
            if answer.status >= 400:  # a refusal may say more than it did; what it said before it must still say
                assert all(answer.json()[name] == value for name, value in json.loads(said).items())
                continue
            assert answer.body == said
            headers = dict(answer.headers)
            headers.pop("date")
            assert headers == headers_of(before)
