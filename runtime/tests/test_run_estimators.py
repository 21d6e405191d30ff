"""Fitted scikit-learn models with nothing bound, in real kernels."""

import sys

import pytest
from running import EXAMPLES, notebook, run

ARRAYS = """\
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

class Threshold(ClassifierMixin, BaseEstimator):
    def __init__(self, at=0.0):
        self.at = at
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self
    def predict(self, X):
        return (np.asarray(X)[:, 0] > self.at).astype(int)

X = np.random.default_rng(0).normal(size=(300, 2))
y = (X[:, 0] > 0).astype(int)
search = GridSearchCV(Threshold(), {'at': [0.0, 0.5]}, cv=2)
search.fit(X[:200], y[:200])
best = search.best_estimator_"""

USE = """\
import inspect, pickle
assert str(inspect.signature(search.predict)) == '(X)' and inspect.ismethod(search.score)
assert pickle.loads(pickle.dumps(search.predict))(X[:3]).shape == (3,)
search.score(X[100:], y[100:])"""


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    return run(tmp_path_factory.mktemp("iris"), {"iris.ipynb": (EXAMPLES / "iris" / "iris.ipynb").read_text()})


def test_the_iris_example_is_served_as_it_stands(iris):
    assert iris.code == 0, iris.stderr
    model = iris.json("model/model.json")
    assert model["predictor"]["name"] == "model"
    assert (model["predictor"]["kind"], model["callForm"]) == ("estimator", "frame")
    assert model["classes"] == ["setosa", "versicolor", "virginica"]
    assert model["columns"][0] == "sepal length (cm)"
    assert model["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_what_was_scored_is_the_sample_and_was_held_out(iris):
    info = iris.json("sample/sample.json")
    assert (info["source"], info["origin"], info["requests"], info["total"]) == ("score", "held-out", 60, 60)
    # One flower of iris is in the data twice, once on either side of the split.
    assert info["heldOut"] == sum(line["heldOut"] for line in iris.lines("sample/sample.jsonl")) == 59
    assert set(iris.lines("sample/sample.jsonl")[0]["rows"][0]) == set(iris.json("model/model.json")["columns"])


def test_the_estimator_that_was_saved_is_the_plain_one(iris):
    assert b"galley" not in (iris.out / "model" / "model.pkl").read_bytes()
    import pandas

    row = iris.lines("sample/sample.jsonl")[0]["rows"]
    assert iris.load()["predictor"].predict(pandas.DataFrame(row))[0] in ("setosa", "versicolor", "virginica")


def test_a_search_over_a_class_of_the_notebook_is_served_and_knows_the_rows_it_fitted(tmp_path):
    ran = run(tmp_path, {"search.ipynb": notebook(ARRAYS, USE, ("search.predict(X[250:252])", ["test"]))})
    assert ran.code == 0, ran.result
    assert ran.result["candidates"][0]["name"] == "search"
    model = ran.json("model/model.json")
    assert (model["callForm"], model["classes"]) == ("matrix", [0, 1])
    info = ran.json("sample/sample.json")
    # 200 rows were scored, of which 100 were in the fit; then 2 more rows that were not.
    assert (info["total"], info["heldOut"]) == (202, 102)
    check = ran.json("model/checks.json")["checks"][0]
    assert (check["tag"], len(check["rows"]), check["predictions"][0] in (0, 1)) == ("test", 2, True)
    assert len(ran.load()["predictor"].predict(check["rows"])) == 2
