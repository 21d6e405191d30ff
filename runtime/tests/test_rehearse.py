"""From a small notebook model to a rehearsal, and from its reference to the counts and events of a replica."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("cloudpickle")

SOURCE = os.path.join(os.path.dirname(__file__), "..", "src")
CELL = """KNOWN = {"a": 1.0, "b": 2.0}


def base(row):
    value = KNOWN.get(row["kind"])
    if value is None:
        return 0.5  # galley: fallback
    return value


def predictor(rows):
    out = []
    for row in rows:
        if row["x"] > 5:
            out.append(base(row) * 2)
        else:
            out.append(base(row))
    return out
"""

MAKE = """
import cloudpickle, json, sys
folder, cell = sys.argv[1], sys.argv[2]
namespace = {"__name__": "__main__"}
exec(compile(cell, "model.ipynb#cell=1", "exec"), namespace)
import __main__
for name in ("KNOWN", "base", "predictor"):
    setattr(__main__, name, namespace[name])
with open(folder + "/model.pkl", "wb") as file:
    cloudpickle.dump({"predictor": namespace["predictor"], "validator": None}, file)
"""


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


@pytest.fixture
def image(tmp_path):
    """The folders of an image: app, model, and a sample of 400 requests that never takes the fallback."""
    model = tmp_path / "model"
    (tmp_path / "app").mkdir()
    write(
        model / "model.json",
        {
            "schema": "galley.dev/model/v1",
            "predictor": {
                "name": "predictor",
                "kind": "callable",
                "type": "function",
                "notebook": "model.ipynb",
                "cell": 1,
            },
            "validator": False,
            "callForm": "records",
            "columns": ["kind", "x"],
            "classes": None,
            "example": None,
        },
    )
    cell = {
        "notebook": "model.ipynb",
        "cell": 1,
        "index": 0,
        "source": CELL,
        "tags": [],
        "filename": "model.ipynb#cell=1",
    }
    write(model / "cells.json", {"schema": "galley.dev/cells/v1", "cells": [cell]})
    check = {
        "notebook": "model.ipynb",
        "cell": 2,
        "tag": "test",
        "rows": [{"kind": "a", "x": 9.0}],
        "predictions": [2.0],
    }
    write(model / "checks.json", {"schema": "galley.dev/checks/v1", "checks": [check]})
    subprocess.run([sys.executable, "-c", MAKE, str(model), CELL], check=True)
    rows = [{"kind": "ab"[i % 2], "x": float(i % 11) + (i % 7) / 10} for i in range(400)]
    write(tmp_path / "sample.jsonl", "".join(json.dumps({"rows": [row], "heldOut": True}) + "\n" for row in rows))
    return tmp_path


def rehearse(image):
    plan = {
        "schema": "galley.dev/rehearse-plan/v1",
        "sample": str(image / "sample.jsonl"),
        "sampleInfo": {"origin": "held-out"},
        "rowsMax": 10000,
        "secondsMax": 60,
        "modelDir": str(image / "model"),
        "appDir": str(image / "app"),
        "outDir": str(image / "out"),
    }
    write(image / "rehearse.json", plan)
    command = [sys.executable, os.path.join(SOURCE, "galley_runtime"), "rehearse", str(image / "rehearse.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(image, name):
    return json.loads((image / "out" / name).read_text())


def test_a_rehearsal_writes_a_reference_whose_streams_each_sum_to_their_requests(image):
    assert rehearse(image).returncode == 0
    reference = read(image, "rehearsed/reference.json")
    assert reference["requests"] == 400 and reference["origin"] == "held-out"
    ids = {stream["id"] for stream in reference["streams"]}
    assert {"input/kind", "input/x", "prediction", "path/model.ipynb#predictor", "path/model.ipynb#base"} <= ids
    for stream in reference["streams"]:
        whole = stream["n"] * reference["scale"]
        assert abs(sum(stream["counts"]) - whole) <= stream["n"] * len(stream["cells"]), stream["id"]
    assert sum(reference["splitRequests"]) == 400
    assert reference["coverage"]["linesSeen"] < reference["coverage"]["lines"]


def test_schema_and_golden_answers_come_from_the_checks(image):
    assert rehearse(image).returncode == 0
    columns = read(image, "rehearsed/schema.json")["columns"]
    assert [(c["name"], c["type"]) for c in columns] == [("kind", "string"), ("x", "number")]
    golden = read(image, "rehearsed/golden.json")["requests"]
    assert golden[0]["predictions"] == [2.0] and golden[0]["source"]["cell"] == 2
    assert "galley_runtime._serve._replica" in read(image, "modules.json")["modules"]


def test_a_row_that_cannot_be_scored_ends_with_its_number(image):
    with open(image / "sample.jsonl", "a") as sample:
        sample.write(json.dumps({"rows": [{"kind": "a", "x": "five"}], "heldOut": True}) + "\n")
    assert rehearse(image).returncode == 20
    assert read(image, "failure.json")["row"] == 401


def test_a_check_that_answers_otherwise_is_refused_with_its_cell(image):
    checks = json.loads((image / "model" / "checks.json").read_text())
    checks["checks"][0]["predictions"] = [3.0]
    write(image / "model" / "checks.json", checks)
    assert rehearse(image).returncode == 21
    assert "cell 2" in read(image, "failure.json")["message"]


COUNT = """
import json, sys
from galley_runtime._model import enter_app, load, read_json
from galley_runtime._monitor import profile
from galley_runtime._monitor.counter import load_counter
image = sys.argv[1]
enter_app(image + "/app")
model = load(image + "/model")
counter = load_counter(image + "/out/rehearsed", image + "/model", lambda: 1000.0)
profile.install(counter, model, read_json(image + "/model/cells.json"), image + "/app")
for number, rows in enumerate(json.loads(sys.argv[2])):
    seen = counter.begin("r%d" % number, 86400.0 * number)
    seen.rows(rows)
    seen.predictions(model.score(rows))
    seen.end()
print(json.dumps({"buckets": counter.buckets(0), "state": counter.state()}))
"""


def count(image, requests):
    environment = dict(os.environ, PYTHONPATH=SOURCE)
    command = [sys.executable, "-c", COUNT, str(image), json.dumps(requests)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def test_the_first_fallback_is_an_event_with_notebook_cell_and_line(image):
    assert rehearse(image).returncode == 0
    counted = count(image, [[{"kind": "a", "x": 1.0}], [{"kind": "gone", "x": 1.0}], [{"kind": "gone", "x": 1.5}]])
    assert counted["state"]["dropped"] == 0 and counted["state"]["counted"] == 3
    fallbacks = [event for event in counted["buckets"]["events"] if event["kind"] == "fallback"]
    assert len(fallbacks) == 1
    event = fallbacks[0]
    assert (event["notebook"], event["cell"], event["line"], event["function"]) == ("model.ipynb", 1, 7, "base")
    assert "galley: fallback" in event["source"] and event["count"] == 2 and event["time"].startswith("1970-01-02")


def test_a_path_that_the_reference_never_took_names_the_line_that_is_new(image):
    kept = [line for line in (image / "sample.jsonl").read_text().splitlines() if json.loads(line)["rows"][0]["x"] <= 5]
    (image / "sample.jsonl").write_text("\n".join(kept) + "\n")
    assert rehearse(image).returncode == 0
    counted = count(image, [[{"kind": "b", "x": 8.0}]])
    paths = [event for event in counted["buckets"]["events"] if event["kind"] == "path"]
    assert [(event["function"], event["line"]) for event in paths] == [("predictor", 15)]
