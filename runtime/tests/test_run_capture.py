"""The parts that work inside the kernel, without a kernel: rows and hashes, samples, discovery, hooks, exceptions."""

import builtins
import collections
import copy
import http.client
import inspect
import pickle
import random
import types
import urllib.error

import cloudpickle
import numpy
import pandas
import pytest

from galley_runtime._capture._alias import Alias
from galley_runtime._capture._calls import Calls
from galley_runtime._capture._discover import discover
from galley_runtime._capture._imports import AfterImport
from galley_runtime._capture._reservoir import Reservoir
from galley_runtime._capture._rows import table_of
from galley_runtime._capture._sample import Fitted, Sampler
from galley_runtime._capture._shell import is_install
from galley_runtime._capture._state import Cell, State
from galley_runtime._capture._trouble import missing_files, refused_hosts
from galley_runtime._capture._watch import Watch


def state_of(tags=(), **namespace):
    state = State(dict(namespace), "/app", 100, 0)
    state.cell = Cell("a.ipynb", 3, 4, tuple(tags), "a.ipynb#cell=3")
    state.note_bindings()
    return state


def as_lists(hashes):
    return [None if side is None else [int(value) for value in side] for side in hashes]


def test_a_row_has_the_same_hash_in_a_frame_in_an_array_and_in_dicts():
    source = random.Random(0)
    rows = [
        {"i": source.randrange(9), "f": source.choice([0.5, -0.0, float("nan")]), "t": source.choice(["a", "b", None])}
        for _ in range(40)
    ]
    frame = pandas.DataFrame(rows)
    by_name, by_place = as_lists(table_of(frame).hashes())
    assert as_lists(table_of(rows).hashes()) == [by_name, by_place]
    small = [as_lists(table_of(frame.iloc[[i]]).hashes()) for i in range(40)]
    assert [side[0][0] for side in small] == by_name and [side[1][0] for side in small] == by_place
    assert as_lists(table_of(frame.to_numpy(dtype=object)).hashes())[1] == by_place
    assert as_lists(table_of(frame[["t", "f", "i"]]).hashes())[0] == by_name
    assert len(set(by_name)) == len({repr([None if v != v else v for v in row.values()]) for row in rows})


def test_rows_of_every_container_are_json_rows_with_null_for_nan():
    assert table_of(pandas.DataFrame({"a": [1, 2], "b": [0.5, float("nan")]})).take([1]) == [{"a": 2, "b": None}]
    assert table_of(numpy.array([[1.0, numpy.nan]])).take([0]) == [[1.0, None]]
    assert table_of([(1, 2), (3, 4)]).take([1]) == [[3, 4]]
    assert table_of({"a": 1}).take([0]) == [{"a": 1}]
    assert table_of("text") is None and table_of(3) is None


def test_rows_of_a_fit_are_known_again_in_another_container():
    fitted = Fitted()
    X = numpy.arange(200.0).reshape(100, 2)
    fitted.add(table_of(X[:50]))
    assert fitted.knows(*table_of(pandas.DataFrame(X, columns=["a", "b"])).hashes()) == [True] * 50 + [False] * 50
    assert fitted.knows(*table_of(X[:3].tolist()).hashes()) == [True] * 3


def test_held_out_rows_are_not_crowded_out_of_the_sample():
    state, fitted = state_of(), Fitted()
    X = numpy.arange(20_000.0).reshape(-1, 1)
    fitted.add(table_of(X[:19_000]))
    sampler = Sampler(state)
    sampler.add(table_of(X), fitted)
    kept = [row[0] for row in sampler.rows]
    assert sampler.total == 20_000 and len(kept) == 200
    assert sum(value >= 19_000 for value in kept) == 100


def test_a_reservoir_takes_every_item_with_the_same_chance_whatever_the_batches():
    counts = collections.Counter()
    for seed in range(2000):
        reservoir = Reservoir(5, random.Random(seed))
        start = 0
        for size in (1, 3, 7, 0, 39):
            reservoir.add(size, lambda positions, first=start: [first + position for position in positions])
            start += size
        assert len(set(reservoir.items)) == 5
        counts.update(reservoir.items)
    # 2,000 draws at 0.1: a mean of 200 and a deviation of 13.4; six of them leave one failure in 10^7.
    assert set(counts) == set(range(50))
    assert all(abs(count - 200) < 81 for count in counts.values())


class Fit:
    def __init__(self, **parts):
        self.__dict__.update(parts)

    def fit(self, X):
        self.fitted_ = True
        return self


class Model(Fit):
    def predict(self, X):
        return [0 for _ in X]


class Scaler(Fit):
    def transform(self, X):
        return X


def names(found):
    return [item.name for item in found.candidates]


def never(value):
    return False


def test_a_model_that_is_part_of_another_is_no_candidate():
    inner, scaler = Model().fit([]), Scaler().fit([])
    whole = Model(steps=[("scale", scaler), ("model", inner)]).fit([])
    found = discover(state_of(inner=inner, scaler=scaler, whole=whole, unfitted=Model()), never)
    assert found.model is not None and found.model.name == "whole" and found.model.cell.number == 3


def test_a_transformer_that_was_fitted_apart_makes_the_model_ambiguous():
    found = discover(state_of(scaler=Scaler().fit([]), model=Model().fit([])), never)
    assert found.model is None and names(found) == ["model", "scaler"]
    assert "Pipeline" in found.message


def test_models_in_a_list_or_dict_are_seen():
    found = discover(state_of(models={"a": Model().fit([]), "b": Model().fit([])}), never)
    assert names(found) == ["models['a']", "models['b']"]


def test_one_object_under_two_names_is_one_candidate():
    model = Model().fit([])
    found = discover(state_of(first=model, second=model, all_of_them=[model]), never)
    assert found.model is not None and names(found) == ["first"]


def test_frames_and_modules_are_no_models_whatever_their_attributes():
    frame = pandas.DataFrame({"predict": [1]})
    found = discover(state_of(frame=frame, numpy=numpy, Model=Model), never)
    assert found.model is None and found.candidates == []


def watched():
    """A class as a cell would define it, hooked; and the calls that are seen."""

    class Estimator:
        def fit(self, X, y=None):
            self.seen = [self.predict(row) for row in X]
            return self

        def predict(self, X: list) -> list:
            "what it says"
            return X

        @property
        def score(self):
            return lambda X: len(X)

    Estimator.__module__ = "__main__"
    Estimator.__qualname__ = "Estimator"
    seen = []
    watch = Watch(state_of(), lambda owner, name, args, kwargs: seen.append(name))
    originals = dict(vars(Estimator))
    watch.hook(Estimator)
    return Estimator, watch, seen, originals


def test_only_the_outermost_call_is_seen():
    Estimator, _, seen, _ = watched()
    model = Estimator().fit([[1], [2]])
    assert model.seen == [[1], [2]] and seen == ["fit"]
    assert model.predict([3]) == [3] and model.score([1, 2]) == 2
    assert seen == ["fit", "predict", "score"]


def test_a_watched_method_passes_for_what_it_is():
    Estimator, _, _, originals = watched()
    model = Estimator()
    assert inspect.ismethod(model.predict) and model.predict.__self__ is model
    assert str(inspect.signature(model.predict)) == "(X: 'list') -> 'list'".replace("'", "")
    assert model.predict.__doc__ == "what it says" and model.predict.__name__ == "predict"
    assert model.predict == model.predict and hash(model.predict) == hash(originals["predict"].__get__(model))
    assert Estimator.predict is originals["predict"]
    assert copy.deepcopy(model.predict)([1]) == [1]


def test_pickles_of_watched_classes_and_methods_know_nothing_of_the_watch():
    Estimator, _, _, _ = watched()
    for value in (Estimator, Estimator().fit([[1]]), Estimator().predict):
        assert b"galley" not in cloudpickle.dumps(value)


def test_every_hook_comes_out_again():
    Estimator, watch, _, originals = watched()
    watch.remove()
    assert dict(vars(Estimator)) == originals


def test_a_method_that_raises_raises_the_same_and_later_calls_are_seen():
    Estimator, watch, seen, _ = watched()
    with pytest.raises(TypeError):
        Estimator().fit(3)
    Estimator().predict([])
    assert seen == ["fit", "predict"] and watch.state.depth == 0


def test_an_observer_that_fails_is_a_warning():
    Estimator, watch, _, _ = watched()
    watch._observer = lambda *_: 1 // 0
    assert Estimator().predict([1]) == [1]
    assert "ZeroDivisionError" in watch.state.warnings[0]


def test_an_alias_of_a_function_passes_for_the_function():
    def look(x, y=2):
        return x + y

    calls = []
    alias = Alias(look, lambda target, args, kwargs: calls.append(args) or target(*args, **kwargs))
    assert alias(1) == 3 and calls == [(1,)]
    assert isinstance(alias, types.FunctionType) and inspect.signature(alias) == inspect.signature(look)
    assert alias == look and alias in {look} and alias.__code__ is look.__code__ and alias.__defaults__ == (2,)
    assert b"galley" not in cloudpickle.dumps([alias])
    look.note = "kept"
    assert alias.note == "kept"


def test_a_module_is_reported_once_it_ran_and_keeps_its_loader(tmp_path, monkeypatch):
    (tmp_path / "galley_test_module.py").write_text("value = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    seen, failed = [], []
    after = AfterImport({"galley_test_module": lambda module: seen.append(module.value)}, failed.append)
    after.install()
    try:
        import galley_test_module
    finally:
        after.remove()
    assert (seen, failed) == ([1], [])
    assert "exec_module" not in vars(galley_test_module.__spec__.loader)
    assert inspect.getsource(galley_test_module).strip() == "value = 1"


def call(calls, function, argument):
    told = calls.before(function, (argument,), {})
    answer = function(argument)
    told(answer)
    return calls.known(function)


@pytest.mark.parametrize(
    ("function", "argument", "form", "one", "rows"),
    [
        (lambda rows: [1 for _ in rows], [{"a": 1}, {"a": 2}], "records", False, [{"a": 1}, {"a": 2}]),
        (lambda row: row["a"], {"a": 1}, "records", True, [{"a": 1}]),
        (lambda frame: frame["a"] * 2, pandas.DataFrame({"a": [1, 2]}), "frame", False, [{"a": 1}, {"a": 2}]),
        (lambda X: X.sum(axis=1), numpy.ones((2, 2)), "matrix", False, [[1.0, 1.0], [1.0, 1.0]]),
        (lambda x: float(x.sum()), numpy.ones(3), "matrix", True, [[1.0, 1.0, 1.0]]),
        (lambda texts: [len(text) for text in texts], ["a", "bc"], "raw", False, ["a", "bc"]),
        (len, "abc", "raw", True, ["abc"]),
    ],
)
def test_the_first_call_fixes_the_form_and_becomes_a_check(function, argument, form, one, rows):
    record = call(Calls(state_of(tags=["test"]), Fitted()), function, argument)
    assert (record.form.form, record.form.one) == (form, one)
    assert record.checks[0]["rows"] == rows and len(record.checks[0]["predictions"]) == len(rows)
    assert record.sampler.total == len(rows)


def test_a_call_with_several_arguments_is_a_warning_and_no_check():
    state = state_of(tags=["test"])
    assert Calls(state, Fitted()).before(max, (1, 2), {}) is None
    assert "2 arguments in cell 3" in state.warnings[0]


def test_missing_files_are_found_through_the_chain_and_relative_to_the_application():
    try:
        try:
            builtins.open("/app/data/x.csv")
        except FileNotFoundError as error:
            raise ValueError("cannot load") from error
    except ValueError as error:
        assert missing_files(error, "/app") == ["data/x.csv"]
    assert missing_files(FileNotFoundError(2, "no", "/etc/secret"), "/app") == []
    assert missing_files(FileNotFoundError("data/y.txt not found."), "/app") == ["data/y.txt"]


def test_a_host_whose_name_is_unknown_is_refused_by_name_and_port():
    connection = http.client.HTTPConnection("no-such-host.invalid", 8080, timeout=5)
    try:
        connection.connect()
    except OSError as error:
        wrapped = urllib.error.URLError(error)
    assert refused_hosts(wrapped) == ["no-such-host.invalid:8080"]


def test_an_answer_of_a_host_is_no_refusal_unless_a_proxy_gave_it(monkeypatch):
    error = urllib.error.HTTPError("https://data.example/x.csv", 403, "Forbidden", http.client.HTTPMessage(), None)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert refused_hosts(error) == []
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert refused_hosts(error) == ["data.example:443"]
    error.close()


@pytest.mark.parametrize(
    ("command", "installs"),
    [
        ("pip install pandas", True),
        ("/usr/bin/python3 -m pip install -q pandas", True),
        ("PIP_QUIET=1 pip3 install x", True),
        ("uv pip install x", True),
        ("conda install -y x", True),
        ("pip list", False),
        ("echo pip install", False),
        ("pip --version", False),
        ("python train.py install", False),
    ],
)
def test_commands_that_install_are_told_from_others(command, installs):
    assert is_install(command) is installs


def test_plain_pickle_goes_by_name_as_it_would_for_the_function():
    alias = Alias(state_of, lambda target, args, kwargs: target(*args, **kwargs))
    with pytest.raises(pickle.PicklingError, match="not the same object"):
        pickle.dumps(alias)  # under its name the module holds the function itself, and pickle looks
