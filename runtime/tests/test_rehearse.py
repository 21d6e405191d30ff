"""From a small notebook model to a rehearsal, and from its reference to the counts and events of a replica."""

import json
import os
import subprocess
import sys

import pytest
from rehearsed_image import SOURCE, make_image, read, rehearse, write

pytest.importorskip("cloudpickle")


@pytest.fixture
def image(tmp_path):
    return make_image(tmp_path)


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


#: Answers the same row differently each time.
BY_CHANCE = """
import itertools
numbers = itertools.count()
def predictor(rows):
    return [float(next(numbers)) for row in rows]
"""


def test_a_model_that_answers_the_same_rows_in_two_ways_is_exempt_and_marked(tmp_path):
    folder = make_image(tmp_path)
    write(folder / "app" / "chance.py", BY_CHANCE)
    make = "import pickle, sys; sys.path.insert(0, 'app'); import chance; pickle.dump({'predictor': chance.predictor}, open('model/model.pkl', 'wb'))"
    subprocess.run([sys.executable, "-c", make], check=True, cwd=folder)
    rehearsed = rehearse(folder)
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert [request["varies"] for request in read(folder, "rehearsed/golden.json")["requests"]] == [True]


def test_without_a_sample_there_is_no_reference_and_the_checks_say_what_columns_are(image):
    assert rehearse(image, sample=None, sampleInfo=None).returncode == 0
    assert not (image / "out" / "rehearsed" / "reference.json").exists()
    columns = read(image, "rehearsed/schema.json")["columns"]
    assert [(c["name"], c["type"]) for c in columns] == [("kind", "string"), ("x", "number")]
    assert read(image, "rehearsed/golden.json")["requests"][0]["predictions"] == [2.0]


ESTIMATOR = """
import json, pickle, sys
import pandas
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
frame = pandas.DataFrame({"kind": ["a", "b"] * 30, "x": [float(i % 7) for i in range(60)]})
encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["kind"]), remainder="passthrough")
models = {
    "encoded": (make_pipeline(encoded, LogisticRegression()), frame),
    "numbers": (LogisticRegression(), frame[["x"]]),
    "missing": (HistGradientBoostingClassifier(max_iter=2), frame[["x"]]),
}
estimator, X = models[sys.argv[2]]
estimator.fit(X, ["no", "yes", "no"] * 20)
info = {"schema": "galley.dev/model/v1", "predictor": {"kind": "estimator"}, "callForm": "frame"}
with open(sys.argv[1] + "/model.json", "w") as file:
    json.dump(dict(info, columns=list(X.columns), classes=["no", "yes"], example=None), file)
with open(sys.argv[1] + "/model.pkl", "wb") as file:
    pickle.dump({"predictor": estimator, "validator": None}, file)
"""


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("encoded", [("kind", "any", True), ("x", "any", True)]),
        ("numbers", [("x", "number", False)]),
        ("missing", [("x", "number", True)]),
    ],
)
def test_an_estimator_that_nobody_showed_a_row_is_asked_what_its_columns_take(image, which, expected):
    pytest.importorskip("sklearn")
    write(image / "model" / "checks.json", {"schema": "galley.dev/checks/v1", "checks": []})
    subprocess.run([sys.executable, "-c", ESTIMATOR, str(image / "model"), which], check=True)
    assert rehearse(image, sample=None, sampleInfo=None).returncode == 0
    schema = read(image, "rehearsed/schema.json")
    assert [(c["name"], c["type"], c["nullable"]) for c in schema["columns"]] == expected
    assert schema["prediction"] == {"type": "class", "classes": ["no", "yes"]}
    assert read(image, "rehearsed/golden.json")["requests"] == []


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
    assert paths[0]["decided"] == '14: row["x"] > 5 → yes'
