"""A saved model, loaded as `galley-runtime adopt` loads it, then rehearsed: processes of their own."""

import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
PACKAGE = ROOT / "runtime" / "src" / "galley_runtime"
MODELS = ROOT / "tests" / "fixtures" / "models"
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


class Adopted:
    """What `adopt` left of one file."""

    def __init__(self, folder, name, content=None, **plan):
        self.app, self.out = folder / "app", folder / "out"
        self.app.mkdir()
        if content is None:
            shutil.copy(MODELS / name, self.app / name)
        else:
            (self.app / name).write_bytes(content)
        for path, text in plan.pop("files", {}).items():
            (self.app / path).write_text(text)
        value = {"schema": "galley.dev/adopt-plan/v1", "model": name, "format": "pickle"}
        value.update(appDir=str(self.app), outDir=str(self.out), **plan)
        self.process = self._run(folder, "adopt", value)
        self.folder = folder

    @staticmethod
    def _run(folder, command, plan):
        path = folder / f"{command}.json"
        path.write_text(json.dumps(plan))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
        line = [sys.executable, "-I", str(PACKAGE), command, str(path)]
        return subprocess.run(line, capture_output=True, text=True, timeout=120, env=environment, check=False)

    def json(self, path):
        return json.loads((self.out / path).read_text())

    @property
    def report(self):
        return [json.loads(line) for line in (self.out / "report.jsonl").read_text().splitlines()]

    def rehearse(self):
        """The exit code, and the folder of what the rehearsal wrote."""
        out = self.folder / "rehearsal"
        sample = self.out / "sample" / "sample.jsonl"
        plan = {
            "schema": "galley.dev/rehearse-plan/v1",
            "sample": str(sample) if sample.exists() else None,
            "sampleInfo": self.json("sample/sample.json") if sample.exists() else None,
            "modelDir": str(self.out / "model"),
            "appDir": str(self.app),
            "outDir": str(out),
        }
        process = self._run(self.folder, "rehearse", plan)
        return process.returncode, out


def test_a_model_that_was_fitted_on_a_frame_is_called_with_one(tmp_path):
    adopted = Adopted(tmp_path, "iris.joblib")
    assert adopted.process.returncode == 0, adopted.process.stderr
    model = adopted.json("model/model.json")
    assert model["callForm"] == "frame" and model["columns"] == list(FLOWER) and model["classes"] == [0, 1, 2]
    assert [line["state"] for line in adopted.report] == ["started", "done"]
    # It refers to the file and holds no copy of it.
    assert model["file"] == "iris.joblib" and (adopted.out / "model" / "model.pkl").stat().st_size < 400
    # Without a sample nothing is made up: no reference, no golden answer; the columns are asked of the model.
    code, out = adopted.rehearse()
    schema = json.loads((out / "rehearsed" / "schema.json").read_text())
    assert code == 0 and not (out / "rehearsed" / "reference.json").exists()
    assert {column["type"] for column in schema["columns"]} == {"number"}
    assert json.loads((out / "rehearsed" / "golden.json").read_text())["requests"] == []


def test_rows_beside_a_model_become_its_sample_without_the_columns_that_it_does_not_take(tmp_path):
    text = "petal_width,species,sepal_length,sepal_width,petal_length\n0.2,setosa,5.1,3.5,1.4\n2.5,virginica,6.3,3.3,6\n"
    adopted = Adopted(tmp_path, "iris.joblib", sample="reference.csv", files={"reference.csv": text})
    rows = [json.loads(line) for line in (adopted.out / "sample" / "sample.jsonl").read_text().splitlines()]
    assert rows[0] == {"rows": [FLOWER], "heldOut": True}
    code, out = adopted.rehearse()
    golden = json.loads((out / "rehearsed" / "golden.json").read_text())["requests"]
    assert code == 0 and golden[0]["rows"] == [FLOWER] and golden[0]["predictions"] == [0]
    assert (out / "rehearsed" / "reference.json").exists()


def test_texts_are_given_as_a_list_of_them(tmp_path):
    own = "class Model:\n    def predict(self, texts):\n        assert isinstance(texts, list)\n        return [len(t) for t in texts]\n"
    files = {"sample.jsonl": '"a good day"\n"bad"\n', "own.py": own}
    adopted = Adopted(tmp_path, "m.pkl", MODEL, sample="sample.jsonl", files=files)
    code, out = adopted.rehearse()
    assert code == 0 and adopted.json("model/model.json")["callForm"] == "raw"
    assert adopted.json("sample/sample.json")["origin"] == "in-sample"
    assert json.loads((out / "rehearsed" / "golden.json").read_text())["requests"][0]["predictions"] == [10]


#: Without a library: each import of one costs seconds on a busy machine.
OWN = """class Model:
    n_features_in_ = 2

    def predict(self, rows):
        return [row[0] + row[1] for row in rows]
"""
MODEL = b"\x80\x02cown\nModel\n)\x81."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,c\n1,2,3\n", "3 columns, and the model takes 2"),
        ("a,a\n1,2\n", "no line of column names"),
        ("a,b\n1\n", "line 2 of sample.csv has 1 values, not 2"),
        ("a,b\n1,1e999\n", "a number that is too large"),
    ],
)
def test_rows_that_do_not_fit_are_left_out_with_a_warning(tmp_path, text, said):
    adopted = Adopted(tmp_path, "m.pkl", MODEL, sample="sample.csv", files={"sample.csv": text, "own.py": OWN})
    assert adopted.process.returncode == 0, adopted.process.stderr
    assert not (adopted.out / "sample").exists() and said in adopted.json("result.json")["warnings"][0]


def test_a_class_of_the_repository_is_found_and_takes_rows_by_the_names_beside_it(tmp_path):
    files = {"reference.csv": "a,b\n1,2.5\n,4\n", "own.py": OWN}
    adopted = Adopted(tmp_path, "m.pkl", MODEL, sample="reference.csv", files=files)
    model = adopted.json("model/model.json")
    assert (model["callForm"], model["columns"], model["predictor"]["kind"]) == ("matrix", ["a", "b"], "object")
    rows = [json.loads(line)["rows"][0] for line in (adopted.out / "sample" / "sample.jsonl").read_text().splitlines()]
    assert rows == [{"a": 1, "b": 2.5}, {"a": None, "b": 4.0}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reference.csv", "a,b\n1,NaN\n2,4.5\n"),
        ("reference.jsonl", '{"a": 1, "b": NaN}\n{"a": 2, "b": 4.5}\n'),
    ],
)
def test_a_missing_number_is_null_as_pandas_writes_it_too(tmp_path, name, text):
    adopted = Adopted(tmp_path, "m.pkl", MODEL, sample=name, files={name: text, "own.py": OWN})
    rows = [json.loads(line)["rows"][0] for line in (adopted.out / "sample" / "sample.jsonl").read_text().splitlines()]
    assert rows == [{"a": 1, "b": None}, {"a": 2, "b": 4.5}]


def test_another_scikit_learn_than_the_file_was_saved_with_is_told_once(tmp_path):
    content = (MODELS / "iris.joblib").read_bytes().replace(b"1.9.1", b"1.2.1")
    adopted = Adopted(tmp_path, "iris.joblib", content)
    assert adopted.process.returncode == 0, adopted.process.stderr
    (warning,) = adopted.json("result.json")["warnings"]
    assert "saved with scikit-learn 1.2.1" in warning and "scikit-learn==1.2.1" in warning


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"model": 1, "scaler": 2}, "a dict with the keys model, scaler"),
        ([1, 2], "a list, which has no predict()"),
        (dict, "no predict()"),
    ],
)
def test_what_cannot_answer_is_no_model(tmp_path, value, said):
    adopted = Adopted(tmp_path, "m.pkl", pickle.dumps(value))
    result = adopted.json("result.json")
    assert adopted.process.returncode == 12 and result["outcome"] == "noModel" and said in result["message"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"cno_such_module\nThing\n.", "ModuleNotFoundError"),
        (b"cjson\nNoSuchThing\n.", "AttributeError"),
        (b"csys\nexit\n(I3\ntR.", "SystemExit"),
        (b"\x80\x04\x95", "EOFError|UnpicklingError|error"),
    ],
)
def test_what_loading_raises_is_told_in_the_report(tmp_path, content, kind):
    adopted = Adopted(tmp_path, "m.pkl", content)
    assert adopted.process.returncode == 10
    assert adopted.report[-1]["state"] == "failed" and adopted.report[-1]["error"]["type"] in kind.split("|")


def test_what_a_file_prints_is_no_progress(tmp_path):
    adopted = Adopted(tmp_path, "m.pkl", b"cbuiltins\nprint\n(S'{}'\ntR.")
    assert all(json.loads(line)["galley"] == "progress" for line in adopted.process.stdout.splitlines())
