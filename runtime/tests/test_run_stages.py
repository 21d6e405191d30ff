"""Several notebooks: what each contributes, how it is put together, and what need not run again."""

import json
import pickle
import shutil
import textwrap
from array import array

import cloudpickle
import numpy
import pandas
import pytest
from running import notebook, run

from galley_runtime._capture._compose import compose
from galley_runtime._capture._rows import table_of

SCALE = """
from sklearn.preprocessing import StandardScaler
import pandas as pd, numpy as np
rng = np.random.default_rng(1)
raw = pd.DataFrame({"a": rng.normal(5, 3, 400), "b": rng.normal(-2, 0.5, 400), "c": rng.normal(0, 9, 400)})
scaler = StandardScaler().set_output(transform="pandas").fit(raw)
scaler.transform(raw).assign(y=(raw.a + raw.b * 2 > 1).astype(int)).to_csv("scaled.csv", index=False)
"""
FIT = """
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
import pandas as pd
table = pd.read_csv("scaled.csv")
X, X_test, y, y_test = train_test_split(table.drop(columns="y"), table.y, random_state=0)
model = LogisticRegression().fit(X, y)
"""
#: Nothing of these needs scikit-learn: what fits and transforms is a transformer.
DOUBLE = """
class Double:
    def fit(self, rows):
        self.factor_ = 2
        return self
    def transform(self, rows):
        return [[self.factor_ * value for value in row] for row in rows]
double = Double().fit([[1]])
"""
ROWS = [[9.0, -1.0, 0.0], [-4.0, -2.0, 3.0]]


def frame(rows):
    return pandas.DataFrame(rows, columns=["a", "b", "c"])


def pipeline(tmp_path, **cells):
    return run(tmp_path, {f"{name}.ipynb": notebook(text) for name, text in cells.items()})


def test_a_transformer_goes_in_front_of_the_model_that_was_fitted_on_what_it_makes(tmp_path):
    ran = pipeline(tmp_path, scale=SCALE, fit=FIT)
    assert ran.code == 0, ran.stderr
    model = ran.json("model/model.json")
    assert model["predictor"]["type"] == "sklearn.pipeline.Pipeline"
    assert [(stage["notebook"], stage["name"]) for stage in model["stages"]] == [
        ("scale.ipynb", "scaler"),
        ("fit.ipynb", "model"),
    ]
    assert (model["callForm"], model["columns"], model["classes"]) == ("frame", ["a", "b", "c"], [0, 1])
    served = ran.load()["predictor"]
    assert [name for name, _ in served.steps] == ["scale", "fit"]
    assert list(served.predict(frame(ROWS))) == [1, 0]
    # The rows of requests are those of the first stage.
    sample = ran.lines("sample/sample.jsonl")
    assert (len(sample), sorted(sample[0]["rows"][0]), sample[0]["heldOut"]) == (400, ["a", "b", "c"], False)
    assert any("served are scaler of scale.ipynb, then model of fit.ipynb" in line for line in ran.result["warnings"])


def test_functions_and_what_is_bound_to_stage_are_put_together_as_it_is_stated(tmp_path):
    say = """
        example = [{"text": "one two three"}]
        def stage(flags):
            return ["long" if flag else "short" for flag in flags]
        """
    ran = pipeline(
        tmp_path,
        count="limit = 2\nstage = lambda rows: [len(row['text'].split()) > limit for row in rows]",
        say=textwrap.dedent(say),
    )
    assert ran.code == 0, ran.stderr
    model = ran.json("model/model.json")
    assert (model["callForm"], model["example"], model["predictor"]["kind"]) == (
        "records", {"rows": [{"text": "one two three"}]}, "object",
    )  # fmt: skip
    assert ran.load()["predictor"].predict([{"text": "a b"}, {"text": "a b c"}]) == ["short", "long"]


def test_the_files_that_notebooks_of_s2i_save_are_stages(tmp_path):
    save = "\nimport os, cloudpickle\ncloudpickle.dump({}, open(os.environ['S2I_PIPELINE_STAGE_SAVE_FILE'], 'wb'))\n"
    total = "model = lambda rows: [sum(row) for row in rows]"
    ran = pipeline(
        tmp_path,
        double=DOUBLE + save.format("double") + "unused = Double().fit([[1]])",
        total=total + save.format("model"),
    )
    assert ran.code == 0, ran.stderr
    assert [stage["name"] for stage in ran.json("model/model.json")["stages"]] == ["double.sav", "total.sav"]
    assert ran.load()["predictor"].predict([[1, 2]]) == [6]


def test_a_file_that_lay_there_before_is_nothing_that_the_notebook_saved(tmp_path):
    stale = "import cloudpickle\nopen('only.sav', 'wb').write(cloudpickle.dumps(lambda rows: ['stale']))"
    books = {"lay.ipynb": notebook(stale), "a/only.ipynb": notebook(DOUBLE), "total.ipynb": notebook("stage = len")}
    ran = run(tmp_path, books)
    assert ran.result["outcome"] == "ambiguous", ran.stderr
    assert "double of a/only.ipynb and stage of total.ipynb" in ran.result["message"]


def test_a_single_notebook_may_save_its_model_so_too(tmp_path):
    text = DOUBLE + "import os, pickle, cloudpickle\nmodel = lambda rows: double.transform(rows)\n"
    text += "open(os.environ['S2I_PIPELINE_STAGE_SAVE_FILE'], 'wb').write(cloudpickle.dumps(model))"
    ran = pipeline(tmp_path, only=text)
    assert ran.code == 0, ran.stderr
    assert ran.json("model/model.json")["predictor"]["name"] == "only.sav"


def test_the_model_of_a_single_notebook_is_saved_once(tmp_path):
    text = """
        class Model:
            def fit(self, rows):
                self.fitted_ = True
                return self
            def predict(self, rows):
                return [1 for row in rows]
            def __getstate__(self):
                open("saved.txt", "a").write("x")
                return self.__dict__
        model = Model().fit([[1]])
        """
    ran = pipeline(tmp_path, only=textwrap.dedent(text))
    assert ran.code == 0, ran.stderr
    assert (ran.app / "saved.txt").read_text() == "x"


@pytest.mark.parametrize(
    ("cells", "outcome", "said"),
    [
        (
            {"a": DOUBLE + "second = Double().fit([[1]])", "b": "x = 1"},
            "ambiguous",
            "a.ipynb: double and second are fitted",
        ),
        (
            {"a": "open('a.sav', 'w').write('no pickle')", "b": "x = 1"},
            "unpicklable",
            "a.ipynb: a.sav cannot be loaded",
        ),
        (
            {"a": "import threading\nlock = threading.Lock()\nstage = lambda rows: (lock, rows)", "b": "x = 1"},
            "unpicklable",
            "a.ipynb: the stage `stage` cannot be saved",
        ),
    ],
)
def test_a_notebook_that_contributes_nothing_certain_says_why(tmp_path, cells, outcome, said):
    ran = pipeline(tmp_path, **cells)
    assert ran.result["outcome"] == outcome, ran.stderr
    assert said in ran.result["message"]


def test_a_notebook_that_binds_predictor_serves_whatever_the_others_leave(tmp_path):
    ran = pipeline(tmp_path, double=DOUBLE, serve="predictor = len")
    assert ran.code == 0, ran.stderr
    assert ran.json("model/model.json")["predictor"]["name"] == "predictor"


class Shift:
    """A transformer that adds."""

    def __init__(self, by):
        self.by = by

    def fit(self, rows):
        return self

    def transform(self, rows):
        return rows + self.by


class Total(Shift):
    """A model."""

    transform = property()

    def predict(self, rows):
        return list(rows.sum(axis=1) + self.by)


class Parts:
    """Stages as notebooks leave them, put together in this process."""

    def __init__(self, folder):
        self.folder = folder
        self.stages = []

    def add(self, name, value, head=None, fitted=None, stated=False):
        folder = self.folder / str(len(self.stages))
        folder.mkdir(parents=True)
        (folder / "stage.pkl").write_bytes(cloudpickle.dumps({"stage": value, "head": head, "validator": None}))
        with open(folder / "fits.bin", "wb") as file:
            array("Q", [] if fitted is None else [int(x) for x in table_of(fitted).hashes()[1]]).tofile(file)
        info = {"name": name, "type": type(value).__name__, "cell": 1, "stated": stated, "reference": False}
        self.stages.append({"notebook": f"{name}.ipynb", "folder": str(folder), "info": info})
        return self

    def compose(self):
        return compose(self.stages, str(self.folder / "out"))

    def served(self):
        with open(self.folder / "out" / "model" / "model.pkl", "rb") as file:
            return pickle.load(file)["predictor"]


RAW = numpy.random.default_rng(0).normal(size=(300, 3))


def test_a_transformer_stays_out_when_the_model_was_fitted_on_the_same_rows(tmp_path):
    parts = Parts(tmp_path).add("shift", Shift(1), RAW[:200], RAW).add("total", Total(0), RAW[:200], RAW[100:])
    answer = parts.compose()
    assert answer["outcome"] == "model"
    assert "shift of shift.ipynb is left out" in answer["warnings"][0]
    assert parts.served().predict(numpy.zeros((1, 3))) == [0]


def test_three_stages_are_a_chain_when_each_was_fitted_on_what_the_one_before_makes(tmp_path):
    parts = Parts(tmp_path)
    parts.add("one", Shift(1), RAW[:200], RAW).add("ten", Shift(10), RAW[:200] + 1, RAW + 1)
    parts.add("total", Total(0), RAW[:200] + 11, (RAW + 11)[150:])
    assert parts.compose()["outcome"] == "model"
    assert [name for name, _ in parts.served().steps] == ["one", "ten", "total"]
    assert parts.served().predict(numpy.zeros((1, 3))) == [33]


@pytest.mark.parametrize(
    ("parts", "outcome", "said"),
    [
        # The rows went through a file that rounded them.
        (lambda p: p.add("shift", Shift(1), RAW, RAW).add("total", Total(0), None, (RAW + 1).round(2)),
         "ambiguous", "nothing shows whether the first belongs in front of the second"),
        (lambda p: p.add("shift", Shift(1), None, None).add("total", Total(0), None, RAW), "ambiguous", "Bind `stage`"),
        (lambda p: p.add("first", Total(1), RAW, RAW).add("second", Total(0), RAW, RAW),
         "ambiguous", "first of first.ipynb and second"),
        (lambda p: p.add("call", len, stated=True).add("shift", Shift(1), RAW, RAW),
         "noModel", "the last stage, has no predict"),
    ],
)  # fmt: skip
def test_what_cannot_be_seen_is_asked(tmp_path, parts, outcome, said):
    answer = parts(Parts(tmp_path)).compose()
    assert answer["outcome"] == outcome
    assert said in answer["message"]
    assert len(answer["candidates"]) == 2


def again(ran, tmp_path, notebooks, known, files=None):
    """A second run in another place, with what the build would have laid there."""
    stages = tmp_path / "stages"
    shutil.copytree(ran.out / "stages", stages)
    laid = {}
    for position in range(known):
        folder = stages / str(position) / "files"
        for path in folder.rglob("*") if folder.exists() else []:
            if path.is_file():
                laid[str(path.relative_to(folder))] = path.read_text()
    return run(tmp_path, notebooks, files={**(files or {}), **laid}, stagesDir=str(stages), knownStages=known)


def test_stages_that_are_known_do_not_run_again(tmp_path):
    data = "import os, time\nopen('stamp.txt', 'w').write(str(time.time_ns()))\nos.unlink('old.txt')"
    books = {
        "data.ipynb": notebook("x = 1", data),
        "double.ipynb": notebook(DOUBLE + "stage = double\nopen('made.txt', 'w').write('m')"),
        "total.ipynb": notebook("stage = lambda rows: [sum(row) for row in rows]"),
    }
    first = run(tmp_path / "first", books, files={"old.txt": "o"})
    assert first.code == 0, first.stderr
    assert first.json("stages/0/stage.json")["removed"] == ["old.txt"]
    changed = {**books, "total.ipynb": notebook("stage = lambda rows: [-sum(row) for row in rows]")}
    second = again(first, tmp_path / "second", changed, 2, {"old.txt": "o"})
    assert second.code == 0, second.stderr
    assert (second.app / "stamp.txt").read_text() == (first.app / "stamp.txt").read_text()
    assert not (second.app / "old.txt").exists()
    assert second.result["madeFiles"] == first.result["madeFiles"] == ["made.txt", "stamp.txt"]
    assert second.load()["predictor"].predict([[1, 2]]) == [-6]
    lines = [line for line in second.lines("report.jsonl") if line["state"] == "done"]
    assert [(line["notebook"], line.get("reused", False)) for line in lines] == [
        ("data.ipynb", True), ("data.ipynb", True), ("double.ipynb", True), ("total.ipynb", False),
    ]  # fmt: skip
    assert {path.name for path in (second.out / "executed").iterdir()} == set(books)
    assert {cell["notebook"] for cell in second.json("model/cells.json")["cells"]} == set(books)


def test_a_file_that_one_stage_removed_and_a_later_one_made_again_is_there(tmp_path):
    books = {
        "a.ipynb": notebook("import os; os.unlink('cache.txt')"),
        "b.ipynb": notebook("open('cache.txt', 'w').write('new')"),
        "c.ipynb": notebook("seen = open('cache.txt').read()", "predictor = lambda rows: [seen for row in rows]"),
    }
    first = run(tmp_path / "first", books, files={"cache.txt": "old"})
    assert first.code == 0, first.stderr
    second = again(first, tmp_path / "second", books, 2, {"cache.txt": "old"})
    assert second.code == 0, second.stderr
    assert second.load()["predictor"]([1]) == ["new"]


def test_stages_of_other_notebooks_are_not_taken(tmp_path):
    books = {"a.ipynb": notebook("x = 1"), "b.ipynb": notebook("predictor = len")}
    first = run(tmp_path / "first", books)
    renamed = {"c.ipynb": books["a.ipynb"], "b.ipynb": books["b.ipynb"]}
    second = again(first, tmp_path / "second", renamed, 1)
    assert second.code == 2
    assert "is not that of c.ipynb" in second.stderr


def test_checkpoints_of_an_attempt_that_was_ended_are_there_in_the_next(tmp_path):
    text = textwrap.dedent(
        """
        import os, json
        path = os.path.join(os.environ["GALLEY_CHECKPOINTS"], "epochs", "state.json")
        epoch = json.load(open(path))["epoch"] if os.path.exists(path) else 0
        os.makedirs(os.path.dirname(path), exist_ok=True)
        json.dump({"epoch": epoch + 1}, open(path, "w"))
        if epoch == 0:
            os.kill(os.getpid(), 9)
        def predictor(rows):
            return [epoch] * len(rows)
        """
    )
    first = run(tmp_path / "first", {"a.ipynb": notebook(text)})
    assert first.code == 10
    assert json.loads((first.out / "checkpoints/epochs/state.json").read_text()) == {"epoch": 1}
    second = run(tmp_path / "second", {"a.ipynb": notebook(text)}, checkpointsDir=str(first.out / "checkpoints"))
    assert second.code == 0, second.stderr
    assert second.load()["predictor"]([1]) == [1]
    assert "checkpoints" not in str(second.result["madeFiles"])
